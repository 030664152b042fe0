"""The configuration as dataclasses, validated once, at the door.

Plain dataclasses without Hydra: an actor that unpickles a configuration needs neither Hydra nor OmegaConf.
"""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medgym_ray.errors import ConfigError
from medgym_ray.sampling.goal import Goal
from medgym_ray.sandboxes.base import PREIMPORT, Limits
from medgym_ray.sandboxes.packages import Packages

MISSING: Any = "???"
"""What OmegaConf reads as a mandatory value."""

# What may change between two runs into one directory: more rollouts or tasks extend a run, the rest does not touch
# what a trajectory is.
_NOT_IDENTITY = (
    "agent.attempts",
    "cluster",
    "model.env",
    "model.hosted",
    "model.max_in_flight",
    "model.replicas",
    "model.simulation",
    "output",
    "resume",
    "sampling.budget_gpu_s",
    "sampling.budget_rollouts",
    "sampling.pairs",
    "sampling.probe",
    "sampling.rollouts",
    "sandbox.concurrency",
    "tasks.limit",
)


@dataclass
class SimulationConfig:
    """model=simulated: one replica's engine in numbers.

    A decode step takes `step_ms` + `sequence_ms` × batch, and longer by chunk_tokens / prefill_tokens_s while a prompt
    is being prefilled.
    """

    prefill_tokens_s: float = 20000.0
    chunk_tokens: int = 2048
    """Prompt tokens per step."""
    step_ms: float = 12.0
    sequence_ms: float = 0.05
    kv_tokens: int = 400000
    """What the KV cache holds; requests that do not fit wait."""
    prefix_cache: bool = True
    """A session's own prefix, and that of its task, is not prefilled again."""
    reply_tokens: float = 250.0
    """Median of the log-normal reply length."""
    reply_spread: float = 0.6
    """Its sigma; 0: all alike."""
    recorded: str | None = None
    """A run's directory: lengths of replies are drawn from its."""
    failures_per_hour: float = 0.0
    """How often the engine dies."""


@dataclass
class ModelConfig:
    """A policy: `kind` says which code drives it."""

    name: str = MISSING
    kind: str = MISSING
    """oracle, replay, simulated or vllm"""
    path: str | None = None
    """Weights (a directory or a Hub id) or, for replay and simulated, the file of recorded replies."""
    replicas: int = 1
    tensor_parallel_size: int = 1
    gpus: float = 1.0
    """Per tensor-parallel rank; 0 runs the engine on CPUs."""
    max_model_len: int = 32768
    max_in_flight: int = 64
    """Requests per replica."""
    engine: dict[str, Any] = field(default_factory=dict)
    """Passed to vLLM's AsyncEngineArgs as it is."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment variables of the replica's process."""
    hosted: bool = False
    """replay: in `replicas` actors, as an engine would be, to rehearse routing, load and failures without GPUs."""
    mistakes: float = 0.0
    """oracle: how likely a gold program is preceded by a wrong version of it, which fails and is then repaired."""
    simulation: SimulationConfig = field(default_factory=SimulationConfig)

    @property
    def scripted(self) -> bool:
        """Whether executors know the replies: those of `path`, else the oracle's."""
        return self.kind in ("oracle", "simulated") or (self.kind == "replay" and not self.hosted)

    def engines(self) -> int:
        """How many replica actors the model runs in."""
        return self.replicas if self.kind in ("simulated", "vllm") or self.hosted else 0

    def all_gpus(self) -> float:
        """How many GPUs the model holds."""
        return self.engines() * self.tensor_parallel_size * self.gpus


@dataclass
class MedAgentBenchConfig:
    """Another FHIR server than the one of the bundled sample's chart."""

    fhir_base: str | None = None
    """Base URL of a real server: gold is computed from it, and episodes read it."""
    forward_writes: bool = False
    """Whether what an agent creates really reaches that server; otherwise it is validated, logged and kept here."""


@dataclass
class TasksConfig:
    """Which tasks. `root` unset is the bundled synthetic sample."""

    source: str = "all"
    """all, sample or hub"""
    families: list[str] | None = None
    """Unset: every family that is there."""
    root: str | None = None
    hub: str | None = None
    """source=hub: a data set of the Hub (USER/NAME[@REVISION]) or a folder in its layout; unset: the family's usual."""
    split: str = "test"
    limit: int | None = None
    """Per family."""
    medagentbench: MedAgentBenchConfig = field(default_factory=MedAgentBenchConfig)


@dataclass
class SamplingConfig:
    """How often each task is tried and how the policy samples."""

    rollouts: int = 1
    """Per task; with `pairs` the most that one task may get."""
    pairs: int | None = None
    """A task is done with so many successes and as many failures; unset: every task gets all its rollouts."""
    probe: int = 4
    """With `pairs`: rollouts that every task gets before any gets more."""
    budget_rollouts: int | None = None
    """With `pairs`: of all tasks together, those that are in output.dir already among them."""
    budget_gpu_s: float | None = None
    """With `pairs`: GPUs times the seconds of work for this output.dir; then nothing more is begun."""
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 2048


@dataclass
class AgentConfig:
    """The agent's language and the bounds of an episode."""

    format: str = "json"
    max_turns: int = 15
    deadline_s: float = 900.0
    """Wall clock of one trajectory."""
    turn_s: float = 600.0
    """Wall clock of one reply, waiting for a free engine included; one that takes longer ends the trajectory."""
    attempts: int = 3
    """How often an episode is started before a failure of ours is final."""


@dataclass
class SandboxConfig:
    """Where cells run."""

    kind: str = MISSING
    """namespace or docker"""
    concurrency: int = 16
    """Sandboxes per executor. An episode that waits for its policy needs none unless it has left files in it."""
    preimport: list[str] = field(default_factory=lambda: list(PREIMPORT))
    """Modules that are warm in every cell; more of them make every cell a little slower to start."""
    work_mb: int = 256
    """Size of the working directory."""
    scratch_mb: int = 64
    """Size of /tmp and of /dev/shm."""
    image: str | None = None
    """docker: another image than the one built from this version."""
    runtime: str | None = None
    """docker: runsc or another OCI runtime."""
    cpus: float | None = None
    """docker: processors per container."""
    python: str | None = None
    """namespace: the interpreter to build the cells' environment with; unset: the one that runs this."""
    packages: list[str] = field(default_factory=list)
    """What `pip install` may install in a cell (NAME, NAME==VERSION, …), beside what is there; empty: nothing."""
    wheelhouse: str | None = None
    """Take `packages` from this directory of wheels (on every node), and not from an index."""
    index_url: str | None = None
    """Take `packages` from this index; unset: the one of pip's own configuration."""
    limits: Limits = field(default_factory=Limits)


@dataclass
class ClusterConfig:
    """Where Ray runs."""

    address: str = "auto"
    """auto, local, or HOST:PORT / ray://HOST:PORT"""
    executors: int | None = None
    """SandboxExecutor actors; unset: one per two CPUs that the replicas leave free."""
    episodes: int | None = None
    """At once, per executor; unset: as many as it has sandboxes, and four times as many where a model is waited for."""
    drain_s: float = 30.0
    """After Ctrl-C, or when `run_s` is over, how long running episodes may take to end."""
    run_s: float | None = None
    """Wall clock of this command's work: then nothing more is begun. What is missing waits for the next command."""
    tail_s: float | None = None
    """Once nothing waits to be begun, how long the rest may take; then it ends as `deadline`, with what it has."""


@dataclass
class OutputConfig:
    """Where trajectories go. Sizes in MiB, times in seconds."""

    dir: str | None = None
    """Unset: runs/<model>-<run key>, so that the same command finds its own directory again."""
    shard_mb: int = 256
    shard_s: float = 300.0


@dataclass
class GenerateConfig:
    """One run of `medgym_ray.generate`."""

    model: ModelConfig = field(default_factory=ModelConfig)
    tasks: TasksConfig = field(default_factory=TasksConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    protocol: str = "submit"
    resume: bool = True
    seed: int = 0

    def goal(self, worked_s: float) -> Goal | None:
        """What adaptive sampling aims at where earlier commands have worked that long; None: it is not asked for."""
        sampling = self.sampling
        if sampling.pairs is None:
            return None
        seconds = None
        if sampling.budget_gpu_s is not None:
            seconds = sampling.budget_gpu_s / self.model.all_gpus() - worked_s
        return Goal(sampling.pairs, sampling.probe, sampling.budget_rollouts, seconds)


_EPISODES_A_SANDBOX = 4
"""A turn of a model takes seconds, a cell milliseconds."""


def episodes_per_executor(model: ModelConfig, sandbox: SandboxConfig, cluster: ClusterConfig) -> int:
    """How many are under way at once in each."""
    return cluster.episodes or sandbox.concurrency * (_EPISODES_A_SANDBOX if model.engines() else 1)


def validate(config: GenerateConfig) -> None:
    """Raises ConfigError with one line for the first value that cannot be meant."""
    _one_of("model.kind", config.model.kind, ("oracle", "replay", "simulated", "vllm"))
    _one_of("protocol", config.protocol, ("submit", "paper"))
    _one_of("sandbox.kind", config.sandbox.kind, ("namespace", "docker"))
    _one_of("agent.format", config.agent.format, ("json",))
    validate_tasks(config.tasks)
    _check_numbers(config)
    _check_adaptive(config)
    _check_texts(config)
    sandbox = config.sandbox
    Packages(tuple(sandbox.packages), sandbox.wheelhouse, sandbox.index_url).check()
    if config.model.kind == "replay" and config.model.path is None:
        raise ConfigError("model=replay needs model.path=FILE.jsonl, the recorded replies")
    if config.model.kind == "oracle" and config.model.path is not None:
        raise ConfigError(f"model.path={config.model.path}: the oracle takes none; +model=replay does")


def validate_tasks(tasks: TasksConfig) -> None:
    """Raises ConfigError with one line, as `validate` does."""
    _one_of("tasks.source", tasks.source, ("all", "sample", "hub"))
    _one_of("tasks.split", tasks.split, ("train", "test"))
    if tasks.source == "sample" and tasks.root is not None:
        raise ConfigError("tasks=sample is the bundled data; leave out tasks.root, or say tasks=all")
    if tasks.source == "hub" and tasks.root is not None:
        raise ConfigError("tasks=hub reads what is public on the Hub; leave out tasks.root, or say tasks=all")
    if tasks.source != "hub" and tasks.hub is not None:
        raise ConfigError(f"tasks.hub={tasks.hub}: add tasks.source=hub")


def _one_of(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ConfigError(f"{key}={value}: one of {', '.join(choices)}")


def _check_numbers(config: GenerateConfig) -> None:
    simulation = config.model.simulation
    positive = {
        "model.replicas": config.model.replicas,
        "model.tensor_parallel_size": config.model.tensor_parallel_size,
        "model.max_model_len": config.model.max_model_len,
        "model.max_in_flight": config.model.max_in_flight,
        "model.simulation.prefill_tokens_s": simulation.prefill_tokens_s,
        "model.simulation.chunk_tokens": simulation.chunk_tokens,
        "model.simulation.step_ms": simulation.step_ms,
        "model.simulation.kv_tokens": simulation.kv_tokens,
        "model.simulation.reply_tokens": simulation.reply_tokens,
        "sampling.rollouts": config.sampling.rollouts,
        "sampling.probe": config.sampling.probe,
        "sampling.max_tokens": config.sampling.max_tokens,
        "agent.max_turns": config.agent.max_turns,
        "agent.attempts": config.agent.attempts,
        "agent.deadline_s": config.agent.deadline_s,
        "agent.turn_s": config.agent.turn_s,
        "sandbox.concurrency": config.sandbox.concurrency,
        "sandbox.work_mb": config.sandbox.work_mb,
        "sandbox.scratch_mb": config.sandbox.scratch_mb,
        "output.shard_mb": config.output.shard_mb,
        "output.shard_s": config.output.shard_s,
    } | {f"sandbox.limits.{f.name}": getattr(config.sandbox.limits, f.name) for f in dataclasses.fields(Limits)}
    optional = {
        "tasks.limit": config.tasks.limit,
        "sampling.pairs": config.sampling.pairs,
        "sampling.budget_rollouts": config.sampling.budget_rollouts,
        "sampling.budget_gpu_s": config.sampling.budget_gpu_s,
        "cluster.executors": config.cluster.executors,
        "cluster.episodes": config.cluster.episodes,
        "cluster.run_s": config.cluster.run_s,
        "cluster.tail_s": config.cluster.tail_s,
        "sandbox.cpus": config.sandbox.cpus,
    }
    for key, value in positive.items() | {(k, v) for k, v in optional.items() if v is not None}:
        if not value > 0:  # nan too
            raise ConfigError(f"{key}={value}: must be above 0")
    not_negative = {
        "model.gpus": config.model.gpus,
        "model.simulation.sequence_ms": simulation.sequence_ms,
        "model.simulation.reply_spread": simulation.reply_spread,
        "model.simulation.failures_per_hour": simulation.failures_per_hour,
        "cluster.drain_s": config.cluster.drain_s,
    }
    for key, value in not_negative.items():
        if not 0 <= value < math.inf:
            raise ConfigError(f"{key}={value}: must be 0 or above")
    if not 0 <= config.sampling.temperature < math.inf:
        raise ConfigError(f"sampling.temperature={config.sampling.temperature}: must be 0 or above")
    if not 0 < config.sampling.top_p <= 1:
        raise ConfigError(f"sampling.top_p={config.sampling.top_p}: must lie in (0, 1]")
    if not 0 <= config.model.mistakes <= 1:
        raise ConfigError(f"model.mistakes={config.model.mistakes}: must lie in [0, 1]")
    if config.model.hosted and config.model.kind != "replay":
        raise ConfigError("model.hosted=true: only +model=replay can be hosted; an engine always is")
    if config.model.mistakes and not (config.model.scripted and config.model.path is None):
        raise ConfigError(
            f"model.mistakes={config.model.mistakes}: only +model=oracle, or =simulated with the oracle's words, makes "
            "mistakes on purpose"
        )
    if not -(2**63) <= config.seed < 2**63:
        raise ConfigError(f"seed={config.seed}: must fit 64 bits")


def _check_adaptive(config: GenerateConfig) -> None:
    sampling = config.sampling
    budgets = {"budget_rollouts": sampling.budget_rollouts, "budget_gpu_s": sampling.budget_gpu_s}
    for key, value in budgets.items():
        if value is not None and sampling.pairs is None:
            raise ConfigError(f"sampling.{key}={value}: only sampling=adaptive (sampling.pairs=N) has budgets")
    if sampling.budget_gpu_s is not None and not config.model.all_gpus():
        raise ConfigError(
            f"sampling.budget_gpu_s={sampling.budget_gpu_s}: +model={config.model.name} uses no GPU; "
            "give sampling.budget_rollouts"
        )
    if sampling.pairs is None:
        return
    if sampling.rollouts < 2 * sampling.pairs:
        raise ConfigError(
            f"sampling.pairs={sampling.pairs}: takes {2 * sampling.pairs} rollouts of a task and more; "
            f"sampling.rollouts={sampling.rollouts} is the most that one may get"
        )
    if sampling.probe > sampling.rollouts:
        raise ConfigError(f"sampling.probe={sampling.probe}: no more than sampling.rollouts={sampling.rollouts}")


def _check_texts(config: GenerateConfig) -> None:
    texts = {
        "model.path": config.model.path,
        "tasks.root": config.tasks.root,
        "tasks.hub": config.tasks.hub,
        "tasks.medagentbench.fhir_base": config.tasks.medagentbench.fhir_base,
        "output.dir": config.output.dir,
        "cluster.address": config.cluster.address,
    }
    for key, text in texts.items():
        if text is not None and not text.strip():
            raise ConfigError(f"{key} is empty; give {key}=VALUE or leave it out")
    if config.tasks.families is not None and not all(name.strip() for name in config.tasks.families or [""]):
        raise ConfigError("tasks.families is empty; give tasks.families=[NAME,…] or leave it out")


def identity(config: GenerateConfig) -> dict[str, Any]:
    """The keys that decide what a trajectory is, flat (`sampling.temperature`), with paths made absolute."""
    flat = _flat(dataclasses.asdict(config))
    if config.tasks.root is not None:
        flat["tasks.root"] = str(Path(config.tasks.root).expanduser().resolve())
    if config.tasks.hub is not None and Path(config.tasks.hub).expanduser().is_dir():
        flat["tasks.hub"] = str(Path(config.tasks.hub).expanduser().resolve())
    return {k: v for k, v in flat.items() if not any(k == n or k.startswith(f"{n}.") for n in _NOT_IDENTITY)}


def run_key(config: GenerateConfig) -> str:
    """The identity's hash: two runs with the same key make the same trajectories. 64 hex digits."""
    return identity_key(identity(config))


def identity_key(identity: Mapping[str, Any]) -> str:
    """The hash of an identity, be it fresh or out of run.yaml."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat

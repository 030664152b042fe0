"""The configuration as dataclasses; validation.py checks it once, at the door.

Plain dataclasses without Hydra: an actor that unpickles a configuration needs neither Hydra nor OmegaConf.
"""

from dataclasses import dataclass, field
from typing import Any

from medgym_ray.sampling.goal import Goal
from medgym_ray.sandboxes.base import PREIMPORT, Limits

MISSING: Any = "???"
"""What OmegaConf reads as a mandatory value."""

POLICIES = ("oracle", "openai", "replay", "simulated", "vllm")
"""Our values of `model.kind`; other packages may bring more."""
_SCRIPTED = ("oracle", "replay")


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
class PricesConfig:
    """US dollars per million tokens."""

    prompt: float = 0.0
    cached: float | None = None
    """Prompt tokens that the server still knew; unset: as the others."""
    completion: float = 0.0


@dataclass
class EndpointConfig:
    """A server that speaks the OpenAI chat API."""

    base_url: str | None = None
    """Unset: OpenAI's own."""
    model: str | None = None
    """By the name that the server has for it."""
    key_env: str = "OPENAI_API_KEY"
    """The environment variable that holds the key; the key itself is written nowhere."""
    azure_api_version: str | None = None
    """Set: `base_url` is that of an Azure resource, and `model` one of its deployments."""
    extra: dict[str, Any] = field(default_factory=dict)
    """More fields of each request's body; null leaves one out that would be sent."""
    usd_per_million: PricesConfig = field(default_factory=PricesConfig)


@dataclass
class JudgeConfig:
    """A model's opinion of what was submitted, beside the true reward and never in its place."""

    kind: str = "none"
    """none or openai"""
    endpoint: EndpointConfig = field(default_factory=EndpointConfig)


@dataclass
class ModelConfig:
    """A policy: `kind` says which code drives it."""

    name: str = MISSING
    kind: str = MISSING
    """oracle, replay, simulated, vllm, openai, or the name of another package's policy"""
    path: str | None = None
    """Weights (a directory or a Hub id) or, for replay and simulated, the file of recorded replies."""
    version: str = "0"
    """What trajectories call these weights (`policy_version`)."""
    replicas: int = 1
    lora: str | None = None
    """Directory of an adapter (PEFT's files) that is put upon the weights."""
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    """Above 1 a replica may spread over nodes; its GPUs are then set aside together."""
    gpus: float = 1.0
    """Per rank (tensor parallel times pipeline parallel); 0 runs the engine on CPUs."""
    max_model_len: int = 32768
    max_in_flight: int = 64
    """Requests per replica."""
    engine: dict[str, Any] = field(default_factory=dict)
    """Passed to vLLM's AsyncEngineArgs as it is; another package's policy reads what it likes."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment variables of the replica's process."""
    hosted: bool = False
    """replay: in `replicas` actors, as an engine would be, to rehearse routing, load and failures without GPUs."""
    mistakes: float = 0.0
    """oracle: how likely a gold program is preceded by a wrong version of it, which fails and is then repaired."""
    simulation: SimulationConfig = field(default_factory=SimulationConfig)
    endpoint: EndpointConfig = field(default_factory=EndpointConfig)
    """kind=openai"""

    @property
    def scripted(self) -> bool:
        """Whether executors know the replies: those of `path`, else the oracle's."""
        return self.kind in ("oracle", "simulated") or (self.kind == "replay" and not self.hosted)

    def engines(self) -> int:
        """How many replica actors the model runs in."""
        return self.replicas if self.hosted or self.kind not in _SCRIPTED else 0

    @property
    def ranks(self) -> int:
        """Of one replica's engine."""
        return self.tensor_parallel_size * self.pipeline_parallel_size

    def all_gpus(self) -> float:
        """How many GPUs the model holds."""
        return self.engines() * self.ranks * self.gpus


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
    scorer: str | None = None
    """Another package's scorer, which has the last word after the family's own."""
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
    """json, tools (the model's own tool calls) or code (a fenced block)"""
    guided: bool = False
    """json, vLLM: the engine can say nothing but an action."""
    thoughts: str = "keep"
    """keep or strip: whether a policy is shown what it thought (<think>…</think>) in earlier replies."""
    debugger: str = "trace"
    """What explains a program that failed, beside the tracer's facts: trace (rules), policy (the one that plays, asked
    apart) or openai (the model of `debugger_endpoint`)."""
    debugger_endpoint: EndpointConfig = field(default_factory=EndpointConfig)
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
    """namespace, docker, or the name of another package's sandbox"""
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
class PrivacyConfig:
    """Where restricted data may go."""

    hosts: list[str] = field(default_factory=list)
    """Your own, beside this machine and the cluster's nodes."""
    allow_third_party: bool = False
    agreement: str | None = None
    """What allows it; every record of the run names it."""


@dataclass
class TargetConfig:
    """Where a command puts what it makes of what is stored."""

    dir: str = MISSING


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
    judge: JudgeConfig = field(default_factory=JudgeConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    output: OutputConfig = field(default_factory=OutputConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    protocol: str = "submit"
    """submit: an agent hands in once, and that is graded; paper: every execution is, as the original does it."""
    resume: bool = True
    """Whether a directory that holds this run is gone on with; false: it is refused."""
    seed: int = 0
    """Of the order of tasks and of what is sampled."""

    def endpoints(self) -> dict[str, EndpointConfig]:
        """Those that the run asks, by their settings: what they are shown goes past the gate of medgym_ray.privacy."""
        asked = {
            "model.endpoint": (self.model.kind, self.model.endpoint),
            "agent.debugger_endpoint": (self.agent.debugger, self.agent.debugger_endpoint),
            "judge.endpoint": (self.judge.kind, self.judge.endpoint),
        }
        return {setting: endpoint for setting, (kind, endpoint) in asked.items() if kind == "openai"}

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


@dataclass
class GatewayOptions:
    """Agents that are not ours: where they find a policy and their tasks."""

    host: str = "127.0.0.1"
    """Where to listen; any other address shows tasks to whoever reaches it."""
    port: int = 8088
    agent: str = "external"
    """Its name, for the records."""
    command: str | None = None
    """Starts it, once per rollout; unset: agents come by themselves and ask for a session."""
    inside: bool = False
    """Whether `command` runs in the rollout's sandbox, beside the files of `folder`, and not on the executor's host."""
    folder: str | None = None


@dataclass
class GatewayConfig(GenerateConfig):
    """One run of `medgym_ray.gateway`."""

    gateway: GatewayOptions = field(default_factory=GatewayOptions)


def episodes_per_executor(model: ModelConfig, sandbox: SandboxConfig, cluster: ClusterConfig) -> int:
    """How many are under way at once in each."""
    return cluster.episodes or sandbox.concurrency * (_EPISODES_A_SANDBOX if model.engines() else 1)

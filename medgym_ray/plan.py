"""What a run will take, before it is begun: `python -m medgym_ray.plan model=qwen7b gpus=64 tasks=all rollouts=16`.

Nothing is started. The run is gone through in virtual time (`planning/`), with the figures of an earlier run
(`from=DIR`) or with defaults; the report says which, figure by figure.
"""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rich.console import Console

from medgym_ray import cli
from medgym_ray.config import (
    AgentConfig,
    ClusterConfig,
    GenerateConfig,
    ModelConfig,
    OutputConfig,
    SamplingConfig,
    SandboxConfig,
    SimulationConfig,
    TasksConfig,
    episodes_per_executor,
)
from medgym_ray.errors import ConfigError
from medgym_ray.placement import allot, engine_cpus
from medgym_ray.planning.prediction import Fleet, Prediction, predict
from medgym_ray.planning.rates import Figure, Rates, rates_of, workload_of
from medgym_ray.planning.recorded import RecordedRun
from medgym_ray.planning.report import Plan, Traffic, as_json, as_tables, in_one_line
from medgym_ray.planning.whatif import Bounds, Remedy, bottleneck, remedies
from medgym_ray.planning.workload import Means
from medgym_ray.policies import shapes
from medgym_ray.tasks.base import Split
from medgym_ray.tasks.counts import paper_tasks
from medgym_ray.tasks.registry import FAMILIES, load_tasks, make_family, source_name, wanted_families
from medgym_ray.validation import validate

_GIGA = 1e9
_CPUS_PER_GPU = 24
_MEMORY_PER_GPU_GB = 256.0
"""Of the host: a node of 8 H100s has 192 CPUs and 2 TiB of memory (AWS p5.48xlarge)."""
_NODE = "default: 24 CPUs and 256 GB a GPU, as nodes of eight H100s have"
_SANDBOX_MB = {"namespace": 24.0, "docker": 113.0, "runsc": 204.0}
"""Idle after a pandas cell, benchmarks/RESULTS.md; of a namespace the share of the fork master included."""
_MEMORY_SHARE = 0.8
"""Of a machine's memory that sandboxes may have."""
_DISK_BYTES_S = 200e6
_HUB_BYTES_S = 125e6
_LOG_FACTOR = 2.0
"""The log, written and read once, is about twice as large as the compressed shard."""
_WIRE_BYTES_PER_TOKEN = 5.0
"""A pickled integer of a token id, at most."""
_MIB = 1024 * 1024


@dataclass
class PlanTasksConfig(TasksConfig):
    """Which tasks. With neither tasks.root nor tasks=sample nor tasks=hub they are counted as the paper has them."""

    split: str = "auto"
    """train, test or auto: both of the paper's; of tasks that are read here test, as a run would."""


@dataclass
class PlanConfig:
    """A run of `medgym_ray.generate` and what it would have."""

    model: ModelConfig = field(default_factory=ModelConfig)
    tasks: PlanTasksConfig = field(default_factory=PlanTasksConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    agent: AgentConfig = field(default_factory=AgentConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    rollouts: int = 1
    """The same as sampling.rollouts."""
    gpus: int = 0
    """GPUs of 80 GB in all; 0: as many as `model.replicas` takes."""
    cpus: float | None = None
    """CPU cores in all. Unset: 24 a GPU, without GPUs this machine's."""
    memory_gb: float | None = None
    """Memory of the hosts in all. Unset: 256 GB a GPU, without GPUs this machine's."""
    run: str | None = None
    """A run's directory whose figures are taken (`from=DIR`); its machine had as many CPUs as this one."""
    json: str | None = None
    """A JSON file for the plan."""
    seed: int = 0


def run(config: PlanConfig) -> int:
    """Prints the plan. Raises ConfigError where it can't be made."""
    _check(config)
    plan = _plan(config)
    Console(soft_wrap=False).print(as_tables(plan))
    if config.json is not None:
        try:
            Path(config.json).expanduser().write_text(json.dumps(as_json(plan), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"json={config.json}: {error.strerror}") from error
    print(in_one_line(plan))  # noqa: T201 - the result of the command
    return 0


def _check(config: PlanConfig) -> None:
    if config.tasks.split not in ("auto", "train", "test"):
        raise ConfigError(f"tasks.split={config.tasks.split}: one of auto, train, test")
    validate(
        GenerateConfig(
            model=config.model,
            tasks=_as_run(config.tasks),
            sampling=config.sampling,
            agent=config.agent,
            sandbox=config.sandbox,
            cluster=config.cluster,
        )
    )
    if not config.gpus >= 0:
        raise ConfigError(f"gpus={config.gpus}: must be 0 or above")
    for key, value in {"rollouts": config.rollouts, "cpus": config.cpus, "memory_gb": config.memory_gb}.items():
        if value is not None and not 0 < value < math.inf:
            raise ConfigError(f"{key}={value}: must be above 0")
    if config.gpus and not config.model.engines():
        raise ConfigError(f"model={config.model.name} has no engine; leave out gpus={config.gpus}")


def _as_run(tasks: PlanTasksConfig) -> TasksConfig:
    return replace(tasks, split="test" if tasks.split == "auto" else tasks.split)


def _tasks(config: PlanTasksConfig, seed: int) -> tuple[int, str]:
    """How many tasks, and where that is known from."""
    if config.source != "all" or config.root is not None or not FAMILIES.keys() >= set(wanted_families(config)):
        found = load_tasks(_as_run(config), seed)
        return len(found.tasks), f"read from {source_name(config)}"
    names = wanted_families(config)
    splits: tuple[Split, ...] = ("train", "test")
    if config.split != "auto":
        splits = ("train",) if config.split == "train" else ("test",)
    counts = [paper_tasks(make_family(name), splits) for name in names]
    if config.limit is not None:
        counts = [min(count, config.limit) for count in counts]
    return sum(counts), "as the paper counts them (tasks=sample, tasks.root=DIR: what is there)"


@dataclass(frozen=True, slots=True)
class _Hardware:
    """What the run has, and where each number comes from."""

    gpus: int
    gpus_per_replica: int
    replicas: int
    executors: int
    episodes: int
    sandboxes: int
    cpus: float
    memory_gb: float
    sources: dict[str, str]


def _hardware(config: PlanConfig, rollouts: int) -> _Hardware:
    model = config.model
    ranks = shapes.ranks_of(model) if model.kind == "vllm" else model.tensor_parallel_size
    if config.gpus and config.gpus < ranks:
        raise ConfigError(f"gpus={config.gpus}: model={model.name} takes {ranks} for one replica")
    replicas = config.gpus // ranks if config.gpus else model.engines()
    gpus = replicas * ranks if config.gpus or model.gpus else 0
    cpus = config.cpus or (gpus * _CPUS_PER_GPU if gpus else float(len(os.sched_getaffinity(0))))
    memory_gb = config.memory_gb or (gpus * _MEMORY_PER_GPU_GB if gpus else _memory_here_gb())
    fixed, concurrency = config.cluster.executors, config.sandbox.concurrency
    at_once = episodes_per_executor(model, config.sandbox, config.cluster)
    executors = sum(allot({"": cpus}, replicas * engine_cpus(model), math.ceil(rollouts / at_once), fixed).values())
    fits = max(1, int(memory_gb * 1000 * _MEMORY_SHARE / _sandbox_mb(config.sandbox)))
    sandboxes = executors * concurrency
    here = "this machine" if not gpus else _NODE
    return _Hardware(
        gpus=gpus,
        gpus_per_replica=ranks if gpus else 0,
        replicas=replicas,
        executors=executors,
        episodes=executors * at_once,
        sandboxes=min(sandboxes, fits),
        cpus=cpus,
        memory_gb=memory_gb,
        sources={
            "replicas": f"{ranks} of {gpus} GPUs each" if gpus else "model.replicas",
            "executors": "cluster.executors" if fixed is not None else "one per two CPUs, as far as there is work",
            "episodes": f"{at_once} per executor",
            "sandboxes": f"memory for {fits:,}" if fits < sandboxes else f"{concurrency} per executor",
            "cpus": "cpus" if config.cpus is not None else here,
            "memory": "memory_gb" if config.memory_gb is not None else here,
        },
    )


def _memory_here_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIGA


def _sandbox_mb(sandbox: SandboxConfig) -> float:
    kind = "runsc" if sandbox.runtime == "runsc" else sandbox.kind
    return _SANDBOX_MB.get(kind, _SANDBOX_MB["namespace"])  # of another package's nothing is known


def _engine(
    model: ModelConfig, hardware: _Hardware, means: Means, run: RecordedRun | None
) -> tuple[SimulationConfig | None, dict[str, Figure]]:
    """One replica's engine in numbers, and where they come from; None where replies take no time."""
    if model.kind == "simulated":
        engine, source = model.simulation, "model.simulation"
    elif model.kind == "vllm":
        engine = shapes.engine_of(model, hardware.gpus_per_replica, means.context_tokens)
        source = f"default: arithmetic of {model.name} on {hardware.gpus_per_replica} H100"
    else:
        return None, {}
    # A run of another simulated engine says nothing of this one; its own timers may be late, which a run shows.
    same = model.kind == "vllm" or (run is not None and run.simulation == asdict(model.simulation))
    if run is not None and run.model == model.name and same:
        engine, source = run.as_fast(engine), f"{source}, as fast as measured in {run.name}"
    shown = ("step_ms", "sequence_ms", "prefill_tokens_s", "chunk_tokens", "kv_tokens")
    return engine, {name: Figure(float(getattr(engine, name)), source) for name in shown}


def _plan(config: PlanConfig) -> Plan:
    tasks, tasks_source = _tasks(config.tasks, config.seed)
    rollouts = tasks * config.rollouts
    hardware = _hardware(config, rollouts)
    recorded = None if config.run is None else RecordedRun.read(config.run, len(os.sched_getaffinity(0)))
    workload = workload_of(config.model, config.agent.max_turns, config.sampling.max_tokens, recorded)
    rates, means = rates_of(config.model, config.sandbox, workload, recorded), workload.mean()
    engine, figures = _engine(config.model, hardware, means, recorded)
    fleet = Fleet(max(1, hardware.replicas), engine, config.model.max_in_flight, hardware.episodes, hardware.cpus)
    costs = rates.costs()
    predicted = predict(workload, fleet, costs, rollouts)
    cells_first = rates.executions.value * costs.cell_cpu_s > costs.trajectory_cpu_s
    bounds = Bounds(cells_first, hardware.gpus)
    tried = remedies(workload, fleet, costs, predicted, bounds)
    traffic = _traffic(rates, means, rollouts)
    best, remedy = _bottleneck(predicted, traffic, tried)
    return Plan(
        tasks=tasks,
        tasks_source=tasks_source,
        rollouts=config.rollouts,
        gpus=hardware.gpus,
        gpus_per_replica=hardware.gpus_per_replica,
        replicas=hardware.replicas,
        executors=hardware.executors,
        episodes=hardware.episodes,
        sandboxes=hardware.sandboxes,
        sandbox_memory_gb=hardware.sandboxes * _sandbox_mb(config.sandbox) / 1000,
        cpus=hardware.cpus,
        memory_gb=hardware.memory_gb,
        engine=figures,
        rates=rates,
        sources=hardware.sources,
        prediction=predicted,
        gpu_hours=hardware.gpus * predicted.wall_s / 3600,
        traffic=traffic,
        remedies=tried,
        bottleneck=best,
        remedy=remedy,
    )


def _traffic(rates: Rates, means: Means, rollouts: int) -> Traffic:
    stored = rollouts * rates.bytes.value
    a_turn = means.context_tokens * _WIRE_BYTES_PER_TOKEN
    return Traffic(
        stored=stored,
        log_peak=min(stored * _LOG_FACTOR, OutputConfig().shard_mb * _MIB),
        turns=rollouts * (means.turns * a_turn + _LOG_FACTOR * rates.bytes.value),
        disk_s=stored * (1 + 2 * _LOG_FACTOR) / _DISK_BYTES_S,
        hub_s=stored / _HUB_BYTES_S,
    )


def _bottleneck(predicted: Prediction, traffic: Traffic, tried: Sequence[Remedy]) -> tuple[str, str]:
    """What holds the run up, and what would help; the latter may be empty."""
    if traffic.disk_s > predicted.wall_s:
        return "disk", "a faster one, or an S3 bucket"
    if traffic.hub_s > predicted.wall_s:
        return "network to the Hub", "a faster one"
    best = bottleneck(predicted, tried)
    if best is None:
        return "none: start, end and the longest episodes take the time", ""
    return best.resource, best.what


def main() -> None:
    """The command."""
    cli.main("plan", PlanConfig, run, aliases={"from": "run"})


if __name__ == "__main__":
    main()

"""A plan as tables, and as JSON."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.table import Table

from medgym_ray.planning.prediction import Prediction
from medgym_ray.planning.rates import Figure, Rates
from medgym_ray.planning.whatif import Remedy

_GIGA = 1e9
_NAMES = {
    "prompt_tokens": ("first prompt", "tokens"),
    "reply_tokens": ("reply", "tokens"),
    "observation_tokens": ("observation", "tokens"),
    "turns": ("turns per episode", ""),
    "executions": ("executions per episode", ""),
    "cell_cpu_s": ("CPU per execution", "s"),
    "trajectory_cpu_s": ("CPU beside, per episode", "s"),
    "writer_s": ("writer per trajectory", "s"),
    "bytes": ("Parquet per trajectory", "bytes"),
    "start_s": ("start", "s"),
    "end_s": ("end", "s"),
    "failures_per_hour": ("engine failures per hour", ""),
    "restart_s": ("an engine's restart", "s"),
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes. `disk_s` and `hub_s` are how long a disk and the way to the Hub would be busy with all of them."""

    stored: float
    log_peak: float
    """The log and the shard made of it, while both are there."""
    turns: float
    """Between executors and replicas, and on to the writer."""
    disk_s: float
    hub_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """All that the command found out."""

    tasks: int
    tasks_source: str
    rollouts: int
    gpus: int
    gpus_per_replica: int
    replicas: int
    executors: int
    episodes: int
    """At once."""
    sandboxes: int
    sandbox_memory_gb: float
    cpus: float
    memory_gb: float
    engine: dict[str, Figure]
    """What the prediction takes the engine for; empty without one."""
    rates: Rates
    sources: dict[str, str]
    """Of replicas, executors, episodes, sandboxes, cpus, memory_gb and tasks."""
    prediction: Prediction
    gpu_hours: float
    traffic: Traffic
    remedies: Sequence[Remedy]
    bottleneck: str
    remedy: str


def as_json(plan: Plan) -> dict[str, Any]:
    """The same, as what JSON can hold."""
    return dataclasses.asdict(plan)


def as_tables(plan: Plan) -> Group:
    """What a terminal shows."""
    return Group(_needs(plan), _prediction(plan), _what_if(plan), _figures(plan))


def duration(seconds: float) -> str:
    """1:02:03"""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02d}:{rest:02d}"


def in_one_line(plan: Plan) -> str:
    """What the plan comes to."""
    predicted = plan.prediction
    parts = [f"{predicted.rollouts:,} trajectories in {duration(predicted.wall_s)}"]
    if plan.gpus:
        parts += [f"{plan.gpu_hours:,.1f} GPU-hours", f"GPUs idle {1 - predicted.gpu_busy:.1%}"]
    parts += [f"{plan.traffic.stored / _GIGA:,.1f} GB"]
    hint = f" ({plan.remedy} would help)" if plan.remedy else ""
    return f"{'; '.join(parts)}; bottleneck: {plan.bottleneck}{hint}"


def _needs(plan: Plan) -> Table:
    table = Table("what", "how many", "where from", title="Needs", title_justify="left")
    table.add_row("trajectories", f"{plan.tasks:,} tasks × {plan.rollouts:,}", plan.tasks_source)
    table.add_row("replicas", f"{plan.replicas:,}", plan.sources["replicas"])
    table.add_row("executors", f"{plan.executors:,}", plan.sources["executors"])
    table.add_row("episodes at once", f"{plan.episodes:,}", plan.sources["episodes"])
    table.add_row("sandboxes", f"{plan.sandboxes:,} ({plan.sandbox_memory_gb:,.1f} GB)", plan.sources["sandboxes"])
    table.add_row("CPUs", f"{plan.cpus:,g}", plan.sources["cpus"])
    table.add_row("memory", f"{plan.memory_gb:,.0f} GB", plan.sources["memory"])
    return table


def _prediction(plan: Plan) -> Table:
    predicted, traffic = plan.prediction, plan.traffic
    table = Table("what", "predicted", title="Prediction", title_justify="left")
    table.add_row("wall time", f"{duration(predicted.wall_s)}, {predicted.rate:,.2f} trajectories/s at full load")
    if plan.gpus:
        table.add_row("GPU-hours", f"{plan.gpu_hours:,.1f}")
    if plan.engine:
        at_once = f"{predicted.sequences_at_once:,.1f} sequences at once per replica"
        table.add_row(
            "engines idle", f"{1 - predicted.gpu_busy:.1%}; {at_once}; KV cache {predicted.kv_share:.0%} full"
        )
    cells = f"at most {predicted.peak_cells:,} cells at once"
    table.add_row("episodes", f"{predicted.episodes_busy:.1%}, at most {predicted.peak_episodes:,}; {cells}")
    table.add_row("CPUs busy", f"{predicted.core_busy:.1%}")
    table.add_row("writer busy", f"{predicted.writer_busy:.1%}")
    log = f"and {traffic.log_peak / _GIGA:,.2f} GB for the log"
    table.add_row("disk", f"{traffic.stored / _GIGA:,.2f} GB {log}; busy {traffic.disk_s / predicted.wall_s:.1%}")
    rate = f"{traffic.turns / predicted.wall_s / 1e6:,.1f} MB/s"
    table.add_row("network", f"{rate} within the cluster; to the Hub {duration(traffic.hub_s)} at 1 Gbit/s")
    return table


def _what_if(plan: Plan) -> Table:
    table = Table("twice as much", "what that is", "wall time", "saved", title="What if", title_justify="left")
    wall_s = plan.prediction.wall_s
    for remedy in plan.remedies:
        saved = max(0.0, 1 - remedy.wall_s / wall_s)
        table.add_row(remedy.resource, remedy.what, duration(remedy.wall_s), f"{saved:.0%}")
    return table


def _figures(plan: Plan) -> Table:
    table = Table("figure", "value", "where from", title="Figures", title_justify="left")
    for field in dataclasses.fields(Rates):
        name, unit = _NAMES[field.name]
        figure: Figure = getattr(plan.rates, field.name)
        table.add_row(name, f"{figure.value:,.4g} {unit}".strip(), figure.source)
    for name, figure in plan.engine.items():
        table.add_row(name, f"{figure.value:,.6g}", figure.source)
    return table

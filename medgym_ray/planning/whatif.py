"""What holds a run up, by predicting it again with twice as much of one thing at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from medgym_ray.config import SimulationConfig
from medgym_ray.planning.prediction import Costs, Fleet, Prediction, predict
from medgym_ray.planning.workload import Workload

_WORTH = 0.03
"""Of the wall clock: less is no bottleneck."""
_ENGINES = "engines"
_PARTS = ("GPU decode", "GPU prefill", "KV capacity")
"""Of an engine."""
_IDLE = 0.25
"""A share below which twice as much of a thing cannot matter, so that it is not tried."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """Twice as much of one thing, and the wall clock it would lead to."""

    resource: str
    what: str
    wall_s: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the words of a remedy depend on."""

    cells_first: bool
    """More CPU time goes into cells than into everything else."""
    gpus: int


def remedies(workload: Workload, fleet: Fleet, costs: Costs, predicted: Prediction, bounds: Bounds) -> Sequence[Remedy]:
    """Those that were tried, the cheapest first: a setting, then machines, then other GPUs."""
    return [
        Remedy(resource, what, predict(workload, other, its_costs, predicted.rollouts).wall_s)
        for resource, what, other, its_costs in _doubled(fleet, costs, predicted, bounds)
    ]


def bottleneck(predicted: Prediction, tried: Sequence[Remedy]) -> Remedy | None:
    """The cheapest remedy that saves at least half of what the best would, if that is worth anything."""
    saved_s = [predicted.wall_s - remedy.wall_s for remedy in tried]
    most_s = max(saved_s, default=0.0)
    if most_s < predicted.wall_s * _WORTH:
        return None
    found = next(remedy for remedy, its_s in zip(tried, saved_s, strict=True) if its_s >= most_s / 2)
    if found.resource != _ENGINES:
        return found
    # More engines relieve whatever each of them is short of.
    parts = [remedy for remedy in tried if remedy.resource in _PARTS]
    return replace(found, resource=min(parts, key=lambda remedy: remedy.wall_s).resource)


def _doubled(
    fleet: Fleet, costs: Costs, predicted: Prediction, bounds: Bounds
) -> Iterator[tuple[str, str, Fleet, Costs]]:
    engine = fleet.engine
    if engine is not None and predicted.sequences_at_once > _IDLE * fleet.in_flight:
        doubled = 2 * fleet.in_flight
        yield "in-flight limit", f"model.max_in_flight={doubled}", replace(fleet, in_flight=doubled), costs
    if predicted.peak_episodes == fleet.episodes:
        what = f"cluster.episodes for {2 * fleet.episodes:,} at once"
        yield "episodes at once", what, replace(fleet, episodes=2 * fleet.episodes), costs
    if predicted.writer_busy > _IDLE:
        yield "writer", "a second run with half of the families", fleet, replace(costs, writer_s=costs.writer_s / 2)
    if predicted.core_busy > _IDLE:
        resource = "sandbox CPU" if bounds.cells_first else "pipeline CPU"
        yield resource, f"{fleet.cores:g} more CPU cores", replace(fleet, cores=2 * fleet.cores), costs
    if engine is not None:
        more = f"{bounds.gpus} more GPUs" if bounds.gpus else f"{fleet.replicas} more replicas"
        yield _ENGINES, more, replace(fleet, replicas=2 * fleet.replicas), costs
        yield from ((name, what, replace(fleet, engine=better), costs) for name, what, better in _engines(engine))


def _engines(engine: SimulationConfig) -> Iterator[tuple[str, str, SimulationConfig]]:
    decode, prefill, cache = _PARTS
    halved = replace(engine, step_ms=engine.step_ms / 2, sequence_ms=engine.sequence_ms / 2)
    yield decode, "GPUs of twice the memory bandwidth", halved
    quicker = replace(engine, prefill_tokens_s=2 * engine.prefill_tokens_s)
    yield prefill, "GPUs of twice the arithmetic", quicker
    yield cache, "GPUs of more memory", replace(engine, kv_tokens=2 * engine.kv_tokens)

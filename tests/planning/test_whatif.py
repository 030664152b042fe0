"""What holds a run up."""

from dataclasses import replace

import pytest

from medgym_ray.config import SimulationConfig
from medgym_ray.planning.prediction import Costs, Fleet, predict
from medgym_ray.planning.whatif import Bounds, Remedy, bottleneck, remedies
from medgym_ray.planning.workload import EpisodeShape, LogNormal, TurnShape, Workload

_ENGINE = SimulationConfig(prefill_tokens_s=1e5, step_ms=10, sequence_ms=0.01)
_FLEET = Fleet(1, _ENGINE, 1000, 16, 1000.0)
_COSTS = Costs(cell_cpu_s=0.01, trajectory_cpu_s=0.01, writer_s=0.0001, start_s=5.0, end_s=1.0)
_WORKLOAD = Workload(
    [EpisodeShape(600, (TurnShape(100, 50, executed=True),) * 4)], LogNormal(250, 0.6, 2048), 15, 32768
)
_BOUNDS = Bounds(cells_first=True, gpus=1)


def _told(fleet: Fleet, costs: Costs = _COSTS, bounds: Bounds = _BOUNDS, rollouts: int = 1000) -> Remedy | None:
    predicted = predict(_WORKLOAD, fleet, costs, rollouts)
    return bottleneck(predicted, remedies(_WORKLOAD, fleet, costs, predicted, bounds))


@pytest.mark.parametrize(
    ("fleet", "costs", "bounds", "resource", "what"),
    [
        (_FLEET, _COSTS, _BOUNDS, "episodes at once", "cluster.episodes for 32 at once"),
        (replace(_FLEET, episodes=500, in_flight=8), _COSTS, _BOUNDS, "in-flight limit", "model.max_in_flight=16"),
        (replace(_FLEET, episodes=64, cores=0.25), _COSTS, _BOUNDS, "sandbox CPU", "0.25 more CPU cores"),
        (
            replace(_FLEET, episodes=64, cores=0.25),
            replace(_COSTS, trajectory_cpu_s=0.1),
            replace(_BOUNDS, cells_first=False),
            "pipeline CPU",
            "0.25 more CPU cores",
        ),
        (_FLEET, replace(_COSTS, writer_s=1.0), _BOUNDS, "writer", "a second run with half of the families"),
        (
            replace(_FLEET, episodes=1000, engine=replace(_ENGINE, kv_tokens=4000, sequence_ms=0.0)),
            _COSTS,
            _BOUNDS,
            "KV capacity",
            "1 more GPUs",
        ),
        (
            replace(_FLEET, episodes=1000, engine=replace(_ENGINE, prefill_tokens_s=2000.0)),
            _COSTS,
            _BOUNDS,
            "GPU prefill",
            "1 more GPUs",
        ),
    ],
)
def test_what_is_scarce_is_named(fleet: Fleet, costs: Costs, bounds: Bounds, resource: str, what: str) -> None:
    found = _told(fleet, costs, bounds)
    assert found is not None
    assert (found.resource, found.what) == (resource, what)


def test_one_episode_waits_for_nothing_but_tokens() -> None:
    found = _told(replace(_FLEET, engine=replace(_ENGINE, step_ms=100.0)), rollouts=1)
    assert found is not None
    assert found.resource == "GPU decode"


def test_where_nothing_helps_nothing_is_named() -> None:
    assert _told(_FLEET, replace(_COSTS, start_s=10_000.0), rollouts=10) is None

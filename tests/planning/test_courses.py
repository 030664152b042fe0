"""Whole runs in virtual time: by hand, and properties that any prediction has."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgym_ray.config import SimulationConfig
from medgym_ray.planning import prediction
from medgym_ray.planning.prediction import Costs, Fleet, predict
from medgym_ray.planning.workload import EpisodeShape, LogNormal, TurnShape, Workload

_ENGINE = SimulationConfig(prefill_tokens_s=1000, chunk_tokens=2048, step_ms=10, sequence_ms=1)
_COSTS = Costs(cell_cpu_s=0.5, trajectory_cpu_s=2.0, writer_s=0.25, start_s=10.0, end_s=1.0)
_FREE = Costs(0.0, 0.0, 0.0, 0.0, 0.0)
_REPLIES = LogNormal(250, 0.6, 2048)


def _workload(*turns: int, prompt: int = 100, reply: int | None = 20, observation: int = 30) -> Workload:
    shapes = [EpisodeShape(prompt, (TurnShape(reply, observation, executed=True),) * n) for n in turns]
    return Workload(shapes, _REPLIES, max_turns=15, max_model_len=32768)


def test_one_episode_by_hand() -> None:
    predicted = predict(_workload(3), Fleet(1, _ENGINE, 64, 1, 2.0), _COSTS, 1)
    engine_s = (100 + 30 + 30) / 1000 + 3 * 20 * 0.011
    assert predicted.wall_s == pytest.approx(10 + engine_s + 3 * 0.5 + 2.0 + 0.25 + 1)
    assert predicted.gpu_busy == pytest.approx(engine_s / predicted.wall_s)
    assert predicted.core_busy == pytest.approx((3 * 0.5 + 2.0) / 2 / predicted.wall_s)
    assert predicted.sequences_at_once == pytest.approx(1.0)
    assert (predicted.peak_episodes, predicted.peak_cells) == (1, 1)


def test_without_a_prefix_cache_every_turn_prefills_the_whole_prompt() -> None:
    engine = replace(_ENGINE, prefix_cache=False)
    predicted = predict(_workload(3), Fleet(1, engine, 64, 1, 2.0), _FREE, 1)
    assert predicted.wall_s == pytest.approx((100 + 150 + 200) / 1000 + 3 * 20 * 0.011)


def test_one_at_a_time_is_one_after_the_other() -> None:
    one = predict(_workload(2), Fleet(1, _ENGINE, 64, 1, 2.0), _FREE, 1)
    seven = predict(_workload(2), Fleet(1, _ENGINE, 64, 1, 2.0), _FREE, 7)
    assert seven.wall_s == pytest.approx(7 * one.wall_s)


def test_without_an_engine_the_cores_alone_decide() -> None:
    predicted = predict(_workload(2), Fleet(1, None, 64, 16, 2.0), replace(_COSTS, writer_s=0.0), 100)
    assert predicted.wall_s == pytest.approx(11 + 100 * (2 * 0.5 + 2.0) / 2, rel=0.01)
    assert predicted.gpu_busy == 0


def test_the_one_writer_bounds_any_number_of_replicas() -> None:
    predicted = predict(_workload(1), Fleet(64, _ENGINE, 64, 4096, 1e6), replace(_FREE, writer_s=0.01), 100_000)
    assert predicted.wall_s == pytest.approx(1000, rel=0.02)
    assert predicted.writer_busy == pytest.approx(1, abs=0.02)


def test_failures_cost_time() -> None:
    fleet = Fleet(1, _ENGINE, 64, 8, 8.0)
    often = replace(_FREE, failures_per_hour=60.0, restart_s=10.0)
    workload = _workload(2, 4, reply=None)
    calm, shaken = (predict(workload, fleet, costs, 200).wall_s for costs in (_FREE, often))
    assert calm * 1.05 < shaken < calm * 3


def test_a_large_run_is_extended_to_what_it_would_take(monkeypatch: pytest.MonkeyPatch) -> None:
    workload, fleet = _workload(2, 3, 4, 6, reply=None), Fleet(2, _ENGINE, 64, 32, 8.0)
    extended = predict(workload, fleet, _COSTS, 3000)
    monkeypatch.setattr(prediction, "_EXACT", 3000)
    exact = predict(workload, fleet, _COSTS, 3000)
    assert extended.wall_s == pytest.approx(exact.wall_s, rel=0.05)
    assert extended.gpu_busy == pytest.approx(exact.gpu_busy, abs=0.05)
    assert extended.core_busy == pytest.approx(exact.core_busy, abs=0.05)


def test_few_episodes_are_not_one_for_each_of_many_replicas() -> None:
    engine = replace(_ENGINE, prefill_tokens_s=1e9, sequence_ms=0.0)
    few = predict(_workload(3), Fleet(64, engine, 64, 96, 1000.0), _FREE, 10_000)
    one = predict(_workload(3), Fleet(1, engine, 64, 1, 1000.0), _FREE, 1)
    assert few.wall_s == pytest.approx(one.wall_s * 10_000 / 96, rel=0.1)


_fleets = st.builds(
    Fleet,
    replicas=st.integers(1, 4),
    engine=st.builds(
        SimulationConfig,
        prefill_tokens_s=st.floats(1000, 50_000),
        step_ms=st.floats(1, 50),
        sequence_ms=st.floats(0, 1),
        kv_tokens=st.integers(2_000, 400_000),
        prefix_cache=st.booleans(),
    ),
    in_flight=st.integers(1, 64),
    episodes=st.integers(1, 48),
    cores=st.floats(1, 16),
)
_costs = st.builds(
    Costs,
    cell_cpu_s=st.floats(0, 0.5),
    trajectory_cpu_s=st.floats(0, 1),
    writer_s=st.floats(0, 0.1),
    start_s=st.floats(0, 60),
    end_s=st.floats(0, 5),
)
_ANOMALY = 1.08
"""Another order of events may, by luck, make a course of the same work somewhat longer."""
_property = settings(max_examples=25)


@_property
@given(_fleets, _costs, st.integers(1, 80))
def test_shares_are_shares_and_every_rollout_ends(fleet: Fleet, costs: Costs, rollouts: int) -> None:
    predicted = predict(_workload(1, 3, reply=None), fleet, costs, rollouts)
    assert predicted.rollouts == rollouts
    assert predicted.wall_s >= costs.start_s + costs.end_s
    for share in (predicted.gpu_busy, predicted.episodes_busy, predicted.core_busy, predicted.writer_busy):
        assert 0 <= share <= 1 + 1e-9
    assert 1 <= predicted.peak_episodes <= min(fleet.episodes, rollouts)
    assert predicted.peak_cells <= predicted.peak_episodes


@_property
@given(_fleets, _costs, st.integers(1, 80))
def test_the_work_is_the_same_whatever_does_it(fleet: Fleet, costs: Costs, rollouts: int) -> None:
    workload = _workload(2)
    predicted = predict(workload, fleet, costs, rollouts)
    cpu_s = rollouts * (2 * costs.cell_cpu_s + costs.trajectory_cpu_s)
    assert predicted.core_busy * fleet.cores * predicted.wall_s == pytest.approx(cpu_s, rel=1e-6, abs=1e-9)
    assert predicted.writer_busy * predicted.wall_s == pytest.approx(rollouts * costs.writer_s, abs=1e-9)


@_property
@given(_fleets, _costs, st.integers(1, 80))
def test_more_of_anything_is_never_slower(fleet: Fleet, costs: Costs, rollouts: int) -> None:
    workload = _workload(1, 3, reply=None)
    wall_s = predict(workload, fleet, costs, rollouts).wall_s
    assert fleet.engine is not None
    for more in (
        replace(fleet, replicas=2 * fleet.replicas, in_flight=64),
        replace(fleet, cores=2 * fleet.cores),
        replace(fleet, engine=replace(fleet.engine, step_ms=fleet.engine.step_ms / 2)),
        replace(fleet, engine=replace(fleet.engine, kv_tokens=2 * fleet.engine.kv_tokens)),
    ):
        assert predict(workload, more, costs, rollouts).wall_s <= wall_s * _ANOMALY


@_property
@given(_fleets, _costs, st.integers(1, 80), st.integers(1, 80))
def test_more_rollouts_are_never_faster(fleet: Fleet, costs: Costs, rollouts: int, more: int) -> None:
    workload = _workload(2)
    fewer = predict(workload, fleet, costs, rollouts).wall_s
    assert predict(workload, fleet, costs, rollouts + more).wall_s >= fewer / _ANOMALY


def test_more_gpus_are_never_slower_for_the_paper_s_collection() -> None:
    workload, costs = _workload(2, 3, 4, 6, reply=None), replace(_FREE, trajectory_cpu_s=0.1, writer_s=0.0001)
    fleets = [Fleet(n, _ENGINE, 64, 188 * n, 24.0 * n) for n in (32, 64, 128, 256)]
    times = [predict(workload, fleet, costs, 1_158_608).wall_s for fleet in fleets]
    assert times == sorted(times, reverse=True)
    assert times[0] == pytest.approx(8 * times[-1], rel=0.1)

"""What a run's record says of its time."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from medgym_ray.config import SimulationConfig
from medgym_ray.errors import ConfigError
from medgym_ray.planning.recorded import RecordedRun
from medgym_ray.planning.workload import EpisodeShape, TurnShape
from medgym_ray.store.layout import CARD, RUN_FILE
from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.run import write_run_file
from medgym_ray.store.writer import DurableWriter
from medgym_ray.trajectory import Trajectory, Turn
from tests.records import NOW, make_trajectory

_CONFIG = {"model": {"name": "simulated", "kind": "simulated", "replicas": 2, "max_in_flight": 64}}


async def _write(root: Path, trajectories: Sequence[Trajectory], config: dict[str, Any] = _CONFIG) -> str:
    prepare_directory(root)
    write_run_file(root, {}, config, {})
    writer = DurableWriter(root, "0", set(), 1 << 28, 300.0)
    for trajectory in trajectories:
        await writer.append(trajectory)
    await writer.close()
    (root / CARD).touch()
    os.utime(root / RUN_FILE, times=(NOW.timestamp() - 8, NOW.timestamp() - 8))
    return str(root)


def _trajectory(number: int, start_s: float, **times: float) -> Trajectory:
    """Two turns, of which one executes; `wall_ms`, `generate_ms`, `execute_ms`."""
    turns = [
        Turn(action="request_info", status="ok", prompt_tokens=600, completion_tokens=50, observation="x" * 39),
        Turn(action="submit", status="ok", prompt_tokens=670, completion_tokens=90, observation="x" * 78),
    ]
    begun = NOW + timedelta(seconds=start_s)
    ended = begun + timedelta(milliseconds=times["wall_ms"])
    return make_trajectory(f"{number:032x}", turns=turns, started_at=begun, finished_at=ended, **times)


async def test_lengths_are_as_they_were(tmp_path: Path) -> None:
    run = await _write(tmp_path / "run", [_trajectory(1, 0, wall_ms=1000, generate_ms=700, execute_ms=200)])
    recorded = RecordedRun.read(run)
    assert recorded.shapes == [EpisodeShape(600, (TurnShape(50, 20, False), TurnShape(90, 20, True)))]
    assert recorded.reply_lengths == [50, 90]
    assert recorded.token_ms == pytest.approx(5.0)
    assert recorded.at_once == pytest.approx(0.35)
    assert (recorded.model, recorded.kind) == ("simulated", "simulated")
    assert recorded.start_s == pytest.approx(8.0)
    assert recorded.end_s is None or recorded.end_s >= 0


async def test_where_the_cores_were_free_an_episode_s_own_time_counts(tmp_path: Path) -> None:
    rows = [_trajectory(n, 10 * n, wall_ms=1000, generate_ms=700, execute_ms=200) for n in range(2)]
    recorded = RecordedRun.read(await _write(tmp_path / "run", rows), cpus=2)
    assert recorded.cell_cpu_s == pytest.approx(0.2)
    assert recorded.trajectory_cpu_s == pytest.approx(0.1)


async def test_where_they_were_not_the_machine_s_time_counts(tmp_path: Path) -> None:
    """Eight at once for 4 s on two cores: one CPU second each, however long each of them waited."""
    rows = [_trajectory(n, 0, wall_ms=4000, generate_ms=0, execute_ms=1000) for n in range(8)]
    recorded = RecordedRun.read(await _write(tmp_path / "run", rows), cpus=2)
    assert recorded.cell_cpu_s == pytest.approx(0.25)
    assert recorded.trajectory_cpu_s == pytest.approx(0.75)


async def test_what_a_sandbox_waits_between_episodes_counts_too(tmp_path: Path) -> None:
    rows = [_trajectory(n, 1.5 * n, wall_ms=1000, generate_ms=700, execute_ms=200) for n in range(9)]
    recorded = RecordedRun.read(await _write(tmp_path / "run", rows), cpus=2)
    assert recorded.trajectory_cpu_s == pytest.approx(0.1 + 0.5, rel=0.01)


async def test_waiting_for_an_engine_is_no_work(tmp_path: Path) -> None:
    rows = [_trajectory(n, 0, wall_ms=4000, generate_ms=100, execute_ms=10) for n in range(8)]
    config = {"model": _CONFIG["model"] | {"max_in_flight": 2}}
    recorded = RecordedRun.read(await _write(tmp_path / "run", rows, config), cpus=2)
    assert recorded.trajectory_cpu_s is None


async def test_an_engine_on_the_same_cores_hides_what_the_rest_takes(tmp_path: Path) -> None:
    config = {"model": _CONFIG["model"] | {"kind": "vllm", "gpus": 0}}
    rows = [_trajectory(1, 0, wall_ms=4000, generate_ms=100, execute_ms=10)]
    recorded = RecordedRun.read(await _write(tmp_path / "run", rows, config))
    assert (recorded.cell_cpu_s, recorded.trajectory_cpu_s) == (None, None)


async def test_a_run_corrects_the_speed_of_its_engine(tmp_path: Path) -> None:
    """Eight episodes in two replicas, 70 % of the time in them: 2.8 sequences; 620 tokens prefilled, 140 generated."""
    rows = [_trajectory(n, 0, wall_ms=4000, generate_ms=2800, execute_ms=10) for n in range(8)]
    recorded = RecordedRun.read(await _write(tmp_path / "run", rows), cpus=2)
    assert recorded.token_ms == pytest.approx(20.0)
    assert recorded.at_once == pytest.approx(2.8)
    engine = SimulationConfig(prefill_tokens_s=1000, step_ms=10, sequence_ms=1)
    slower = recorded.as_fast(engine)
    assert slower.step_ms == pytest.approx(10 * 20 / (10 + 2.8 * (1 + 620 / 140)))
    assert slower.step_ms / engine.step_ms == pytest.approx(slower.sequence_ms / engine.sequence_ms)
    assert slower.step_ms / engine.step_ms == pytest.approx(engine.prefill_tokens_s / slower.prefill_tokens_s)


async def test_tokens_that_nobody_counted_are_guessed_from_the_text(tmp_path: Path) -> None:
    turn = Turn(action="submit", status="ok", observation="x" * 39)
    opening = [{"role": "system", "content": "x" * 390}, {"role": "user", "content": "x" * 390}]
    messages = [*opening, {"role": "assistant", "content": "y"}]
    run = await _write(tmp_path / "run", [make_trajectory("1" * 32, turns=[turn], messages=messages)])
    recorded = RecordedRun.read(run)
    assert recorded.shapes == [EpisodeShape(200, (TurnShape(None, 10, True),))]
    assert (recorded.reply_lengths, recorded.token_ms) == ([], None)


async def test_what_is_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give the directory of a run"):
        RecordedRun.read(str(tmp_path))
    empty = await _write(tmp_path / "empty", [])
    with pytest.raises(ConfigError, match="no trajectories are there yet"):
        RecordedRun.read(empty)
    other = await _write(tmp_path / "other", [make_trajectory("1" * 32)], {"model": {}})
    with pytest.raises(ConfigError, match="not the configuration of a run"):
        RecordedRun.read(other)

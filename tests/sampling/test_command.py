"""Adaptive sampling in the command: a directory that has its pairs is told and left alone."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from actors import cluster
from medgym_ray.config import GenerateConfig
from medgym_ray.generate.command import run
from medgym_ray.identity import identity, run_key
from medgym_ray.store.recovery import prepare_directory, successes
from medgym_ray.store.run import write_dropped, write_run_file
from medgym_ray.store.writer import DurableWriter
from medgym_ray.tasks.registry import load_tasks
from medgym_ray.trajectory import trajectory_id
from tests.records import make_trajectory


def _config(root: Path, **sampling: Any) -> GenerateConfig:
    config = GenerateConfig()
    config.model.name = config.model.kind = "oracle"
    config.sandbox.kind = "namespace"
    config.tasks.families, config.tasks.limit = ["npowerai"], 2
    config.output.dir = str(root)
    for key, value in {"rollouts": 8, "pairs": 2, **sampling}.items():
        setattr(config.sampling, key, value)
    return config


async def _write(config: GenerateConfig, outcomes: list[list[bool]]) -> None:
    """As many rollouts of each task as there are outcomes."""
    root = Path(config.output.dir or "")
    prepare_directory(root)
    write_run_file(root, identity(config), {}, {})
    writer = DurableWriter(root, "0", {}, 1 << 30, 1e6)
    for task, own in zip(load_tasks(config.tasks, config.seed).tasks, outcomes, strict=True):
        for rollout, success in enumerate(own):
            name = trajectory_id(run_key(config), task.task_id, rollout)
            await writer.append(make_trajectory(name, task_id=task.task_id, rollout_index=rollout, success=success))
    await writer.close()


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        raise AssertionError("work was left")

    monkeypatch.setattr(cluster, "connect", connect)


ENOUGH = [[True, False, False, True], [False, False, True, False, True]]


def test_a_run_that_has_its_pairs_is_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = _config(tmp_path / "run")
    asyncio.run(_write(config, ENOUGH))
    assert run(config) == 0
    content = json.loads((tmp_path / "run" / "adaptive.json").read_text())
    assert (content["pairs"], content["rollouts"], content["tasks_with_all_pairs"]) == (4, 9, 2)
    assert content["gpu_s"] is None
    told = capsys.readouterr()
    assert "adaptive sampling: 4 pairs of a success and a failure from 9 rollouts; 2 of 2 tasks have 2" in told.err
    assert "9 trajectories; success 4/9" in told.out
    assert "to go" not in told.out


@pytest.mark.parametrize(
    ("sampling", "over"),
    [
        ({"pairs": 1}, True),
        ({"pairs": 3}, False),
        ({"pairs": None, "rollouts": 4}, True),
        ({"pairs": None}, False),
        ({"pairs": 3, "budget_rollouts": 9}, True),
        ({"pairs": 3, "budget_rollouts": 10}, False),
    ],
)
def test_pairs_and_budgets_may_change_between_two_commands(
    tmp_path: Path, sampling: dict[str, Any], over: bool
) -> None:
    asyncio.run(_write(_config(tmp_path / "run"), ENOUGH))
    if over:
        assert run(_config(tmp_path / "run", **sampling)) == 0
        assert (tmp_path / "run" / "adaptive.json").exists() == (sampling["pairs"] is not None)
    else:
        with pytest.raises(AssertionError, match="work was left"):
            run(_config(tmp_path / "run", **sampling))


def test_tasks_that_were_dropped_stay_listed_and_are_not_called_untried(tmp_path: Path) -> None:
    config = _config(tmp_path / "run", pairs=3, budget_rollouts=4)
    _, second = (task.task_id for task in load_tasks(config.tasks, config.seed).tasks)
    asyncio.run(_write(config, [ENOUGH[0], []]))
    write_dropped(tmp_path / "run", {second: "its gold does not run", "f/gone": "of a larger run"})
    assert run(config) == 0
    rows = [json.loads(line) for line in (tmp_path / "run" / "dropped.jsonl").read_text().splitlines()]
    assert rows == [{"task_id": second, "reason": "its gold does not run"}]
    content = json.loads((tmp_path / "run" / "adaptive.json").read_text())
    assert (content["tasks"], content["by_class"]["untried"]["tasks"]) == (1, 0)


def test_outcomes_are_known_from_earlier_commands(tmp_path: Path) -> None:
    config = _config(tmp_path / "run")
    asyncio.run(_write(config, ENOUGH))
    assert list(successes(tmp_path / "run").values()) == [success for own in ENOUGH for success in own]

"""Rescoring: an untouched run stays as it is, a wrong reward is corrected, and what cannot be known is said."""

import asyncio
import dataclasses
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from medgym_ray.actions import Action, ActionKind
from medgym_ray.config import AgentConfig, GenerateConfig, ModelConfig, SandboxConfig, TargetConfig, TasksConfig
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.identity import identity
from medgym_ray.rescore.__main__ import RescoreConfig, RootConfig, run
from medgym_ray.stage import Stage
from medgym_ray.store.recovery import prepare_directory, tally
from medgym_ray.store.run import write_card, write_dropped, write_run_file
from medgym_ray.store.shards import read_manifest
from medgym_ray.store.writer import DurableWriter
from medgym_ray.tasks.base import Family, LoadReport, Score, Submission, Task
from medgym_ray.tasks.registry import FAMILIES, load_tasks, make_family
from medgym_ray.trajectory import Trajectory, Turn
from tests.conftest import REPOSITORY
from tests.families import ToyFamily
from tests.records import make_failure, make_trajectory

SANDBOX = SandboxConfig(kind="namespace", concurrency=2)
Conversation = tuple[Family, Task, Sequence[Action]]


def _run(code: str) -> Action:
    return Action(ActionKind.CODE_EXECUTION, {"code": code})


def _submit(code: str) -> Action:
    return Action(ActionKind.SUBMIT, {"code": code})


async def _played(conversations: Sequence[Conversation], protocol: str) -> list[Trajectory]:
    played = []
    async with Stage("tests", SANDBOX, Path(), []) as stage:
        for number, (family, task, actions) in enumerate(conversations):
            replies = [JsonObject().render(action) for action in actions]
            trajectory = await stage.play(task, family, replies, protocol=protocol)
            played.append(dataclasses.replace(trajectory, trajectory_id=f"{number:032}"))
    return played


async def _stored(root: Path, trajectories: Sequence[Trajectory]) -> None:
    writer = DurableWriter(root, "0", (), shard_bytes=1, shard_s=1e6)  # a shard for each: more than one is read
    for trajectory in trajectories:
        await writer.append(trajectory)
    await writer.append_failure(make_failure("f" * 32))
    await writer.close()


def _keep(root: Path, trajectories: Sequence[Trajectory], tasks_root: Path | None = None) -> Path:
    """A run's directory as `generate` leaves it."""
    config = GenerateConfig(
        model=ModelConfig(name="oracle", kind="oracle"),
        tasks=TasksConfig(root=str(tasks_root) if tasks_root else None),
        sandbox=SANDBOX,
        agent=AgentConfig(max_turns=6),
    )
    prepare_directory(root)
    write_run_file(root, identity(config), dataclasses.asdict(config), {"medgym_ray": "0"})
    asyncio.run(_stored(root, trajectories))
    write_dropped(root, {"toy/9": "vacuous"})
    write_card(root, tally(root), model="oracle", run_key="0" * 64, version="0")
    return root


def _make(
    root: Path, conversations: Sequence[Conversation], *, protocol: str = "submit", tasks_root: Path | None = None
) -> Path:
    """A run of these conversations, whose scores are as an earlier scorer might have had them."""
    played = asyncio.run(_played(conversations, protocol))
    return _keep(root, [_spoilt(trajectory) for trajectory in played], tasks_root)


def _spoilt(trajectory: Trajectory) -> Trajectory:
    graded = [turn.reward_if_graded is not None for turn in trajectory.turns]
    return dataclasses.replace(
        trajectory,
        turns=[
            dataclasses.replace(turn, reward_if_graded=0.25 if was_graded else None)
            for turn, was_graded in zip(trajectory.turns, graded, strict=True)
        ],
        reward=0.0,
        success=False,
        score_reason="wrong",
        scorer_version="old",
        termination="wrong" if trajectory.turns[-1].action == "submit" else "max_turns",
        first_correct_turn=None,
    )


def _by_hand(*task_ids: str) -> list[Trajectory]:
    """Trajectories that submitted 40, and earned nothing for it."""
    submits = Turn(action="submit", arguments='{"answer": 40}', reward_if_graded=0.0)
    wrong = {"reward": 0.0, "success": False, "termination": "wrong", "scorer_version": "old", "answer": "40"}
    return [
        make_trajectory(f"{number:032}", task_id=task_id, family="toy", turns=[submits], **wrong)
        for number, task_id in enumerate(task_ids)
    ]


def _rescore(source: Path, target: Path, root: Path | None = None) -> int:
    return run(RescoreConfig(str(source), RootConfig(str(root) if root else None), SANDBOX, TargetConfig(str(target))))


def _rows(root: Path, table: str = "trajectories") -> list[dict[str, Any]]:
    shards = [root / entry.shard for entry in read_manifest(root) if entry.table == table]
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def _tasks(family: Family) -> list[Task]:
    return list(family.load(Path(), "test", LoadReport()))


def _last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.strip().splitlines()[-1]


def _sample() -> list[Conversation]:
    conversations: list[Conversation] = []
    for name in ("biocoder", "medcalcbench", "npowerai"):
        family = make_family(name)
        tasks = load_tasks(TasksConfig(families=[name], limit=2), 0).tasks
        conversations += [(family, task, family.oracle(task) or []) for task in tasks]
    return conversations


def test_what_was_wrong_is_corrected_and_what_is_right_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    played = asyncio.run(_played(_sample(), "submit"))
    right, wrong = _keep(tmp_path / "right", played), _keep(tmp_path / "wrong", [_spoilt(t) for t in played])
    before = {path: path.read_bytes() for path in right.rglob("*") if path.is_file()}
    assert _rescore(right, tmp_path / "same") == 0
    assert _last_line(capsys) == f"{tmp_path / 'same'}: 6 trajectories; 0 rewards changed"
    assert _rescore(wrong, tmp_path / "mended") == 0
    told = capsys.readouterr().out
    assert told.strip().endswith("6 trajectories; 6 rewards changed")
    assert "0 → 1: 2" in told
    assert "old → biocoder-1" in told
    assert _rows(tmp_path / "mended") == _rows(tmp_path / "same") == _rows(right)

    same = tmp_path / "same"
    assert _rows(same, "failures") == _rows(right, "failures")
    assert len(_rows(same, "failures")) == 1
    assert [entry.shard for entry in read_manifest(same)] == [entry.shard for entry in read_manifest(right)]
    assert {path: path.read_bytes() for path in right.rglob("*") if path.is_file()} == before
    assert {path.name for path in same.iterdir()} == {path.name for path in right.iterdir()}
    assert (same / "dropped.jsonl").read_bytes() == (right / "dropped.jsonl").read_bytes()
    assert yaml.safe_load((same / "run.yaml").read_text())["versions"]["rescored_from"] == str(right)
    assert "6 trajectories, 6 successful" in (tmp_path / "mended" / "README.md").read_text()
    assert len(list(tmp_path.iterdir())) == 4, "no draft is left"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ToyFamily:
    monkeypatch.setitem(FAMILIES, "toy", ToyFamily)
    (tmp_path / "toy").mkdir()
    return ToyFamily()


def test_turns_in_between_are_graded_by_playing_them_again(
    tmp_path: Path, toy: ToyFamily, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, _ = _tasks(toy)
    keep, use = "open('n', 'w').write('40')\nanswer = 1", "answer = int(open('n').read())"
    steps = [_run(keep), _run(use), _submit("answer = 41")]
    by_chance = [_run("answer = 1"), _submit("import time\nanswer = time.time_ns()")]
    source = _make(tmp_path / "run", [(toy, first, steps), (toy, second, by_chance)], tasks_root=tmp_path)
    assert _rescore(source, tmp_path / "new") == 0
    again, otherwise = _rows(tmp_path / "new")
    assert [turn["reward_if_graded"] for turn in again["turns"]] == [0.0, 1.0, 0.0]
    assert (again["reward"], again["termination"], again["first_correct_turn"]) == (0.0, "wrong", 1)
    assert [turn["reward_if_graded"] for turn in otherwise["turns"]] == [None, 0.0]
    assert "1 programs ran otherwise than recorded" in capsys.readouterr().err


def test_under_the_papers_protocol_the_first_right_program_counts(tmp_path: Path, toy: ToyFamily) -> None:
    (task, *_) = _tasks(toy)
    actions = [_run("answer = 1"), _run("answer = 40")]
    source = _make(tmp_path / "run", [(toy, task, actions)], protocol="paper", tasks_root=tmp_path)
    assert _rescore(source, tmp_path / "new") == 0
    (row,) = _rows(tmp_path / "new")
    assert (row["reward"], row["termination"], row["first_correct_turn"], row["graded_guesses"]) == (
        1.0,
        "success",
        1,
        2,
    )


class Filing(ToyFamily):
    """Grades a file."""

    collects = ("answer.txt",)

    async def score(self, task: Task, submission: Submission, grader: object) -> Score:
        right = submission.files.get("answer.txt") == str(task.gold["answer"]).encode()
        return Score(float(right), right, "correct" if right else "wrong")


def test_files_are_made_again_or_the_old_score_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(FAMILIES, "toy", Filing)
    (tmp_path / "toy").mkdir()
    family = Filing()
    (first, second, _) = _tasks(family)
    writes = [_submit("open('answer.txt', 'w').write('40')")]
    by_chance = [_submit("import time\nopen('answer.txt', 'w').write('41')\nanswer = time.time_ns()")]
    conversations: list[Conversation] = [(family, first, writes), (family, second, by_chance)]
    source = _make(tmp_path / "run", conversations, tasks_root=tmp_path)
    assert _rescore(source, tmp_path / "new") == 1
    again, kept = _rows(tmp_path / "new")
    assert (again["reward"], again["scorer_version"]) == (1.0, "1")
    assert (kept["reward"], kept["scorer_version"]) == (0.0, "old")
    told = capsys.readouterr()
    assert "1 could not be rescored and keep their old score" in told.out
    assert f"{kept['trajectory_id']} (toy/1)" in told.err
    assert "its programs did not end as recorded" in told.err


def test_missing_tasks_and_changed_ones_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toy: ToyFamily, capsys: pytest.CaptureFixture[str]
) -> None:
    source = _keep(tmp_path / "run", _by_hand("toy/0", "toy/1", "toy/2"), tmp_path)

    class Fewer(ToyFamily):
        def load(self, root: Path, split: Any, report: LoadReport) -> Any:
            kept, altered, _ = super().load(root, split, report)
            return iter([kept, dataclasses.replace(altered, source_sha256="f" * 64)])

    monkeypatch.setitem(FAMILIES, "toy", Fewer)
    assert _rescore(source, tmp_path / "new") == 1
    rows = _rows(tmp_path / "new")
    assert [(row["reward"], row["scorer_version"]) for row in rows] == [(1.0, "1"), (0.0, "1"), (0.0, "old")]
    told = capsys.readouterr().err
    assert f"toy: 1 not rescored, its task is not there (tasks: {tmp_path}): {2:032} (toy/2)" in told
    assert "toy: 2 scored by a task whose record has changed" in told
    monkeypatch.delitem(FAMILIES, "toy")
    assert _rescore(source, tmp_path / "none") == 1
    assert "3 not rescored, no task family called toy" in capsys.readouterr().err


def test_an_episode_without_a_submission_earns_nothing(tmp_path: Path, toy: ToyFamily) -> None:
    (stored,) = _by_hand("toy/0")
    turn = Turn(action="code_execution", arguments='{"code": "1 / 0"}', status="error")
    generous = dataclasses.replace(stored, turns=[turn], reward=1.0, success=True, answer=None, termination="max_turns")
    source = _keep(tmp_path / "run", [generous], tmp_path)
    assert _rescore(source, tmp_path / "new") == 0
    (row,) = _rows(tmp_path / "new")
    assert (row["reward"], row["success"], row["score_reason"]) == (0.0, False, "no_submission")
    assert row["termination"] == "max_turns"


def test_what_cannot_be_used_is_refused_and_leaves_nothing(tmp_path: Path, toy: ToyFamily) -> None:
    source = _keep(tmp_path / "run", _by_hand("toy/0", "toy/1"), tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ConfigError, match="no run is there"):
        _rescore(tmp_path / "toy", tmp_path / "new")
    with pytest.raises(ConfigError, match="is there already"):
        _rescore(source, source)
    with pytest.raises(ConfigError, match="no such directory"):
        _rescore(source, tmp_path / "new", Path("/not/there"))
    (source / "trajectories" / "part-0-00001.parquet").write_bytes(b"PAR1")
    with pytest.raises(StorageError, match=r"part-0-00001\.parquet: cannot be read"):
        _rescore(source, tmp_path / "new")
    (source / "trajectories" / "part-0-00001.parquet").unlink()
    with pytest.raises(StorageError, match=r"part-0-00001\.parquet"):
        _rescore(source, tmp_path / "new")
    (source / "run.yaml").write_text("identity: {}\n")
    with pytest.raises(ConfigError, match="not the run file of a run"):
        _rescore(source, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run=/not/there", "output.dir=/tmp/none"], "run=/not/there: no run is there"),
        ([], "no value for output.dir, run; add output.dir=VALUE run=VALUE"),
    ],
)
def test_a_command_that_cannot_be_used_is_one_line(arguments: list[str], told: str) -> None:
    command = [sys.executable, "-m", "medgym_ray.rescore", *arguments]
    ended = subprocess.run(
        command, cwd=REPOSITORY, env=dict(os.environ), capture_output=True, text=True, timeout=100, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert told in line

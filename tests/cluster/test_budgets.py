"""A run that is over before its work, and stragglers at its tail."""

from collections import Counter
from pathlib import Path

from medgym_ray.config import TasksConfig
from medgym_ray.tasks.registry import load_tasks
from tests.cluster.command import generate, replay_file, rows


def test_a_run_stops_when_its_time_is_over_and_the_next_command_goes_on(slow_run: tuple[Path, list[str]]) -> None:
    run, arguments = slow_run
    ended = generate(*arguments, "cluster.run_s=1.5", "cluster.drain_s=10")
    assert ended.code == 1, ended.err
    assert "cluster.run_s is over" in ended.err
    there = len(rows(run))
    assert 2 <= there < 24
    assert f"stopped with {24 - there} to go: the same command goes on" in ended.out
    again = generate(*arguments)
    assert again.code == 0, again.err
    assert len({row["trajectory_id"] for row in rows(run)}) == len(rows(run)) == 24


def test_stragglers_are_cut_with_what_they_have(tmp_path: Path) -> None:
    replies = tmp_path / "replies.jsonl"
    submit: dict[str, object] = {"action": "submit", "params": {"answer": 1}}
    look: dict[str, object] = {"action": "code_execution", "params": {"code": "import time; time.sleep(1.5)"}}
    slow = load_tasks(TasksConfig(source="sample", families=["npowerai"]), seed=0).tasks[0].task_id
    replay_file(replies, *[look] * 12, submit, task_id=slow)
    replay_file(replies, submit)
    run = tmp_path / "run"
    ended = generate(
        *("+model=replay", f"model.path={replies}", "tasks=npowerai", "tasks.limit=200", f"output.dir={run}"),
        *("cluster.tail_s=1", "sandbox.concurrency=4"),
    )
    assert ended.code == 0, ended.err
    ends = Counter(row["termination"] for row in rows(run))
    assert ends["deadline"] == 1, ends
    (straggler,) = [row for row in rows(run) if row["termination"] == "deadline"]
    assert straggler["task_id"] == slow
    assert 1 <= straggler["num_turns"] < 12
    assert all(turn["observation"] for turn in straggler["turns"])

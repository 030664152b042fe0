"""Adaptive sampling, end to end: rollouts go where pairs come of them; a run that is extended counts what was there."""

import json
from pathlib import Path
from typing import Any

from tests.cluster.command import Ended, generate, replay_file, rows


def _run(run: Path, replies: Path, *settings: str) -> tuple[Ended, dict[str, Any]]:
    ended = generate(
        *(
            "+model=replay",
            f"model.path={replies}",
            "sampling=adaptive",
            "sandbox.concurrency=4",
            "cluster.executors=1",
        ),
        *("tasks=npowerai", "tasks.limit=6", f"output.dir={run}", *settings),
    )
    assert ended.code == 0, ended.err
    return ended, json.loads((run / "adaptive.json").read_text())


def test_tasks_that_have_no_pairs_cost_little_and_a_larger_budget_goes_on(tmp_path: Path) -> None:
    listed = generate(*("tasks=npowerai", "tasks.limit=6", f"output.dir={tmp_path / 'gold'}", "cluster.executors=1"))
    assert listed.code == 0, listed.err
    gold = {row["task_id"]: json.loads(row["answer"]) for row in rows(tmp_path / "gold")}
    replies = tmp_path / "replies.jsonl"
    for number, (task, value) in enumerate(sorted(gold.items())):
        # Half of all answers are right, by chance; but for three tasks none ever is.
        code = f"import random; answer = random.choice({[value, None] if number < 3 else [None]!r})"
        replay_file(replies, {"action": "submit", "params": {"code": code}}, task_id=task)
    run = tmp_path / "run"
    first, _ = _run(run, replies, "sampling.rollouts=12", "sampling.pairs=2", "sampling.budget_rollouts=20")
    assert len(rows(run)) == 20
    ended = json.loads((run / "events.jsonl").read_text().splitlines()[-1])
    counted = [ended[name] for name in ("requested", "done", "dropped", "failed", "spared", "missing")]
    assert counted == [72, 20, 0, 0, 52, 0]
    assert "spared" in first.err
    _, content = _run(run, replies, "sampling.rollouts=12", "sampling.pairs=2")
    made = rows(run)
    for task in sorted(gold)[:3]:
        results = [row["success"] for row in made if row["task_id"] == task]
        assert min(sum(results), len(results) - sum(results)) >= 2 or len(results) == 12
    assert len({row["trajectory_id"] for row in made}) == len(made) == content["rollouts"] < 72

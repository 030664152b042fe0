"""Runs that take long enough to be interrupted."""

from pathlib import Path

import pytest

from tests.cluster.command import replay_file


@pytest.fixture
def slow_run(tmp_path: Path) -> tuple[Path, list[str]]:
    """A run of 24 trajectories, each of which takes a while: its directory and the arguments of its command."""
    code = "import time; time.sleep(0.4); answer = 1"
    replies = replay_file(tmp_path / "replies.jsonl", {"action": "submit", "params": {"code": code}})
    run = tmp_path / "run"
    arguments = ["+model=replay", f"model.path={replies}", "tasks=npowerai", "tasks.limit=12", "sampling.rollouts=2"]
    return run, [*arguments, "sandbox.concurrency=2", f"output.dir={run}"]

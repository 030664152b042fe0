"""A disk that fills up in mid-run: one line, nothing lost, and the same command goes on once there is room."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.command import generate, replay_file, rows


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system takes root")
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1000k", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(small_disk: Path, tmp_path: Path) -> None:
    # Small enough that the log is nearly as large as the disk when it is full, and of what does not compress: then a
    # shard of what the log holds has no room beside it.
    code = "import base64, os; print(base64.b85encode(os.urandom(3_000)).decode())"
    talk: dict[str, object] = {"action": "code_execution", "params": {"code": code}}
    replies = replay_file(tmp_path / "r.jsonl", *[talk] * 3, {"action": "submit", "params": {"answer": 1}})
    run = small_disk / "run"
    arguments = ["+model=replay", f"model.path={replies}", "tasks=npowerai", "tasks.limit=20", "sampling.rollouts=4"]
    arguments += ["sandbox.concurrency=2", f"output.dir={run}"]
    full = generate(*arguments)
    assert full.code == 1, full.err
    assert "No space left on device" in full.complaint
    assert "of 80 trajectories are kept, the same command goes on" in full.complaint
    assert not list(run.rglob("*.tmp")), "no half-written file is left"

    still = generate(*arguments)  # recovery itself finds no room, and takes nothing away
    assert still.code in (1, 2), still.err
    assert "No space left on device" in still.complaint

    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    ended = generate(*arguments)
    assert ended.code == 0, ended.err
    assert "brought in from the log" in ended.err
    assert len({row["trajectory_id"] for row in rows(run)}) == len(rows(run)) == 80

"""Acknowledged means durable, nothing is counted twice: the store after clean ends, torn logs and kill -9."""

import asyncio
import dataclasses
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgym_ray.errors import RecordError, StorageError
from medgym_ray.store.layout import TRAJECTORIES, logs
from medgym_ray.store.local import LocalDirectory
from medgym_ray.store.recovery import failure_keys, prepare_directory, recover, successes, tally, worked_s
from medgym_ray.store.shards import read_manifest
from medgym_ray.store.writer import DurableWriter, lock
from tests.conftest import REPOSITORY
from tests.records import NOW, make_failure, make_trajectory


def _writer(root: Path, *, shard_bytes: int = 1 << 30, shard_s: float = 1e6) -> DurableWriter:
    prepare_directory(root)
    return DurableWriter(root, "0", successes(root), shard_bytes, shard_s)


def _ids(root: Path) -> list[str]:
    shards = [e.shard for e in read_manifest(root) if e.table == TRAJECTORIES.name]
    return [i for s in shards for i in pq.read_table(root / s)["trajectory_id"].to_pylist()]


async def test_written_rows_come_back_as_they_were(tmp_path: Path) -> None:
    writer = _writer(tmp_path)
    sent = [make_trajectory(f"t{n}", token_ids=[1, 2], loss_mask=[0, 1], logprobs=[0.0, -0.5]) for n in range(5)]
    await asyncio.gather(*map(writer.append, sent))
    await writer.append_failure(make_failure("t9"))
    await writer.close()
    (shard,) = (tmp_path / "trajectories").glob("*.parquet")
    rows = pq.read_table(shard).to_pylist()
    assert sorted(r["trajectory_id"] for r in rows) == [f"t{n}" for n in range(5)]
    assert rows[0]["token_ids"] == [1, 2]
    assert rows[0]["turns"][0]["action"] == "submit"
    assert tally(tmp_path).by_family == {"f": (5, 5)}
    assert logs(tmp_path) == []
    assert [e.rows for e in read_manifest(tmp_path)] == [5, 1]


async def test_an_id_is_written_once_even_when_sent_at_the_same_time(tmp_path: Path) -> None:
    writer = _writer(tmp_path)
    first = await asyncio.gather(*(writer.append(make_trajectory("same")) for _ in range(8)))
    assert sorted(first) == [False] * 7 + [True]
    await writer.close()
    again = _writer(tmp_path)
    assert await again.append(make_trajectory("same")) is False
    await again.close()
    assert _ids(tmp_path) == ["same"]


async def test_what_succeeded_is_known_at_once_and_after_a_restart(tmp_path: Path) -> None:
    writer = _writer(tmp_path)
    for name in ("good", "bad"):
        await writer.append(make_trajectory(name, success=name == "good"))
    assert writer.successes() == {"good": True, "bad": False}
    await writer.close()
    assert successes(tmp_path) == _writer(tmp_path).successes() == {"good": True, "bad": False}


async def test_time_in_which_several_were_made_is_worked_once(tmp_path: Path) -> None:
    writer = _writer(tmp_path)
    for name, (began, ended) in enumerate([(0, 10), (5, 12), (6, 7), (20, 21), (12, 13)]):
        times = {"started_at": NOW + timedelta(seconds=began), "finished_at": NOW + timedelta(seconds=ended)}
        await writer.append(make_trajectory(f"t{name}", **times))
    await writer.close()
    assert worked_s(tmp_path) == 14.0


async def test_a_failure_that_is_sent_again_is_written_once(tmp_path: Path) -> None:
    writer = _writer(tmp_path)
    failure = make_failure("t1")
    await writer.append_failure(failure)
    await writer.append_failure(failure)
    await writer.close()
    follower = DurableWriter(tmp_path, "0", (), 1 << 30, 1e6, failure_keys(tmp_path))
    await follower.append_failure(failure)
    await follower.append_failure(dataclasses.replace(failure, at=failure.at + timedelta(seconds=1)))
    await follower.close()
    assert [e.rows for e in read_manifest(tmp_path)] == [1, 1]


async def test_a_record_that_does_not_fit_fails_alone(tmp_path: Path) -> None:
    writer = _writer(tmp_path)
    broken = make_trajectory("broken", seed="not a number")
    results = await asyncio.gather(
        writer.append(make_trajectory("a")),
        writer.append(broken),
        writer.append(make_trajectory("b")),
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [bool, RecordError, bool]
    await writer.close()
    assert sorted(_ids(tmp_path)) == ["a", "b"]


async def test_full_logs_and_old_logs_become_shards_while_writing(tmp_path: Path) -> None:
    writer = _writer(tmp_path, shard_bytes=1)
    for n in range(3):
        await writer.append(make_trajectory(f"t{n}"))
    await writer.append_failure(make_failure("x"))
    assert len([e for e in read_manifest(tmp_path) if e.table == "trajectories"]) == 3
    await writer.close()
    aged = _writer(tmp_path, shard_s=0.01)
    await aged.append(make_trajectory("old"))
    async with asyncio.timeout(10):
        while "old" not in _ids(tmp_path):
            await asyncio.sleep(0.02)
    await aged.close()


class _SlowDisk(LocalDirectory):
    """Its first shard is not in place before `at_work` was seen and `go` was said."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.at_work, self.go = threading.Event(), threading.Event()

    def place(self, draft: Path, name: str) -> None:
        self.at_work.set()
        self.go.wait(10)
        super().place(draft, name)


async def test_a_log_that_is_being_sealed_while_the_run_ends_is_sealed_once(tmp_path: Path) -> None:
    disk = _SlowDisk(tmp_path)
    disk.prepare()
    writer = DurableWriter(disk, "0", {}, 1 << 30, shard_s=0.01)
    await writer.append(make_trajectory("a"))
    await asyncio.to_thread(disk.at_work.wait, 10)
    end = asyncio.ensure_future(writer.close())
    await asyncio.sleep(0.2)  # time for a second one to set to work
    disk.go.set()
    await end
    assert _ids(tmp_path) == ["a"]
    assert len(read_manifest(tmp_path)) == 1
    assert not logs(tmp_path)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(min_value=0, max_value=4000), rows=st.integers(min_value=1, max_value=4))
def test_a_log_torn_anywhere_keeps_every_whole_row(
    tmp_path_factory: pytest.TempPathFactory, cut: int, rows: int
) -> None:
    root = tmp_path_factory.mktemp("torn")

    async def write() -> list[int]:
        writer = _writer(root)
        sizes = []
        for n in range(rows):
            await writer.append(make_trajectory(f"t{n}"))
            sizes.append((root / logs(root)[0].log).stat().st_size)
        writer._lock.close()
        return sizes

    sizes = asyncio.run(write())
    log = root / logs(root)[0].log
    os.truncate(log, max(0, sizes[-1] - cut))
    kept = sum(size <= sizes[-1] - cut for size in sizes)
    assert recover(root) == kept
    assert _ids(root) == [f"t{n}" for n in range(kept)]
    assert recover(root) == 0


async def test_recovery_after_a_crash_between_any_two_steps_of_sealing(tmp_path: Path) -> None:
    writer = _writer(tmp_path)
    await writer.append(make_trajectory("a"))
    log = tmp_path / logs(tmp_path)[0].log
    content = log.read_bytes()
    await writer.close()
    log.write_bytes(content)  # crashed between the manifest line and the log's removal
    recover(tmp_path)
    assert _ids(tmp_path) == ["a"]
    assert not log.exists()
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-20])  # crashed in mid-line
    log.write_bytes(content)
    recover(tmp_path)
    assert _ids(tmp_path) == ["a"]


async def test_a_shard_that_the_manifest_does_not_know_or_misses_is_named(tmp_path: Path) -> None:
    writer = _writer(tmp_path)
    await writer.append(make_trajectory("a"))
    await writer.close()
    shard = tmp_path / "trajectories" / "part-0-00000.parquet"
    shard.rename(shard.with_name("part-0-00007.parquet"))
    with pytest.raises(StorageError, match=r"part-0-00007\.parquet: not listed"):
        recover(tmp_path)
    (tmp_path / "trajectories" / "part-0-00007.parquet").unlink()
    with pytest.raises(StorageError, match=r"part-0-00000\.parquet: listed .* but not there"):
        recover(tmp_path)


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    prepare_directory(tmp_path)
    held = lock(tmp_path, "0")
    with pytest.raises(StorageError, match="another run is writing"):
        lock(tmp_path, "0", wait_s=0)
    held.close()
    lock(tmp_path, "0", wait_s=0).close()


def test_an_unwritable_directory_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"output\.dir=.*file/run: cannot write there"):
        prepare_directory(tmp_path / "file" / "run")


_CHILD = """
import asyncio, sys
from pathlib import Path
from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.writer import DurableWriter
from tests.conftest import REPOSITORY
from tests.records import make_trajectory
async def main():
    root = Path(sys.argv[1])
    writer = DurableWriter(root, "0", (), 20_000, 1e6)
    async def one(n):
        await writer.append(make_trajectory(f"t{n}"))
        print(f"t{n}", flush=True)
    for n in range(0, 100_000, 4):
        await asyncio.gather(*(one(k) for k in range(n, n + 4)))
asyncio.run(main())
"""


def _killed_child(root: Path, lines: int) -> list[str]:
    """What a writing process acknowledged before it was killed."""
    prepare_directory(root)
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(root)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    child.wait()
    assert all(acknowledged), "the writing process failed"
    return acknowledged


def test_a_reader_sees_a_whole_dataset_at_every_moment(tmp_path: Path) -> None:
    """Both kinds of reader: one that trusts the manifest, and `load_dataset`, which takes every Parquet file."""
    seen: list[set[str]] = []
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            listed = _ids(tmp_path)
            found = pads.dataset(sorted((tmp_path / "trajectories").glob("*.parquet")), schema=TRAJECTORIES.schema)
            ids = found.to_table(columns=["trajectory_id"])["trajectory_id"].to_pylist()
            assert len(ids) == len(set(ids))
            assert set(listed) <= set(ids)
            assert not seen or seen[-1] <= set(ids), "what was there went away"
            seen.append(set(ids))

    prepare_directory(tmp_path)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            _killed_child(tmp_path, 150)
            recover(tmp_path)
        finally:
            over.set()
        reading.result(60)
    assert len(set(map(len, seen))) > 2, "it grew while it was read"


@pytest.mark.parametrize("lines", [1, 37, 150])
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, lines: int) -> None:
    acknowledged = _killed_child(tmp_path, lines)
    recover(tmp_path)
    ids = _ids(tmp_path)
    assert set(acknowledged) <= set(ids)
    assert len(ids) == len(set(ids))

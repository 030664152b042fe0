"""The store in a bucket: acknowledged means uploaded, and nothing is counted twice, whatever is killed."""

import asyncio
import hashlib
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest

from medgym_ray.errors import ConfigError, RecordError, StorageError
from medgym_ray.store import lease
from medgym_ray.store.layout import TRAJECTORIES, logs
from medgym_ray.store.lines import open_lines, read_lines
from medgym_ray.store.objects import ObjectDirectory
from medgym_ray.store.recovery import prepare_directory, recover, successes, tally, trajectory_ids
from medgym_ray.store.roots import root_at
from medgym_ray.store.run import check_identity, write_card, write_dropped, write_run_file
from medgym_ray.store.shards import read_manifest
from medgym_ray.store.writer import DurableWriter, lock
from tests.conftest import REPOSITORY
from tests.objects import BUCKET, SECRET, make_bucket, s3_server, variables
from tests.records import make_failure, make_trajectory


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of an S3 server with one bucket."""
    with s3_server() as (address, _):
        make_bucket(address)
        yield address


@pytest.fixture
def root(server: str, monkeypatch: pytest.MonkeyPatch) -> ObjectDirectory:
    """A run's directory that nothing is in."""
    for name, value in variables(server).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(ObjectDirectory, "group_s", 0.01)
    return _same(f"s3://{BUCKET}/runs/{uuid.uuid4().hex}")


def _same(url: object) -> ObjectDirectory:
    found = root_at(str(url))
    assert isinstance(found, ObjectDirectory)
    return found


def _writer(root: ObjectDirectory, *, shard_bytes: int = 1 << 30, shard_s: float = 1e6) -> DurableWriter:
    prepare_directory(root)
    return DurableWriter(root, "0", successes(root), shard_bytes, shard_s)


def _abandon(writer: DurableWriter) -> None:
    """As if its process were gone: what it held open stays as it is."""
    writer._lock.close()
    for table in (writer._trajectories, writer._failures):
        if table._ageing is not None:
            table._ageing.cancel()


def _ids(root: ObjectDirectory) -> list[str]:
    """What a reader sees: the shards that the manifest lists, each compared with its sum."""
    ids: list[str] = []
    for entry in read_manifest(root):
        content = root.read(entry.shard)
        assert content is not None, f"{entry.shard} is listed and not there"
        assert hashlib.sha256(content).hexdigest() == entry.sha256
        table = pq.read_table(pa.BufferReader(content))
        assert table.num_rows == entry.rows
        if entry.table == TRAJECTORIES.name:
            ids += table["trajectory_id"].to_pylist()
    return ids


async def test_written_rows_come_back_as_they_were(root: ObjectDirectory) -> None:
    writer = _writer(root)
    sent = [make_trajectory(f"t{n}", token_ids=[1, 2], loss_mask=[0, 1], logprobs=[0.0, -0.5]) for n in range(5)]
    await asyncio.gather(*map(writer.append, sent))
    await writer.append_failure(make_failure("t9"))
    assert await writer.append(make_trajectory("t3")) is False
    with pytest.raises(RecordError):
        await writer.append(make_trajectory("broken", seed="not a number"))
    await writer.close()
    assert sorted(_ids(root)) == [f"t{n}" for n in range(5)]
    assert tally(root).by_family == {"f": (5, 5)}
    assert logs(root) == []
    assert sorted(entry.rows for entry in read_manifest(root)) == [1, 5]
    rows = pads.dataset(f"{root}/trajectories").to_table().to_pylist()  # as the last line of a run says
    assert rows[0]["token_ids"] == [1, 2]
    assert rows[0]["turns"][0]["action"] == "submit"
    loaded = datasets.Dataset(pads.dataset(f"{root}/failures").to_table())
    assert loaded[0]["error_class"] == "SandboxError"


def test_the_lines_of_every_command_are_read_oldest_first(root: ObjectDirectory) -> None:
    assert read_lines(root, "events") == []
    root.write("events-20260102T000000.000000Z.jsonl", "later\n")
    root.write("events-20260101T000000.000000Z.jsonl", "first\nsecond\n")
    root.write("log-20260101T000000.000000Z.jsonl", "another\n")
    assert read_lines(root, "events") == [b"first", b"second", b"later"]


async def test_an_id_is_written_once_even_when_sent_at_the_same_time(root: ObjectDirectory) -> None:
    writer = _writer(root)
    first = await asyncio.gather(*(writer.append(make_trajectory("same")) for _ in range(8)))
    assert sorted(first) == [False] * 7 + [True]
    await writer.close()
    again = _writer(root)
    assert await again.append(make_trajectory("same")) is False
    await again.close()
    assert _ids(root) == ["same"]


async def test_appends_that_wait_share_an_upload(root: ObjectDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ObjectDirectory, "group_s", 0.5)
    writer = _writer(root)
    await asyncio.gather(*(writer.append(make_trajectory(f"t{n}")) for n in range(20)))
    await asyncio.gather(*(writer.append(make_trajectory(f"u{n}")) for n in range(20)))
    (log,) = logs(root)
    assert 2 <= len(root.names(log.log)) <= 4
    await writer.close()
    assert len(set(_ids(root))) == 40


async def test_full_logs_and_old_logs_become_shards_while_writing(root: ObjectDirectory) -> None:
    writer = _writer(root, shard_bytes=1)
    for n in range(3):
        await writer.append(make_trajectory(f"t{n}"))
    assert len(read_manifest(root)) == 3
    await writer.close()
    aged = _writer(root, shard_s=0.01)
    await aged.append(make_trajectory("old"))
    async with asyncio.timeout(20):
        while "old" not in _ids(root):
            await asyncio.sleep(0.02)
    await aged.close()


@pytest.mark.parametrize("step", ["place", "commit", "remove_log"])
@pytest.mark.parametrize("done", [False, True])
async def test_recovery_after_a_crash_at_any_step_of_sealing(root: ObjectDirectory, step: str, done: bool) -> None:
    writer = _writer(root)
    for n in range(3):
        await writer.append(make_trajectory(f"t{n}"))
    whole = getattr(root, step)

    def crash(*arguments: Any) -> None:
        if done:
            whole(*arguments)
        raise StorageError("the crash")

    setattr(root, step, crash)
    with pytest.raises(StorageError, match="the crash"):
        await writer.close()
    left = _same(root)
    rescued = recover(left)
    assert rescued == (0 if (step, done) == ("commit", True) or step == "remove_log" else 3)
    assert _ids(left) == ["t0", "t1", "t2"]
    assert logs(left) == []
    assert recover(left) == 0


@pytest.mark.parametrize("landed", [False, True])
@pytest.mark.parametrize("crash", [False, True])
async def test_an_upload_that_failed_is_not_acknowledged_and_its_rows_can_be_sent_again(
    root: ObjectDirectory, landed: bool, crash: bool
) -> None:
    writer = _writer(root, shard_bytes=6000)
    await writer.append(make_trajectory("a"))
    put = root.put

    def lost(name: str, data: bytes) -> None:
        if landed:
            put(name, data)
        raise StorageError("the answer was lost")

    root.put = lost  # type: ignore[method-assign]
    with pytest.raises(StorageError, match="the answer was lost"):
        await writer.append(make_trajectory("b"))
    root.put = put  # type: ignore[method-assign]
    for identity in ("b", "c", "d", "e"):  # into the same log and the next
        assert await writer.append(make_trajectory(identity))
    if crash:
        _abandon(writer)
    else:
        await writer.close()
    left = _same(root)
    recover(left)
    assert _ids(left) == ["a", "b", "c", "d", "e"]
    assert not logs(left)


_CHILD = """
import asyncio, sys
from medgym_ray.store.objects import ObjectDirectory
from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.roots import root_at
from medgym_ray.store.writer import DurableWriter
from tests.records import make_trajectory
async def main():
    ObjectDirectory.group_s = 0.0
    root = root_at(sys.argv[1])
    prepare_directory(root)
    writer = DurableWriter(root, "0", (), 20_000, 1e6)
    async def one(n):
        await writer.append(make_trajectory(f"{sys.argv[2]}-{n}"))
        print(f"{sys.argv[2]}-{n}", flush=True)
    for n in range(0, 100_000, 4):
        await asyncio.gather(*(one(k) for k in range(n, n + 4)))
asyncio.run(main())
"""


def _killed_child(root: ObjectDirectory, name: str, lines: int, delay_s: float) -> list[str]:
    """What a writing process acknowledged before it was killed."""
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(root), name], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(lines)]
    time.sleep(delay_s)
    child.send_signal(signal.SIGKILL)
    acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
    child.wait()
    assert all(acknowledged), "the writing process failed"
    return acknowledged


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_loses_nothing_that_was_acknowledged_and_doubles_nothing(root: ObjectDirectory, seed: int) -> None:
    chance = random.Random(seed)
    acknowledged: list[str] = []
    for name in ("first", "second"):  # the second goes on in the same directory
        acknowledged += _killed_child(root, name, chance.randint(1, 60), chance.uniform(0, 0.1))
        recover(root)
        ids = _ids(root)
        assert set(acknowledged) <= set(ids)
        assert len(ids) == len(set(ids))
        assert not logs(root)
    assert trajectory_ids(root) == set(ids)


def test_a_reader_sees_a_whole_dataset_at_every_moment(root: ObjectDirectory) -> None:
    seen: list[set[str]] = []
    over = threading.Event()

    def read() -> None:
        reader = _same(root)
        while not over.is_set():
            ids = _ids(reader)
            assert len(ids) == len(set(ids))
            assert not seen or seen[-1] <= set(ids), "what was there went away"
            seen.append(set(ids))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            _killed_child(root, "t", 60, 0.0)
            recover(root)
        finally:
            over.set()
        reading.result(60)
    assert len(set(map(len, seen))) > 2, "it grew while it was read"


def test_a_run_is_known_by_its_settings(root: ObjectDirectory) -> None:
    settings = {"seed": 0, "protocol": "submit"}
    assert check_identity(root, settings, resume=True) is False
    write_run_file(root, settings, {"seed": 0}, {"ray": "2"})
    assert check_identity(root, settings, resume=True) is True
    with pytest.raises(ConfigError, match=rf"{root} holds a run with other settings: seed=1 \(there: 0\); choose"):
        check_identity(root, {**settings, "seed": 1}, resume=True)
    with pytest.raises(ConfigError, match="already holds this run; say resume=true"):
        check_identity(root, settings, resume=False)


def test_each_command_has_an_object_of_lines(root: ObjectDirectory) -> None:
    expected = []
    for command in range(2):
        lines = open_lines(root, "events")
        sent = [f"{command}-{number}".encode() for number in range(200)]
        for line in sent:
            lines.append(line)
        lines.close()
        expected.append(sent)
    names = sorted(name for name in root.names("") if name.startswith("events-"))
    assert [(root.read(name) or b"").splitlines() for name in names] == expected


def test_lines_that_cannot_be_uploaded_end_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = variables("http://127.0.0.1:9") | {"AWS_MAX_ATTEMPTS": "1"}
    for name, value in nowhere.items():
        monkeypatch.setenv(name, value)
    lines = open_lines(_same("s3://nowhere/run"), "events")
    lines.append(b"lost")
    lines.close()


async def test_the_card_and_the_dropped_tasks(root: ObjectDirectory) -> None:
    writer = _writer(root)
    await writer.append(make_trajectory("a"))
    await writer.close()
    write_card(root, tally(root), model="m", run_key="k", version="1")
    write_dropped(root, {"f/2": "broken"})
    assert b"| f | 1 | 100.0% |" in (root.read("README.md") or b"")
    assert root.read("dropped.jsonl") == b'{"task_id": "f/2", "reason": "broken"}\n'


async def test_a_shard_that_the_manifest_does_not_know_or_misses_is_named(root: ObjectDirectory) -> None:
    writer = _writer(root)
    await writer.append(make_trajectory("a"))
    await writer.close()
    root.put("trajectories/part-0-00007.parquet", b"")
    with pytest.raises(StorageError, match=r"s3://.*part-0-00007\.parquet: not listed"):
        recover(root)
    root.remove("trajectories/part-0-00007.parquet")
    root.remove("trajectories/part-0-00000.parquet")
    with pytest.raises(StorageError, match=r"part-0-00000\.parquet: listed .* but not there"):
        recover(root)
    root.put("manifest/trajectories-0-00000.json", b"{")
    with pytest.raises(StorageError, match=r"manifest/trajectories-0-00000\.json: not a manifest line"):
        read_manifest(root)


def test_a_second_writer_is_refused_until_the_first_is_gone(root: ObjectDirectory) -> None:
    held = lock(root, "0")
    with pytest.raises(StorageError, match="another run is writing there"):
        lock(_same(root), "0", wait_s=0)
    lock(root, "driver", wait_s=0).close()
    held.close()
    lock(_same(root), "0", wait_s=0).close()
    assert root.names(".wal/0.lock") == []


def test_of_many_that_ask_at_once_one_holds_the_lock(root: ObjectDirectory) -> None:
    inside, most = [0], [0]
    guard = threading.Lock()

    def work() -> None:
        held = _same(root).lock("0", wait_s=60)
        with guard:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.05)
        with guard:
            inside[0] -= 1
        held.close()

    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(work) for _ in range(4)]:
            one.result(90)
    assert most[0] == 1


def test_a_claim_of_a_dead_process_does_not_count(root: ObjectDirectory) -> None:
    root.put(f".wal/0.lock/gone~{lease._machine()}~{2**22 + 1}~5~held", b"")
    lock(root, "0", wait_s=0).close()


@pytest.mark.parametrize("renewed", [False, True])
def test_a_claim_of_another_machine_counts_while_it_is_renewed(
    root: ObjectDirectory, monkeypatch: pytest.MonkeyPatch, renewed: bool
) -> None:
    monkeypatch.setattr(lease, "LEASE_S", 3.0)
    monkeypatch.setattr(lease, "RENEW_S", 0.5)
    claim = ".wal/0.lock/other~another~1~5~held"
    root.put(claim, b"")
    over = threading.Event()

    def renew() -> None:
        while renewed and not over.wait(0.5):
            root.put(claim, b"")

    with ThreadPoolExecutor(1) as pool:
        renewing = pool.submit(renew)
        try:
            if renewed:
                with pytest.raises(StorageError, match="another run is writing there"):
                    lock(root, "0", wait_s=0)
            else:
                lock(root, "0", wait_s=0).close()
        finally:
            over.set()
        renewing.result(20)


async def test_nothing_is_acknowledged_once_the_lease_is_lost(
    root: ObjectDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = _writer(root)
    await writer.append(make_trajectory("a"))
    monkeypatch.setattr(lease, "LEASE_S", 0.0)  # as after a long sleep
    with pytest.raises(StorageError, match="out of reach for too long"):
        await writer.append(make_trajectory("b"))
    with pytest.raises(StorageError, match="out of reach for too long"):
        await writer.close()
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("s3://", r"give s3://BUCKET/PREFIX"),
        ("s3://Bad_Bucket/run", r"'Bad_Bucket' cannot be a bucket; give s3://BUCKET/PREFIX"),
        ("s3://bucket", r"with a prefix of the run's own"),
        ("s3://bucket/a//b", r"with a prefix of the run's own"),
        ("s3://bucket/../b", r"with a prefix of the run's own"),
        (f"s3://known:{SECRET}@bucket/run", r"keys do not belong in an address"),
        ("gs://bucket/run", r"output\.dir=gs://…: give a directory or s3://BUCKET/PREFIX"),
    ],
)
def test_an_address_that_cannot_be_meant_is_told(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        root_at(url)
    assert SECRET not in str(refused.value)


def _complaint(root: ObjectDirectory) -> str:
    with pytest.raises(StorageError) as refused:
        prepare_directory(root)
    assert "\n" not in str(refused.value)
    assert SECRET not in str(refused.value)
    return str(refused.value)


def test_a_bucket_that_is_not_there_is_named(root: ObjectDirectory) -> None:
    said = _complaint(_same("s3://no-such-bucket/run"))
    assert said == "output.dir=s3://no-such-bucket/run: there is no bucket 'no-such-bucket'; make it or name another"


def test_a_server_that_refuses_the_keys_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server(INITIAL_NO_AUTH_ACTION_COUNT="0") as (address, _):
        for name, value in variables(address).items():
            monkeypatch.setenv(name, value)
        assert "access denied; set AWS_ACCESS_KEY_ID" in _complaint(_same("s3://bucket/run"))


class _Full(BaseHTTPRequestHandler):
    """A store with a bucket and no room."""

    protocol_version = "HTTP/1.1"

    def _answer(self, status: int) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        self._answer(200)

    def do_PUT(self) -> None:
        self._answer(507)

    do_POST = do_PUT

    def log_message(self, *arguments: Any) -> None:
        """Quiet."""


def test_a_store_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Full) as server, ThreadPoolExecutor(1) as pool:
        pool.submit(server.serve_forever)
        try:
            for name, value in variables(f"http://127.0.0.1:{server.server_port}").items():
                monkeypatch.setenv(name, value)
            assert "the store is full; make room, then run the same command again" in _complaint(_same("s3://full/run"))
        finally:
            server.shutdown()


async def test_a_server_that_goes_away_is_one_line_and_nothing_is_acknowledged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with s3_server() as (address, server):
        make_bucket(address)
        for name, value in variables(address).items():
            monkeypatch.setenv(name, value)
        root = _same("s3://bucket/run")
        writer = _writer(root)
        await writer.append(make_trajectory("a"))
        server.kill()
        server.wait()
        with pytest.raises(StorageError, match=rf"{address} does not answer; is AWS_ENDPOINT_URL right") as refused:
            await writer.append(make_trajectory("b"))
        assert "\n" not in str(refused.value)
        with pytest.raises(StorageError, match="does not answer"):
            await writer.close()
        assert "does not answer" in _complaint(_same("s3://bucket/other"))


def test_an_endpoint_that_is_no_address_is_told_without_its_keys(
    root: ObjectDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for endpoint in (f"http://known:{SECRET}@127.0.0.1:9", "127.0.0.1:9"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        assert "AWS_ENDPOINT_URL: not the address of a server" in _complaint(_same(root))

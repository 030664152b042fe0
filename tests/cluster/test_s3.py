"""A run into a bucket: killed, resumed, and told in one line what is wrong."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.dataset as pads
import pytest

from medgym_ray.store.layout import logs
from medgym_ray.store.objects import ObjectDirectory
from medgym_ray.store.recovery import trajectory_ids
from tests.cluster.command import generate, replay_file, start
from tests.objects import SECRET, make_bucket, s3_server, variables

_RUN = "s3://bucket/runs/one"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 server, and what a user sets to reach it."""
    with s3_server() as (address, _):
        make_bucket(address)
        for name, value in variables(address).items():
            monkeypatch.setenv(name, value)
        yield


def _appends(run: ObjectDirectory) -> int:
    return sum(len(run.names(part.log)) for part in logs(run) if part.table == "trajectories")


@pytest.mark.usefixtures("bucket")
def test_a_run_into_a_bucket_is_killed_and_resumed(tmp_path: Path) -> None:
    reply = {"action": "submit", "params": {"code": "import time; time.sleep(0.4); answer = 1"}}
    replies = replay_file(tmp_path / "replies.jsonl", reply)
    arguments = ["+model=replay", f"model.path={replies}", "tasks=npowerai", "tasks.limit=8", "sampling.rollouts=2"]
    arguments += ["sandbox.concurrency=2", f"output.dir={_RUN}"]
    run = ObjectDirectory(_RUN)
    driver = start(*arguments)
    deadline = time.monotonic() + 120
    while _appends(run) < 2:
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.1)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    ended = generate(*arguments)
    assert ended.code == 0, ended.err
    assert "brought in from the log of an interrupted run" in ended.err
    assert f"pyarrow.dataset.dataset('{_RUN}/trajectories')" in ended.out
    ids = pads.dataset(f"{_RUN}/trajectories").to_table(columns=["trajectory_id"])["trajectory_id"].to_pylist()
    assert len(ids) == len(set(ids)) == 16
    assert set(ids) == trajectory_ids(run)
    assert not logs(run)
    assert run.names(".wal/0.lock") == run.names(".wal/driver.lock") == [], "nobody holds it"
    accounts = [run.read(name) or b"" for name in run.names("") if name.startswith("events-")]
    assert sorted(account.count(b'"event":"run_ended"') for account in accounts) == [0, 1], "one of each command"
    assert SECRET not in ended.out + ended.err + str(run.read("run.yaml")) + str(accounts)
    other = generate(*arguments, "seed=9")
    assert other.code == 2
    assert f"{_RUN} holds a run with other settings: seed=9 (there: 0)" in other.complaint


def test_a_store_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    ended = generate("tasks=npowerai", "tasks.limit=1", f"output.dir={_RUN}")
    assert ended.code == 2
    assert "http://127.0.0.1:9 does not answer; is AWS_ENDPOINT_URL right" in ended.complaint
    assert SECRET not in ended.out + ended.err

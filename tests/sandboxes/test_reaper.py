"""What crashed runs leave behind is found and removed; what lives, and what is a stranger's, stays."""

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from medgym_ray.sandboxes import bubblewrap, cache, cgroups, owners, reaper
from medgym_ray.sandboxes.base import Cell
from medgym_ray.sandboxes.cgroups import Group, Groups
from medgym_ray.sandboxes.image import image_tag
from medgym_ray.sandboxes.registry import make_factory
from tests.conftest import REPOSITORY

WAIT_S = 30.0
MACHINE = uuid.uuid4().hex[:16]
GONE = f"{MACHINE}/999999999/1"
ANOTHER_MACHINE = "0123456789abcdef/999999999/1"


@pytest.fixture(autouse=True)
def a_machine_of_its_own(monkeypatch):
    """So that what else runs here (tests in other processes) neither removes what these tests leave, nor loses any."""
    monkeypatch.setattr(owners, "machine", lambda: MACHINE)


def eventually(true: Callable[[], object]) -> None:
    until = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


# Owners.


def test_this_process_is_not_gone_and_its_number_alone_says_nothing():
    machine, number, began = owners.owner().split("/")
    assert not owners.is_gone(f"{machine}/{number}/{began}")
    assert owners.is_gone(f"{machine}/{number}/{int(began) - 1}")  # an earlier process of that number


@pytest.mark.parametrize("name", [ANOTHER_MACHINE, "HERE/999999999/unknown", "", "x", "HERE/x/1"])
def test_what_cannot_be_judged_is_not_gone(name):
    assert not owners.is_gone(name.replace("HERE", MACHINE))


def test_a_killed_process_is_gone_before_anyone_has_collected_it():
    code = "from medgym_ray.sandboxes.owners import owner; print(owner(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as process:
        _, number, began = process.stdout.readline().strip().split("/")
        name = f"{MACHINE}/{number}/{began}"
        assert not owners.is_gone(name)
        process.kill()
        eventually(lambda: owners.is_gone(name))
    assert owners.is_gone(name)


def test_a_process_that_is_hidden_from_us_is_not_gone(monkeypatch):
    def hidden(pid: int) -> tuple[bool, str]:
        raise FileNotFoundError

    name = owners.owner()
    monkeypatch.setattr(owners, "_state", hidden)
    assert not owners.is_gone(name)
    assert owners.is_gone(GONE)


# Containers.


@pytest.fixture
def engine() -> Iterator[Any]:
    import docker

    with contextlib.closing(docker.from_env()) as client:
        yield client


@pytest.fixture
def by_hand() -> Iterator[Callable[..., str]]:
    """Starts containers that go on whatever becomes of their owner; without a name they are a stranger's."""
    made: list[str] = []

    def start(owner: str | None, *arguments: str) -> str:
        line = ["docker", "run", "--detach", "--network=none", "--entrypoint=sleep", *arguments]
        line += [f"--label={reaper.OWNER_LABEL}={owner}", f"--label={reaper.RUN_LABEL}=tests"] if owner else []
        done = subprocess.run([*line, image_tag(), "600"], capture_output=True, text=True, check=True)
        made.append(done.stdout.strip())
        return made[-1]

    yield start
    subprocess.run(["docker", "rm", "--force", *made], capture_output=True, check=False)


def is_there(engine: Any, container: str) -> bool:
    return bool(engine.containers.list(all=True, filters={"id": container}))


@pytest.mark.docker
def test_containers_of_the_dead_are_removed_and_no_others(engine, by_hand):
    paused, old = by_hand(GONE), by_hand(GONE, f"--label={reaper.STARTED_LABEL}=yesterday")
    kept = [by_hand(name) for name in (ANOTHER_MACHINE, owners.owner(), "nonsense", None)]
    engine.containers.get(paused).pause()
    removed = reaper.remove_orphans(engine)
    assert any(line.endswith("of run tests, started yesterday") and old[:10] in line for line in removed)
    assert not is_there(engine, paused)
    assert not is_there(engine, old)
    assert all(is_there(engine, container) for container in kept)


CRASHING = """
import asyncio, sys, time
from medgym_ray.sandboxes import owners
from medgym_ray.sandboxes.base import Cell
from medgym_ray.sandboxes.registry import make_factory

owners.machine = lambda: sys.argv[2]

async def main():
    factory = make_factory(sys.argv[1], slots=1, run_id="crashing", preimport=())
    await factory.start()
    sandbox = await factory.create()
    await sandbox.run(Cell("1"))
    print("ready", flush=True)
    await sandbox.run(Cell("import time; time.sleep(600)"))

asyncio.run(main())
"""


@contextlib.contextmanager
def crashing(kind: str) -> Iterator[subprocess.Popen[str]]:
    """A run that has a sandbox and a cell in it."""
    line, env = [sys.executable, "-c", CRASHING, kind, MACHINE], {**os.environ, "TMPDIR": tempfile.gettempdir()}
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, env=env) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()
            process.wait()
            list(cgroups.sweep())


def labelled(engine: Any, pid: int) -> list[Any]:
    found = engine.containers.list(all=True, filters={"label": reaper.OWNER_LABEL}, ignore_removed=True)
    return [container for container in found if f"/{pid}/" in container.labels[reaper.OWNER_LABEL]]


@pytest.mark.docker
def test_a_paused_container_of_a_killed_run_is_removed(engine):
    with crashing("docker") as process:
        (container,) = labelled(engine, process.pid)
        assert container.labels[reaper.RUN_LABEL] == "crashing"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", container.labels[reaper.STARTED_LABEL])
        container.pause()
        reaper.remove_orphans(engine)
        assert labelled(engine, process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        removed = reaper.remove_orphans(engine)
        assert [line for line in removed if "of run crashing" in line]
        assert not labelled(engine, process.pid)


@pytest.mark.docker
async def test_a_live_factory_looks_again_and_again_until_it_is_closed(engine, by_hand, monkeypatch):
    monkeypatch.setattr(reaper, "EVERY_S", 0.2)
    factory = make_factory("docker", slots=1, run_id="tests", preimport=())
    await factory.start()
    try:
        container = by_hand(GONE)
        async with asyncio.timeout(WAIT_S):
            while await asyncio.to_thread(is_there, engine, container):
                await asyncio.sleep(0.1)
        sandbox = await factory.create()
        assert (await sandbox.run(Cell("answer = 1"))).answer == 1
    finally:
        await factory.close()
    container = by_hand(GONE)
    await asyncio.sleep(1)
    assert is_there(engine, container)


async def test_an_engine_that_fails_for_a_while_does_not_end_the_looking():
    looks = []

    class Engine:
        @property
        def containers(self) -> Any:
            looks.append(time.monotonic())
            raise ConnectionError("the engine restarts")

    task = asyncio.create_task(reaper.keep_removing(Engine(), 0.01))
    async with asyncio.timeout(WAIT_S):
        while len(looks) < 3:
            await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


# Control groups.


@pytest.fixture
def groups() -> Iterator[Groups]:
    found = Groups.find()
    if found is None:
        pytest.skip("no control groups can be made here")
    yield found
    found.close()


def group_of(owner: str, groups: Groups) -> Group:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owners, "owner", lambda: owner)
        return Groups(groups._memory, groups._pids, groups._names).make()


def test_groups_of_the_dead_are_removed_and_their_processes_with_them(groups):
    live = groups.make()
    made = [group_of(owner, groups) for owner in (GONE, ANOTHER_MACHINE)]
    left = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        made[0].admit(left.pid)
        swept = set(cgroups.sweep())
        assert made[0].directories <= swept
        assert left.wait(WAIT_S) == -signal.SIGKILL
        assert not any(directory.exists() for directory in made[0].directories)
        for group in (made[1], live):
            assert all(directory.is_dir() for directory in group.directories)
            assert not group.directories & swept
    finally:
        left.kill()
        left.wait()
        assert live.remove()
        assert made[1].remove()


def test_a_factory_s_start_removes_groups_of_the_dead(groups):
    group = group_of(GONE, groups)
    found = Groups.find()
    assert found is not None
    assert not any(directory.exists() for directory in group.directories)
    found.close()


# Scratch directories.


@pytest.fixture
def scratches(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_scratch_of_a_killed_run_is_swept_and_that_of_a_live_one_is_not(scratches):
    mine = bubblewrap.Scratch()
    with crashing("namespace") as process:
        (scratch,) = scratches.glob(f"medgym-sandbox-{process.pid}-*")
        assert scratch not in list(bubblewrap.sweep())
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert scratch in list(bubblewrap.sweep())
        assert not scratch.exists()
    assert Path(mine.name).is_dir()
    mine.cleanup()
    assert not Path(mine.name).exists()


def test_scratch_that_has_no_lock_yet_is_left_until_it_is_old(scratches):
    young, old = scratches / "medgym-sandbox-1-a", scratches / "medgym-sandbox-1-b"
    for directory in (young, old, scratches / "other"):
        directory.mkdir()
    os.utime(old, (0, 0))
    (scratches / "medgym-sandbox-1-c").symlink_to(scratches / "other")
    assert list(bubblewrap.sweep()) == [old]
    assert (scratches / "other").is_dir()
    assert young.is_dir()


# The cache.


def test_half_built_caches_are_swept_and_those_being_built_are_not(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    root = tmp_path / "medgym_ray"
    for name in ("env-1", "env-1.abc", "env-2.abc", "env-2.x.y", "weights/.model.7", "stranger.abc"):
        (root / name / "inside").mkdir(parents=True)
    for name in ("env-1.lock", "env-1.log", "env-2.lock", "weights/.model.lock"):
        (root / name).touch()
    with (root / "env-2.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert list(cache.sweep()) == [root / "env-1.abc", root / "weights/.model.7"]
    assert list(cache.sweep()) == [root / "env-2.abc"]
    assert sorted(path.name for path in root.iterdir() if path.is_dir()) == [
        "env-1",
        "env-2.x.y",
        "stranger.abc",
        "weights",
    ]


def test_built_once_and_whole_or_not_at_all(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    built = []

    def build(directory: Path) -> Path:
        built.append(directory)
        (directory / "part").mkdir()
        if len(built) == 1:
            raise OSError("disk full")
        return directory / "part"

    with pytest.raises(OSError, match="disk full"):
        cache.build_once("thing", build)
    assert not [path for path in (tmp_path / "medgym_ray").iterdir() if path.is_dir()]
    assert cache.build_once("thing", build) == cache.build_once("thing", build) == tmp_path / "medgym_ray/thing"
    assert len(built) == 2
    assert [path.name for path in (tmp_path / "medgym_ray").iterdir() if path.is_dir()] == ["thing"]

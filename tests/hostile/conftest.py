"""One sandbox of each kind. Every attack here is made on each of them, and after every attack the same must hold.

The next cell is none the wiser, the machine shows no trace, and a reset makes the sandbox as new: that is looked at
after each test, whatever the test itself asserts.
"""

import asyncio
import dataclasses
import inspect
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellResult, CellStatus, Limits, Sandbox, SandboxFactory
from medgym_ray.sandboxes.registry import make_factory
from tests.hostile import host
from tests.hostile.fingerprint import FINGERPRINT

QUICK = Limits(cpu_s=10, wall_s=20, memory_mb=512, processes=32, file_mb=64)
RUN_ID = f"hostile-{os.getpid()}"
Runner = Callable[..., Awaitable[CellResult]]

# A group of its own for each: two bombs at a time are enough for a small machine.
BACKENDS = [
    pytest.param("namespace", marks=pytest.mark.xdist_group("hostile-namespace")),
    pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.xdist_group("hostile-docker")]),
    pytest.param(
        "docker+runsc", marks=[pytest.mark.docker, pytest.mark.runsc, pytest.mark.xdist_group("hostile-runsc")]
    ),
]
NORMAL = """
import json, os, pandas
print(json.dumps({"sum": int(pandas.Series([1, 2]).sum())}))
answer = sum(name.isdigit() for name in os.listdir("/proc"))
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests share one event loop, for the factories live in it."""
    shared = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if "/hostile/" in str(item.path) and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(shared, append=False)


@pytest.fixture(scope="session")
def canary() -> Iterator[str]:
    """A word that this machine knows, by files of that name and content and in the environment, and no cell must."""
    word = f"whortleberry-{secrets.token_hex(8)}"
    places = {tempfile.gettempdir(), "/var/tmp", "/dev/shm", str(Path.home())}
    files = [Path(place, word) for place in places if os.access(place, os.W_OK)]
    for file in files:
        file.write_text(word)
        file.chmod(0o644)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDGYM_HOSTILE_CANARY", word)
        yield word
    for file in files:
        file.unlink()


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def factory(backend: str, canary: str) -> AsyncIterator[SandboxFactory]:
    kind, _, runtime = backend.partition("+")
    made = make_factory(kind, slots=2, run_id=RUN_ID, limits=QUICK, **({"runtime": runtime} if runtime else {}))
    await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(factory: SandboxFactory) -> AsyncIterator[Sandbox]:
    made = await factory.create()
    yield made
    await made.close()


@pytest.fixture(scope="session")
def gvisor(backend: str) -> bool:
    """Whether the cell's kernel is gVisor, which lets some things be said that then mean nothing."""
    return "runsc" in backend


@pytest.fixture(scope="session")
def patience(gvisor: bool) -> float:
    """How much more time than Linux a backend needs: gVisor traces every system call."""
    return 4.0 if gvisor else 1.0


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pristine(shared: Sandbox, patience: float) -> str:
    """What a cell sees of a sandbox in which nothing ever ran."""
    return await look(shared, patience)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def company(shared: Sandbox, pristine: str) -> int:
    """How many processes of ours there are while nothing runs."""
    await asyncio.sleep(1)
    return host.processes(RUN_ID)


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(shared: Sandbox, patience: float, pristine: str, company: int) -> AsyncIterator[Sandbox]:
    """After every attack: the next cell works, the machine shows no trace, and a reset makes the sandbox as new."""
    before = host.traces()
    yield shared
    try:
        result = await shared.run(Cell(NORMAL, limits=allow(patience)))
        assert (result.status, result.stdout, result.stderr) == (CellStatus.OK, '{"sum": 3}\n', "")
        assert result.answer <= 3  # the first process, the supervisor, the cell
        for _ in range(100):  # the kernel takes a little to clear away the dead
            alive, after = host.processes(RUN_ID), host.traces()
            if alive <= company and after == before:
                break
            await asyncio.sleep(0.05)
        assert alive <= company
        assert after == before
    finally:
        await shared.reset()  # whatever became of it, from here on it is one to work with
    assert await look(shared, patience) == pristine


@pytest.fixture
def run(sandbox: Sandbox, patience: float) -> Runner:
    """Runs code under quick limits; keyword arguments change them."""

    async def runner(code: str, *, language: str = "python", debug: bool = False, **limits: float) -> CellResult:
        return await sandbox.run(Cell(code, language, allow(patience, **limits), debug))

    return runner


async def survived(attack: Awaitable[CellResult], sandbox: Sandbox, gvisor: bool) -> CellResult | None:
    """The attack's result; None where it cost the sandbox, and nothing else: gVisor counts neither
    processes nor a cell's memory for us, so many children at once can outrun the supervisor; it then fails closed."""
    try:
        return await attack
    except SandboxError:
        assert gvisor
        await sandbox.reset()
        return None


def allow(patience: float, **limits: float) -> Limits:
    """Quick limits, with what is to be otherwise; times are for the kernel's own speed."""
    values = {field.name: getattr(QUICK, field.name) for field in dataclasses.fields(QUICK)} | limits
    return Limits(**{name: value * patience if name.endswith("_s") else value for name, value in values.items()})


async def look(sandbox: Sandbox, patience: float) -> str:
    """The sandbox's fingerprint."""
    result = await sandbox.run(Cell(FINGERPRINT, limits=allow(patience, output_bytes=1 << 22)))
    assert (result.status, result.stderr, result.truncated) == (CellStatus.OK, "", False)
    return result.stdout

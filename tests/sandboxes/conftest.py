"""One sandbox of each kind, reset after every test; the tests say what any sandbox must do."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from medgym_ray.sandboxes.base import Cell, CellResult, Limits, Sandbox, SandboxFactory
from medgym_ray.sandboxes.registry import make_factory

QUICK = Limits(cpu_s=10, wall_s=20, memory_mb=512, processes=32, file_mb=64)
Runner = Callable[..., Awaitable[CellResult]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests share one event loop, for the factories live in it."""
    shared = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        test = getattr(item, "obj", None)
        test = getattr(getattr(test, "hypothesis", None), "inner_test", test)
        if "/sandboxes/" in str(item.path) and inspect.iscoroutinefunction(test):
            item.add_marker(shared, append=False)


@pytest_asyncio.fixture(
    scope="session",
    loop_scope="session",
    params=[pytest.param("namespace"), pytest.param("docker", marks=pytest.mark.docker)],
)
async def factory(request: pytest.FixtureRequest) -> AsyncIterator[SandboxFactory]:
    made = make_factory(request.param, slots=2, run_id="tests", limits=QUICK)
    await made.start()
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(factory: SandboxFactory) -> AsyncIterator[Sandbox]:
    made = await factory.create()
    yield made
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox(shared: Sandbox) -> AsyncIterator[Sandbox]:
    yield shared
    await shared.reset()


@pytest.fixture
def run(sandbox: Sandbox) -> Runner:
    """Runs code under quick limits; keyword arguments change them."""

    async def runner(code: str, *, language: str = "python", debug: bool = False, **limits: float) -> CellResult:
        values = {name: getattr(QUICK, name) for name in QUICK.__slots__} | limits
        return await sandbox.run(Cell(code, language, Limits(**values), debug))

    return runner

"""A container whose host has fallen silent ends by itself, wherever its engine runs."""

import asyncio

import pytest
import pytest_asyncio

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes import docker as module
from medgym_ray.sandboxes.base import Cell, CellStatus

pytestmark = pytest.mark.docker


@pytest_asyncio.fixture(loop_scope="session")
async def made(monkeypatch, request):
    monkeypatch.setattr(module, "_SILENCE_S", 1.0)
    monkeypatch.setattr(module, "_PING_S", request.param)
    factory = module.DockerFactory(run_id="tests", preimport=())
    await factory.start()
    yield await factory.create()
    await factory.close()


@pytest.mark.parametrize("made", [0.2], indirect=True)
async def test_a_host_that_pings_keeps_its_idle_containers(made):
    await asyncio.sleep(2.5)
    assert made.alive()
    assert (await made.run(Cell("print(1)"))).status is CellStatus.OK
    await made.reset()
    await asyncio.sleep(1.5)
    assert (await made.run(Cell("import time; time.sleep(1.5)"))).status is CellStatus.OK


@pytest.mark.parametrize("made", [60], indirect=True)
async def test_a_silent_host_loses_them(made):
    for _ in range(100):
        if not made.alive():
            break
        await asyncio.sleep(0.1)
    assert not made.alive()
    with pytest.raises(SandboxError, match="the supervisor ended"):
        await made.run(Cell("print(1)"))
    await made.reset()
    assert (await made.run(Cell("print(1)"))).stdout == "1\n"

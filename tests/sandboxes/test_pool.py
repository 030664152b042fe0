"""The pool: bounds, reuse after a reset, and no use of what was lost."""

import asyncio

import pytest

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellResult, CellStatus
from medgym_ray.sandboxes.pool import SandboxPool


class FakeSandbox:
    def __init__(self, factory, name):
        self.factory, self.name = factory, name
        self.resets = 0
        self.closed = False
        self.dead = False

    def alive(self):
        return not self.dead

    async def put(self, files):
        pass

    async def run(self, cell):
        self.factory.running += 1
        self.factory.most_running = max(self.factory.most_running, self.factory.running)
        await asyncio.sleep(0.001)
        self.factory.running -= 1
        return CellResult(CellStatus.OK, 0, str(self.name), "")

    async def reset(self):
        if self.factory.broken:
            raise SandboxError("cannot be wiped")
        self.resets += 1

    async def close(self):
        self.closed = True


class FakeFactory:
    def __init__(self, slow_start=False):
        self.slow_start = slow_start
        self.made = []
        self.broken = False
        self.starting = self.most_starting = self.running = self.most_running = 0
        self.closed = False

    async def start(self):
        pass

    async def create(self):
        self.starting += 1
        self.most_starting = max(self.most_starting, self.starting)
        await asyncio.sleep(0.001)
        self.starting -= 1
        self.made.append(FakeSandbox(self, len(self.made)))
        return self.made[-1]

    async def close(self):
        self.closed = True

    def provenance(self):
        return {}


async def settled():
    """Lets what goes on in the background come to its end."""
    await asyncio.sleep(0.02)


async def test_sandboxes_are_bounded_and_used_again():
    factory = FakeFactory()
    pool = SandboxPool(factory, 4, running=2)

    async def episode():
        async with pool.acquire() as sandbox:
            for _ in range(3):
                await sandbox.run(Cell("1"))

    await asyncio.gather(*(episode() for _ in range(20)))
    await settled()
    assert len(factory.made) == 4
    assert sum(sandbox.resets for sandbox in factory.made) == 20
    assert factory.most_starting == 2
    assert factory.most_running == 2
    await pool.close()
    assert factory.closed
    assert all(sandbox.closed for sandbox in factory.made)
    with pytest.raises(SandboxError, match="closed"):
        async with pool.acquire():
            pass


async def test_what_cannot_be_reset_is_dropped():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)
    factory.broken = True
    async with pool.acquire():
        pass
    await settled()
    assert factory.made[0].closed
    factory.broken = False
    async with pool.acquire() as sandbox:
        assert (await sandbox.run(Cell("1"))).stdout == "1"


async def test_an_episode_s_failure_passes_through_and_its_sandbox_is_reset():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)
    with pytest.raises(KeyError):
        async with pool.acquire():
            raise KeyError
    await settled()
    assert factory.made[0].resets == 1


async def test_a_cancelled_episode_s_sandbox_is_dropped():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)

    async def episode():
        async with pool.acquire():
            await asyncio.sleep(60)

    task = asyncio.create_task(episode())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await settled()
    assert factory.made[0].closed
    async with pool.acquire() as sandbox:
        assert (await sandbox.run(Cell("1"))).stdout == "1"


async def test_a_failed_start_frees_its_slot():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)
    create = factory.create

    async def fail():
        raise SandboxError("no room")

    factory.create = fail
    with pytest.raises(SandboxError, match="no room"):
        async with pool.acquire():
            pass
    factory.create = create
    async with pool.acquire():
        pass


async def test_a_sandbox_that_died_while_idle_costs_no_episode():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)
    async with pool.acquire():
        pass
    await settled()
    factory.made[0].dead = True
    async with pool.acquire() as sandbox:
        assert (await sandbox.run(Cell("1"))).stdout == "1"
    assert factory.made[0].closed


async def test_what_starts_slowly_is_made_ahead_and_replaced_in_the_background():
    factory = FakeFactory(slow_start=True)
    pool = SandboxPool(factory, 3)
    pool.fill()
    await settled()
    assert len(factory.made) == 3
    async with pool.acquire():
        factory.broken = True
    await settled()
    assert [sandbox.closed for sandbox in factory.made] == [False, False, True, False]
    factory.broken = False
    async with pool.acquire(), pool.acquire(), pool.acquire():
        assert len(factory.made) == 4
    await pool.close()
    assert all(sandbox.closed for sandbox in factory.made)


async def test_whoever_waits_takes_the_first_that_is_ready():
    factory = FakeFactory(slow_start=True)
    pool = SandboxPool(factory, 2)
    pool.fill()
    async with pool.acquire(), pool.acquire():
        assert len(factory.made) == 2


async def test_closing_wakes_those_who_wait():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)

    async def never():
        await asyncio.sleep(60)

    factory.create = never
    waiting = asyncio.create_task(pool.acquire().__aenter__())
    await settled()
    await pool.close()
    with pytest.raises(SandboxError, match="closed"):
        await waiting

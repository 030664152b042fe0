"""The pool: bounds, reuse after a reset, and no use of what was lost."""

import asyncio
from types import SimpleNamespace

import pytest

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes import pool as pool_module
from medgym_ray.sandboxes.base import Cell, CellResult, CellStatus
from medgym_ray.sandboxes.lazy import LazySandbox
from medgym_ray.sandboxes.pool import SandboxPool


class FakeSandbox:
    def __init__(self, factory, name):
        self.factory, self.name = factory, name
        self.resets = 0
        self.files = {}
        self.closed = False
        self.dead = False

    def alive(self):
        return not self.dead

    async def put(self, files):
        self.files.update(files)

    async def run(self, cell):
        self.factory.running += 1
        self.factory.most_running = max(self.factory.most_running, self.factory.running)
        await asyncio.sleep(0.001)
        self.factory.running -= 1
        self.files_seen = dict(self.files)
        if cell.code == "leave":
            self.files["left"] = b""
        return CellResult(CellStatus.OK, 0, str(self.name), "", untouched="left" not in self.files)

    async def reset(self):
        if self.factory.broken:
            raise SandboxError("cannot be wiped")
        self.resets += 1
        self.files.clear()

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


async def test_nothing_is_taken_before_something_runs_and_the_files_wait():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)
    async with LazySandbox(pool) as first, LazySandbox(pool) as second:
        await first.put({"a": b"1"})
        await second.put({"b": b"2"})
        assert factory.made == []
        await first.run(Cell("1"))
        assert factory.made[0].files_seen == {"a": b"1"}
    await pool.close()


async def test_an_episode_that_left_nothing_gives_way_and_never_notices():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)
    async with LazySandbox(pool) as first, LazySandbox(pool) as second:
        await first.put({"a": b"1"})
        for sandbox in (first, second, first, second):
            async with asyncio.timeout(5):
                await sandbox.run(Cell("1"))
        assert (len(factory.made), factory.made[0].resets) == (1, 3)
        await first.run(Cell("1"))
        assert factory.made[0].files_seen == {"a": b"1"}
    await pool.close()


async def test_a_sandbox_that_is_offered_stays_while_nobody_wants_it():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)
    async with LazySandbox(pool) as only:
        for _ in range(3):
            await only.run(Cell("1"))
        assert factory.made[0].resets == 0
    await pool.close()


async def test_what_was_left_in_a_sandbox_is_not_taken_away():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)
    async with LazySandbox(pool) as second:
        async with LazySandbox(pool) as first:
            await first.run(Cell("leave"))
            waiting = asyncio.create_task(second.run(Cell("1")))
            await settled()
            assert not waiting.done()
            await first.run(Cell("1"))
            assert "left" in factory.made[0].files_seen
        async with asyncio.timeout(5):
            await waiting
        assert factory.made[0].files_seen == {}
    await pool.close()


async def test_who_waits_is_served_as_soon_as_another_can_do_without():
    factory = FakeFactory()
    pool = SandboxPool(factory, 1)
    async with LazySandbox(pool) as first, LazySandbox(pool) as second, LazySandbox(pool) as third:
        async with asyncio.timeout(5):
            results = await asyncio.gather(*(sandbox.run(Cell("1")) for sandbox in (first, second, third)))
        assert [result.status for result in results] == [CellStatus.OK] * 3
    assert len(factory.made) == 1
    await pool.close()


async def test_many_episodes_share_few_sandboxes():
    factory = FakeFactory()
    pool = SandboxPool(factory, 3, running=2)

    async def episode(number):
        async with LazySandbox(pool) as sandbox:
            await sandbox.put({"task": str(number).encode()})
            for code in ("1", "leave" if number % 5 == 0 else "1", "1"):
                await sandbox.run(Cell(code))
                assert sandbox._sandbox is None or sandbox._sandbox._sandbox.files_seen["task"] == str(number).encode()
                await asyncio.sleep(0.001 * (number % 3))

    async with asyncio.timeout(20):
        await asyncio.gather(*map(episode, range(60)))
    await settled()
    assert len(factory.made) <= 3
    await pool.close()


async def test_with_little_memory_left_no_sandbox_is_made_beside_those_that_are_out(monkeypatch):
    share = [99.0]
    monkeypatch.setattr(pool_module.psutil, "virtual_memory", lambda: SimpleNamespace(percent=share[0]))
    monkeypatch.setattr(pool_module, "_MEMORY_POLL_S", 0.01)
    factory = FakeFactory()
    pool = SandboxPool(factory, 4)
    async with LazySandbox(pool) as first, LazySandbox(pool) as second, LazySandbox(pool) as third:
        await first.run(Cell("leave"))
        waiting = asyncio.create_task(second.run(Cell("1")))
        await settled()
        assert not waiting.done()
        share[0] = 10.0
        async with asyncio.timeout(5):
            await waiting
        assert len(factory.made) == 2
        share[0] = 99.0
        async with asyncio.timeout(5):
            await third.run(Cell("1"))
        assert len(factory.made) == 2, "the second one gave way"
    await pool.close()

"""A pool of sandboxes: fewer than there are episodes, and even fewer cells at a time.

Episodes wait for the policy most of the time, and then they need no sandbox unless they have left something in theirs.
So there are more episodes than sandboxes, and more sandboxes than cores; but more cells at once than cores only make
each of them slower, which is why running has a bound of its own. Making, resetting and closing go on in the
background: an episode waits for them only where there is nothing ready for it.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, Protocol

import psutil

from medgym_ray.errors import SandboxError
from medgym_ray.occupancy import Occupancy, Use
from medgym_ray.sandboxes.base import Cell, CellResult, Sandbox, SandboxFactory
from medgym_ray.sandboxes.turnstile import Turnstile

_LOG = logging.getLogger(__name__)
_STARTING = 2
_MEMORY_SHARE = 90.0
"""Per cent of the machine's memory in use beyond which no further sandbox is made while there is any."""
_MEMORY_POLL_S = 0.5


class Tenant(Protocol):
    """Who holds a sandbox and could do without it for a while."""

    def surrender(self) -> Coroutine[Any, Any, None]:
        """From now on it has none; what is returned gives it back."""
        ...


class SandboxPool:
    """Up to `size` sandboxes of one factory. To be used within one event loop."""

    def __init__(self, factory: SandboxFactory, size: int, *, running: int | None = None) -> None:
        """`running`: how many cells at a time, by default as many as this process has cores."""
        self._factory = factory
        self._size = size
        self._free: list[Sandbox] = []
        self._slots = asyncio.Semaphore(size)
        self._starting = asyncio.Semaphore(_STARTING)
        self._machine = Turnstile("starting", os.cpu_count() or 1)
        self._running = asyncio.Semaphore(running or len(os.sched_getaffinity(0)))
        self._changed = asyncio.Condition()
        self._failures: list[SandboxError] = []
        self._offered: dict[Tenant, None] = {}
        self._queue = 0
        self._making = self._waiting = 0
        self._lent = Occupancy(size)
        self._errands: set[asyncio.Task[None]] = set()
        self._creations: set[asyncio.Task[None]] = set()
        self._closed = False

    def fill(self) -> None:
        """Makes, in the background, as many sandboxes as there may be; for kinds that take seconds to start."""
        while self._making + len(self._free) + self._lent.holders < self._size:
            self._make()

    def use(self) -> Use:
        """How much of the time its sandboxes were lent, or cleaned for the next."""
        return self._lent.use()

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Sandbox]:
        """A clean sandbox of one's own. Raises SandboxError where none can be made."""
        await self._slot()
        try:
            sandbox = await self._take()
        except BaseException:
            self._slots.release()
            raise
        self._lent.enter()
        clean = False
        try:
            yield _Bounded(sandbox, self._running)
            clean = True
        except asyncio.CancelledError:
            raise
        except Exception:
            clean = True  # the episode's failure says nothing about the sandbox; the reset will
            raise
        finally:
            self._send(self._give_back(sandbox, clean))

    async def _slot(self) -> None:
        """Waits until there may be one more; has one back that its tenant can do without."""
        self._queue += 1
        try:
            if self._slots.locked() and self._offered:
                self._call_in(next(iter(self._offered)))
            await self._slots.acquire()
        finally:
            self._queue -= 1

    def offer(self, tenant: Tenant) -> None:
        """It holds a sandbox that it can do without, until it withdraws; who has offered longest is asked first."""
        self._offered[tenant] = None
        if self._queue:
            self._call_in(tenant)

    def withdraw(self, tenant: Tenant) -> None:
        """It uses its sandbox again."""
        self._offered.pop(tenant, None)

    def _call_in(self, tenant: Tenant) -> None:
        del self._offered[tenant]
        self._send(tenant.surrender())

    async def close(self) -> None:
        """Closes the free sandboxes and the factory with all others."""
        self._closed = True
        async with self._changed:
            self._changed.notify_all()
        for creation in self._creations:
            creation.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)
        free, self._free = self._free, []
        for sandbox in free:
            await _close(sandbox)
        await self._factory.close()

    async def _take(self) -> Sandbox:
        """A free sandbox that lives; has one made where none is on its way."""
        if not self._waiting:
            self._failures.clear()  # meant for somebody who has left
        self._waiting += 1
        try:
            async with self._changed:
                while True:
                    if self._closed:
                        raise SandboxError("the pool of sandboxes is closed")
                    while self._free:
                        sandbox = self._free.pop()
                        if sandbox.alive():
                            return sandbox
                        _LOG.warning("a sandbox died while it was idle; it is replaced")
                        self._send(_close(sandbox))
                    if self._failures:
                        raise self._failures.pop()
                    if self._making < self._waiting:
                        self._make()
                    await self._changed.wait()
        finally:
            self._waiting -= 1

    def _make(self) -> None:
        self._making += 1
        creation = self._send(self._create())
        self._creations.add(creation)
        creation.add_done_callback(self._creations.discard)

    async def _create(self) -> None:
        try:
            async with self._starting:
                if not await self._memory():
                    return
                # Containers take a core for a second or two each, whichever of the machine's executors they are for.
                async with self._machine.turn() if self._factory.slow_start else contextlib.nullcontext():
                    made = await self._factory.create()
        except SandboxError as error:
            if self._waiting:
                self._failures.append(error)
            else:
                _LOG.warning("%s", error)
        else:
            self._free.append(made)
        finally:
            self._making -= 1
        async with self._changed:
            self._changed.notify_all()

    async def _memory(self) -> bool:
        """Waits while the machine has little left and sandboxes are out that may come back; False once one has."""
        while self._lent.holders and psutil.virtual_memory().percent > _MEMORY_SHARE:
            if self._offered:
                self._call_in(next(iter(self._offered)))
            await asyncio.sleep(_MEMORY_POLL_S)
            if self._waiting < self._making:
                return False
        return True

    async def _give_back(self, sandbox: Sandbox, clean: bool) -> None:
        """Resets what can be used again and replaces what cannot; a failed clean-up is no failure of the episode."""
        try:
            if clean and not self._closed:
                try:
                    await sandbox.reset()
                    self._free.append(sandbox)
                    async with self._changed:
                        self._changed.notify()
                    return
                except SandboxError as error:
                    _LOG.warning("a sandbox is replaced: %s", error)
            await _close(sandbox)
        finally:
            self._lent.leave()
            self._slots.release()
            if self._factory.slow_start and not self._closed:
                self.fill()

    def _send(self, errand: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)
        return task


async def _close(sandbox: Sandbox) -> None:
    with contextlib.suppress(SandboxError):
        await sandbox.close()


class _Bounded:
    """A sandbox whose cells wait for their turn. The waiting is not part of a cell's time: that begins inside."""

    def __init__(self, sandbox: Sandbox, running: asyncio.Semaphore) -> None:
        self._sandbox = sandbox
        self._running = running

    async def put(self, files: Mapping[str, bytes]) -> None:
        await self._sandbox.put(files)

    async def run(self, cell: Cell) -> CellResult:
        async with self._running:
            return await self._sandbox.run(cell)

    async def reset(self) -> None:
        await self._sandbox.reset()

    async def close(self) -> None:
        await self._sandbox.close()

    def alive(self) -> bool:
        return self._sandbox.alive()

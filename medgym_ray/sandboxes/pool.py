"""A pool of sandboxes: one per live episode, few cells at a time.

Episodes wait for the policy most of the time, so there are more sandboxes than cores; but more cells at once than
cores only make each of them slower, which is why running has a bound of its own.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellResult, Sandbox, SandboxFactory

_STARTING = 2


class SandboxPool:
    """Up to `size` sandboxes of one factory, made when first needed. To be used within one event loop."""

    def __init__(self, factory: SandboxFactory, size: int, *, running: int | None = None) -> None:
        """`running`: how many cells at a time, by default as many as this process has cores."""
        self._factory = factory
        self._free: list[Sandbox] = []
        self._slots = asyncio.Semaphore(size)
        self._starting = asyncio.Semaphore(_STARTING)
        self._running = asyncio.Semaphore(running or len(os.sched_getaffinity(0)))
        self._closed = False

    @contextlib.asynccontextmanager
    async def acquire(self) -> AsyncIterator[Sandbox]:
        """A clean sandbox of one's own. Raises SandboxError where none can be made."""
        async with self._slots:
            if self._closed:
                raise SandboxError("the pool of sandboxes is closed")
            sandbox = self._free.pop() if self._free else await self._create()
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
                await self._give_back(sandbox, clean)

    async def close(self) -> None:
        """Closes the free sandboxes and the factory with all others."""
        self._closed = True
        free, self._free = self._free, []
        for sandbox in free:
            with contextlib.suppress(SandboxError):
                await sandbox.close()
        await self._factory.close()

    async def _create(self) -> Sandbox:
        async with self._starting:
            return await self._factory.create()

    async def _give_back(self, sandbox: Sandbox, clean: bool) -> None:
        """Resets what can be used again and drops what cannot; a failed clean-up is no failure of the episode."""
        if clean and not self._closed:
            try:
                await sandbox.reset()
                self._free.append(sandbox)
                return
            except SandboxError:
                pass
            except BaseException:
                await self._drop(sandbox)
                raise
        await self._drop(sandbox)

    async def _drop(self, sandbox: Sandbox) -> None:
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

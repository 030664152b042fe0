"""A sandbox that is held only while something depends on it."""

from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from medgym_ray.sandboxes.base import Cell, CellResult, Sandbox
from medgym_ray.sandboxes.pool import SandboxPool


class LazySandbox:
    """Taken from its pool when something first runs in it, and left to others between cells where it holds nothing.

    Most families grade by data alone: their graders never cost a sandbox. And an episode that waits for its policy,
    whose cells have left no file, can have its sandbox taken away and never notice: the next cell runs in another.
    """

    def __init__(self, pool: SandboxPool) -> None:
        self._pool = pool
        self._stack = AsyncExitStack()
        self._sandbox: Sandbox | None = None
        self._files: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _taken(self) -> Sandbox:
        if self._sandbox is not None:
            self._pool.withdraw(self)
            return self._sandbox
        sandbox = await self._stack.enter_async_context(self._pool.acquire())
        if self._files:
            await sandbox.put(self._files)
        self._sandbox = sandbox
        return sandbox

    async def put(self, files: Mapping[str, bytes]) -> None:
        """See Sandbox. Where nothing has run yet, the files wait here."""
        self._files.update(files)
        if self._sandbox is not None and files:
            await (await self._taken()).put(files)

    async def run(self, cell: Cell) -> CellResult:
        """See Sandbox."""
        result = await (await self._taken()).run(cell)
        if result.untouched:
            self._pool.offer(self)
        return result

    def surrender(self) -> Coroutine[Any, Any, None]:
        """From now on it has none; what is returned gives it back."""
        stack, self._stack, self._sandbox = self._stack, AsyncExitStack(), None
        return stack.aclose()

    async def reset(self) -> None:
        """See Sandbox; nothing to do where nothing ran."""
        self._files.clear()
        if self._sandbox is not None:
            await (await self._taken()).reset()

    def alive(self) -> bool:
        """See Sandbox; one that was not taken yet will be."""
        return self._sandbox is None or self._sandbox.alive()

    async def close(self) -> None:
        """Gives the sandbox back."""
        self._pool.withdraw(self)
        await self.surrender()

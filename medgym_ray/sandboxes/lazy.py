"""A sandbox that is taken from its pool only when something runs in it."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from medgym_ray.sandboxes.base import Cell, CellResult, Sandbox
from medgym_ray.sandboxes.pool import SandboxPool


class LazySandbox:
    """Most families grade by data alone: their graders never cost a sandbox."""

    def __init__(self, pool: SandboxPool) -> None:
        self._pool = pool
        self._stack = AsyncExitStack()
        self._sandbox: Sandbox | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _taken(self) -> Sandbox:
        if self._sandbox is None:
            self._sandbox = await self._stack.enter_async_context(self._pool.acquire())
        return self._sandbox

    async def put(self, files: Mapping[str, bytes]) -> None:
        """See Sandbox."""
        await (await self._taken()).put(files)

    async def run(self, cell: Cell) -> CellResult:
        """See Sandbox."""
        return await (await self._taken()).run(cell)

    async def reset(self) -> None:
        """See Sandbox; nothing to do where nothing ran."""
        if self._sandbox is not None:
            await self._sandbox.reset()

    def alive(self) -> bool:
        """See Sandbox; one that was not taken yet will be."""
        return self._sandbox is None or self._sandbox.alive()

    async def close(self) -> None:
        """Gives the sandbox back."""
        self._sandbox = None
        await self._stack.aclose()

"""A sandbox: namespace sandboxes whose cells get less time and memory, whatever the configuration allows."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from medgym_ray.config import SandboxConfig
from medgym_ray.sandboxes.base import Cell, CellResult, Sandbox, SandboxFactory
from medgym_ray.sandboxes.configured import configured_factory

_CPU_S, _MEMORY_MB = 5.0, 256


class Strict(SandboxFactory):
    """`sandbox=strict`. Makes sandboxes of another kind, and puts each into one of its own."""

    def __init__(self, sandbox: SandboxConfig, *, run_id: str, mounts: Mapping[str, Path]) -> None:
        """`sandbox` is the section of the configuration, `mounts` the tables: path inside → outside, read-only."""
        self._inner = configured_factory(replace(sandbox, kind="namespace"), run_id=run_id, mounts=mounts)
        self.slow_start = self._inner.slow_start

    async def start(self) -> None:
        await self._inner.start()

    async def create(self) -> Sandbox:
        return StrictSandbox(await self._inner.create())

    async def close(self) -> None:
        await self._inner.close()

    def provenance(self) -> dict[str, str]:
        """Into every record: what ran the cells."""
        return self._inner.provenance() | {"kind": "strict", "cell": f"{_CPU_S:g} s, {_MEMORY_MB} MiB"}


class StrictSandbox(Sandbox):
    """Hands everything on, and cells with smaller limits."""

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner

    async def put(self, files: Mapping[str, bytes]) -> None:
        await self._inner.put(files)

    async def run(self, cell: Cell) -> CellResult:
        limits = cell.limits
        least = replace(limits, cpu_s=min(limits.cpu_s, _CPU_S), memory_mb=min(limits.memory_mb, _MEMORY_MB))
        return await self._inner.run(replace(cell, limits=least))

    async def reset(self) -> None:
        await self._inner.reset()

    async def close(self) -> None:
        await self._inner.close()

    def alive(self) -> bool:
        return self._inner.alive()

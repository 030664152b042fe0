"""The durable writer as an actor: one per run, near its storage."""

from collections.abc import Collection
from pathlib import Path

from medgym_ray.store.writer import DurableWriter
from medgym_ray.trajectory import Failure, Trajectory


class ShardWriter:
    """Acknowledges a record once it is on disk."""

    def __init__(self, root: str, name: str, known: Collection[str], shard_bytes: int, shard_s: float) -> None:
        """Raises StorageError where another run holds the directory."""
        self._arguments = (Path(root), name, known, shard_bytes, shard_s)
        self._writer: DurableWriter | None = None

    async def open(self) -> None:
        """Takes the directory. Raises StorageError. Apart from the constructor, so that the error keeps its type."""
        self._writer = DurableWriter(*self._arguments)

    async def append(self, trajectory: Trajectory) -> bool:
        """Returns once the trajectory is durable; False for an id that already was."""
        return await self._opened().append(trajectory)

    async def append_failure(self, failure: Failure) -> None:
        """Returns once the failure is durable."""
        await self._opened().append_failure(failure)

    async def close(self) -> None:
        """Seals what is open."""
        await self._opened().close()

    def _opened(self) -> DurableWriter:
        assert self._writer is not None, "open() comes first"
        return self._writer

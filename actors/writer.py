"""The durable writer as an actor: one per run, near its storage."""

import asyncio
from collections.abc import Collection

from medgym_ray.store.recovery import recover, trajectory_ids
from medgym_ray.store.roots import root_at
from medgym_ray.store.writer import DurableWriter, lock
from medgym_ray.trajectory import Failure, Trajectory


class ShardWriter:
    """Acknowledges a record once it is durable."""

    def __init__(self, root: str, name: str, shard_bytes: int, shard_s: float) -> None:
        self._root, self._name = root_at(root), name
        self._shard_bytes, self._shard_s = shard_bytes, shard_s
        self._ids: set[str] = set()
        self._writer: DurableWriter | None = None

    async def open(self, known: Collection[str] | None) -> None:
        """Takes the directory, where `known` trajectories are; None: mends the log of a writer that died, and looks.

        Raises StorageError where another run holds it. Apart from the constructor, so that the error keeps its type.
        """
        self._ids = await asyncio.to_thread(self._recovered) if known is None else set(known)
        self._writer = DurableWriter(self._root, self._name, self._ids, self._shard_bytes, self._shard_s)

    def _recovered(self) -> set[str]:
        lock(self._root, self._name).close()  # the dead one may still be ending
        recover(self._root)
        return trajectory_ids(self._root)

    async def append(self, trajectory: Trajectory) -> bool:
        """Returns once the trajectory is durable; False for an id that already was."""
        fresh = await self._opened().append(trajectory)
        self._ids.add(trajectory.trajectory_id)
        return fresh

    async def append_failure(self, failure: Failure) -> None:
        """Returns once the failure is durable."""
        await self._opened().append_failure(failure)

    async def ids(self) -> set[str]:
        """Every trajectory that is durable."""
        return set(self._ids)

    async def live(self) -> None:
        """Never returns: who waits for it learns of the actor's end."""
        await asyncio.Event().wait()

    async def close(self) -> None:
        """Seals what is open."""
        if self._writer is not None:
            await self._writer.close()

    def _opened(self) -> DurableWriter:
        assert self._writer is not None, "open() comes first"
        return self._writer

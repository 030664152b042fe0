"""The durable writer as an actor: one per run, near its storage."""

import asyncio
import socket
import time
from collections.abc import Mapping, Sequence

from actors import metrics
from actors.logs import start_logging
from medgym_ray.errors import RecordError, StorageError
from medgym_ray.store.recovery import failure_keys, recover, successes
from medgym_ray.store.roots import root_at
from medgym_ray.store.run import is_run
from medgym_ray.store.writer import DurableWriter, lock
from medgym_ray.trajectory import Failure, FailureKey, Trajectory


class ShardWriter:
    """Acknowledges a record once it is durable."""

    def __init__(self, root: str, name: str, shard_bytes: int, shard_s: float) -> None:
        start_logging("writer")
        self._root, self._name = root_at(root), name
        self._shard_bytes, self._shard_s = shard_bytes, shard_s
        self._writer: DurableWriter | None = None

    async def open(self, known: Mapping[str, bool] | None) -> None:
        """Takes the directory, where `known` trajectories are; None: mends the log of a writer that died, and looks.

        Raises StorageError where another run holds the directory or it cannot be seen from here. Apart from the
        constructor, so that the error keeps its type.
        """
        if not await asyncio.to_thread(is_run, self._root):
            raise StorageError(
                f"{self._root}: not to be seen from {socket.gethostname()}, which is to write there; "
                "give a directory that both machines share, or s3://BUCKET/PREFIX"
            )
        there, failures = await asyncio.to_thread(self._recovered) if known is None else (known, set())
        self._writer = DurableWriter(self._root, self._name, there, self._shard_bytes, self._shard_s, failures)

    def _recovered(self) -> tuple[Mapping[str, bool], set[FailureKey]]:
        lock(self._root, self._name).close()  # the dead one may still be ending
        recover(self._root)
        return successes(self._root), failure_keys(self._root)

    async def append(self, trajectories: Sequence[Trajectory]) -> list[RecordError | None]:
        """Returns once all are durable but those that do not fit the schema, which it says why. Raises StorageError."""
        came = time.monotonic()
        ends = await asyncio.gather(*map(self._opened().append, trajectories), return_exceptions=True)
        refusals: list[RecordError | None] = []
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, RecordError):
                raise end
            refusals.append(end if isinstance(end, RecordError) else None)
        metrics.acknowledged(refusals.count(None), time.monotonic() - came)
        return refusals

    async def append_failure(self, failure: Failure) -> None:
        """Returns once the failure is durable."""
        await self._opened().append_failure(failure)

    async def successes(self) -> dict[str, bool]:
        """Every trajectory that is durable, and whether it was a success."""
        return self._opened().successes()

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

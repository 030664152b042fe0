"""The durable writer: appends, acknowledges once the record is on disk, and turns full logs into shards."""

import asyncio
import contextlib
import time
from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from medgym_ray.errors import RecordError, StorageError
from medgym_ray.store.directory import Directory, Held, Log
from medgym_ray.store.layout import FAILURES, TRAJECTORIES, Part, Table, logs, shards
from medgym_ray.store.roots import Root, directory
from medgym_ray.store.shards import seal
from medgym_ray.trajectory import Failure, FailureKey, Trajectory, to_batch

_MISFITS = (pa.ArrowException, TypeError, ValueError, OverflowError)


class DurableWriter:
    """Writes one run's trajectories and failures. One process at a time per writer name and directory."""

    def __init__(
        self,
        root: Root,
        name: str,
        known: Mapping[str, bool],
        shard_bytes: int,
        shard_s: float,
        failures: Collection[FailureKey] = (),
    ) -> None:
        """What is `known` is already committed, with whether it was a success.

        Raises StorageError where another process holds the directory.
        """
        store = directory(root)
        self._lock = lock(store, name)
        self._known = dict(known)
        self._known_failures = set(failures)
        self._in_flight: dict[str, asyncio.Future[None]] = {}
        self._trajectories = _TableWriter(store, TRAJECTORIES, name, shard_bytes, shard_s)
        self._failures = _TableWriter(store, FAILURES, name, shard_bytes, shard_s)

    async def append(self, trajectory: Trajectory) -> bool:
        """Returns once the trajectory is durable: True, or False for an id that already was.

        Raises StorageError; RecordError where the trajectory does not fit the schema.
        """
        identity = trajectory.trajectory_id
        if identity in self._known:
            return False
        if (twin := self._in_flight.get(identity)) is not None:
            await asyncio.shield(twin)
            return False
        # A task of its own: a caller that goes away must not leave it open whether the row was written.
        append = self._in_flight[identity] = asyncio.ensure_future(self._trajectories.append(trajectory))
        append.add_done_callback(lambda done: self._landed(trajectory, done))
        await asyncio.shield(append)
        return True

    def _landed(self, trajectory: Trajectory, append: asyncio.Future[None]) -> None:
        del self._in_flight[trajectory.trajectory_id]
        if not append.cancelled() and append.exception() is None:
            self._known[trajectory.trajectory_id] = trajectory.success

    async def append_failure(self, failure: Failure) -> None:
        """Returns once the failure is durable; nothing is done for one that was sent before. Raises StorageError."""
        if failure.key not in self._known_failures:
            await self._failures.append(failure)
            self._known_failures.add(failure.key)

    def successes(self) -> dict[str, bool]:
        """Every trajectory that is durable, and whether it was a success."""
        return dict(self._known)

    async def close(self) -> None:
        """Seals what is open. Raises StorageError; the logs are then still there for the next run."""
        try:
            await self._trajectories.close()
            await self._failures.close()
        finally:
            self._lock.close()


_Waiting = tuple[Trajectory | Failure, asyncio.Future[None]]


def _batches(records: Sequence[Trajectory | Failure], table: Table) -> tuple[list[bytes], dict[int, RecordError]]:
    """All records as one serialised batch: one by one they would cost ten times as much.

    Where one does not fit the schema, each is a batch of its own, and those that do not fit are returned by place.
    """
    try:
        return [_serialised(records, table)], {}
    except _MISFITS:
        batches, refused = [], {}
        for place, record in enumerate(records):
            try:
                batches.append(_serialised([record], table))
            except _MISFITS as error:
                refused[place] = RecordError(f"record does not fit the schema of {table.name}: {error}")
        return batches, refused


def _serialised(records: Sequence[Trajectory | Failure], table: Table) -> bytes:
    serialised: bytes = to_batch(records, table.schema).serialize().to_pybytes()
    return serialised


class _TableWriter:
    """One table's open log. Appends that arrive while the disk or the store is busy share its next fsync or upload."""

    def __init__(self, store: Directory, table: Table, name: str, shard_bytes: int, shard_s: float) -> None:
        self._store, self._table, self._name = store, table, name
        self._shard_bytes, self._shard_s = shard_bytes, shard_s
        used = [p.number for p in [*logs(store), *shards(store, table)] if (p.table, p.writer) == (table.name, name)]
        self._next_number = max(used, default=-1) + 1
        self._log: Log | None = None
        self._part: Part | None = None
        self._opened = 0.0
        self._next_group = 0.0
        self._unsealed: list[Part] = []
        self._pending: list[_Waiting] = []
        self._disk = asyncio.Lock()
        self._ageing: asyncio.Task[None] | None = None
        self._closed = False

    async def append(self, record: Trajectory | Failure) -> None:
        if self._closed:
            raise StorageError(f"{self._store}: the run is over, nothing more is written")
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((record, durable))
        async with self._disk:
            if not durable.done():
                await asyncio.sleep(self._next_group - time.monotonic())
                self._next_group = time.monotonic() + self._store.group_s
                await self._commit_pending()
        await durable

    async def _commit_pending(self) -> None:
        group, self._pending = self._pending, []
        try:
            refused = await asyncio.to_thread(self._write, [record for record, _ in group])
        except StorageError as error:
            for _, durable in group:
                durable.set_exception(StorageError(str(error)))
            return
        for number, (_, durable) in enumerate(group):
            if number in refused:
                durable.set_exception(refused[number])
            else:
                durable.set_result(None)
        if self._ageing is None:
            self._ageing = asyncio.create_task(self._seal_when_old())
        if self._log is not None and self._log.bytes >= self._shard_bytes:
            await asyncio.to_thread(self._seal)

    def _write(self, records: list[Trajectory | Failure]) -> dict[int, RecordError]:
        """Appends records; those that do not fit are left out and returned, by their places."""
        batches, refused = _batches(records, self._table)
        if not batches:
            return refused
        if self._log is None:
            part = Part(self._table.name, self._name, self._next_number)
            self._log = self._store.create_log(part, self._table.schema)
            self._part, self._opened = part, time.monotonic()
            self._next_number += 1
        self._log.append(batches)
        return refused

    def _seal(self) -> None:
        """What is in the log is durable already: where sealing fails (disk full), the log waits for `close`."""
        if self._log is None or self._part is None:
            return
        self._log.close()
        self._unsealed.append(self._part)
        self._log = self._part = None
        with contextlib.suppress(StorageError):
            self._seal_waiting()

    def _seal_waiting(self) -> None:
        while self._unsealed:
            seal(self._store, self._unsealed[0])
            del self._unsealed[0]

    async def _seal_when_old(self) -> None:
        while True:
            await asyncio.sleep(max(0.05, self._opened + self._shard_s - time.monotonic()))
            async with self._disk:
                if self._log is not None and time.monotonic() - self._opened >= self._shard_s:
                    await asyncio.to_thread(self._seal)

    async def close(self) -> None:
        self._closed = True
        async with self._disk:
            if self._ageing is not None:  # not while its thread seals: that goes on, and would meet the one below
                self._ageing.cancel()
            await asyncio.to_thread(self._seal)
            await asyncio.to_thread(self._seal_waiting)


def lock(root: Root, name: str, wait_s: float = 20.0) -> Held:
    """Takes the lock called `name` of a run's directory; it goes with the object or with the process.

    Waits a little, for the writer of a run that was just killed. Raises StorageError where it stays taken.
    """
    return directory(root).lock(name, wait_s)

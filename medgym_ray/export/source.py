"""The runs that are read: their shards as they were when the export began, and rows by their place in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from medgym_ray.store.layout import TRAJECTORIES, logs
from medgym_ray.store.roots import Root
from medgym_ray.store.shards import ManifestEntry
from medgym_ray.store.stored import StoredRun, read_shard

_BATCH = 64
"""Trajectories in memory."""


@dataclass(frozen=True, slots=True)
class Source:
    """Several runs as one sequence of trajectories; a trajectory's place in it is its number from 0.

    Shards that a run gets meanwhile are not seen, so every pass sees the same.
    """

    runs: tuple[StoredRun, ...]
    shards: tuple[tuple[Root, ManifestEntry], ...]

    @classmethod
    def open(cls, runs: tuple[StoredRun, ...]) -> "Source":
        """Raises StorageError where a manifest cannot be read."""
        return cls(runs, tuple((run.root, entry) for run in runs for entry in run.entries()))

    @property
    def rows(self) -> int:
        """Trajectories in all."""
        return sum(entry.rows for _, entry in self.shards)

    def unfinished(self) -> list[str]:
        """Runs with rows in a log, which are not seen."""
        return [run.name for run in self.runs if isinstance(run.root, Path) and logs(run.root)]

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All trajectories in order. Raises StorageError."""
        for root, entry in self.shards:
            yield from read_shard(root, entry.shard, TRAJECTORIES, columns, _BATCH)

    def pick(self, plan: pa.Table, columns: Sequence[str]) -> Iterator[tuple[pa.Table, pa.RecordBatch]]:
        """The trajectories at `plan`'s column `place`, which ascends without repeats, beside the rows of `plan`.

        Shards without any are not opened. Raises StorageError.
        """
        places = plan["place"].to_numpy()
        start = 0
        for root, entry in self.shards:
            if np.searchsorted(places, start) == np.searchsorted(places, start + entry.rows):
                start += entry.rows
                continue
            for batch in read_shard(root, entry.shard, TRAJECTORIES, columns, _BATCH):
                low, high = (int(np.searchsorted(places, edge)) for edge in (start, start + batch.num_rows))
                if low < high:
                    yield plan.slice(low, high - low), batch.take(pa.array(places[low:high] - start))
                start += batch.num_rows

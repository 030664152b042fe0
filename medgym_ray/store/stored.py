"""A run that was stored, for whoever reads it: its configuration and its trajectories, batch by batch."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.layout import FAILURES, MANIFEST, RUN_FILE, TRAJECTORIES, Table
from medgym_ray.store.roots import Root, directory, root_at
from medgym_ray.store.run import read_run_file
from medgym_ray.store.shards import ManifestEntry, read_manifest
from medgym_ray.trajectory import Trajectory, Turn


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run's directory or bucket prefix. It may still grow: what is read is what its manifest lists at that moment."""

    name: str
    """As the user typed it."""
    root: Root
    identity: Mapping[str, Any]
    config: Mapping[str, Any]
    versions: Mapping[str, Any]

    def entries(self, table: Table = TRAJECTORIES) -> list[ManifestEntry]:
        """The committed shards, oldest first. Raises StorageError."""
        return [entry for entry in read_manifest(self.root) if entry.table == table.name]

    def rows(self, table: Table = TRAJECTORIES) -> int:
        """How many records the committed shards hold. Raises StorageError."""
        return sum(entry.rows for entry in self.entries(table))

    def trajectories(self, columns: Sequence[str] | None = None, batch_rows: int = 64) -> Iterator[pa.RecordBatch]:
        """All of them or some of their columns, in the order of the shards, never more than a row group in memory.

        Raises StorageError for a shard that is gone, damaged, or of another version of the schema.
        """
        for entry in self.entries():
            yield from read_shard(self.root, entry.shard, TRAJECTORIES, columns, batch_rows)

    def failures(self) -> Iterator[pa.RecordBatch]:
        """Attempts that failed through a fault of ours. Raises StorageError."""
        for entry in self.entries(FAILURES):
            yield from read_shard(self.root, entry.shard, FAILURES, None, 1024)


def open_runs(typed: object) -> tuple[StoredRun, ...]:
    """The runs that `run=DIR` or `run=[DIR,…]` names. Raises ConfigError for none, and for one given twice."""
    names = [str(name) for name in typed] if isinstance(typed, list) else [str(typed or "")]
    if not all(name.strip() for name in names) or not names:
        raise ConfigError("run is empty; give run=DIR, or several as run=[A,B]")
    runs = tuple(open_run(name) for name in names)
    places: set[str] = set()
    for stored in runs:
        place = str(stored.root.resolve() if isinstance(stored.root, Path) else stored.root)
        if place in places:
            raise ConfigError(f"run: {stored.name} is given twice; give each run once")
        places.add(place)
    return runs


def open_run(name: str, key: str = "run") -> StoredRun:
    """The run at a path or `s3://BUCKET/PREFIX`; `key` is what the user typed it for. Raises ConfigError."""
    if not name.strip():
        raise ConfigError(f"{key} is empty; give {key}=DIR")
    root = root_at(name, key)
    try:
        there = directory(root).read(RUN_FILE) is not None and bool(directory(root).committed())
    except StorageError as error:
        raise ConfigError(str(error)) from error
    if not there:
        raise ConfigError(f"{key}={name}: no run is there (it would hold {RUN_FILE} and {MANIFEST})")
    content = read_run_file(root)
    return StoredRun(name, root, content["identity"], content["config"], content["versions"])


def read_shard(
    root: Root, shard: str, table: Table, columns: Sequence[str] | None, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """One shard, batch by batch. Raises StorageError."""
    with _opened(root, shard, table) as opened:
        yield from opened.iter_batches(batch_size=batch_rows, columns=None if columns is None else list(columns))


def read_row_group(root: Root, shard: str, table: Table, row: int) -> tuple[int, pa.RecordBatch]:
    """The row group of a shard that holds its row `row`, and the number of that group's first row.

    Raises StorageError; IndexError where the shard has no such row.
    """
    with _opened(root, shard, table) as opened:
        first = 0
        for number in range(opened.num_row_groups):
            rows = opened.metadata.row_group(number).num_rows
            if row < first + rows:
                return first, opened.read_row_group(number).combine_chunks().to_batches()[0]
            first += rows
    raise IndexError(f"{root}/{shard} has no row {row}")


@contextlib.contextmanager
def _opened(root: Root, shard: str, table: Table) -> Iterator[pq.ParquetFile]:
    where = f"{root}/{shard}"
    try:
        with pq.ParquetFile(directory(root).open_shard(shard)) as opened:
            if not opened.schema_arrow.equals(table.schema):
                raise StorageError(f"{where}: its columns are those of another version of medgym_ray")
            yield opened
    except FileNotFoundError as error:
        raise StorageError(f"{where}: listed in the manifest but not there; restore it from a copy") from error
    except (OSError, pa.ArrowException) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"{where}: cannot be read ({str(error).splitlines()[0]}); restore it from a copy") from error


def read_trajectory(row: dict[str, Any]) -> Trajectory:
    """A row of a shard, all columns, as the record it was."""
    return Trajectory(**{**row, "turns": [Turn(**turn) for turn in row["turns"]]})


def new_directory(name: str, key: str = "output.dir") -> Path:
    """Where a command will put what it makes. Raises ConfigError where something is there already, or for a bucket."""
    if not name.strip():
        raise ConfigError(f"{key} is empty; give {key}=DIR")
    if "://" in name:
        raise ConfigError(f"{key}={name}: what this command makes lies on this machine; give {key}=DIR")
    target = Path(name).expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ConfigError(f"{key}={name} is there already; choose one that is not")
    return target

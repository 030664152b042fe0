"""What a run's directory holds after any crash, and making it whole again."""

from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow.parquet as pq

from medgym_ray.errors import StorageError
from medgym_ray.store.layout import FAILURES, MANIFEST, TABLES, TRAJECTORIES, logs, shards
from medgym_ray.store.roots import Root, directory
from medgym_ray.store.shards import read_manifest, seal
from medgym_ray.trajectory import FailureKey


@dataclass(frozen=True, slots=True)
class Tally:
    """The trajectories of a directory."""

    rows: int
    successes: int
    by_family: dict[str, tuple[int, int]]
    """Family: (rows, successes)."""


def recover(root: Root) -> int:
    """Brings every log that a crash left behind into a shard. Returns the number of rows brought in.

    Call it while no writer is at work. Raises StorageError where the directory contradicts its manifest.
    """
    store = directory(root)
    store.mend()
    entries = read_manifest(root)
    committed = {entry.shard for entry in entries}
    waiting = logs(store)
    known = trajectory_ids(root) if store.repeats and waiting else None
    rescued = 0
    for part in waiting:
        if part.shard in committed:  # crashed between commit and clean-up
            store.remove_log(part)
        elif (entry := seal(root, part, known)) is not None:
            entries.append(entry)
            committed.add(entry.shard)
            rescued += entry.rows
    there = {part.shard for table in TABLES.values() for part in shards(store, table)}
    for shard in sorted(there):
        store.discard(shard)
        if shard not in committed:
            raise StorageError(f"{store}/{shard}: not listed in {MANIFEST}; move it out of the directory")
    for entry in entries:
        if entry.shard not in there:
            raise StorageError(f"{store}/{entry.shard}: listed in {MANIFEST} but not there; restore it from a copy")
    return rescued


def trajectory_ids(root: Root) -> set[str]:
    """The ledger: ids of every committed trajectory."""
    ids: set[str] = set()
    for entry in read_manifest(root):
        if entry.table == TRAJECTORIES.name:
            ids.update(_read(root, entry.shard, ["trajectory_id"])["trajectory_id"].to_pylist())
    return ids


def successes(root: Root) -> dict[str, bool]:
    """The ledger with its outcomes: whether each committed trajectory was a success."""
    outcomes: dict[str, bool] = {}
    for entry in read_manifest(root):
        if entry.table == TRAJECTORIES.name:
            columns = _read(root, entry.shard, ["trajectory_id", "success"]).to_pydict()
            outcomes.update(zip(columns["trajectory_id"], columns["success"], strict=True))
    return outcomes


def worked_s(root: Root) -> float:
    """How long committed trajectories were being made: seconds in which at least one was."""
    spans: list[tuple[datetime, datetime]] = []
    for entry in read_manifest(root):
        if entry.table == TRAJECTORIES.name:
            columns = _read(root, entry.shard, ["started_at", "finished_at"]).to_pydict()
            spans.extend(zip(columns["started_at"], columns["finished_at"], strict=True))
    seconds, until = 0.0, datetime.min.replace(tzinfo=UTC)
    for began, ended in sorted(spans):
        seconds += max(0.0, (ended - max(began, until)).total_seconds())
        until = max(until, ended)
    return seconds


def failure_keys(root: Root) -> set[FailureKey]:
    """Every committed failure."""
    keys: set[FailureKey] = set()
    for entry in read_manifest(root):
        if entry.table == FAILURES.name:
            columns = _read(root, entry.shard, ["trajectory_id", "attempt", "at"]).to_pydict()
            keys.update(zip(columns["trajectory_id"], columns["attempt"], columns["at"], strict=True))
    return keys


def tally(root: Root) -> Tally:
    """Counts the committed trajectories."""
    families: dict[str, tuple[int, int]] = {}
    for entry in read_manifest(root):
        if entry.table != TRAJECTORIES.name:
            continue
        table = _read(root, entry.shard, ["family", "success"])
        for family, success in zip(table["family"].to_pylist(), table["success"].to_pylist(), strict=True):
            rows, successes = families.get(family, (0, 0))
            families[family] = (rows + 1, successes + bool(success))
    rows = sum(n for n, _ in families.values())
    return Tally(rows, sum(s for _, s in families.values()), dict(sorted(families.items())))


def _read(root: Root, shard: str, columns: list[str]) -> "pq.Table":
    store = directory(root)
    try:
        return pq.read_table(store.open_shard(shard), columns=columns)
    except StorageError:
        raise
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise StorageError(f"{store}/{shard}: cannot be read ({reason}); restore it from a copy") from error


def prepare_directory(root: Root) -> None:
    """Makes the folders of a run. Raises StorageError where they can't be made or written."""
    directory(root).prepare()

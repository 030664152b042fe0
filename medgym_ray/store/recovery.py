"""What a run's directory holds after any crash, and making it whole again."""

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from medgym_ray.errors import StorageError
from medgym_ray.store.layout import LOG_DIR, MANIFEST, TABLES, TRAJECTORIES, logs, shards, temporary
from medgym_ray.store.shards import read_manifest, seal


@dataclass(frozen=True, slots=True)
class Tally:
    """The trajectories of a directory."""

    rows: int
    successes: int
    by_family: dict[str, tuple[int, int]]
    """Family: (rows, successes)."""


def recover(root: Path) -> int:
    """Brings every log that a crash left behind into a shard. Returns the number of rows brought in.

    Call it while no writer is at work. Raises StorageError where the directory contradicts its manifest.
    """
    _drop_torn_line(root)
    committed = {entry.shard for entry in read_manifest(root)}
    rescued = 0
    for part in logs(root):
        if part.shard in committed:  # crashed between commit and clean-up
            (root / part.log).unlink()
        elif (entry := seal(root, part)) is not None:
            committed.add(entry.shard)
            rescued += entry.rows
    for table in TABLES.values():
        for part in shards(root, table):
            temporary(root / part.shard).unlink(missing_ok=True)
            if part.shard not in committed:
                raise StorageError(f"{root / part.shard}: not listed in {MANIFEST}; move it out of the directory")
    for entry in read_manifest(root):
        if not (root / entry.shard).is_file():
            raise StorageError(f"{root / entry.shard}: listed in {MANIFEST} but not there; restore it from a copy")
    return rescued


def _drop_torn_line(root: Path) -> None:
    path = root / MANIFEST
    if not path.exists():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        os.truncate(path, whole)


def trajectory_ids(root: Path) -> set[str]:
    """The ledger: ids of every committed trajectory."""
    ids: set[str] = set()
    for entry in read_manifest(root):
        if entry.table == TRAJECTORIES.name:
            ids.update(_read(root / entry.shard, ["trajectory_id"])["trajectory_id"].to_pylist())
    return ids


def tally(root: Path) -> Tally:
    """Counts the committed trajectories."""
    families: dict[str, tuple[int, int]] = {}
    for entry in read_manifest(root):
        if entry.table != TRAJECTORIES.name:
            continue
        table = _read(root / entry.shard, ["family", "success"])
        for family, success in zip(table["family"].to_pylist(), table["success"].to_pylist(), strict=True):
            rows, successes = families.get(family, (0, 0))
            families[family] = (rows + 1, successes + bool(success))
    rows = sum(n for n, _ in families.values())
    return Tally(rows, sum(s for _, s in families.values()), dict(sorted(families.items())))


def _read(path: Path, columns: list[str]) -> "pq.Table":
    try:
        return pq.read_table(path, columns=columns)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be read ({str(error).splitlines()[0]}); restore it from a copy") from error


def prepare_directory(root: Path) -> None:
    """Makes the folders of a run. Raises StorageError where they can't be made or written."""
    try:
        for folder in (LOG_DIR, *TABLES):
            (root / folder).mkdir(parents=True, exist_ok=True)
        probe = root / LOG_DIR / ".probe"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise StorageError(f"output.dir={root}: cannot write there ({error.strerror})") from error

"""What kills have done to a run: lost, doubled, torn, and made again."""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from medgym_ray.store.layout import FAILURES, TABLES, TRAJECTORIES, logs, shards
from medgym_ray.store.log import read_log
from medgym_ray.store.shards import read_manifest

_CAUSES = {
    "ClusterError": ("executor", "raylet"),
    "PolicyError": ("replica", "raylet"),
    "SandboxError": ("sandbox master", "container", "dockerd", "raylet"),
}
"""By what may end an attempt in an error of this class."""


@dataclass(slots=True)
class Losses:
    """What was wrong after kills."""

    lost: int = 0
    """Durable before a kill and not in the end, or not there at all."""
    doubled: int = 0
    torn: int = 0
    """Shards that are not what the manifest says, and rewards that are not those of the undisturbed run."""

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.torn)

    def add(self, other: "Losses") -> None:
        """Sums up."""
        self.lost += other.lost
        self.doubled += other.doubled
        self.torn += other.torn


def durable(run: Path) -> set[str]:
    """What a kill may not take: ids in committed shards, and in logs."""
    while True:
        found: set[str] = set()
        sealed = len(read_manifest(run))
        for part in logs(run):
            if part.table == TRAJECTORIES.name:
                try:
                    batches = list(read_log(run / part.log))
                except OSError:  # it has just become a shard
                    continue
                found.update(i for batch in batches for i in batch.column("trajectory_id").to_pylist())
        found.update(row for row, _ in _committed(run))
        if len(read_manifest(run)) == sealed:
            return found


def rewards(run: Path) -> dict[str, float]:
    """By trajectory."""
    return dict(_committed(run))


def _committed(run: Path) -> list[tuple[str, float]]:
    rows: list[tuple[str, float]] = []
    for entry in read_manifest(run):
        if entry.table == TRAJECTORIES.name:
            columns = pq.read_table(run / entry.shard, columns=["trajectory_id", "reward"]).to_pydict()
            rows += zip(columns["trajectory_id"], columns["reward"], strict=True)
    return rows


def judge(run: Path, acknowledged: Collection[str], undisturbed: Mapping[str, float]) -> Losses:
    """What is wrong with a run after its kills and its end."""
    rows = _committed(run)
    ids = Counter(row for row, _ in rows)
    return Losses(
        lost=len((set(acknowledged) | set(undisturbed)) - set(ids)),
        doubled=sum(count - 1 for count in ids.values()) + len(set(ids) - set(undisturbed)),
        torn=sum(undisturbed.get(row) != reward for row, reward in rows) + _torn(run),
    )


def _torn(run: Path) -> int:
    """Shards whose size, rows or sha256 are not the manifest's, files that it does not list, and logs left behind."""
    entries = read_manifest(run)
    wrong = len(logs(run))
    for entry in entries:
        data = (run / entry.shard).read_bytes()
        same = hashlib.sha256(data).hexdigest() == entry.sha256 and len(data) == entry.bytes
        wrong += not (same and pq.read_metadata(run / entry.shard).num_rows == entry.rows)
    listed = Counter(entry.shard for entry in entries)
    there = {part.shard for table in TABLES.values() for part in shards(run, table)}
    return wrong + sum(count - 1 for count in listed.values()) + len(there ^ set(listed))


def made_again(run: Path, kills: Sequence[tuple[datetime, str]]) -> Counter[str]:
    """Attempts that failed and were recorded, each by the last kill before it that can have been its cause.

    A driver that is killed records nothing.
    """
    found: Counter[str] = Counter()
    for entry in read_manifest(run):
        if entry.table != FAILURES.name:
            continue
        columns = pq.read_table(run / entry.shard, columns=["error_class", "at"]).to_pydict()
        for error_class, at in zip(columns["error_class"], columns["at"], strict=True):
            causes = [kind for when, kind in kills if when <= at and kind in _CAUSES.get(error_class, ())]
            found[causes[-1] if causes else "other"] += 1
    return found

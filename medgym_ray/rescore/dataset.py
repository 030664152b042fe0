"""A run's directory, read shard by shard and written again in the same layout."""

import asyncio
import shutil
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from medgym_ray.errors import StorageError
from medgym_ray.rescore.rescorer import Rescored, Rescorer
from medgym_ray.store.layout import DROPPED, TRAJECTORIES, Part, shards
from medgym_ray.store.log import WriteAheadLog
from medgym_ray.store.shards import append_manifest, read_manifest, seal
from medgym_ray.store.stored import read_shard, read_trajectory
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Trajectory, to_batch

_BATCH = 64
"""Trajectories in memory."""


@dataclass(slots=True)
class FamilyChanges:
    """What became of a family's trajectories."""

    rows: int = 0
    rewards: Counter[tuple[float, float]] = field(default_factory=Counter)
    """(old, new) of those that changed."""
    old_total: float = 0.0
    new_total: float = 0.0
    versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Scorer versions (old, new)."""
    problems: dict[str, str] = field(default_factory=dict)
    """Ids of trajectories that kept their old score → `task: why`."""
    blanked: int = 0
    altered: int = 0

    def count(self, before: Trajectory, after: Rescored) -> None:
        """Adds one trajectory."""
        now = after.trajectory
        self.rows += 1
        self.old_total += before.reward
        self.new_total += now.reward
        if before.reward != now.reward:
            self.rewards[before.reward, now.reward] += 1
        self.versions[before.scorer_version, now.scorer_version] += 1
        if after.problem is not None:
            self.problems[before.trajectory_id] = f"{before.task_id}: {after.problem}"
        self.blanked += after.blanked
        self.altered += after.altered


def wanted_tasks(source: Path) -> dict[tuple[str, str], set[str]]:
    """Ids of the tasks a run has trajectories of, by (family, split). Raises StorageError."""
    wanted: dict[tuple[str, str], set[str]] = {}
    columns = ["family", "split", "task_id"]
    for entry in read_manifest(source):
        if entry.table == TRAJECTORIES.name:
            for batch in read_shard(source, entry.shard, TRAJECTORIES, columns, _BATCH):
                for row in batch.to_pylist():
                    wanted.setdefault((row["family"], row["split"]), set()).add(row["task_id"])
    return wanted


async def rescore_run(source: Path, target: Path, rescorer: Rescorer) -> dict[str, FamilyChanges]:
    """Writes every trajectory with its new score, and copies failures; returns what changed, by family.

    `target` is prepared and empty. Raises StorageError.
    """
    changes: dict[str, FamilyChanges] = {}
    parts = {part.shard: part for part in shards(source, TRAJECTORIES)}
    for entry in read_manifest(source):
        if entry.table != TRAJECTORIES.name:
            _copy(source / entry.shard, target / entry.shard)
            append_manifest(target, entry)
        elif entry.shard in parts:
            await _rescore_shard(source, target, parts[entry.shard], rescorer, changes)
        else:
            raise StorageError(f"{source / entry.shard}: listed in the manifest but not there; restore it from a copy")
    if (source / DROPPED).is_file():
        _copy(source / DROPPED, target / DROPPED)
    return dict(sorted(changes.items()))


async def _rescore_shard(
    source: Path, target: Path, part: Part, rescorer: Rescorer, changes: dict[str, FamilyChanges]
) -> None:
    """Through a log, as the shard itself was made: no more than a batch of it is ever in memory."""
    log = WriteAheadLog(target / part.log, TRAJECTORY_SCHEMA)
    try:
        for batch in read_shard(source, part.shard, TRAJECTORIES, None, _BATCH):
            stored = [read_trajectory(row) for row in batch.to_pylist()]
            rescored = await asyncio.gather(*map(rescorer.rescore, stored))
            for before, after in zip(stored, rescored, strict=True):
                changes.setdefault(before.family, FamilyChanges()).count(before, after)
            rows = to_batch([after.trajectory for after in rescored], TRAJECTORY_SCHEMA)
            log.append([rows.serialize().to_pybytes()])
    finally:
        log.close()
    seal(target, part)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise StorageError(f"{target}: {error.strerror}") from error

"""A stored run as a table of numbers: one row for each (task, rollout), and none of its texts.

Of a shard only the columns that count are read, and a batch has become numbers before the next is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.stored import StoredRun

TASK = ["family", "split", "task_id"]
"""What tells a task from every other of a run."""
ENDED, FLAG = "termination:", "flag:"
"""What measures of a rollout's end and of its flags begin with."""
_PLAIN = ["reward", "success", "reward_paper", "judge_reward", "rollout_index", "restricted"]
_NAMES = [*TASK, "termination", "scorer_version", "schema_version"]
_OF_TURNS = ["prompt_tokens", "completion_tokens", "cost_usd", "parse_error"]
_COLUMNS = [
    *(*_PLAIN, *_NAMES, "num_turns", "wall_ms", "judge_cost_usd", "flags", "provenance"),
    *(f"turns.list.element.{field}" for field in _OF_TURNS),
]
_BATCH = 8192
"""Trajectories in memory, of which only some columns are."""
_TASK_DATA = r'"task_sha256":\s*"(?P<sha>[^"]*)"'


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The rollouts of one run."""

    frame: pd.DataFrame
    """One row each: the task's names, `data` (its record's hash), measures as floats (nan where there is none)."""
    repeated: int
    """Rows that were of a (task, rollout) that had been read."""
    schema_versions: frozenset[str]

    @property
    def measures(self) -> list[str]:
        """The columns that are means of something."""
        return [name for name in self.frame.columns if self.frame[name].dtype == np.float64 and name != "score"]


def read_rollouts(stored: StoredRun, scores: Mapping[str, float] | None = None) -> Rollouts:
    """Reads all of them; with a verifier's scores by trajectory id, these are a column `score`.

    Raises ConfigError for a run without trajectories, and for one that cannot be read.
    """
    columns = [*_COLUMNS, "trajectory_id"] if scores is not None else _COLUMNS
    try:
        batches = [_numbers(batch, scores) for batch in stored.trajectories(columns, _BATCH)]
    except StorageError as error:
        raise ConfigError(str(error)) from error
    table = pa.Table.from_batches(batches) if batches else None
    if table is None or not table.num_rows:
        raise ConfigError(f"{stored.name}: no trajectories are there yet; give a run that has some")
    frame = table.to_pandas(categories=[*_NAMES, "data", "flags"])
    rows = len(frame)
    frame = frame.drop_duplicates([*TASK, "rollout_index"], ignore_index=True)
    versions = frozenset(str(version) for version in frame["schema_version"].unique())
    frame = _with_indicators(frame.drop(columns="schema_version"))
    return Rollouts(frame, rows - len(frame), versions)


def _numbers(batch: pa.RecordBatch, scores: Mapping[str, float] | None) -> pa.RecordBatch:
    """A batch without lists and texts."""
    flat: dict[str, Any] = {name: batch.column(name) for name in (*_PLAIN, *_NAMES)}
    for name in ("success", "reward", "reward_paper", "judge_reward"):
        flat[name] = flat[name].cast(pa.float64())
    turns = batch.column("turns")
    row_of = pc.list_parent_indices(turns).to_numpy()
    replies = turns.flatten()
    of_turns = {name: _sums(row_of, pc.struct_field(replies, name), batch.num_rows) for name in _OF_TURNS[:3]}
    judge_usd = batch.column("judge_cost_usd").to_numpy(zero_copy_only=False)
    unread = pc.struct_field(replies, "parse_error").is_valid().to_numpy(zero_copy_only=False)
    flat |= {
        "turns": batch.column("num_turns").cast(pa.float64()),
        "prompt_tokens": of_turns["prompt_tokens"],
        "completion_tokens": of_turns["completion_tokens"],
        "cost_usd": _added(of_turns["cost_usd"], judge_usd.astype(float)),
        "wall_s": pc.divide(batch.column("wall_ms").cast(pa.float64()), 1000.0),
        "parse_errors": np.bincount(row_of[unread], minlength=batch.num_rows).astype(float),
        "flags": pc.binary_join(batch.column("flags"), ","),
        "data": pc.fill_null(pc.struct_field(pc.extract_regex(batch.column("provenance"), _TASK_DATA), "sha"), ""),
    }
    if scores is not None:
        flat["score"] = np.array([scores.get(i, np.nan) for i in batch.column("trajectory_id").to_pylist()])
    return pa.RecordBatch.from_pydict(flat)


def _sums(row_of: np.ndarray, values: pa.Array, rows: int) -> np.ndarray:
    """The sum over each row's turns of what is known; nan where nothing is."""
    known = values.is_valid().to_numpy(zero_copy_only=False)
    of = row_of[known]
    numbers = values.drop_null().to_numpy(zero_copy_only=False).astype(float)
    sums = np.bincount(of, weights=numbers, minlength=rows)
    told: np.ndarray = np.where(np.bincount(of, minlength=rows) > 0, sums, np.nan)
    return told


def _added(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    both: np.ndarray = np.where(np.isnan(a) & np.isnan(b), np.nan, np.nan_to_num(a) + np.nan_to_num(b))
    return both


def _with_indicators(frame: pd.DataFrame) -> pd.DataFrame:
    """Terminations and flags as measures of 0 and 1: their means are shares."""
    shares = {f"{ENDED}{end}": (frame["termination"] == end).astype(float) for end in _present(frame["termination"])}
    for flag in sorted({flag for flags in _present(frame["flags"]) for flag in flags.split(",") if flag}):
        carrying = {flags for flags in _present(frame["flags"]) if flag in flags.split(",")}
        shares[f"{FLAG}{flag}"] = frame["flags"].isin(carrying).astype(float)
    return frame.drop(columns=["termination", "flags"]).assign(**shares)


def _present(column: pd.Series) -> list[str]:
    return sorted(str(value) for value in column.unique())

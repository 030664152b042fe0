"""Every trajectory of a run in short: the columns that lists, filters and figures need, texts and tokens left out."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from medgym_ray.store.stored import StoredRun

_SCALARS = (
    *("trajectory_id", "task_id", "family", "category", "rollout_index", "reward", "success", "score_reason"),
    *("termination", "flags", "answer", "num_turns", "restricted", "wall_ms", "started_at", "finished_at"),
    "judge_cost_usd",
)
_OF_TURNS = ("prompt_tokens", "cached_tokens", "completion_tokens", "debug_completion_tokens", "cost_usd")
_BATCH = 8192


def read_catalogue(stored: StoredRun) -> pa.Table:
    """One row per trajectory, in the order of the shards; figures of turns are summed (0 where none was told).

    `cost_usd` counts the judge too. Raises StorageError.
    """
    columns = [*_SCALARS, *(f"turns.list.element.{name}" for name in _OF_TURNS)]
    batches = [_with_sums(batch) for batch in stored.trajectories(columns, _BATCH)]
    return pa.Table.from_batches(batches).combine_chunks() if batches else pa.table({})


def _with_sums(batch: pa.RecordBatch) -> pa.RecordBatch:
    turns = batch.column("turns")
    owners, items = pc.list_parent_indices(turns), pc.list_flatten(turns)
    columns: dict[str, Any] = {name: batch.column(name) for name in _SCALARS}
    for name in _OF_TURNS:
        summed = pa.table({"row": owners, "n": items.field(name)}).group_by("row").aggregate([("n", "sum")])
        by_row = dict(zip(summed["row"].to_pylist(), summed["n_sum"].to_pylist(), strict=True))
        kind = pa.float64() if name == "cost_usd" else pa.int64()
        columns[name] = pa.array([by_row.get(row) or 0 for row in range(batch.num_rows)], kind)
    judged = pc.fill_null(columns.pop("judge_cost_usd"), 0.0)
    columns["cost_usd"] = pc.add(columns["cost_usd"], judged)
    return pa.RecordBatch.from_pydict(columns)

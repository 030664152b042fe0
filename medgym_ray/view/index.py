"""The list of all trajectories as the page holds it: columns, with numbers in place of words that repeat."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_MOST_ANSWER = 160
"""Characters of an answer in the list; the trajectory shows all of it."""
_WORDS = ("task_id", "family", "category", "termination", "score_reason")


def make_index(catalogue: pa.Table, *, restricted: bool) -> dict[str, Any]:
    """Columns of equal length, ready for JSON; without `restricted` the answers of restricted rows are left out.

    A column of words is {"words": […], "codes": […]}; `flags` has its words too, and a list of codes per row.
    """
    if not catalogue.num_rows:
        return {"rows": 0}
    start = pc.min(catalogue["started_at"])
    seconds = pc.divide(pc.cast(pc.subtract(catalogue["started_at"], start), pa.int64()), 1e6)
    kept = catalogue["answer"]
    if not restricted:
        kept = pc.if_else(catalogue["restricted"], pa.scalar(None, pa.string()), kept)
    return {
        "rows": catalogue.num_rows,
        "id": catalogue["trajectory_id"].to_pylist(),
        **{name: _coded(catalogue[name]) for name in _WORDS},
        "flags": _flags(catalogue["flags"].to_pylist()),
        "answer": pc.utf8_slice_codeunits(kept, 0, _MOST_ANSWER).to_pylist(),
        "rollout": catalogue["rollout_index"].to_pylist(),
        "reward": pc.round(catalogue["reward"], 4).to_pylist(),
        "success": pc.cast(catalogue["success"], pa.int8()).to_pylist(),
        "restricted": pc.cast(catalogue["restricted"], pa.int8()).to_pylist(),
        "turns": catalogue["num_turns"].to_pylist(),
        "tokens": catalogue["completion_tokens"].to_pylist(),
        "wall_s": pc.round(pc.divide(pc.cast(catalogue["wall_ms"], pa.float64()), 1000), 2).to_pylist(),
        "started_s": pc.round(seconds, 1).to_pylist(),
    }


def _coded(column: pa.ChunkedArray) -> dict[str, Any]:
    encoded = pa.chunked_array(column.dictionary_encode()).combine_chunks()
    return {"words": encoded.dictionary.to_pylist(), "codes": encoded.indices.to_pylist()}


def _flags(rows: list[list[str]]) -> dict[str, Any]:
    words = sorted({flag for flags in rows for flag in flags})
    code = {word: number for number, word in enumerate(words)}
    return {"words": words, "codes": [[code[flag] for flag in flags] for flags in rows]}

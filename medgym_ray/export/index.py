"""The first pass: of every trajectory what decides whether it is taken and with which others, never its text.

About one kilobyte a trajectory, so that a run larger than memory has an index that is not. Texts are told apart by
128-bit hashes: the prompt (what stands before the first reply), the conversation, and, for views of single replies,
what stands before and after each of them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from medgym_ray.errors import ConfigError
from medgym_ray.export.source import Source
from medgym_ray.trajectory import TRAJECTORY_SCHEMA

_CHUNK = 4096
"""Rows that become Arrow together."""
_HASH = pa.binary(16)
_COPIED = (
    *("trajectory_id", "task_id", "family", "category", "split", "model", "agent_format", "reward", "success"),
    *("termination", "flags", "num_turns", "append_only", "scorer_version", "licence", "restricted"),
)
_TURN = "turns.list.element."
_READ = (
    *_COPIED,
    *("messages", "loss_mask"),
    *(f"{_TURN}{name}" for name in ("status", "reward_if_graded", "parse_error", "prompt_tokens", "completion_tokens")),
)

INDEX_SCHEMA = pa.schema(
    [
        pa.field("place", pa.int64()),
        *(TRAJECTORY_SCHEMA.field(name) for name in _COPIED),
        pa.field("replies", pa.int32()),
        pa.field("tokens", pa.int32()),
        pa.field("has_token_ids", pa.bool_()),
        pa.field("prompt", _HASH),
        pa.field("conversation", _HASH),
        pa.field("before", pa.list_(_HASH)),
        pa.field("after", pa.list_(_HASH)),
        pa.field("faults", pa.list_(pa.bool_())),
    ]
)
"""`tokens` is null where nobody counted them; `before`, `after` and `faults` go reply by reply. A fault is a reply that
could not be read, whose cell did not end well, or that was graded and earned nothing. `faults` is null where turns and
replies are not the same (agents of others), `prompt` where there is nothing before the first reply."""


def read_index(source: Source, *, replies: bool) -> pa.Table:
    """One row of INDEX_SCHEMA per trajectory; the hashes of single replies only where `replies` asks for them.

    Raises StorageError, and ConfigError where two runs share a trajectory.
    """
    chunks: list[pa.RecordBatch] = []
    rows: list[dict[str, Any]] = []
    place = 0
    for batch in source.read(_READ):
        lengths = pc.list_value_length(batch.column("loss_mask")).to_pylist()
        for row, length in zip(batch.drop_columns(["loss_mask"]).to_pylist(), lengths, strict=True):
            rows.append(_entry(place, row, length, replies=replies))
            place += 1
        if len(rows) >= _CHUNK:
            chunks.append(pa.RecordBatch.from_pylist(rows, schema=INDEX_SCHEMA))
            rows = []
    chunks.append(pa.RecordBatch.from_pylist(rows, schema=INDEX_SCHEMA))
    index = pa.Table.from_batches(chunks, INDEX_SCHEMA)
    _refuse_repeats(index)
    return index


def _entry(place: int, row: dict[str, Any], token_ids: int | None, *, replies: bool) -> dict[str, Any]:
    messages, turns = row["messages"], row["turns"]
    before, after, conversation = _hashes(messages)
    entry = {name: row[name] for name in _COPIED}
    return entry | {
        "place": place,
        "replies": len(before),
        "tokens": token_ids if token_ids is not None else _counted(turns),
        "has_token_ids": token_ids is not None,
        "prompt": before[0] if before and messages[0]["role"] != "assistant" else None,
        "conversation": conversation,
        "before": before if replies else None,
        "after": after if replies else None,
        "faults": [_is_fault(turn) for turn in turns] if replies and len(turns) == len(before) else None,
    }


def _hashes(messages: Sequence[Mapping[str, str]]) -> tuple[list[bytes], list[bytes], bytes]:
    """Of what stands before each reply, of what stands up to its end, and of all."""
    digest = hashlib.blake2b(digest_size=16)
    before, after = [], []
    for message in messages:
        if said := message["role"] == "assistant":
            before.append(digest.digest())
        role, content = message["role"].encode(), message["content"].encode()
        digest.update(b"%d %d " % (len(role), len(content)))
        digest.update(role)
        digest.update(content)
        if said:
            after.append(digest.digest())
    return before, after, digest.digest()


def _counted(turns: Sequence[Mapping[str, Any]]) -> int | None:
    """As an endpoint counts them: what the last reply was asked with, and that reply."""
    last = turns[-1] if turns else None
    if last is None or last["prompt_tokens"] is None or last["completion_tokens"] is None:
        return None
    return int(last["prompt_tokens"] + last["completion_tokens"])


def _is_fault(turn: Mapping[str, Any]) -> bool:
    graded = turn["reward_if_graded"]
    return turn["parse_error"] is not None or turn["status"] not in (None, "ok") or (graded is not None and graded <= 0)


def _refuse_repeats(index: pa.Table) -> None:
    ids = index["trajectory_id"]
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = pc.value_counts(ids)
    repeated = next(each["values"] for each in counts.to_pylist() if each["counts"] > 1)
    raise ConfigError(
        f"run: trajectory {repeated} is in two of the runs (is one the other, copied, rescored or run again?); name "
        "only one of them"
    )

"""What a trajectory shows when it is opened: conversation, turns, tokens. Plain data, which the page makes text.

Token ids and log-probabilities go from Arrow to packed bytes without a Python object for each of them.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from medgym_ray.view.vocabulary import Vocabulary

_PLAIN = (
    *("trajectory_id", "task_id", "messages", "answer", "score_reason", "reward_paper", "judge_reward", "judge_reason"),
    *("judge_model", "graded_guesses", "first_correct_turn", "seed", "attempt", "policy_version", "sampling"),
    *("agent_format", "protocol", "licence", "scorer_version", "append_only", "retokenize_match", "provenance"),
    *("generate_ms", "execute_ms", "queue_ms", "wall_ms", "split", "restricted"),
)
_OF_TURNS = (
    *("action", "arguments", "observation", "status", "truncated", "reward_if_graded", "prompt_tokens"),
    *("cached_tokens", "completion_tokens", "finish_reason", "generate_ms", "execute_ms", "queue_ms", "parse_error"),
    *("replica", "cost_usd", "debug_text", "debug_ms"),
)
_LOGPROB_STEPS = 1000
"""Log-probabilities are packed in thousandths, down to -65.5."""


def make_bodies(batch: pa.RecordBatch, vocabulary: Vocabulary, *, restricted: bool) -> list[dict[str, Any] | None]:
    """One per row of a batch with all columns of a trajectory; None for a restricted one that is to be left out."""
    turns = batch.column("turns")
    items = turns.flatten()
    short = pa.StructArray.from_arrays([items.field(name) for name in _OF_TURNS], list(_OF_TURNS)).to_pylist()
    bodies: list[dict[str, Any] | None] = []
    end = 0
    for row, plain in enumerate(batch.select(list(_PLAIN)).to_pylist()):
        start, end = end, end + len(turns[row])
        if plain["restricted"] and not restricted:
            bodies.append(None)
            continue
        kept = [_turn(turn) for turn in short[start:end]]
        _leave_out_repeated(plain["messages"], kept)
        strips = _strips(batch, row, items.slice(start, end - start))
        body = {**plain, "turns": kept, "tokens": [packed(*strip) for strip in strips]}
        body["texts"] = vocabulary.texts(np.concatenate([ids for _, ids, _, _ in strips])) if strips else {}
        bodies.append({name: value for name, value in body.items() if value is not None})
    return bodies


def to_json(value: Any) -> bytes:
    """As small as JSON gets. NaN and infinity, which are no JSON, become null."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _turn(turn: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in turn.items() if value is not None and value is not False}
    for name in ("generate_ms", "execute_ms", "queue_ms", "debug_ms"):
        kept[name] = round(turn[name] or 0.0, 2)
    return kept


def _leave_out_repeated(messages: Sequence[dict[str, Any]], turns: Sequence[dict[str, Any]]) -> None:
    """An observation that the conversation shows as its next message stands there alone."""
    heard = {message["content"] for message in messages if message["role"] != "assistant"}
    for turn in turns:
        if turn.get("observation") in heard:
            del turn["observation"]


_Strip = tuple[str, np.ndarray, np.ndarray, np.ndarray]
"""A title, token ids, loss mask, and the log-probabilities of the masked ones."""


def _strips(batch: pa.RecordBatch, row: int, turns: pa.StructArray) -> list[_Strip]:
    """The whole sequence where it was kept as sampled; else each turn's reply by itself."""
    ids = _numbers(batch.column("token_ids")[row])
    if ids is not None:
        mask = _numbers(batch.column("loss_mask")[row])
        mask = np.zeros(len(ids), bool) if mask is None else mask.astype(bool)
        logprobs = _numbers(batch.column("logprobs")[row])
        return [("", ids, mask, np.empty(0) if logprobs is None else logprobs[mask])]
    strips: list[_Strip] = []
    for place in range(len(turns)):
        ids = _numbers(turns.field("completion_token_ids")[place])
        if ids is not None and len(ids):
            logprobs = _numbers(turns.field("completion_logprobs")[place])
            found = np.empty(0) if logprobs is None else logprobs
            strips.append((f"turn {place + 1}", ids, np.ones(len(ids), bool), found))
    return strips


def _numbers(scalar: pa.ListScalar) -> np.ndarray | None:
    return None if scalar.values is None else np.asarray(scalar.values.to_numpy(zero_copy_only=False))


def packed(title: str, ids: np.ndarray, mask: np.ndarray, logprobs: np.ndarray) -> dict[str, Any]:
    """`ids`: int32, `logprobs`: uint16 thousandths below zero, little-endian in base64; `mask`: lengths of runs of
    0, 1, 0, …, the first perhaps 0."""
    changes = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=2))
    runs = np.diff(changes, prepend=0)
    down = np.clip(np.nan_to_num(-np.asarray(logprobs, dtype=float), nan=np.inf) * _LOGPROB_STEPS, 0, 65535)
    return {
        "title": title,
        "ids": base64.b64encode(ids.astype("<i4").tobytes()).decode(),
        "mask": runs.tolist(),
        "logprobs": base64.b64encode(np.rint(down).astype("<u2").tobytes()).decode(),
    }

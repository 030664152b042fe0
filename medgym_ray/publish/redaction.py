"""What is left of a restricted row where patients' data may not go: scores, times and counts.

`DECISIONS` says of every column what becomes of it, and a column without a decision cannot be published. What an agent
read or wrote goes, and token ids, masks and log-probabilities with it, for text can be had from them. Identifiers
become digests under a secret of the run, for some families' are made of patients' numbers, few enough to be tried.
Names stay where they are words of a list, or of a form that no sentence has.
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from medgym_ray import plugins
from medgym_ray.actions import ActionKind
from medgym_ray.formats.registry import FORMATS
from medgym_ray.plugins import Group
from medgym_ray.policies.base import Sampling
from medgym_ray.sandboxes.base import CellStatus
from medgym_ray.store.stored import StoredRun
from medgym_ray.tasks.registry import FAMILIES, make_family
from medgym_ray.trajectory import Termination

WITHHELD = "withheld"
"""In the place of a name that is not known."""
_DIGEST = "^[0-9a-f]{32}$"
_WORD = r"^[A-Za-z0-9][A-Za-z0-9._+:/@-]{0,127}$"


class Rule(Protocol):
    """What becomes of a column's values; null stays null."""

    def apply(self, values: pa.Array, key: bytes) -> pa.Array:
        """The values as they may be seen, of the same type."""

    def holds(self, values: pa.Array) -> bool:
        """Whether values are such as `apply` leaves."""


class Keep:
    """Numbers, truth values and times, as they are."""

    def apply(self, values: pa.Array, key: bytes) -> pa.Array:  # noqa: ARG002
        return values

    def holds(self, values: pa.Array) -> bool:
        return not _has_text(values.type)


class Drop:
    """Nothing of it."""

    def apply(self, values: pa.Array, key: bytes) -> pa.Array:  # noqa: ARG002
        return pa.nulls(len(values), values.type)

    def holds(self, values: pa.Array) -> bool:
        return bool(values.null_count == len(values))


class Digest:
    """32 hex digits that are alike where the values are."""

    def apply(self, values: pa.Array, key: bytes) -> pa.Array:
        return pa.array([None if value is None else _digest(value, key) for value in values.to_pylist()], values.type)

    def holds(self, values: pa.Array) -> bool:
        return _all(pc.match_substring_regex(values, _DIGEST))


@dataclass(frozen=True, slots=True)
class OneOf:
    """A word of a list; of a list of words those that are."""

    words: Callable[[], frozenset[str]]

    def apply(self, values: pa.Array, key: bytes) -> pa.Array:  # noqa: ARG002
        if pa.types.is_list(values.type):
            known = self.words()
            return pa.array(
                [None if row is None else [word for word in row if word in known] for row in values.to_pylist()],
                values.type,
            )
        known = pc.or_(pc.is_null(values), pc.is_in(values, self._listed()))
        return pc.if_else(known, values, pa.scalar(WITHHELD, values.type))

    def holds(self, values: pa.Array) -> bool:
        flat = values.flatten() if pa.types.is_list(values.type) else values
        return _all(pc.or_(pc.is_null(flat), pc.is_in(flat, self._listed(WITHHELD))))

    def _listed(self, *more: str) -> pa.Array:
        return pa.array(sorted(self.words() | set(more)), pa.string())


class Word:
    """A version or a name out of the configuration: one word without spaces."""

    def apply(self, values: pa.Array, key: bytes) -> pa.Array:  # noqa: ARG002
        return pc.if_else(pc.match_substring_regex(values, _WORD), values, pa.scalar(WITHHELD, values.type))

    def holds(self, values: pa.Array) -> bool:
        return _all(pc.match_substring_regex(values, _WORD))


@dataclass(frozen=True, slots=True)
class NumbersOf:
    """A JSON object, of which the numbers under these names stay."""

    names: frozenset[str]

    def apply(self, values: pa.Array, key: bytes) -> pa.Array:  # noqa: ARG002
        return pa.array([None if value is None else self._numbers(value) for value in values.to_pylist()], values.type)

    def holds(self, values: pa.Array) -> bool:
        return all(value is None or value == self._numbers(value) for value in values.to_pylist())

    def _numbers(self, text: str) -> str:
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            return "{}"
        return json.dumps({name: found[name] for name in sorted(self.names & found.keys()) if _is_number(found[name])})


@dataclass(frozen=True, slots=True)
class EachOf:
    """A list of structs, each of whose fields has a rule."""

    fields: Mapping[str, Rule]

    def apply(self, values: pa.Array, key: bytes) -> pa.Array:
        parts = values.flatten()
        seen = [self.fields[field.name].apply(pc.struct_field(parts, field.name), key) for field in parts.type]
        structs = pa.StructArray.from_arrays(seen, fields=list(parts.type))
        lengths = pc.fill_null(pc.list_value_length(values), 0)
        ends = pc.cumulative_sum(lengths).cast(pa.int32())
        offsets = pa.concat_arrays([pa.array([0], pa.int32()), ends])
        return pa.ListArray.from_arrays(offsets, structs, type=values.type, mask=pc.is_null(values))

    def holds(self, values: pa.Array) -> bool:
        parts = values.flatten()
        return all(self.fields[field.name].holds(pc.struct_field(parts, field.name)) for field in parts.type)


def _has_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _digest(value: str, key: bytes) -> str:
    return hashlib.blake2b(value.encode(), key=key, digest_size=16).hexdigest()


def _all(mask: pa.Array) -> bool:
    return bool(pc.all(pc.fill_null(mask, True), min_count=0).as_py())


def _is_number(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float)


def _words(*words: str) -> OneOf:
    known = frozenset(words)
    return OneOf(lambda: known)


@functools.cache
def _families() -> frozenset[str]:
    return frozenset({*FAMILIES, *plugins.names(Group.FAMILIES)})


@functools.cache
def _categories() -> frozenset[str]:
    return frozenset(category for name in _families() for category in make_family(name).categories)


@functools.cache
def _licences() -> frozenset[str]:
    return frozenset({"open", *(make_family(name).licence for name in _families())})


_KEEP, _DROP, _DIGESTED, _WORDED = Keep(), Drop(), Digest(), Word()

TURN_DECISIONS: Mapping[str, Rule] = {
    "action": _words(*ActionKind),
    "arguments": _DROP,
    "observation": _DROP,
    "status": _words(*CellStatus),
    "truncated": _KEEP,
    "reward_if_graded": _KEEP,
    "prompt_token_ids": _DROP,
    "prompt_tokens": _KEEP,
    "cached_tokens": _KEEP,
    "completion_tokens": _KEEP,
    "completion_token_ids": _DROP,
    "completion_logprobs": _DROP,
    "finish_reason": _words("stop", "length", "tool_calls", "content_filter", "abort"),
    "generate_ms": _KEEP,
    "execute_ms": _KEEP,
    "queue_ms": _KEEP,
    "parse_error": _DROP,
    "replica": _DROP,
    "policy_version": _WORDED,
    "cost_usd": _KEEP,
    "debug_text": _DROP,
    "debug_prompt_tokens": _KEEP,
    "debug_completion_tokens": _KEEP,
    "debug_ms": _KEEP,
}
"""Of `turns`."""

DECISIONS: Mapping[str, Rule] = {
    "trajectory_id": _DIGESTED,
    "run_id": _DIGESTED,
    "group_id": _DIGESTED,
    "schema_version": _WORDED,
    "code_version": _WORDED,
    "config_hash": _DIGESTED,
    "task_id": _DIGESTED,
    "family": OneOf(_families),
    "category": OneOf(_categories),
    "split": _words("train", "test"),
    "rollout_index": _KEEP,
    "attempt": _KEEP,
    "seed": _DROP,  # made of the task's id
    "messages": _DROP,
    "turns": EachOf(TURN_DECISIONS),
    "prompt_token_ids": _DROP,
    "token_ids": _DROP,
    "loss_mask": _DROP,
    "logprobs": _DROP,
    "append_only": _KEEP,
    "retokenize_match": _KEEP,
    "reward": _KEEP,
    "success": _KEEP,
    "reward_paper": _KEEP,
    "score_reason": _DROP,
    "judge_reward": _KEEP,
    "judge_reason": _DROP,
    "judge_model": _WORDED,
    "judge_cost_usd": _KEEP,
    "scorer_version": _WORDED,
    "termination": _words(*Termination),
    "flags": _words("repeated_action", "constant_print", "answer_dump", "no_action"),
    "answer": _DROP,
    "graded_guesses": _KEEP,
    "first_correct_turn": _KEEP,
    "num_turns": _KEEP,
    "model": _WORDED,
    "policy_version": _WORDED,
    "sampling": NumbersOf(frozenset(field.name for field in dataclasses.fields(Sampling))),
    "agent_format": _words(*FORMATS),
    "protocol": _words("submit", "paper"),
    "licence": OneOf(_licences),
    "restricted": _KEEP,
    "generate_ms": _KEEP,
    "execute_ms": _KEEP,
    "queue_ms": _KEEP,
    "wall_ms": _KEEP,
    "started_at": _KEEP,
    "finished_at": _KEEP,
    "provenance": _DROP,  # with the hash of the task's record, which may be short enough to be tried
}


class RedactedRun(StoredRun):
    """A run as it may be seen by those who may not see patients' data: nothing that reads it gets at the rest."""

    def trajectories(self, columns: Sequence[str] | None = None, batch_rows: int = 64) -> Iterator[pa.RecordBatch]:
        """As of any run. Raises StorageError."""
        beside = columns is not None and "restricted" not in columns
        asked = [*(columns or ()), "restricted"] if beside else columns
        key = self._secret()
        for batch in super().trajectories(asked, batch_rows):
            redacted = redact(batch, key)
            yield redacted.drop_columns(["restricted"]) if beside else redacted

    def failures(self) -> Iterator[pa.RecordBatch]:
        """None of their messages; of their tasks, which may be restricted or not, those alone whose family is open."""
        key = self._secret()
        open_tasks = self._open_tasks()
        for batch in super().failures():
            tasks = batch.column("task_id")
            shown = pc.if_else(pc.is_in(tasks, open_tasks), tasks, _DIGESTED.apply(tasks, key))
            columns = {
                **{name: batch.column(name) for name in batch.schema.names},
                "trajectory_id": _DIGESTED.apply(batch.column("trajectory_id"), key),
                "run_id": _DIGESTED.apply(batch.column("run_id"), key),
                "task_id": shown,
                "error_class": _WORDED.apply(batch.column("error_class"), key),
                "message": _DROP.apply(batch.column("message"), key),
            }
            yield pa.RecordBatch.from_pydict(columns, schema=batch.schema)

    def _secret(self) -> bytes:
        """Of the hashes of the shards: only who has the run can have them, and with it what is hidden."""
        return hashlib.sha256("".join(entry.sha256 for entry in self.entries()).encode()).digest()

    def _open_tasks(self) -> pa.Array:
        found: set[str] = set()
        for batch in super().trajectories(["task_id", "restricted"], 8192):
            found.update(batch.filter(pc.invert(batch.column("restricted"))).column("task_id").to_pylist())
        return pa.array(sorted(found), pa.string())


def redacted(run: StoredRun) -> RedactedRun:
    """The run without what restricted rows hold of patients."""
    return RedactedRun(run.name, run.root, run.identity, run.config, run.versions)


def redact(batch: pa.RecordBatch, key: bytes) -> pa.RecordBatch:
    """Trajectories, or some of their columns with `restricted` among them, in their order; open rows stay as they are.

    Raises KeyError for a column that nobody has decided on.
    """
    restricted = pc.fill_null(batch.column("restricted"), True)
    if not pc.any(restricted, min_count=0).as_py():
        return batch
    hidden = batch.filter(restricted)
    columns = [DECISIONS[name].apply(hidden.column(name), key) for name in batch.schema.names]
    hidden = pa.RecordBatch.from_arrays(columns, schema=batch.schema)
    if hidden.num_rows == batch.num_rows:
        return hidden
    both = pa.concat_batches([hidden, batch.filter(pc.invert(restricted))])
    return both.take(pc.sort_indices(pc.sort_indices(pc.invert(restricted))))


def leaking(batch: pa.RecordBatch) -> list[str]:
    """The columns of trajectories in which a restricted row holds what no redaction leaves."""
    hidden = batch.filter(pc.fill_null(batch.column("restricted"), True))
    return [name for name in batch.schema.names if not DECISIONS[name].holds(hidden.column(name))]

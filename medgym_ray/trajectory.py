"""The record: one dataclass, one Arrow schema; nothing else defines a column.

`Trajectory` is what an episode leaves behind, `Failure` what is left where a part of ours failed. A column's Arrow type
stands beside its field, so the schema cannot drift from the class.
"""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa

SCHEMA_VERSION = "1"


class Termination(StrEnum):
    """Why an episode ended. The last two are failures of ours: retried, never scored, never exported."""

    SUCCESS = "success"
    WRONG = "wrong"
    MAX_TURNS = "max_turns"
    MAX_TOKENS = "max_tokens"
    DEADLINE = "deadline"
    POLICY_ERROR = "policy_error"
    SANDBOX_ERROR = "sandbox_error"


OURS = frozenset({Termination.POLICY_ERROR, Termination.SANDBOX_ERROR})
"""Failures of ours."""


def trajectory_id(run_key: str, task_id: str, rollout_index: int) -> str:
    """The identity of a rollout, the same in every attempt and every re-run: 32 hex digits."""
    return hashlib.sha256(f"{run_key}\0{task_id}\0{rollout_index}".encode()).hexdigest()[:32]


def _column(arrow_type: pa.DataType, **kwargs: Any) -> Any:
    return field(metadata={"arrow": arrow_type}, **kwargs)


MESSAGE = pa.struct([("role", pa.string()), ("content", pa.string())])


@dataclass(slots=True)
class Turn:
    """One reply of the policy and what came of it. Times in milliseconds; token fields are None without token ids."""

    action: str | None = _column(pa.string(), default=None)
    arguments: str | None = _column(pa.string(), default=None)
    """JSON"""
    observation: str | None = _column(pa.string(), default=None)
    status: str | None = _column(pa.string(), default=None)
    """The cell's status (`ok`, `error`, `timeout`, …), or a request_info's (`ok`, `error`); None where neither was."""
    truncated: bool = _column(pa.bool_(), default=False)
    reward_if_graded: float | None = _column(pa.float64(), default=None)
    prompt_token_ids: list[int] | None = _column(pa.list_(pa.int32()), default=None)
    """Only where earlier turns were not kept as they were sampled: what this one was generated from."""
    prompt_tokens: int | None = _column(pa.int32(), default=None)
    cached_tokens: int | None = _column(pa.int32(), default=None)
    completion_tokens: int | None = _column(pa.int32(), default=None)
    completion_token_ids: list[int] | None = _column(pa.list_(pa.int32()), default=None)
    completion_logprobs: list[float] | None = _column(pa.list_(pa.float32()), default=None)
    finish_reason: str | None = _column(pa.string(), default=None)
    generate_ms: float = _column(pa.float32(), default=0.0)
    execute_ms: float = _column(pa.float32(), default=0.0)
    queue_ms: float = _column(pa.float32(), default=0.0)
    parse_error: str | None = _column(pa.string(), default=None)
    replica: str | None = _column(pa.string(), default=None)
    policy_version: str | None = _column(pa.string(), default=None)
    cost_usd: float | None = _column(pa.float64(), default=None)
    """Of the reply, and of the debugger's."""
    debug_text: str | None = _column(pa.string(), default=None)
    """What a model said of the program that failed; `observation` is what the agent saw of it."""
    debug_prompt_tokens: int | None = _column(pa.int32(), default=None)
    debug_completion_tokens: int | None = _column(pa.int32(), default=None)
    debug_ms: float = _column(pa.float32(), default=0.0)


def _fields(record: type[Any]) -> list[pa.Field]:
    return [pa.field(f.name, f.metadata["arrow"]) for f in dataclasses.fields(record)]


TURN = pa.struct(_fields(Turn))
_TIMESTAMP = pa.timestamp("us", tz="UTC")


@dataclass(slots=True, kw_only=True)
class Trajectory:
    """One scored episode, one row. `reward` is the true reward, `reward_paper` what the original would have paid."""

    trajectory_id: str = _column(pa.string())
    run_id: str = _column(pa.string())
    group_id: str = _column(pa.string())
    """The rollouts of one task in one run."""
    schema_version: str = _column(pa.string(), default=SCHEMA_VERSION)
    code_version: str = _column(pa.string())
    config_hash: str = _column(pa.string())
    task_id: str = _column(pa.string())
    family: str = _column(pa.string())
    category: str = _column(pa.string())
    split: str = _column(pa.string())
    rollout_index: int = _column(pa.int32())
    attempt: int = _column(pa.int32())
    seed: int = _column(pa.int64())
    messages: list[dict[str, str]] = _column(pa.list_(MESSAGE))
    turns: list[Turn] = _column(pa.list_(TURN))
    prompt_token_ids: list[int] | None = _column(pa.list_(pa.int32()), default=None)
    token_ids: list[int] | None = _column(pa.list_(pa.int32()), default=None)
    """The whole sequence, first prompt included; `loss_mask` is 1 exactly on generated tokens."""
    loss_mask: list[int] | None = _column(pa.list_(pa.int8()), default=None)
    logprobs: list[float] | None = _column(pa.list_(pa.float32()), default=None)
    """Of each generated token under the policy that sampled it; 0 where `loss_mask` is 0."""
    append_only: bool | None = _column(pa.bool_(), default=None)
    retokenize_match: bool | None = _column(pa.bool_(), default=None)
    reward: float = _column(pa.float64())
    success: bool = _column(pa.bool_())
    reward_paper: float | None = _column(pa.float64(), default=None)
    score_reason: str = _column(pa.string())
    judge_reward: float | None = _column(pa.float64(), default=None)
    """A model's opinion in [0, 1], which changes nothing; None: there was no judge, no submission, or no score."""
    judge_reason: str | None = _column(pa.string(), default=None)
    """The judge's, or why there is no score of its."""
    judge_model: str | None = _column(pa.string(), default=None)
    judge_cost_usd: float | None = _column(pa.float64(), default=None)
    scorer_version: str = _column(pa.string())
    termination: str = _column(pa.string())
    flags: list[str] = _column(pa.list_(pa.string()), default_factory=list)
    answer: str | None = _column(pa.string(), default=None)
    """What was submitted, typed JSON."""
    graded_guesses: int = _column(pa.int32(), default=0)
    first_correct_turn: int | None = _column(pa.int32(), default=None)
    """Zero-based."""
    num_turns: int = _column(pa.int32())
    model: str = _column(pa.string())
    policy_version: str = _column(pa.string())
    sampling: str = _column(pa.string())
    """JSON"""
    agent_format: str = _column(pa.string())
    protocol: str = _column(pa.string())
    licence: str = _column(pa.string())
    restricted: bool = _column(pa.bool_())
    generate_ms: float = _column(pa.float32(), default=0.0)
    execute_ms: float = _column(pa.float32(), default=0.0)
    queue_ms: float = _column(pa.float32(), default=0.0)
    wall_ms: float = _column(pa.float32(), default=0.0)
    started_at: datetime = _column(_TIMESTAMP)
    finished_at: datetime = _column(_TIMESTAMP)
    provenance: str = _column(pa.string())
    """JSON: task data hash, sandbox, engine and Ray versions."""


FailureKey = tuple[str, int, datetime]


@dataclass(slots=True, kw_only=True)
class Failure:
    """An attempt that failed through a fault of ours. It has no reward; `final` says that the budget is spent."""

    trajectory_id: str = _column(pa.string())
    run_id: str = _column(pa.string())
    task_id: str = _column(pa.string())
    rollout_index: int = _column(pa.int32())
    attempt: int = _column(pa.int32())
    final: bool = _column(pa.bool_())
    error_class: str = _column(pa.string())
    message: str = _column(pa.string())
    at: datetime = _column(_TIMESTAMP)

    @property
    def key(self) -> FailureKey:
        """Tells it from every other: an attempt is counted anew after a restart, its moment is not."""
        return self.trajectory_id, self.attempt, self.at


TRAJECTORY_SCHEMA = pa.schema(_fields(Trajectory))
FAILURE_SCHEMA = pa.schema(_fields(Failure))


def to_batch(records: Sequence[Trajectory | Failure], schema: pa.Schema) -> pa.RecordBatch:
    """Records as one Arrow batch of `schema`. Raises pyarrow.ArrowException where a value does not fit its column."""
    return pa.RecordBatch.from_pylist([_plain(record) for record in records], schema=schema)


def _plain(record: Trajectory | Failure) -> dict[str, Any]:
    row = _shallow(record)
    if isinstance(record, Trajectory):
        row["turns"] = [_shallow(turn) for turn in record.turns]
    return row


def _shallow(record: Trajectory | Turn | Failure) -> dict[str, Any]:
    return {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}

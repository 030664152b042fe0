"""The requests of a run, out of its records: what its engine was asked, turn by turn, and what it answered."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True)
class Turn:
    """The tokens that were given since the last reply, and how many were then sampled, and found in the cache."""

    given: list[int]
    sampled: int
    cached: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """Of a run: the turns of each session, and the seconds from the start of the first to the end of the last."""

    sessions: list[list[Turn]]
    span_s: float

    @property
    def tokens(self) -> int:
        """Sampled, in all."""
        return sum(turn.sampled for session in self.sessions for turn in session)

    def write(self, path: Path) -> None:
        """For the process that asks a raw engine the same."""
        path.write_text(json.dumps([[asdict(turn) for turn in session] for session in self.sessions]), encoding="utf-8")


def cached_share(sessions: Sequence[Sequence[Turn]]) -> float:
    """Of the tokens that a turn's prompt has in common with the turn before: what the engine still knew."""
    again = cached = 0
    for session in sessions:
        so_far = 0
        for turn in session:
            again += so_far
            cached += turn.cached if so_far else 0
            so_far += len(turn.given) + turn.sampled
    return cached / again


def read_sessions(path: Path) -> list[list[Turn]]:
    """What `write` wrote."""
    return [[Turn(**turn) for turn in session] for session in json.loads(path.read_text(encoding="utf-8"))]


def recorded(run: Path) -> Recorded:
    """Raises ValueError for a run whose conversations did not only grow: their prompts lie elsewhere."""
    columns = ["token_ids", "loss_mask", "turns", "append_only", "started_at", "finished_at"]
    rows = pq.read_table(run / "trajectories", columns=columns).sort_by("started_at").to_pylist()
    sessions = [_turns(row["token_ids"], row["loss_mask"], row["turns"]) for row in rows]
    if not all(row["append_only"] for row in rows):
        raise ValueError(f"{run}: there are conversations that were rendered anew")
    began: datetime = min(row["started_at"] for row in rows)
    ended: datetime = max(row["finished_at"] for row in rows)
    return Recorded(sessions, (ended - began).total_seconds())


def _turns(ids: Sequence[int], mask: Sequence[int], turns: Sequence[dict[str, object]]) -> list[Turn]:
    found, at = [], 0
    for turn in turns:
        sampled = turn["completion_token_ids"]
        assert isinstance(sampled, list)
        start = mask.index(1, at) if sampled else at
        found.append(Turn(list(ids[at:start]), len(sampled), int(str(turn["cached_tokens"] or 0))))
        at = start + len(sampled)
    return found

"""What happens in a run, for machines: a closed set of events, one line of JSON each.

No event quotes a model, a record or an exception that may quote one: what was dropped and what failed are named with
their cause alone, and the words are in `dropped.jsonl` and `failures/`, which are guarded as the trajectories are.
"""

import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter


class _Event(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))


class RunStarted(_Event):
    """A command began to work on a run; a run that is resumed has several."""

    event: Literal["run_started"] = "run_started"
    run_id: str
    model: str
    tasks: int
    rollouts: int
    """Per task."""
    durable: int
    """Trajectories that earlier commands left."""
    versions: dict[str, str]


class ClusterReady(_Event):
    """The driver is attached to a Ray cluster, or has started one."""

    event: Literal["cluster"] = "cluster"
    address: str
    started: bool
    nodes: int
    cpus: FiniteFloat
    gpus: FiniteFloat


class ActorLost(_Event):
    """An actor died or could not start."""

    event: Literal["actor_lost"] = "actor_lost"
    actor: str
    reason: str


class ActorFollowed(_Event):
    """Another actor took the place of one that was lost."""

    event: Literal["actor_followed"] = "actor_followed"
    actor: str
    """The follower; a replica, the writer and the conductor keep their names."""
    lost: str


class NodeJoined(_Event):
    """A node came to the cluster."""

    event: Literal["node_joined"] = "node_joined"
    node: str


class NodeLeft(_Event):
    """A node left the cluster, or died."""

    event: Literal["node_left"] = "node_left"
    node: str


class TaskDropped(_Event):
    """A task whose gold cannot be trusted here."""

    event: Literal["task_dropped"] = "task_dropped"
    task_id: str
    cause: str


class RolloutFailed(_Event):
    """A rollout whose attempts are spent."""

    event: Literal["rollout_failed"] = "rollout_failed"
    trajectory_id: str
    cause: str
    """The class of the last error."""


class StopAsked(_Event):
    """Nothing more is begun."""

    event: Literal["stop_asked"] = "stop_asked"
    by: Literal["signal", "run_s"]


class RunEnded(_Event):
    """The command is over; one without it was killed."""

    event: Literal["run_ended"] = "run_ended"
    outcome: Literal["finished", "stopped", "interrupted", "broken"]
    requested: int
    done: int
    dropped: int
    """Rollouts, as all counts here."""
    failed: int
    spared: int = 0
    """What adaptive sampling has decided against."""
    missing: int
    engine_tokens: int = 0
    """What the engines have generated in this command, whoever it was for."""
    cost_usd: float = 0.0
    """What an endpoint has charged for its trajectories."""
    error: str | None = None


Event = (
    RunStarted
    | ClusterReady
    | ActorLost
    | ActorFollowed
    | NodeJoined
    | NodeLeft
    | TaskDropped
    | RolloutFailed
    | StopAsked
    | RunEnded
)
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


def parse(line: bytes) -> Event:
    """Reads a line. Raises ValueError where it is no event."""
    return _EVENT.validate_json(line)


def parsed(lines: Iterable[bytes]) -> Iterator[Event]:
    """Those of the lines that are events; the others are passed over, for losing one never ends a run."""
    for line in lines:
        with contextlib.suppress(ValueError):
            yield parse(line)


def render(event: Event) -> bytes:
    """One line, without its end. Raises ValueError for text that is no Unicode."""
    return event.model_dump_json().encode()

"""What a run tells Prometheus, through Ray: every metric is declared here, and docs/metrics.md lists this table.

Ray puts `ray_` before each name. Cheap: once per trajectory, and once per turn for its times, never once per token.
"""

import functools
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from ray.util.metrics import Counter, Gauge, Histogram

from actors.cluster import current_run
from medgym_ray.occupancy import Occupancy, Use
from medgym_ray.trajectory import Trajectory
from medgym_ray.work import Work

RAY_PREFIX = "ray_"
_RUN = "run"
"""The tag that every metric has: clusters are shared."""
_LONG_S = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 600.0]
_SHORT_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0]


@dataclass(frozen=True, slots=True)
class Declared:
    """One metric. `tags` are those beside the run's id."""

    kind: Literal["counter", "gauge", "histogram"]
    help: str
    tags: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


METRICS: Mapping[str, Declared] = {
    "medgym_trajectories_total": Declared(
        "counter", "Trajectories that are durable; `outcome` is how the episode ended.", ("family", "outcome")
    ),
    "medgym_failures_total": Declared(
        "counter", "Attempts that failed through a fault of ours, by the boundary they crossed.", ("error_class",)
    ),
    "medgym_turns_total": Declared("counter", "Turns of durable trajectories."),
    "medgym_generated_tokens_total": Declared("counter", "Tokens that the policy sampled in them."),
    "medgym_prompt_tokens_total": Declared("counter", "Prompt tokens of their turns."),
    "medgym_cached_prompt_tokens_total": Declared("counter", "Of these, what the engine still knew (prefix hits)."),
    "medgym_active_episodes": Declared("gauge", "Rollouts that executors play."),
    "medgym_busy_sandboxes": Declared("gauge", "Sandboxes that an episode holds or that are cleaned after one."),
    "medgym_sandbox_slots": Declared("gauge", "Sandboxes that there may be."),
    "medgym_replica_requests_in_flight": Declared("gauge", "Requests that a replica works on or queues.", ("replica",)),
    "medgym_replica_busy_seconds_total": Declared(
        "counter", "Seconds in which a replica had a request; the rest of the time it was idle.", ("replica",)
    ),
    "medgym_turn_seconds": Declared(
        "histogram", "A turn: the policy's reply and what was executed for it.", bounds=tuple(_LONG_S)
    ),
    "medgym_cell_seconds": Declared(
        "histogram", "A cell in its sandbox, or an answered request_info.", bounds=tuple(_SHORT_S)
    ),
    "medgym_queue_seconds": Declared(
        "histogram", "What a turn's request waited in the engine before it was begun.", bounds=tuple(_SHORT_S)
    ),
    "medgym_acknowledged_total": Declared("counter", "Trajectories that the writer acknowledged as durable."),
    "medgym_acknowledge_seconds": Declared(
        "histogram", "From the arrival of trajectories at the writer to their acknowledgement.", bounds=tuple(_SHORT_S)
    ),
}


@functools.cache
def _metric(name: str) -> Any:
    """Made when it is first used, by a process that knows its run."""
    declared = METRICS[name]
    tags = (*declared.tags, _RUN)
    metric: Any
    if declared.kind == "histogram":
        metric = Histogram(name, declared.help, list(declared.bounds), tags)
    else:
        metric = (Counter if declared.kind == "counter" else Gauge)(name, declared.help, tags)
    return metric.set_default_tags({_RUN: current_run()})


def _count(name: str, amount: float = 1, **tags: str) -> None:
    if amount > 0:
        _metric(name).inc(amount, tags)


def done(trajectory: Trajectory) -> None:
    """A trajectory is durable."""
    work = Work.of(trajectory)
    _count("medgym_trajectories_total", family=trajectory.family, outcome=trajectory.termination)
    _count("medgym_turns_total", work.turns)
    _count("medgym_generated_tokens_total", work.generated_tokens)
    _count("medgym_prompt_tokens_total", work.prompt_tokens)
    _count("medgym_cached_prompt_tokens_total", work.cached_tokens)
    for turn in trajectory.turns:
        _metric("medgym_turn_seconds").observe((turn.generate_ms + turn.execute_ms) / 1000)
        if turn.status is not None:
            _metric("medgym_cell_seconds").observe(turn.execute_ms / 1000)
        if turn.prompt_tokens is not None:  # an engine was asked
            _metric("medgym_queue_seconds").observe(turn.queue_ms / 1000)


def failed(error_class: str) -> None:
    """An attempt failed through a fault of ours."""
    _count("medgym_failures_total", error_class=error_class)


def load(playing: int, sandboxes: Use) -> None:
    """What all executors play, and the sandboxes they have. A gauge, and so told now and then."""
    _metric("medgym_active_episodes").set(playing)
    _metric("medgym_busy_sandboxes").set(sandboxes.busy)
    _metric("medgym_sandbox_slots").set(sandboxes.places)


def acknowledged(trajectories: int, seconds: float) -> None:
    """The writer answered for some that came together."""
    _count("medgym_acknowledged_total", trajectories)
    _metric("medgym_acknowledge_seconds").observe(seconds)


class ReplicaMeter:
    """The requests of one replica, counted as they come and told now and then."""

    def __init__(self, replica: str) -> None:
        self._replica = replica
        self._requests = Occupancy(1)
        self._told_s = 0.0

    def request(self) -> AbstractContextManager[None]:
        """For as long as it is under way."""
        return self._requests.hold()

    def tell(self) -> Use:
        """How much of the time it had a request."""
        use = self._requests.use()
        _metric("medgym_replica_requests_in_flight").set(self._requests.holders, {"replica": self._replica})
        _count("medgym_replica_busy_seconds_total", use.busy_s - self._told_s, replica=self._replica)
        self._told_s = use.busy_s
        return use


def table() -> str:
    """The declarations as Markdown."""
    rows = [
        f"| `{RAY_PREFIX}{name}` | {declared.kind} | {', '.join(f'`{t}`' for t in (*declared.tags, _RUN))} "
        f"| {declared.help} |"
        for name, declared in METRICS.items()
    ]
    return "\n".join(["| metric | kind | labels | meaning |", "|---|---|---|---|", *rows])

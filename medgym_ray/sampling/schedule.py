"""Which rollout is begun next. Pure, and decided by the order in which results arrive alone."""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from medgym_ray.sampling.goal import Goal


@dataclass(slots=True)
class _Standing:
    """One task."""

    unlent: list[int]
    """Rollouts, the next one last."""
    begun: int = 0
    successes: int = 0
    failures: int = 0
    under_way: set[int] = field(default_factory=set)
    rank: float | None = None
    """Its place in the queue, the lowest first; None: it is not in there."""
    open: int = 0
    """Its share of the schedule's."""


class Schedule:
    """The rollouts of many tasks, named by their places among `tasks`.

    Without a goal every task gets all its rollouts, one task after the other. With one, every task is probed, in the
    same order; then the task comes first that promises the most pairs per rollout, until it has them. What is under way
    counts as promised, so that who asks while results are out gets another task first, and only then more of the same.
    """

    def __init__(self, tasks: int, rollouts: int, goal: Goal | None) -> None:
        """Nothing is begun yet."""
        self._goal = goal
        self._standings = [_Standing(list(reversed(range(rollouts)))) for _ in range(tasks)]
        self._queue: list[tuple[float, int]] = []
        self._changed = set(range(tasks))
        self._open = 0

    def begin(self, place: int, rollout: int) -> None:
        """Somebody has this rollout already."""
        self._leave_out(place, rollout)
        self._standings[place].under_way.add(rollout)

    def settle(self, place: int, rollout: int, success: bool | None) -> None:
        """A rollout has its result; None: it will have none."""
        self._leave_out(place, rollout)
        standing = self._standings[place]
        standing.under_way.discard(rollout)
        standing.successes += success is True
        standing.failures += success is False

    def drop(self, place: int) -> None:
        """Nothing more of this task is begun."""
        self._standings[place].unlent.clear()
        self._changed.add(place)

    def reached(self, place: int) -> bool:
        """Whether the task has what the goal wants of it."""
        standing = self._standings[place]
        return self._goal is not None and min(standing.successes, standing.failures) >= self._goal.pairs

    @property
    def open(self) -> int:
        """Rollouts that may yet be begun."""
        self._rank_changed()
        return self._open

    def next(self) -> tuple[int, int] | None:
        """Begins a rollout: the task's place and the rollout's number. None where none is worth it."""
        self._rank_changed()
        while self._queue:
            rank, place = heapq.heappop(self._queue)
            standing = self._standings[place]
            if standing.rank != rank:
                continue  # ranked anew since
            standing.rank = None
            rollout = standing.unlent[-1]
            self.begin(place, rollout)
            return place, rollout
        return None

    def _leave_out(self, place: int, rollout: int) -> None:
        unlent = self._standings[place].unlent
        if rollout in unlent:
            unlent.remove(rollout)
            self._standings[place].begun += 1
        self._changed.add(place)

    def _rank_changed(self) -> None:
        for place in self._changed:
            standing = self._standings[place]
            rank = self._rank(standing)
            still_open = len(standing.unlent) if rank is not None else 0
            self._open += still_open - standing.open
            standing.open = still_open
            if rank is not None and rank != standing.rank:
                heapq.heappush(self._queue, (rank, place))
            standing.rank = rank
        self._changed.clear()
        if len(self._queue) > 2 * len(self._standings):  # most of it is out of date
            ranked: Sequence[tuple[float | None, int]] = [(s.rank, place) for place, s in enumerate(self._standings)]
            self._queue = [(rank, place) for rank, place in ranked if rank is not None]
            heapq.heapify(self._queue)

    def _rank(self, standing: _Standing) -> float | None:
        if not standing.unlent:
            return None
        if self._goal is None:
            return -math.inf
        from medgym_ray.sampling.pairs import worth  # SciPy is slow to import, and uniform sampling needs none of it

        left, pairs = len(standing.unlent), self._goal.pairs
        promised = worth(standing.successes, standing.failures, len(standing.under_way), left, pairs)
        if not promised:
            return None
        return -math.inf if standing.begun < self._goal.probe else -promised

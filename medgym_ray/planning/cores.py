"""A machine's cores in virtual time: they hand out their time by one number instead of one per job."""

import heapq
import itertools
import math
from typing import Any


class Cores:
    """Cores that share their time evenly among jobs, each of which can use one."""

    def __init__(self, cores: float) -> None:
        self._cores = cores
        self._clock = 0.0
        self._given_s = 0.0
        """CPU seconds that a job present from the beginning would have had."""
        self._jobs: list[tuple[float, int, Any]] = []
        self._order = itertools.count()
        self.used_s = 0.0
        self.peak = 0
        """Jobs at once."""

    def add(self, cpu_s: float, owner: Any, now: float) -> None:
        """A job that wants `cpu_s` of CPU time."""
        self._go(now)
        heapq.heappush(self._jobs, (self._given_s + cpu_s, next(self._order), owner))
        self.peak = max(self.peak, len(self._jobs))

    def boundary(self) -> float:
        """When the next job ends, if none arrives."""
        if not self._jobs:
            return math.inf
        return self._clock + max(0.0, self._jobs[0][0] - self._given_s) / self._rate()

    def advance(self) -> Any:
        """Goes to the boundary and takes the job that ends there; returns its owner."""
        self._go(self.boundary())
        return heapq.heappop(self._jobs)[2]

    def _rate(self) -> float:
        return min(1.0, self._cores / len(self._jobs))

    def _go(self, now: float) -> None:
        if self._jobs:
            given = (now - self._clock) * self._rate()
            self._given_s += given
            self.used_s += given * len(self._jobs)
        self._clock = now

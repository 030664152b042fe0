"""A replica's engine and a machine's cores in virtual time.

Both skip what does not matter: between two events the engine goes through its steps in one leap, and the cores hand out
their time by one number instead of one per job.
"""

import heapq
import itertools
import math
from collections import deque
from dataclasses import dataclass
from typing import Any

from medgym_ray.config import SimulationConfig

_ROUNDING = 1e-9


@dataclass(slots=True)
class Request:
    """One reply to be generated. `fresh` are the prompt tokens that are in no cache; `owner` is the caller's."""

    prompt: int
    fresh: int
    reply: int
    owner: Any = None

    @property
    def tokens(self) -> int:
        """What it takes of the KV cache at its end."""
        return self.prompt + self.reply


class Engine:
    """Continuous batching with chunked prefill.

    All admitted sequences advance one token per step. Prompts are prefilled first come, first served, `chunk_tokens`
    per step; the step that ends a prompt's prefill yields its first token. A request waits until the KV cache holds the
    whole of it (one alone always runs) and fewer than `in_flight` are admitted.
    """

    def __init__(self, numbers: SimulationConfig, in_flight: int) -> None:
        self._numbers, self._in_flight = numbers, in_flight
        self._clock, self._step_s, self._leap = 0.0, 0.0, 0
        self._steps = 0
        self._batch: list[tuple[int, int, Request]] = []
        """A heap by the step that ends the reply."""
        self._prefills: deque[list[Any]] = deque()
        """[request, prompt tokens left]"""
        self._waiting: deque[Request] = deque()
        self._order = itertools.count()
        self._reserved = 0
        self.boundary = math.inf
        """When something changes next, if nothing arrives."""
        self.load = 0
        """Requests here, waiting ones too."""
        self.busy_s = 0.0
        self.sequence_s = 0.0
        """Sequences × seconds."""
        self.peak_tokens = 0

    @property
    def _admitted(self) -> int:
        return len(self._batch) + len(self._prefills)

    def submit(self, request: Request, now: float) -> None:
        """Takes effect when the step under way ends."""
        self.load += 1
        self._waiting.append(request)
        if self.boundary == math.inf:
            self._clock = now
            self._look()
        elif self._leap > 1 and self._fits(self._waiting[0]):
            passed = max(1, math.ceil((now - self._clock) / self._step_s - _ROUNDING))
            if passed < self._leap:
                self._leap = passed
                self.boundary = self._clock + passed * self._step_s

    def advance(self) -> list[Request]:
        """Goes to the boundary; the requests whose replies end there."""
        self.busy_s += self._leap * self._step_s
        self.sequence_s += self._leap * self._step_s * self._admitted
        self._clock = self.boundary
        self._steps += self._leap
        if self._leap:
            self._prefill()
        ended = []
        while self._batch and self._batch[0][0] <= self._steps:
            request = heapq.heappop(self._batch)[2]
            self._reserved -= request.tokens
            self.load -= 1
            ended.append(request)
        self._look()
        return ended

    def fail(self, now: float, restart_s: float) -> None:
        """The engine is lost and replaced: every request under way begins again, with nothing in the cache."""
        lost = [entry[2] for entry in sorted(self._batch)] + [entry[0] for entry in self._prefills]
        for request in reversed([*lost, *self._waiting]):
            request.fresh = request.prompt
        self._waiting = deque([*lost, *self._waiting])
        self._batch.clear()
        self._prefills.clear()
        self._reserved, self._leap = 0, 0
        self._clock = self.boundary = now + restart_s

    def _fits(self, request: Request) -> bool:
        if self._admitted >= self._in_flight:
            return False
        return not self._admitted or self._reserved + request.tokens <= self._numbers.kv_tokens

    def _look(self) -> None:
        """Admits what fits and finds the next boundary."""
        while self._waiting and self._fits(self._waiting[0]):
            request = self._waiting.popleft()
            self._reserved += request.tokens
            self._prefills.append([request, request.fresh])
        self.peak_tokens = max(self.peak_tokens, self._reserved)
        if not self._admitted:
            self.boundary, self._leap = math.inf, 0
            return
        numbers = self._numbers
        self._step_s = (numbers.step_ms + numbers.sequence_ms * self._admitted) / 1000
        if self._prefills:
            chunk = min(numbers.chunk_tokens, sum(left for _, left in self._prefills))
            self._step_s += chunk / numbers.prefill_tokens_s
            self._leap = 1
        else:
            self._leap = self._batch[0][0] - self._steps
        self.boundary = self._clock + self._leap * self._step_s

    def _prefill(self) -> None:
        room = self._numbers.chunk_tokens
        while self._prefills and self._prefills[0][1] <= room:
            request, left = self._prefills.popleft()
            room -= left
            heapq.heappush(self._batch, (self._steps + request.reply - 1, next(self._order), request))
        if self._prefills:
            self._prefills[0][1] -= room


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

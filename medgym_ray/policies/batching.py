"""Continuous batching as arithmetic: what is in an engine, and how time changes it. Knows no clock of its own.

Between two events the engine goes through its steps in one leap: their length follows from how many sequences run and
whether a prompt is being prefilled, and that does not change meanwhile.
"""

import heapq
import itertools
import math
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any

from medgym_ray.config import SimulationConfig
from medgym_ray.policies.base import EngineLoad

_ROUNDING = 1e-9


@dataclass(slots=True, eq=False)
class EngineRequest:
    """One reply to be generated. `fresh` are the prompt tokens that are in no cache; `owner` is the caller's.

    Times are those of the clock that the engine is told.
    """

    prompt: int
    fresh: int
    reply: int
    owner: Any = None
    admitted: float | None = None
    ended: float | None = None

    @property
    def tokens(self) -> int:
        """What it takes of the KV cache at its end."""
        return self.prompt + self.reply


class EngineModel:
    """Continuous batching with chunked prefill.

    All admitted sequences advance one token per step. Prompts are prefilled first come, first served, `chunk_tokens`
    per step; the step that ends a prompt's prefill yields its first token. A request waits until the KV cache holds the
    whole of it (one alone always runs) and fewer than `in_flight` are admitted.
    """

    def __init__(self, numbers: SimulationConfig, in_flight: float = math.inf) -> None:
        self._numbers, self._in_flight = numbers, in_flight
        self._clock, self._step_s, self._leap = 0.0, 0.0, 0
        self._steps = 0
        self._batch: list[tuple[int, int, EngineRequest]] = []
        """A heap by the step that ends the reply."""
        self._prefills: deque[list[Any]] = deque()
        """[request, prompt tokens left]"""
        self._waiting: deque[EngineRequest] = deque()
        self._order = itertools.count()
        self._reserved = 0
        self.boundary = math.inf
        """When something changes next, if nothing arrives."""
        self.requests = 0
        """Those here, waiting ones too."""
        self.busy_s = 0.0
        self.sequence_s = 0.0
        """Sequences × seconds."""
        self.peak_tokens = 0

    @property
    def _admitted(self) -> int:
        return len(self._batch) + len(self._prefills)

    def submit(self, request: EngineRequest, now: float) -> None:
        """Takes effect when the step under way ends."""
        self.requests += 1
        self._waiting.append(request)
        if self.boundary == math.inf:
            self._clock = now
            self._look()
        elif self._fits(self._waiting[0]):
            self._cut_leap(now)

    def withdraw(self, request: EngineRequest, now: float) -> None:
        """It was aborted and has not ended; it goes when the step under way ends."""
        self.requests -= 1
        if request.admitted is None:
            self._waiting.remove(request)
            return
        self._reserved -= request.tokens
        self._prefills = deque(entry for entry in self._prefills if entry[0] is not request)
        self._batch = [entry for entry in self._batch if entry[2] is not request]
        heapq.heapify(self._batch)
        self._cut_leap(now)

    def _cut_leap(self, now: float) -> None:
        """The step under way is the last before another look."""
        passed = max(1, math.ceil((now - self._clock) / self._step_s - _ROUNDING))
        if passed < self._leap:
            self._leap = passed
            self.boundary = self._clock + passed * self._step_s

    @property
    def load(self) -> EngineLoad:
        """What the engine would say of itself."""
        return EngineLoad(self._admitted, len(self._waiting), self._reserved / self._numbers.kv_tokens)

    def advance(self) -> list[EngineRequest]:
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
            self.requests -= 1
            request.ended = self._clock
            ended.append(request)
        self._look()
        return ended

    def fail(self, now: float, restart_s: float) -> None:
        """The engine is lost and replaced: every request under way begins again, with nothing in the cache."""
        lost = [entry[2] for entry in sorted(self._batch)] + [entry[0] for entry in self._prefills]
        for request in reversed([*lost, *self._waiting]):
            request.fresh, request.admitted = request.prompt, None
        self._waiting = deque([*lost, *self._waiting])
        self._batch.clear()
        self._prefills.clear()
        self._reserved, self._leap = 0, 0
        self._clock = self.boundary = now + restart_s

    def _fits(self, request: EngineRequest) -> bool:
        if self._admitted >= self._in_flight:
            return False
        return not self._admitted or self._reserved + request.tokens <= self._numbers.kv_tokens

    def _look(self) -> None:
        """Admits what fits and finds the next boundary."""
        while self._waiting and self._fits(self._waiting[0]):
            request = self._waiting.popleft()
            request.admitted = self._clock
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


class PrefixCache:
    """How much of a prompt is still in the KV cache: that of the session's last turn, or of its task's first.

    The least recently used is dropped where all together are more than the cache holds.
    """

    def __init__(self, tokens: int) -> None:
        self._most = tokens
        self._held: OrderedDict[str, int] = OrderedDict()
        self._total = 0

    def match(self, prompt: int, *keys: str) -> int:
        """Tokens of a prompt of that length that need no prefill; the last one always does."""
        found = 0
        for key in keys:
            if key in self._held:
                self._held.move_to_end(key)
                found = max(found, self._held[key])
        return max(0, min(found, prompt - 1))

    def keep(self, key: str, tokens: int) -> None:
        """What was computed stays for whoever begins alike."""
        self._total += tokens - self._held.pop(key, 0)
        self._held[key] = tokens
        while self._total > self._most and len(self._held) > 1:
            self._total -= self._held.popitem(last=False)[1]


def reply_length(median: float, spread: float, normal: float) -> int:
    """A log-normal number of tokens, at least one, for a standard normal deviate."""
    return max(1, round(median * math.exp(spread * normal)))

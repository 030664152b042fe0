"""Continuous batching as arithmetic: what is in an engine, and how time changes it. Knows no clock of its own.

The engine goes by steps. In each, every running sequence gets one token, and the prompt at the head of the queue is
prefilled by one chunk. So the length of a step follows from how many sequences run and whether any is prefilled, and
between two events (one comes, is prefilled, ends) it does not change: no single step has to be gone through.
"""

import heapq
import itertools
import math
from collections import OrderedDict, deque
from dataclasses import dataclass

from medgym_ray.config import SimulationConfig
from medgym_ray.policies.base import EngineLoad


@dataclass(slots=True, eq=False)
class EngineSequence:
    """A request in an engine: the tokens of its prompt, those of them that no cache holds, and those it will be given.

    Times in seconds of whatever clock `Batch` is told; `ended` stays None while it is not at its end.
    """

    prompt: int
    uncached: int
    reply: int
    came: float
    admitted: float | None = None
    ended: float | None = None
    prefill_steps: float = 0.0

    @property
    def held(self) -> int:
        """What it takes of the KV cache, in tokens: reserved whole, so that nothing is ever preempted."""
        return self.prompt + self.reply


class Batch:
    """All sequences of one engine."""

    def __init__(self, config: SimulationConfig, now: float) -> None:
        """`now`: the clock's time, in seconds; it never goes back."""
        self._config = config
        self._now = now
        self._step = 0.0
        self._numbers = itertools.count()
        self._waiting: deque[EngineSequence] = deque()
        self._prefilling: deque[EngineSequence] = deque()
        self._running: list[tuple[float, int, EngineSequence]] = []
        self._held = 0

    @property
    def load(self) -> EngineLoad:
        """What the engine says of itself."""
        running = len(self._prefilling) + len(self._running)
        return EngineLoad(running, len(self._waiting), self._held / self._config.kv_tokens)

    def add(self, sequence: EngineSequence, now: float) -> list[EngineSequence]:
        """One more; returns what has ended until `now`. It waits while the KV cache has no room for all of it."""
        ended = self.advance(now)
        self._waiting.append(sequence)
        self._admit()
        return ended

    def remove(self, sequence: EngineSequence, now: float) -> list[EngineSequence]:
        """It was aborted; returns what has ended until `now`."""
        ended = self.advance(now)
        if sequence.ended is not None:
            return ended
        if sequence.admitted is None:
            self._waiting.remove(sequence)
            return ended
        if sequence in self._prefilling:
            self._prefilling.remove(sequence)
        else:
            self._running = [entry for entry in self._running if entry[2] is not sequence]
            heapq.heapify(self._running)
        self._held -= sequence.held
        self._admit()
        return ended

    def advance(self, now: float) -> list[EngineSequence]:
        """Lets time pass until `now`; returns what has ended, in order."""
        ended: list[EngineSequence] = []
        while (steps := self._steps_to_event()) is not None:
            length = self._step_s()
            if self._now + steps * length > now:
                self._pass((now - self._now) / length)
                break
            self._now += steps * length
            self._pass(steps)
            ended += self._settle()
        self._now = max(self._now, now)
        return ended

    def next_event(self) -> float | None:
        """When something will next end or be prefilled, if nothing comes before; None where nothing is in it."""
        steps = self._steps_to_event()
        return None if steps is None else self._now + steps * self._step_s()

    def _step_s(self) -> float:
        config = self._config
        length = config.step_ms + config.sequence_ms * len(self._running) if self._running else 0.0
        if self._prefilling:
            length += config.chunk_tokens / config.prefill_tokens_s * 1000
        return length / 1000

    def _steps_to_event(self) -> float | None:
        events = [self._prefilling[0].prefill_steps] if self._prefilling else []
        events += [self._running[0][0] - self._step] if self._running else []
        return max(0.0, min(events)) if events else None

    def _pass(self, steps: float) -> None:
        self._step += steps
        if self._prefilling:
            self._prefilling[0].prefill_steps -= steps

    def _settle(self) -> list[EngineSequence]:
        """Moves on what is prefilled, and takes out what has all its tokens."""
        ended = []
        if self._prefilling and self._prefilling[0].prefill_steps <= 1e-9:
            self._run(self._prefilling.popleft())
        while self._running and self._running[0][0] <= self._step + 1e-9:
            sequence = heapq.heappop(self._running)[2]
            sequence.ended = self._now
            self._held -= sequence.held
            ended.append(sequence)
        if ended:
            self._admit()
        return ended

    def _admit(self) -> None:
        while self._waiting and (self._held + self._waiting[0].held <= self._config.kv_tokens or not self._held):
            sequence = self._waiting.popleft()
            sequence.admitted = self._now
            sequence.prefill_steps = sequence.uncached / self._config.chunk_tokens
            self._held += sequence.held
            if sequence.uncached:
                self._prefilling.append(sequence)
            else:
                self._run(sequence)

    def _run(self, sequence: EngineSequence) -> None:
        heapq.heappush(self._running, (self._step + sequence.reply, next(self._numbers), sequence))


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

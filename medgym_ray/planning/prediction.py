"""A run in virtual time: episodes cycle between engines, cores and the writer, so many at once and no more.

Small runs are gone through as they are. Of a large one, one replica with its share of everything else plays a part;
what is missing is added at the rate of the part's middle, which is neither ramp nor tail.
"""

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import median_low

from medgym_ray.config import SimulationConfig
from medgym_ray.planning.cores import Cores
from medgym_ray.planning.workload import EpisodeShape, Workload
from medgym_ray.policies.batching import EngineModel, EngineRequest

_EXACT = 2000
"""Rollouts that are all gone through."""
_EXACT_REPLICAS = 16
_FEW = 8
_ROUNDS = 10
"""Of a larger run, as many episodes per sandbox are gone through …"""
_LEAST = 600
"""… and at least as many in all."""
_MIDDLE = (0.3, 0.7)
_SEEDS = 3
_LUCK = 300
"""Up to as many rollouts the tail is luck, and the median of `_SEEDS` courses is told."""
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Costs:
    """What an episode takes besides its replies, in seconds of one core or of the one writer."""

    cell_cpu_s: float
    trajectory_cpu_s: float
    writer_s: float
    start_s: float
    end_s: float
    failures_per_hour: float = 0.0
    """Of one engine."""
    restart_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a run has. `engine` None: a policy that answers at once (oracle, replay)."""

    replicas: int
    engine: SimulationConfig | None
    in_flight: int
    """Requests per replica."""
    episodes: int
    """At once."""
    cores: float

    def part(self) -> "Fleet":
        """One replica with its share of the rest; some more where that would be a few episodes only."""
        wanted = math.ceil(_FEW * self.replicas / self.episodes)
        replicas = max(1, min(wanted, self.replicas, _EXACT_REPLICAS))
        share = replicas / self.replicas
        return replace(self, replicas=replicas, episodes=max(1, round(self.episodes * share)), cores=self.cores * share)


@dataclass(frozen=True, slots=True)
class Mark:
    """What had been used up at a moment: seconds, each of one thing (engine, sequence, episode, core, writer)."""

    at: float = 0.0
    busy_s: float = 0.0
    sequence_s: float = 0.0
    episode_s: float = 0.0
    core_s: float = 0.0
    writer_s: float = 0.0

    def plus(self, other: "Mark", factor: float = 1.0) -> "Mark":
        """The sum, `other` times `factor`."""
        return Mark(*(a + factor * b for a, b in zip(self._values(), other._values(), strict=True)))

    def _values(self) -> tuple[float, ...]:
        return self.at, self.busy_s, self.sequence_s, self.episode_s, self.core_s, self.writer_s


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a run takes. Shares are of the whole wall clock, start and end included; `_at_once` are means."""

    rollouts: int
    wall_s: float
    rate: float
    """Trajectories per second in the middle of the run."""
    gpu_busy: float
    episodes_busy: float
    """Of the episodes that there may be at once, those that there are."""
    core_busy: float
    writer_busy: float
    sequences_at_once: float
    """Per replica, while it is busy."""
    peak_episodes: int
    peak_cells: int
    kv_share: float
    """Of the KV cache, at most."""


def predict(workload: Workload, fleet: Fleet, costs: Costs, rollouts: int) -> Prediction:
    """One prediction, the same for the same arguments."""
    if rollouts <= _EXACT and fleet.replicas <= _EXACT_REPLICAS:
        seeds = _SEEDS if rollouts <= _LUCK else 1
        courses = [_play(workload, fleet, costs, rollouts, seed) for seed in range(seeds)]
        middle = median_low(course.marks[-1].at for course in courses)
        course = next(c for c in courses if c.marks[-1].at == middle)
        return _told(course, course.marks[-1], fleet, fleet, costs, rollouts)
    part = fleet.part()
    factor = fleet.replicas / part.replicas
    its = math.ceil(rollouts / factor)
    its_costs = replace(costs, writer_s=costs.writer_s * factor)
    course = _play(workload, part, its_costs, min(its, max(_LEAST, _ROUNDS * part.episodes)), 0)
    return _told(course, _extended(course.marks, its), part, fleet, costs, rollouts)


def _extended(marks: Sequence[Mark], rollouts: int) -> Mark:
    missing = rollouts - len(marks)
    first, last = (int(part * (len(marks) - 1)) for part in _MIDDLE)
    if not missing or first == last:
        return marks[-1]
    return marks[-1].plus(marks[last].plus(marks[first], -1), missing / (last - first))


@dataclass(frozen=True, slots=True)
class _Course:
    marks: list[Mark]
    """After each trajectory, in their order."""
    peak_episodes: int
    peak_cells: int
    peak_tokens: int


def _told(course: _Course, end: Mark, played: Fleet, fleet: Fleet, costs: Costs, rollouts: int) -> Prediction:
    wall_s = end.at + costs.start_s + costs.end_s
    factor = fleet.replicas / played.replicas
    first, last = (course.marks[int(part * (len(course.marks) - 1))].at for part in _MIDDLE)
    between = int(_MIDDLE[1] * (len(course.marks) - 1)) - int(_MIDDLE[0] * (len(course.marks) - 1))
    rate = between / (last - first) if last > first else len(course.marks) / end.at
    engine = played.engine
    return Prediction(
        rollouts=rollouts,
        wall_s=wall_s,
        rate=rate * factor,
        gpu_busy=end.busy_s / played.replicas / wall_s,
        episodes_busy=end.episode_s / played.episodes / wall_s,
        core_busy=end.core_s / played.cores / wall_s,
        writer_busy=end.writer_s / wall_s,
        sequences_at_once=end.sequence_s / end.busy_s if end.busy_s else 0.0,
        peak_episodes=min(fleet.episodes, round(course.peak_episodes * factor)),
        peak_cells=round(course.peak_cells * factor),
        kv_share=course.peak_tokens / engine.kv_tokens if engine else 0.0,
    )


@dataclass(slots=True)
class _Episode:
    shape: EpisodeShape
    home: int
    context: int
    turn: int = 0

    def request(self, prefix_cache: bool) -> EngineRequest:
        """The present turn's."""
        turn = self.shape.turns[self.turn]
        assert turn.reply is not None
        cached = 0
        if self.turn and prefix_cache:
            cached = self.context - self.shape.turns[self.turn - 1].observation
        return EngineRequest(self.context, self.context - cached, turn.reply, self)


class _Play:
    """One course of events."""

    def __init__(self, fleet: Fleet, costs: Costs, episodes: Sequence[EpisodeShape], random: Random) -> None:
        self._fleet, self._costs, self._random = fleet, costs, random
        self._cache = fleet.engine is not None and fleet.engine.prefix_cache
        self._engines = (
            [EngineModel(fleet.engine, fleet.in_flight) for _ in range(fleet.replicas)] if fleet.engine else []
        )
        self._cores = Cores(fleet.cores)
        self._waiting = iter(episodes)
        self._written: list[tuple[float, int, _Episode]] = []
        self._order = itertools.count()
        self._writer_free = 0.0
        self._writer_s = 0.0
        self._now = 0.0
        self._playing = 0
        self._episode_s = 0.0
        self._peak = 0
        self._failures: list[tuple[float, int]] = []
        if costs.failures_per_hour:
            self._failures = [(self._next_failure(), n) for n in range(len(self._engines))]
            heapq.heapify(self._failures)

    def run(self) -> _Course:
        """To the last trajectory."""
        marks: list[Mark] = []
        for _ in range(self._fleet.episodes):
            self._begin()
        while self._playing:
            if self._step():
                marks.append(self._mark())
                self._begin()
        tokens = max((engine.peak_tokens for engine in self._engines), default=0)
        return _Course(marks, self._peak, self._cores.peak, tokens)

    def _step(self) -> bool:
        """The next event; whether it ended an episode."""
        engine = min(self._engines, key=lambda e: e.boundary, default=None)
        cores = self._cores.boundary()
        written = self._written[0][0] if self._written else math.inf
        replied = engine.boundary if engine else math.inf
        failed = self._failures[0][0] if self._failures else math.inf
        first = min(cores, written, replied, failed)
        self._go(first)
        if failed == first:
            number = heapq.heappop(self._failures)[1]
            self._engines[number].fail(self._now, self._costs.restart_s)
            heapq.heappush(self._failures, (self._next_failure(), number))
        elif replied == first and engine:
            for request in engine.advance():
                self._execute(request.owner)
        elif cores == first:
            self._executed(self._cores.advance())
        else:
            heapq.heappop(self._written)
            self._writer_s += self._costs.writer_s
            self._playing -= 1
            return True
        return False

    def _go(self, now: float) -> None:
        self._episode_s += self._playing * (now - self._now)
        self._now = now

    def _next_failure(self) -> float:
        return self._now + self._random.expovariate(self._costs.failures_per_hour / _HOUR_S)

    def _begin(self) -> None:
        shape = next(self._waiting, None)
        if shape is None:
            return
        self._playing += 1
        self._peak = max(self._peak, self._playing)
        episode = _Episode(shape, self._home(), shape.prompt)
        self._next_turn(episode)

    def _home(self) -> int:
        """A task's rollouts have a home by chance; where that is full, the idlest."""
        if not self._engines:
            return 0
        home = self._random.randrange(len(self._engines))
        if self._engines[home].requests >= self._fleet.in_flight:
            home = min(range(len(self._engines)), key=lambda n: self._engines[n].requests)
        return home

    def _next_turn(self, episode: _Episode) -> None:
        if episode.turn == len(episode.shape.turns):
            self._cores.add(self._costs.trajectory_cpu_s, (episode, True), self._now)
        elif self._engines:
            self._engines[episode.home].submit(episode.request(self._cache), self._now)
        else:
            self._execute(episode)

    def _execute(self, episode: _Episode) -> None:
        """The reply is there."""
        cpu_s = self._costs.cell_cpu_s if episode.shape.turns[episode.turn].executed else 0.0
        self._cores.add(cpu_s, (episode, False), self._now)

    def _executed(self, job: tuple[_Episode, bool]) -> None:
        episode, over = job
        if over:
            self._writer_free = max(self._writer_free, self._now) + self._costs.writer_s
            heapq.heappush(self._written, (self._writer_free, next(self._order), episode))
            return
        turn = episode.shape.turns[episode.turn]
        assert turn.reply is not None
        episode.context += turn.reply + turn.observation
        episode.turn += 1
        self._next_turn(episode)

    def _mark(self) -> Mark:
        return Mark(
            self._now,
            sum(engine.busy_s for engine in self._engines),
            sum(engine.sequence_s for engine in self._engines),
            self._episode_s,
            self._cores.used_s,
            self._writer_s,
        )


def _play(workload: Workload, fleet: Fleet, costs: Costs, rollouts: int, seed: int) -> _Course:
    random = Random(seed)
    episodes = [workload.draw(random) for _ in range(rollouts)]
    return _Play(fleet, costs, episodes, random).run()

"""Repeats: how long they took, and how many fit into a second."""

import asyncio
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.measure.processor import Cpu


@dataclass(slots=True)
class Timing:
    """Milliseconds of each repeat, and the processor time of one."""

    ms: list[float]
    cpu: Cpu

    @property
    def median(self) -> float:
        """Half were faster."""
        return statistics.median(self.ms)

    @property
    def p95(self) -> float:
        """19 of 20 were faster."""
        return percentile(self.ms, 0.95)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)) - 1, 0)]


@dataclass(frozen=True, slots=True)
class Rate:
    """Cells a second in each of some rounds, and how long the slowest cell took, waiting for its turn included."""

    rounds: list[float]
    slowest_s: float

    @property
    def median(self) -> float:
        """Half of the rounds were better."""
        return statistics.median(self.rounds)


class Pulse:
    """The time of a fixed piece of work, again and again: how even the machine was, whatever its load says.

    A virtual machine slows down when its neighbours are busy, and nothing inside shows it but this.
    """

    def __init__(self) -> None:
        self._ms: list[float] = []

    def take(self) -> None:
        """Some 30 ms of one core."""
        began = time.perf_counter()
        sum(number * number for number in range(400_000))
        self._ms.append(since(began))

    def summary(self) -> str:
        """One line."""
        least, middle, most = min(self._ms), statistics.median(self._ms), max(self._ms)
        return (
            f"a fixed piece of work took {least:.0f} ms at best, {middle:.0f} in the median, {most:.0f} at worst "
            f"({len(self._ms)} times, throughout)"
        )


async def closed_loop(jobs: Sequence[Callable[[], Any]], rounds: int, seconds: float, pulse: Pulse) -> Rate:
    """Each job is repeated, one after the other, beside the other jobs; `rounds` times for some `seconds`."""
    await asyncio.gather(*(job() for job in jobs))
    rates: list[float] = []
    slowest = 0.0
    for _ in range(rounds):
        pulse.take()
        taken: list[float] = []
        began = time.perf_counter()

        async def repeat(job: Callable[[], Any], began: float = began, taken: list[float] = taken) -> None:
            while (start := time.perf_counter()) - began < seconds:
                await job()
                taken.append(time.perf_counter() - start)

        await asyncio.gather(*map(repeat, jobs))
        rates.append(len(taken) / (time.perf_counter() - began))
        slowest = max(slowest, *taken)
    return Rate(rates, slowest)


def since(began: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - began) * 1000

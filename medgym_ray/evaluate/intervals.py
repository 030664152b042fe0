"""How far a mean over tasks may lie from what more tasks of the kind would give.

Tasks are drawn anew, each with all its rollouts (a cluster bootstrap: rollouts of one task are not independent), and
all measures of a scope by the same draws. A draw is a row of counts, so that the means of all measures are one product
of matrices; `scipy.stats.bootstrap`, with which it agrees, would hold every draw of every measure at once, and has no
way for a measure that some tasks lack.

Where every task has the same value, or there is one task, resampling yields nothing but that value. The interval then
is what is known of such a sample: at most a share w of all tasks, Wilson's upper bound for 0 of n, is otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import norm, t

BOOTSTRAP, WILSON, COMBINED = "bootstrap", "wilson", "combined"
_CELLS = 4_000_000
"""Of a matrix of draws: 32 MB."""
_EQUAL = 1e-12


class Bounds(NamedTuple):
    """Between which values a measure can lie."""

    lowest: float
    highest: float


SHARE, DIFFERENCE = Bounds(0.0, 1.0), Bounds(-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its interval. Without one (`method` None) the ends are nan: nothing bounds what was not seen."""

    value: float
    low: float
    high: float
    method: str | None
    tasks: int
    """That have a value."""


@dataclass(frozen=True, slots=True)
class Resampling:
    """Two-sided intervals of this confidence, from so many draws of tasks."""

    resamples: int
    confidence: float
    seed: int

    def intervals(self, values: np.ndarray, bounds: Sequence[Bounds | None]) -> list[Interval]:
        """Of the mean of each column of `values` (tasks × measures; nan where a task has none)."""
        known = ~np.isnan(values)
        tasks = known.sum(axis=0)
        filled = np.where(known, values, 0.0)
        with np.errstate(invalid="ignore"):
            means = filled.sum(axis=0) / tasks
        spread = np.where(known, values, -np.inf).max(axis=0) - np.where(known, values, np.inf).min(axis=0)
        drawn = self._means(filled, known.astype(float)) if (tasks > 1).any() else None
        return [
            self._agreed(float(means[place]), int(tasks[place]), bound)
            if drawn is None or tasks[place] < 2 or spread[place] <= _EQUAL
            else self._percentiles(float(means[place]), int(tasks[place]), drawn[:, place])
            for place, bound in enumerate(bounds)
        ]

    def mean_of(self, parts: Sequence[Interval]) -> Interval:
        """The unweighted mean of independent means: their distances to their ends are squared and added.

        So a part whose tasks all agree keeps its width, which in a common resampling would count as none.
        """
        value = float(np.mean([part.value for part in parts]))
        below = np.sqrt(sum((part.value - part.low) ** 2 for part in parts)) / len(parts)
        above = np.sqrt(sum((part.high - part.value) ** 2 for part in parts)) / len(parts)
        tasks = sum(part.tasks for part in parts)
        return Interval(value, value - float(below), value + float(above), COMBINED, tasks)

    def _means(self, filled: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Resamples × measures."""
        random = np.random.default_rng(self.seed)
        tasks = len(filled)
        at_once = max(1, _CELLS // tasks)
        means = []
        for begun in range(0, self.resamples, at_once):
            draws = min(at_once, self.resamples - begun)
            chosen = random.integers(0, tasks, size=(draws, tasks)) + tasks * np.arange(draws)[:, None]
            counts = np.bincount(chosen.ravel(), minlength=draws * tasks).reshape(draws, tasks).astype(float)
            with np.errstate(invalid="ignore", divide="ignore"):
                means.append((counts @ filled) / (counts @ known))
        drawn: np.ndarray = np.concatenate(means)
        return drawn

    def _percentiles(self, value: float, tasks: int, drawn: np.ndarray) -> Interval:
        """Of the draws, at levels that give for few tasks the width of Student's interval (Hesterberg 2015)."""
        student = t.ppf((1 + self.confidence) / 2, tasks - 1)
        level = float(norm.cdf(-np.sqrt(tasks / (tasks - 1)) * student))
        low, high = (float(np.nanquantile(drawn, at)) for at in (level, 1 - level))
        return Interval(value, low, high, BOOTSTRAP, tasks)

    def _agreed(self, value: float, tasks: int, bounds: Bounds | None) -> Interval:
        if bounds is None or tasks == 0:
            return Interval(value, float("nan"), float("nan"), None, tasks)
        square = float(norm.ppf((1 + self.confidence) / 2)) ** 2
        other = square / (tasks + square)
        low, high = value - other * (value - bounds.lowest), value + other * (bounds.highest - value)
        return Interval(value, low, high, WILSON, tasks)

"""Runs → estimates: every measure of every family and of all, each with its interval; and paired differences."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from medgym_ray.evaluate.entrants import Entrant
from medgym_ray.evaluate.estimators import pass_at_k
from medgym_ray.evaluate.intervals import DIFFERENCE, SHARE, Bounds, Interval, Resampling
from medgym_ray.evaluate.rollouts import ENDED, FLAG

ALL = "all"
"""In place of a family: all tasks, each counting as much as any other."""
SUCCESS, REWARD, PASS, BEST = "success", "reward", "pass@k", "best@k"
OVER_FAMILIES = "_over_families"
"""Ends a measure that is the mean over families, each counting as much as any other."""
COST, TOTAL_COST = "cost_usd", "cost_usd_total"
_ALSO_OVER_FAMILIES = (SUCCESS, REWARD)
_IN_UNIT = frozenset({SUCCESS, REWARD, PASS, BEST, "reward_paper", "judge_reward"})

Measure = tuple[str, int | None]
"""A name and, for pass@k and best@k, k."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One figure. `low` and `high` are None where there is no interval, `interval` says how it was made."""

    run: str
    against: str | None = None
    """The figure is that of `run` less that of this one, over the tasks that both have."""
    family: str
    metric: str
    k: int | None = None
    value: float
    low: float | None = None
    high: float | None = None
    interval: str | None = None
    n_tasks: int
    n_rollouts: int
    source: str | None = None
    """Of a published figure, which is not ours."""


def estimate_run(entrant: Entrant, resampling: Resampling) -> list[Estimate]:
    """Everything that one run says."""
    tasks = entrant.tasks

    def values(scope: pd.DataFrame) -> dict[Measure, np.ndarray]:
        return _values(entrant, scope)

    found = list(_estimates(tasks, values, _bounds, resampling, entrant.label, None))
    for family, scope in _scopes(tasks):
        if COST in scope and scope[COST].notna().any():
            dollars = entrant.rollouts.frame
            total = dollars[COST].sum() if family == ALL else dollars.loc[dollars["family"] == family, COST].sum()
            found.append(
                Estimate(
                    run=entrant.label,
                    family=family,
                    metric=TOTAL_COST,
                    value=float(total),
                    n_tasks=len(scope),
                    n_rollouts=int(scope["rollouts"].sum()),
                )
            )
    return found


def estimate_difference(entrant: Entrant, baseline: Entrant, resampling: Resampling) -> list[Estimate]:
    """What the one has more than the other, task by task; nothing where they have no task in common."""
    common = common_tasks(entrant, baseline)
    if not len(common):
        return []
    both = entrant.tasks.loc[common].copy()
    both["rollouts"] += baseline.tasks.loc[common, "rollouts"]

    def values(scope: pd.DataFrame) -> dict[Measure, np.ndarray]:
        mine, its = (_values(run, run.tasks.loc[scope.index]) for run in (entrant, baseline))
        return {measure: mine[measure] - its[measure] for measure in mine if measure in its}

    def bounds(name: str) -> Bounds | None:
        return DIFFERENCE if _bounds(name) is SHARE else None

    return list(_estimates(both, values, bounds, resampling, entrant.label, baseline.label))


def common_tasks(a: Entrant, b: Entrant) -> pd.Index:
    """The tasks that both have, of the same record."""
    common = a.tasks.index.intersection(b.tasks.index, sort=True)
    same = a.tasks.loc[common, "data"].astype(str).to_numpy() == b.tasks.loc[common, "data"].astype(str).to_numpy()
    chosen: pd.Index = common[same]
    return chosen


def _scopes(tasks: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for family, scope in tasks.groupby(level="family", sort=True):
        yield str(family), scope
    yield ALL, tasks


def _estimates(
    tasks: pd.DataFrame,
    values_of: Callable[[pd.DataFrame], dict[Measure, np.ndarray]],
    bounds_of: Callable[[str], Bounds | None],
    resampling: Resampling,
    run: str,
    against: str | None,
) -> Iterator[Estimate]:
    of_families: dict[str, list[Interval]] = {name: [] for name in _ALSO_OVER_FAMILIES}
    for family, scope in _scopes(tasks):
        values = values_of(scope)
        rollouts = int(scope["rollouts"].sum())
        intervals = resampling.intervals(
            np.column_stack(list(values.values())), [bounds_of(name) for name, _ in values]
        )
        for (name, k), interval in zip(values, intervals, strict=True):
            if interval.tasks:
                yield _estimate(interval, run, against, family, name, k, rollouts)
            if name in of_families and family != ALL:
                of_families[name].append(interval)
    for name, parts in of_families.items():
        interval = resampling.mean_of(parts)
        yield _estimate(interval, run, against, ALL, name + OVER_FAMILIES, None, int(tasks["rollouts"].sum()))


def _estimate(
    interval: Interval, run: str, against: str | None, family: str, name: str, k: int | None, rollouts: int
) -> Estimate:
    ends = (None, None) if interval.method is None else (interval.low, interval.high)
    return Estimate(
        run=run,
        against=against,
        family=family,
        metric=name,
        k=k,
        value=interval.value,
        low=ends[0],
        high=ends[1],
        interval=interval.method,
        n_tasks=interval.tasks,
        n_rollouts=rollouts,
    )


def _values(entrant: Entrant, tasks: pd.DataFrame) -> dict[Measure, np.ndarray]:
    """A column for each measure. k goes as far as every one of these tasks has rollouts."""
    values: dict[Measure, np.ndarray] = {(name, None): tasks[name].to_numpy() for name in entrant.rollouts.measures}
    most = int(tasks["rollouts"].min())
    passed = pass_at_k(tasks["rollouts"].to_numpy(), tasks["successes"].to_numpy(), most)
    values |= {(PASS, k + 1): passed[:, k] for k in range(most)}
    if entrant.scored:
        best = np.stack([of_task[:most] for of_task in tasks["best"]])
        values |= {(BEST, k + 1): best[:, k] for k in range(most)}
    return values


def _bounds(name: str) -> Bounds | None:
    return SHARE if name in _IN_UNIT or name.startswith((ENDED, FLAG)) else None


class Figures:
    """Estimates, to be looked up."""

    def __init__(self, estimates: Sequence[Estimate]) -> None:
        self.estimates = list(estimates)
        self._by_name = {(e.run, e.against, e.family, e.metric, e.k): e for e in self.estimates}

    def get(
        self, run: str, family: str, metric: str, k: int | None = None, against: str | None = None
    ) -> Estimate | None:
        """One of them, or None."""
        return self._by_name.get((run, against, family, metric, k))

    def metrics(self, prefix: str) -> list[str]:
        """The measures whose names begin so, sorted."""
        return sorted({e.metric for e in self.estimates if e.metric.startswith(prefix)})

    def families(self) -> list[str]:
        """Those that a run has tasks of, sorted."""
        return sorted({e.family for e in self.estimates} - {ALL})

    def ks(self, metric: str) -> list[int]:
        """For which k there is a figure of all tasks."""
        found = {e.k for e in self.estimates if e.metric == metric and e.family == ALL and e.against is None}
        return sorted(k for k in found if k is not None)

"""What adaptive sampling saves over uniform sampling at an equal number of pairs, on populations whose rates are known.

`python -m benchmarks.adaptive [--write]`. A pair is a success and a failure of one task, and a task's pairs count up to
k. The real lease book lends to as many slots as a small cluster has, and results arrive in any order. Uniform sampling
gets the same outcomes: the (task, rollout) that succeeds for one succeeds for the other. Its rollouts are those after
which it has as many pairs, where a last round that is needed in part counts in part. Pure; a few minutes.
"""

import argparse
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from benchmarks.measure.results import figure, markdown, say, write_section
from medgym_ray.leases import Lease, LeaseBook
from medgym_ray.sampling.goal import Goal
from medgym_ray.sampling.report import results, uniform_rollouts
from medgym_ray.tasks.base import Task

_SECTION = "benchmarks.adaptive"
_TASKS = 500
_SLOTS = 64
_SEEDS = range(5)
_SHAPES = {1: (2, 16), 4: (4, 32), 8: (4, 32)}
"""k: rollouts that every task gets first, and the most that one may get."""
_BUDGETS = {"none": None, "a half": 0.5, "a quarter": 0.25}
"""Of what uniform sampling with the most rollouts would take."""

Rates = Callable[[Random], float]


def _beta(a: float, b: float) -> Rates:
    return lambda random: random.betavariate(a, b)


def half_decided(random: Random) -> float:
    """Half of the tasks are hopeless or trivial, the others anything between."""
    return random.choice((0.0, 1.0)) if random.random() < 0.5 else random.random()


POPULATIONS: dict[str, Rates] = {
    "half hopeless or trivial, half even": half_decided,
    "Beta(0.2, 0.6): many hopeless, some trivial": _beta(0.2, 0.6),
    "Beta(0.5, 0.5): both ends": _beta(0.5, 0.5),
    "Beta(1, 9): hard throughout": _beta(1, 9),
    "Beta(2, 2): in the middle": _beta(2, 2),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One adaptive run, and uniform sampling beside it."""

    pairs: int
    adaptive: int
    uniform: float
    estimated: float
    """What the run's own report says uniform sampling would have taken."""

    @property
    def ratio(self) -> float:
        """Rollouts of adaptive sampling per rollout of uniform sampling."""
        return self.adaptive / self.uniform


def simulated(rates: Rates, tasks: int, most: int, goal: Goal, seed: int, slots: int = _SLOTS) -> Run:
    """Runs a lease book to its end against tasks whose success rates are drawn from `rates`."""
    random = Random(seed)
    outcomes = []
    for _ in range(tasks):
        rate = rates(random)
        outcomes.append([random.random() < rate for _ in range(most)])
    named = [Task(f"f/{n}", "f", "c", "train", {}, {}, "0") for n in range(tasks)]
    done = dict(_played(LeaseBook("key", named, most, 1, seed, 1e9, goal=goal), outcomes, slots, random))
    states = Counter(results("key", (task.task_id for task in named), most, done).values())
    pairs = sum(number * min(*state, goal.pairs) for state, number in states.items())
    estimated = uniform_rollouts(states, goal.pairs)
    return Run(pairs, len(done), _uniform(outcomes, goal.pairs, pairs), estimated or 0.0)


def _played(book: LeaseBook, outcomes: list[list[bool]], slots: int, random: Random) -> Iterator[tuple[str, bool]]:
    held: list[Lease] = []
    while True:
        held += book.take("a", slots - len(held), 0.0)
        if not held:
            return
        lease = held.pop(random.randrange(len(held)))
        success = outcomes[int(lease.task.task_id[2:])][lease.rollout_index]
        book.complete(lease.trajectory_id, success=success)
        yield lease.trajectory_id, success


def _uniform(outcomes: list[list[bool]], most: int, wanted: int) -> float:
    before = 0
    for n in range(1, len(outcomes[0]) + 1):
        pairs = sum(min(sum(own[:n]), n - sum(own[:n]), most) for own in outcomes)
        if pairs >= wanted:
            part = (wanted - before) / (pairs - before) if pairs > before else 0.0
            return len(outcomes) * (n - 1 + part)
        before = pairs
    raise AssertionError("uniform sampling makes what any part of it makes")


def _row(name: str, pairs: int, budget: str) -> list[str]:
    (probe, most), share = _SHAPES[pairs], _BUDGETS[budget]
    goal = Goal(pairs, probe, None if share is None else int(share * most * _TASKS))
    runs = [simulated(POPULATIONS[name], _TASKS, most, goal, seed) for seed in _SEEDS]
    ratios = [run.ratio for run in runs]

    def mean(of: Callable[[Run], float]) -> str:
        return figure(statistics.fmean(map(of, runs)))

    return [
        *(name, str(pairs), budget, mean(lambda r: r.pairs), mean(lambda r: r.uniform)),
        *(mean(lambda r: r.adaptive), f"{statistics.fmean(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"),
        mean(lambda r: r.estimated / r.uniform),
    ]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adaptive", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    rows = []
    for name in POPULATIONS:
        say(name)
        rows += [_row(name, pairs, budget) for pairs in _SHAPES for budget in _BUDGETS]
    header = [
        *("success rates of the tasks", "k", "budget", "pairs", "rollouts, uniform", "rollouts, adaptive"),
        *("adaptive / uniform (seeds)", "uniform by the run's own report / true"),
    ]
    shapes = "; ".join(f"k = {k}: {probe} at first, {most} at most" for k, (probe, most) in _SHAPES.items())
    about = (
        f"Simulated, no policy is run: {_TASKS} tasks, {_SLOTS} rollouts at a time, means of {len(_SEEDS)} seeds.\n"
        f"Rollouts of one task for {shapes}.\n"
        "A budget is a share of what uniform sampling with the most rollouts takes."
    )
    text = f"## Adaptive sampling: `python -m benchmarks.adaptive`\n\n{about}\n\n{markdown(header, rows)}"
    print(text)
    if options.write:
        write_section(_SECTION, text)


if __name__ == "__main__":
    main()

"""What adaptive sampling did: pairs and rollouts by kind of task, and what uniform sampling would have taken."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import betaln
from scipy.stats import hypergeom

from medgym_ray.sampling.pairs import Beta, expected_pairs
from medgym_ray.trajectory import trajectory_id

Result = tuple[int, int]
"""A task's successes and failures."""

_SHAPES = np.geomspace(1 / 64, 64, 37)
"""What the two parameters of a Beta are chosen from."""
_CLASSES = ("untried", "all_fail", "mixed", "all_success")
_RATES = ("0", "up to 0.25", "up to 0.5", "up to 0.75", "below 1", "1")
_BOUNDS = (0.25, 0.5, 0.75)


def results(run_key: str, tasks: Iterable[str], rollouts: int, done: Mapping[str, bool]) -> dict[str, Result]:
    """Every task's successes and failures among the trajectories that are durable."""
    found = {}
    for task in tasks:
        identities = (trajectory_id(run_key, task, rollout) for rollout in range(rollouts))
        outcomes = [done[identity] for identity in identities if identity in done]
        found[task] = (sum(outcomes), len(outcomes) - sum(outcomes))
    return found


def report(found: Iterable[Result], pairs: int, gpu_s: float | None) -> dict[str, Any]:
    """The content of adaptive.json."""
    states = Counter(found)
    made = sum(number * min(*state, pairs) for state, number in states.items())
    rollouts = sum(number * sum(state) for state, number in states.items())
    uniform = uniform_rollouts(states, pairs)
    return {
        "pairs_per_task": pairs,
        "pairs": made,
        "tasks": states.total(),
        "tasks_with_all_pairs": sum(number for state, number in states.items() if min(state) >= pairs),
        "rollouts": rollouts,
        "uniform_rollouts_for_as_many_pairs": None if uniform is None else round(uniform),
        "spared_against_uniform": None if uniform is None else round(uniform) - rollouts,
        "gpu_s": gpu_s,
        "by_class": _grouped(states, pairs, _class_of, _CLASSES),
        "by_success_rate": _grouped(states, pairs, _rate_of, _RATES),
    }


def told(content: Mapping[str, Any]) -> list[str]:
    """A report in two lines, for the console."""
    pairs, tasks = content["pairs"], content["tasks"]
    first = (
        f"adaptive sampling: {pairs} pairs of a success and a failure from {content['rollouts']} rollouts; "
        f"{content['tasks_with_all_pairs']} of {tasks} tasks have {content['pairs_per_task']}"
    )
    if (uniform := content["uniform_rollouts_for_as_many_pairs"]) is not None:
        share = content["spared_against_uniform"] / uniform
        first += f"; uniform sampling would have taken about {uniform} ({share:.0%} spared)"
    classes = content["by_class"]
    named = ", ".join(f"{name.replace('_', ' ')} {c['tasks']} ({c['rollouts']})" for name, c in classes.items())
    return [first, f"tasks (and their rollouts): {named}"]


def uniform_rollouts(states: Mapping[Result, int], most: int) -> float | None:
    """How many rollouts uniform sampling would have taken for as many pairs; None where there is no pair.

    `states` says how many tasks have which result; a task's pairs count up to `most`. Uniform sampling is n rollouts of
    every task; the answer is the smallest n that is expected to make the pairs of this run, times the tasks, where a
    last round that is needed in part counts in part. A task with N results is expected to have had, after n of them,
    the mean over all ways to draw n of the N (hypergeometric: unbiased, and no model is needed). For n > N its success
    rate is drawn from what is left of a Beta that was fitted to all tasks of the run (by maximum likelihood, for which
    it does not matter why a task was stopped), given its own result. A task that was stopped at its last missing half
    looks a little better than it is, which favours uniform sampling.
    """
    wanted = sum(number * min(*state, most) for state, number in states.items())
    if not wanted:
        return None
    belief = fitted(states)
    before = 0.0
    for n in range(1, max(map(sum, states)) + 1):
        expected = sum(number * _pairs_after(n, *state, most, belief) for state, number in states.items())
        if expected >= wanted * (1 - 1e-9):
            part = (wanted - before) / (expected - before)
            return sum(states.values()) * (n - 1 + part)
        before = expected
    raise AssertionError("after as many rollouts as the task with the most has, no pair can be missing")


def _pairs_after(n: int, successes: int, failures: int, most: int, belief: Beta) -> float:
    have = successes + failures
    if n >= have:
        return expected_pairs(successes, failures, n - have, most, belief)
    hits = np.arange(n + 1)
    return float(hypergeom.pmf(hits, have, successes, n) @ np.minimum(np.minimum(hits, n - hits), most))


def fitted(states: Mapping[Result, int]) -> Beta:
    """The Beta under which these results are the likeliest, on a grid."""
    a, b = np.meshgrid(_SHAPES, _SHAPES, indexing="ij")
    likelihood = sum(n * (betaln(a + s, b + f) - betaln(a, b)) for (s, f), n in states.items())
    best = np.unravel_index(np.argmax(likelihood), a.shape)
    return Beta(float(a[best]), float(b[best]))


def _grouped(
    states: Mapping[Result, int], most: int, group: Callable[[Result], str | None], names: Sequence[str]
) -> dict[str, dict[str, int]]:
    groups = {name: {"tasks": 0, "rollouts": 0, "pairs": 0} for name in names}
    for state, number in states.items():
        if (name := group(state)) is not None:
            groups[name]["tasks"] += number
            groups[name]["rollouts"] += number * sum(state)
            groups[name]["pairs"] += number * min(*state, most)
    return groups


def _class_of(state: Result) -> str:
    successes, failures = state
    if not successes and not failures:
        return "untried"
    return "mixed" if successes and failures else "all_success" if successes else "all_fail"


def _rate_of(state: Result) -> str | None:
    if not sum(state):
        return None
    rate = state[0] / sum(state)
    if rate in (0, 1):
        return "1" if rate else "0"
    return _RATES[1 + sum(rate > bound for bound in _BOUNDS)]

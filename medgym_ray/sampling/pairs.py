"""How many pairs of a success and a failure more rollouts of a task will make, by what is known of it.

A task's success rate is unknown; a Beta distribution says what is believed of it, and the results so far sharpen it.
Future successes are then Beta-binomial. All functions are pure, and remembered: tasks share few states.
"""

import functools
from typing import NamedTuple

import numpy as np
from scipy.special import betaln

_NOTHING = 1e-9
"""Gains below it are rounding."""


class Beta(NamedTuple):
    """A belief about success rates."""

    a: float
    b: float


JEFFREYS = Beta(0.5, 0.5)
"""Rates near 0 and 1 are likelier than those between, as they are with tasks."""


@functools.lru_cache(maxsize=1 << 18)
def expected_pairs(successes: int, failures: int, more: int, most: int, belief: Beta = JEFFREYS) -> float:
    """Pairs, `most` at most, that a task with these results is expected to have after `more` rollouts."""
    a, b = belief.a + successes, belief.b + failures
    hits = np.arange(more + 1)
    # The binomial coefficient is 1 / ((n + 1) B(hits + 1, misses + 1)).
    log_choices = -np.log(more + 1) - betaln(hits + 1, more - hits + 1)
    chances = np.exp(log_choices + betaln(a + hits, b + more - hits) - betaln(a, b))
    pairs = np.minimum(np.minimum(successes + hits, failures + more - hits), most)
    return float(chances @ pairs)


@functools.lru_cache(maxsize=1 << 18)
def worth(successes: int, failures: int, under_way: int, left: int, most: int) -> float:
    """The pairs per rollout that a task still promises, beyond those that what is `under_way` will make.

    The best rate over any number of further rollouts, up to the `left` that it may get and those that its missing pairs
    take at least: one rollout completes a pair where one half is there, and none where none is. The rate is lowered as
    if nothing good came of what is under way, so that another task is begun where waiting tells more. 0: none helps.
    """
    missing = most - min(successes, failures)
    ahead = range(1, min(left, 2 * missing) + 1)
    base = expected_pairs(successes, failures, under_way, most)
    rates = [(expected_pairs(successes, failures, under_way + more, most) - base) / more for more in ahead]
    best = max(rates, default=0.0)
    known = successes + failures + JEFFREYS.a + JEFFREYS.b
    return best * known / (known + under_way) if best > _NOTHING else 0.0

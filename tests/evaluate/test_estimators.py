"""pass@k and best@k are what a look at every subset of k rollouts gives."""

import itertools
import math
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.evaluate.estimators import best_at_k, pass_at_k

OUTCOMES = st.lists(st.booleans(), min_size=1, max_size=8)
SCORED = st.lists(st.tuples(st.integers(0, 3).map(float), st.booleans()), min_size=1, max_size=7)


@given(OUTCOMES, OUTCOMES)
def test_pass_at_k_is_the_share_of_subsets_with_a_success(first: list[bool], second: list[bool]) -> None:
    tasks, most = [first, second], max(len(first), len(second))
    found = pass_at_k(np.array([len(t) for t in tasks]), np.array([sum(t) for t in tasks]), most)
    assert found.shape == (2, most)
    for task, row in zip(tasks, found, strict=True):
        for k, value in enumerate(row, start=1):
            if k > len(task):
                assert math.isnan(value)
            else:
                assert value == pytest.approx(fmean(any(subset) for subset in itertools.combinations(task, k)))


def test_pass_at_k_of_more_rollouts_than_binomials_can_hold() -> None:
    (row,) = pass_at_k(np.array([3000]), np.array([2]), 1500)
    assert row[0] == pytest.approx(2 / 3000)
    assert row[1499] == pytest.approx(1 - (1500 / 3000) * (1499 / 2999))


def _taken(subset: tuple[tuple[float, bool], ...]) -> float:
    highest = max(score for score, _ in subset)
    return fmean(success for score, success in subset if score == highest)


@given(SCORED)
def test_best_at_k_is_the_mean_over_subsets_of_what_the_highest_score_takes(scored: list[tuple[float, bool]]) -> None:
    found = best_at_k([score for score, _ in scored], [float(success) for _, success in scored], len(scored))
    for k, value in enumerate(found, start=1):
        assert value == pytest.approx(fmean(map(_taken, itertools.combinations(scored, k))))


@given(OUTCOMES)
def test_a_verifier_that_knows_reaches_pass_at_k_and_one_that_knows_nothing_stays_at_success(task: list[bool]) -> None:
    outcomes = [float(success) for success in task]
    ceiling = pass_at_k(np.array([len(task)]), np.array([sum(task)]), len(task))[0]
    assert best_at_k(outcomes, outcomes, len(task)) == pytest.approx(ceiling)
    assert best_at_k([0.5] * len(task), outcomes, len(task)) == pytest.approx([fmean(outcomes)] * len(task))


def test_best_at_k_of_fewer_rollouts_is_not_told() -> None:
    assert best_at_k([1.0], [1.0], 2) == pytest.approx([1.0, math.nan], nan_ok=True)

"""What more rollouts of a task promise: exact where it can be enumerated, and never of the wrong sign."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.sampling.pairs import JEFFREYS, Beta, expected_pairs, worth

_few = st.integers(0, 12)


def _enumerated(successes: int, failures: int, more: int, most: int) -> float:
    """Over every sequence of outcomes, by Pólya's urn."""
    expected = 0.0
    for outcomes in itertools.product((True, False), repeat=more):
        chance, s, f = 1.0, successes, failures
        for outcome in outcomes:
            chance *= (s + 0.5 if outcome else f + 0.5) / (s + f + 1)
            s, f = s + outcome, f + (not outcome)
        expected += chance * min(s, f, most)
    return expected


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(1, 5))
def test_expected_pairs_are_those_of_an_urn(successes: int, failures: int, more: int, most: int) -> None:
    expected = _enumerated(successes, failures, more, most)
    assert expected_pairs(successes, failures, more, most) == pytest.approx(expected, abs=1e-12)


@given(_few, _few, st.integers(0, 60), st.integers(1, 8))
def test_more_rollouts_never_make_fewer_pairs(successes: int, failures: int, more: int, most: int) -> None:
    here, there = (expected_pairs(successes, failures, n, most) for n in (more, more + 1))
    assert here <= there + 1e-9 <= most + 1e-6
    assert here == pytest.approx(expected_pairs(failures, successes, more, most), abs=1e-9)


def test_a_belief_that_is_sure_is_a_binomial() -> None:
    sure = Beta(1e5, 1e5)
    assert expected_pairs(0, 0, 2, 1, sure) == pytest.approx(0.5, rel=1e-4)
    assert expected_pairs(0, 3, 5, 9, sure) == pytest.approx(
        sum(math.comb(5, j) / 32 * min(j, 8 - j) for j in range(6)), rel=1e-4
    )


@given(_few, _few, _few, st.integers(0, 12), st.integers(1, 6))
def test_a_task_is_worth_more_exactly_while_a_pair_can_come_of_it(
    successes: int, failures: int, under_way: int, left: int, most: int
) -> None:
    value = worth(successes, failures, under_way, left, most)
    needed = max(0, min(successes, failures) + 1 - successes) + max(0, min(successes, failures) + 1 - failures)
    possible = min(successes, failures) < most and left > 0 and under_way + left >= needed
    assert (value > 0) == possible
    assert value <= 1


@given(st.integers(0, 20), st.integers(1, 8))
def test_a_half_that_is_missing_is_worth_its_chance(failures: int, most: int) -> None:
    if failures:
        assert worth(0, failures, 0, 9, most) == pytest.approx(JEFFREYS.a / (failures + 1))


def test_tasks_come_in_the_order_of_what_they_promise() -> None:
    mixed, unlucky, hopeless = worth(2, 3, 0, 10, 4), worth(0, 4, 0, 10, 4), worth(0, 8, 0, 10, 4)
    assert mixed > unlucky > hopeless > 0
    assert worth(9, 0, 0, 9, 4) == pytest.approx(worth(0, 9, 0, 9, 4)), "always right is no better than always wrong"


def test_what_is_under_way_is_waited_for_where_another_task_promises_as_much() -> None:
    assert worth(2, 3, 6, 10, 4) < worth(2, 3, 1, 10, 4) < worth(2, 3, 0, 10, 4)
    assert worth(0, 4, 2, 10, 4) == pytest.approx(worth(0, 6, 0, 10, 4)), "as if both had failed"

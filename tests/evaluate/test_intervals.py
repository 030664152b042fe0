"""Intervals hold what they promise, and where resampling says nothing they still are as wide as they must be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap, norm, t

from medgym_ray.evaluate.intervals import BOOTSTRAP, DIFFERENCE, SHARE, WILSON, Interval, Resampling

USUAL = Resampling(resamples=2000, confidence=0.95, seed=0)


def _column(*values: float) -> np.ndarray:
    return np.array(values)[:, None]


def test_it_is_scipys_bootstrap_at_levels_for_few_tasks() -> None:
    values = np.random.default_rng(1).beta(2, 3, size=30)
    (ours,) = USUAL.intervals(values[:, None], [SHARE])
    level = norm.cdf(-np.sqrt(30 / 29) * t.ppf(0.975, 29))
    theirs = bootstrap(
        (values,), np.mean, n_resamples=20_000, confidence_level=1 - 2 * level, method="percentile", rng=2
    )
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.008)
    assert ours.value == pytest.approx(values.mean())
    assert ours.method == BOOTSTRAP


@pytest.mark.parametrize(("tasks", "rollouts"), [(12, 4), (60, 1), (60, 8)])
def test_nineteen_in_twenty_hold_the_truth_though_rollouts_of_a_task_go_together(tasks: int, rollouts: int) -> None:
    random, held, trials = np.random.default_rng(3), 0, 300
    for trial in range(trials):
        chances = random.beta(0.8, 1.2, size=tasks)  # tasks differ widely; the mean is 0.4
        means = random.binomial(rollouts, chances) / rollouts
        (found,) = Resampling(500, 0.95, trial).intervals(means[:, None], [SHARE])
        held += found.low <= 0.4 <= found.high
    assert 0.91 <= held / trials <= 0.985


def test_rollouts_of_one_task_do_not_count_as_tasks() -> None:
    means = np.repeat([0.0, 1.0], 10)
    (ours,) = USUAL.intervals(means[:, None], [SHARE])
    as_if_independent = binomtest(500, 1000).proportion_ci(method="wilson")  # 20 tasks of 50 rollouts each
    assert ours.high - ours.low > 4 * (as_if_independent.high - as_if_independent.low)


@given(st.integers(1, 500), st.sampled_from([0.0, 1.0]))
def test_where_all_tasks_agree_it_is_wilsons(tasks: int, value: float) -> None:
    (found,) = USUAL.intervals(np.full((tasks, 1), value), [SHARE])
    wilson = binomtest(round(value * tasks), tasks).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high))
    assert found.method == WILSON


def test_a_difference_that_is_the_same_in_all_tasks_is_bounded_on_both_sides() -> None:
    (none,) = USUAL.intervals(np.zeros((10, 1)), [DIFFERENCE])
    assert -1 < none.low == -none.high < 0
    (whole,) = USUAL.intervals(np.ones((10, 1)), [DIFFERENCE])
    assert -1 < whole.low < 1 == whole.high


def test_without_bounds_one_value_tells_nothing_of_others() -> None:
    (found,) = USUAL.intervals(_column(3.0, 3.0), [None])
    assert (found.value, found.method) == (3.0, None)
    assert np.isnan([found.low, found.high]).all()


def test_tasks_without_a_value_are_left_out() -> None:
    nan = float("nan")
    some, without, none = USUAL.intervals(
        np.array([[0.0, 0.0, nan], [1.0, 1.0, nan], [nan, 0.5, nan], [0.5, 0.5, nan]]), [SHARE, SHARE, None]
    )
    assert (some.value, some.tasks) == (0.5, 3)
    assert (without.value, without.tasks) == (0.5, 4)
    assert 0 <= some.low < 0.5 < some.high <= 1
    assert (none.tasks, none.method) == (0, None)


def test_the_same_seed_gives_the_same_interval_and_many_tasks_are_drawn_in_pieces(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(5).random((50, 2))
    whole = USUAL.intervals(values, [SHARE, None])
    assert USUAL.intervals(values, [SHARE, None]) == whole
    assert Resampling(2000, 0.95, 1).intervals(values, [SHARE, None]) != whole
    monkeypatch.setattr("medgym_ray.evaluate.intervals._CELLS", 333)
    pieces = USUAL.intervals(values, [SHARE, None])
    assert [p.low for p in pieces] == pytest.approx([w.low for w in whole])


def test_the_mean_of_families_keeps_the_width_of_those_whose_tasks_agree() -> None:
    sure, unsure = Interval(1.0, 0.6, 1.0, WILSON, 6), Interval(0.5, 0.2, 0.8, BOOTSTRAP, 6)
    found = USUAL.mean_of([sure, unsure])
    assert (found.value, found.tasks) == (0.75, 12)
    assert found.low == pytest.approx(0.75 - np.hypot(0.4, 0.3) / 2)
    assert found.high == pytest.approx(0.75 + 0.3 / 2)
    assert USUAL.mean_of([sure]).low == pytest.approx(sure.low)

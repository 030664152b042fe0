"""The report of an adaptive run: sums that add up, and an estimate of uniform sampling that is right where known."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgym_ray.sampling.report import fitted, report, results, told, uniform_rollouts
from medgym_ray.store.run import write_adaptive
from medgym_ray.trajectory import trajectory_id

_states = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12)


def test_results_are_read_from_what_is_durable() -> None:
    done = {trajectory_id("key", "f/1", n): n % 3 == 0 for n in range(5)} | {"of another run": True}
    assert results("key", ["f/1", "f/2"], 4, done) == {"f/1": (2, 2), "f/2": (0, 0)}


@settings(max_examples=50)
@given(_states, st.integers(1, 5))
def test_groups_add_up_and_the_estimate_lies_within_what_was_tried(states: list[tuple[int, int]], pairs: int) -> None:
    content = report(states, pairs, None)
    classes, rates = content["by_class"].values(), content["by_success_rate"].values()
    assert sum(c["tasks"] for c in classes) == content["tasks"] == len(states)
    for part in ("rollouts", "pairs"):
        assert sum(c[part] for c in classes) == sum(r[part] for r in rates) == content[part]
    assert content["by_class"]["mixed"]["pairs"] == content["pairs"], "other tasks have none"
    uniform = uniform_rollouts(Counter(states), pairs)
    assert (uniform is None) == (content["pairs"] == 0)
    if uniform is not None:
        assert 0 < uniform <= len(states) * max(map(sum, states)) * (1 + 1e-9)


def test_a_uniform_run_has_spared_nothing() -> None:
    assert uniform_rollouts({(1, 3): 5, (0, 4): 5, (4, 0): 2}, 4) == pytest.approx(48)


def test_fewer_draws_of_a_task_are_counted_over_all_ways_to_draw() -> None:
    assert uniform_rollouts({(1, 3): 2}, 1) == pytest.approx(8), "the last may be the one success"
    assert uniform_rollouts({(2, 2): 3}, 1) == pytest.approx(9), "of three one is always the other"


def test_the_beta_that_the_tasks_were_drawn_from_is_found() -> None:
    random = Random(0)
    states: Counter[tuple[int, int]] = Counter()
    for _ in range(3000):
        rate, number = random.betavariate(0.5, 2.0), random.randrange(1, 12)
        hits = sum(random.random() < rate for _ in range(number))
        states[hits, number - hits] += 1
    belief = fitted(states)
    assert belief.a == pytest.approx(0.5, rel=0.3)
    assert belief.b == pytest.approx(2.0, rel=0.3)


def test_it_is_told_in_two_lines_and_written_beside_the_run(tmp_path: Path) -> None:
    content = report([(1, 1), (0, 4), (4, 0), (0, 0), (3, 1)], 1, 12.5)
    assert told(content) == [
        "adaptive sampling: 2 pairs of a success and a failure from 14 rollouts; 2 of 5 tasks have 1; uniform sampling "
        f"would have taken about {content['uniform_rollouts_for_as_many_pairs']} "
        f"({content['spared_against_uniform'] / content['uniform_rollouts_for_as_many_pairs']:.0%} spared)",
        "tasks (and their rollouts): untried 1 (0), all fail 1 (4), mixed 2 (6), all success 1 (4)",
    ]
    write_adaptive(tmp_path, content)
    assert json.loads((tmp_path / "adaptive.json").read_text()) == content
    assert "uniform" not in told(report([(0, 4)], 1, None))[0]

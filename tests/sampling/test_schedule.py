"""Adaptive sampling: bounds that always hold, an end that is always reached, and what it saves."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.adaptive import half_decided, simulated
from medgym_ray.leases import Lease, LeaseBook
from medgym_ray.sampling.goal import Goal
from medgym_ray.sampling.schedule import Schedule
from medgym_ray.tasks.base import Task
from medgym_ray.trajectory import trajectory_id

_goals = st.builds(Goal, st.integers(1, 3), st.integers(1, 4), st.none() | st.integers(1, 40))
_seeds = st.integers(0, 2**32)


def _outcome(seed: int, lease: Lease) -> bool:
    """The same for a rollout whenever it is played; tasks have rates from 0 to 1."""
    rate = Random(f"{seed} {lease.task.task_id}").choice((0.0, 0.2, 0.5, 0.9, 1.0))
    return Random(f"{seed} {lease.trajectory_id}").random() < rate


def _book(tasks: int, rollouts: int, goal: Goal | None, done: dict[str, bool] | None = None) -> LeaseBook:
    named = [Task(f"f/{n}", "f", "c", "test", {}, {}, "0") for n in range(tasks)]
    return LeaseBook("key", named, rollouts, attempts=2, seed=0, lease_s=1e9, done=done or {}, goal=goal)


def _play(book: LeaseBook, seed: int, slots: int, most: int = 10_000) -> list[str]:
    """Ends `most` rollouts at most, in any order; an attempt may fail. Returns the ids in the order they were lent."""
    random, held, lent = Random(seed), [], []
    for _ in range(most):
        leases = book.take("a", slots - len(held), 0.0)
        held += leases
        lent += [lease.trajectory_id for lease in leases]
        assert held or book.finished(), "nothing is out and nothing is lent"
        assert len(held) == slots or not book.counts().waiting, "a slot is free though there is work"
        if not held:
            break
        lease = held.pop(random.randrange(len(held)))
        if random.random() < 0.1:
            book.fail(lease.trajectory_id, lease.attempt, "broke")
        else:
            book.complete(lease.trajectory_id, success=_outcome(seed, lease))
    return lent


def _tries(book: LeaseBook) -> Counter[str]:
    ids = {trajectory_id("key", t.task_id, r): t.task_id for t in book.tasks for r in range(book.rollouts)}
    return Counter(ids[identity] for identity in book._completed)


@given(st.integers(1, 6), st.integers(1, 12), _goals, st.integers(1, 9), _seeds)
def test_every_run_ends_within_its_bounds(tasks: int, rollouts: int, goal: Goal, slots: int, seed: int) -> None:
    book = _book(tasks, rollouts, goal)
    _play(book, seed, slots)
    counts = book.counts()
    assert book.finished()
    assert counts.done + counts.failed + counts.spared == counts.requested
    assert counts.done + counts.failed <= (goal.rollouts or tasks * rollouts)
    assert max(_tries(book).values(), default=0) <= rollouts


@given(st.integers(1, 5), st.integers(2, 12), _goals, st.integers(1, 9), _seeds)
def test_the_same_results_in_the_same_order_lend_the_same(
    tasks: int, rollouts: int, goal: Goal, slots: int, seed: int
) -> None:
    assert _play(_book(tasks, rollouts, goal), seed, slots) == _play(_book(tasks, rollouts, goal), seed, slots)


@given(st.integers(1, 5), st.integers(2, 12), _goals, _seeds, st.integers(0, 30))
def test_a_run_that_is_resumed_does_what_it_would_have_done(
    tasks: int, rollouts: int, goal: Goal, seed: int, cut: int
) -> None:
    def end(book: LeaseBook, most: int) -> dict[str, bool]:
        done = dict(book.done)
        for _ in range(most):
            for lease in book.take("a", 1, 0.0):
                done[lease.trajectory_id] = _outcome(seed, lease)
                book.complete(lease.trajectory_id, success=done[lease.trajectory_id])
        return done

    whole = end(_book(tasks, rollouts, goal), 100)
    killed = end(_book(tasks, rollouts, goal), cut)
    follower = _book(tasks, rollouts, goal, killed)
    assert list(end(follower, 100).items()) == list(whole.items())
    assert follower.finished()
    assert follower.counts().spared == tasks * rollouts - len(whole)
    assert _book(tasks, rollouts, goal, whole).finished(), "the same command has nothing left to do"


def test_a_task_is_done_with_its_pairs_and_its_retries_are_spared() -> None:
    book = _book(2, 8, Goal(pairs=1, probe=3))
    first, second, third = book.take("a", 3, 0.0)
    book.fail(third.trajectory_id, 0, "broke")
    book.complete(first.trajectory_id, success=True)
    book.complete(second.trajectory_id, success=False)
    assert {lease.task.task_id for lease in book.take("a", 99, 0.0)} == {"f/1"}
    counts = book.counts()
    assert (counts.done, counts.spared, counts.active, counts.waiting) == (2, 6, 8, 0)
    book.complete(third.trajectory_id, success=True)
    assert book.counts().spared == 5, "a late one is durable all the same"


def test_probes_come_first_in_order_and_then_what_is_promising() -> None:
    schedule = Schedule(3, 8, Goal(pairs=3, probe=2))
    assert [schedule.next() for _ in range(6)] == [(place, n) for place in range(3) for n in range(2)]
    for place, outcomes in enumerate([(False, False), (True, False), (True, True)]):
        for n, outcome in enumerate(outcomes):
            schedule.settle(place, n, outcome)
    assert schedule.next() == (1, 2), "some of each"
    schedule.drop(1)
    assert schedule.next() == (0, 2)
    assert schedule.next() == (2, 2), "what is under way is promised already"
    assert schedule.open == 10


def test_rollouts_of_a_task_that_are_lent_together_follow_each_other() -> None:
    book = _book(4, 8, Goal(pairs=4, probe=2))
    for lease in book.take("a", 8, 0.0):
        book.complete(lease.trajectory_id, success=lease.rollout_index == 0)
    names = [lease.task.task_id for lease in book.take("a", 12, 0.0)]
    runs = [name for name, before in zip(names, ["", *names], strict=False) if name != before]
    assert len(names) == 12
    assert len(runs) == len(set(runs))


def test_without_a_goal_every_rollout_is_lent_in_order() -> None:
    schedule = Schedule(2, 3, None)
    assert schedule.open == 6
    assert [schedule.next() for _ in range(7)] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), None]


def test_no_more_is_begun_once_the_time_is_spent_and_the_rest_is_spared() -> None:
    book = _book(2, 4, Goal(pairs=2, probe=1, seconds=10.0))
    first, second = book.take("a", 2, 100.0)
    book.complete(first.trajectory_id, success=True)
    (third,) = book.take("a", 1, 109.0)
    book.fail(second.trajectory_id, 0, "broke")
    (again,) = book.take("a", 9, 111.0)
    assert again.trajectory_id == second.trajectory_id, "what was begun is brought to its end"
    assert book.worked_s == 11.0
    for lease in (third, again):
        book.complete(lease.trajectory_id, success=True)
    assert book.take("a", 9, 112.0) == []
    assert book.take("a", 9, 500.0) == []
    assert book.worked_s == 12.0, "nothing was lent after that"
    assert book.finished()
    assert (book.counts().done, book.counts().spared) == (3, 5)


def test_what_a_dead_book_had_lent_counts_as_promised_in_the_next() -> None:
    goal = Goal(pairs=1, probe=2, rollouts=5)
    before = _book(2, 4, goal)
    first, *rest = before.take("a", 3, 0.0)
    before.complete(first.trajectory_id, success=True)
    after = _book(2, 4, goal, {first.trajectory_id: True})
    after.adopt("a", rest, 0.0)
    assert after.counts() == before.counts().__class__(
        requested=8, done=1, earlier=1, successes=0, dropped=0, failed=0, spared=3, active=2
    )
    assert after.take("b", 9, 0.0) == before.take("b", 9, 0.0)


@pytest.mark.parametrize("pairs", [1, 4])
def test_a_quarter_is_saved_where_half_of_the_tasks_are_hopeless_or_trivial(pairs: int) -> None:
    run = simulated(half_decided, tasks=200, most=32, goal=Goal(pairs, 2 * pairs, 200 * 16), seed=1)
    assert run.pairs > 100 * pairs * 0.75, "most of the tasks that can have pairs have them"
    assert run.ratio <= 0.75
    assert run.estimated == pytest.approx(run.uniform, rel=0.15), "and the run's own report tells it"

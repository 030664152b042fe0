"""The lease book in any order of events: counts add up, nothing is lent twice, every rollout comes to an end."""

import hashlib

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from medgym_ray.leases import Lease, LeaseBook, rollout_seed
from medgym_ray.sampling.goal import Goal
from medgym_ray.tasks.base import Task
from medgym_ray.trajectory import trajectory_id

RUN_KEY = "key"
LEASE_S = 10.0


def _task(name: str) -> Task:
    digest = hashlib.sha256(name.encode()).hexdigest()
    return Task(task_id=name, family="f", category="c", split="test", inputs={}, gold={}, source_sha256=digest)


def _book(
    tasks: int = 2, rollouts: int = 2, attempts: int = 2, done: tuple[str, ...] = (), goal: Goal | None = None
) -> LeaseBook:
    named = [_task(f"f/{n}") for n in range(tasks)]
    there = dict.fromkeys(done, True)
    return LeaseBook(RUN_KEY, named, rollouts, attempts, seed=0, lease_s=LEASE_S, done=there, goal=goal)


def _id(task: int, rollout: int) -> str:
    return trajectory_id(RUN_KEY, f"f/{task}", rollout)


class Book(RuleBasedStateMachine):
    """Executors that take, finish, fail, vanish, forget and report late; `held` is what each believes to hold."""

    owners = ("a", "b", "c")

    @initialize(
        tasks=st.integers(1, 3),
        rollouts=st.integers(1, 5),
        attempts=st.integers(1, 3),
        earlier=st.integers(0, 3),
        goal=st.none() | st.builds(Goal, st.integers(1, 2), st.integers(1, 3), st.none() | st.integers(1, 9)),
    )
    def begin(self, tasks: int, rollouts: int, attempts: int, earlier: int, goal: Goal | None) -> None:
        identities = [_id(t, r) for t in range(tasks) for r in range(rollouts)]
        self.attempts, self.now = attempts, 0.0
        self.goal = goal
        self.book = _book(tasks, rollouts, attempts, (*identities[:earlier], "of another run"), goal)
        self.outcomes = {name: [0, 0] for name in (f"f/{n}" for n in range(tasks))}  # failures, successes
        self.outcomes["f/0"][1] = min(earlier, rollouts)
        for place in range(1, tasks):
            self.outcomes[f"f/{place}"][1] = min(max(0, earlier - place * rollouts), rollouts)
        self.tasks = [f"f/{n}" for n in range(tasks)]
        self.identities = set(identities)
        self.lent: dict[str, tuple[str, Lease]] = {}  # by our own reckoning: what is out and not overdue
        self.held: list[tuple[str, Lease]] = []  # every lease ever taken, for late reports
        self.completed = set(identities[:earlier])
        self.dropped: set[str] = set()
        self.successes: set[str] = set()

    @rule(owner=st.sampled_from(owners), count=st.integers(0, 4))
    def take(self, owner: str, count: int) -> None:
        self._expire()
        leases = self.book.take(owner, count, self.now)
        assert len(leases) <= count
        for lease in leases:
            identity = lease.trajectory_id
            assert identity in self.identities
            assert identity not in self.lent, "lent twice at the same time"
            assert identity not in self.completed, "done, and lent again"
            assert lease.task.task_id not in self.dropped
            assert 0 <= lease.attempt < self.attempts
            assert lease.deadline == self.now + LEASE_S
            assert identity == trajectory_id(RUN_KEY, lease.task.task_id, lease.rollout_index)
            assert lease.seed == rollout_seed(0, lease.task.task_id, lease.rollout_index)
            assert self.goal is None or min(self.outcomes[lease.task.task_id]) < self.goal.pairs, "it has its pairs"
            self.lent[identity] = (owner, lease)
            self.held.append((owner, lease))

    def _expire(self) -> None:
        self.book.expire(self.now, "the lease ran out")
        self._overdue()

    def _overdue(self) -> None:
        self.lent = {i: (o, lease) for i, (o, lease) in self.lent.items() if lease.deadline >= self.now}

    @precondition(lambda self: self.held)
    @rule(data=st.data(), success=st.booleans())
    def complete(self, data: st.DataObject, success: bool) -> None:
        lease = data.draw(st.sampled_from(self.held))[1]
        identity = lease.trajectory_id
        self.book.complete(identity, success=success)
        if identity not in self.completed:
            self.outcomes[lease.task.task_id][success] += 1
        if success and identity not in self.completed:
            self.successes.add(identity)
        self.completed.add(identity)
        self.lent.pop(identity, None)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.held))[1]
        current = self.lent.get(lease.trajectory_id)
        last = self.book.fail(lease.trajectory_id, lease.attempt, "it broke")
        if current is None or current[1].attempt != lease.attempt:
            return
        assert last == (lease.attempt + 1 == self.attempts)
        del self.lent[lease.trajectory_id]

    @rule(owner=st.sampled_from(owners))
    def release(self, owner: str) -> None:
        held = {i for i, (o, _) in self.lent.items() if o == owner}
        lost = self.book.release(owner, "the executor died")
        assert {lease.trajectory_id for lease, _ in lost} >= held
        assert all(last == (lease.attempt + 1 == self.attempts) for lease, last in lost)
        for identity in held:
            del self.lent[identity]

    @rule(seconds=st.sampled_from([1.0, LEASE_S, 3 * LEASE_S]))
    def wait_and_expire(self, seconds: float) -> None:
        self.now += seconds
        self._expire()

    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        task_id = data.draw(st.sampled_from(self.tasks))
        self.book.drop_task(task_id, "its gold does not run")
        self.dropped.add(task_id)
        self.lent = {i: (o, lease) for i, (o, lease) in self.lent.items() if lease.task.task_id != task_id}

    @precondition(lambda self: self.lent)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        identity = data.draw(st.sampled_from(sorted(self.lent)))
        self.book.give_back(identity, self.lent[identity][1].attempt)
        del self.lent[identity]

    @invariant()
    def counts_add_up(self) -> None:
        if not hasattr(self, "book"):
            return
        counts = self.book.counts()
        parts = (counts.done, counts.dropped, counts.failed, counts.spared, counts.active, counts.waiting)
        assert min(parts) >= 0, counts
        assert sum(parts) == counts.requested == len(self.identities)
        assert counts.done == len(self.completed), "done stays done, and nothing else is"
        assert counts.successes == len(self.successes)
        assert counts.earlier <= counts.done
        assert counts.spared == 0 or self.goal is not None
        assert not self.completed & set(self.book.failed)

    def teardown(self) -> None:
        """Drained, every rollout is done, dropped, failed or spared."""
        if not hasattr(self, "book"):
            return
        for _ in range(len(self.identities) * self.attempts + 1):
            self.now += 2 * LEASE_S
            self.take("a", len(self.identities))
            self.counts_add_up()
        for identity in sorted(self.lent):
            self.book.complete(identity, success=True)
        self.now += 2 * LEASE_S
        self.book.expire(self.now, "the lease ran out")
        assert self.book.take("a", 1, self.now) == []
        assert self.book.finished()
        counts = self.book.counts()
        assert counts.done + counts.dropped + counts.failed + counts.spared == counts.requested


TestBook = Book.TestCase
TestBook.settings = settings(max_examples=150, stateful_step_count=30)


def test_rollouts_of_a_task_follow_each_other_and_share_nothing_but_the_task() -> None:
    leases = _book(tasks=2, rollouts=3).take("a", 99, 0.0)
    assert [(lease.task.task_id, lease.rollout_index) for lease in leases] == [
        (f"f/{t}", r) for t in range(2) for r in range(3)
    ]
    assert len({lease.seed for lease in leases}) == len({lease.trajectory_id for lease in leases}) == 6


def test_what_earlier_runs_made_durable_is_not_lent() -> None:
    book = _book(done=(_id(0, 0), _id(1, 1), "unknown"))
    assert [lease.trajectory_id for lease in book.take("a", 9, 0.0)] == [_id(0, 1), _id(1, 0)]
    assert (book.counts().done, book.counts().earlier, book.counts().successes) == (2, 2, 0)


def test_a_failed_attempt_is_lent_again_until_the_budget_is_spent() -> None:
    book = _book(tasks=1, rollouts=1, attempts=3)
    for attempt in range(3):
        (lease,) = book.take("a", 9, 0.0)
        assert (lease.attempt, lease.seed) == (attempt, rollout_seed(0, "f/0", 0))
        assert book.fail(lease.trajectory_id, attempt, f"error {attempt}") == (attempt == 2)
    assert book.take("a", 9, 0.0) == []
    assert book.failed == {_id(0, 0): "error 2"}
    assert book.finished()


def test_a_trajectory_that_arrives_after_its_task_was_dropped_is_counted_once() -> None:
    book = _book(tasks=1, rollouts=2)
    leases = book.take("a", 2, 0.0)
    book.drop_task("f/0", "its gold does not run")
    book.complete(leases[0].trajectory_id, success=True)
    counts = book.counts()
    assert (counts.done, counts.dropped, counts.waiting) == (1, 1, 0)
    assert book.finished()


def test_a_trajectory_that_arrives_after_its_lease_ran_out_counts_and_is_not_played_again() -> None:
    book = _book(tasks=1, rollouts=1)
    (lease,) = book.take("a", 1, 0.0)
    book.expire(LEASE_S + 1, "the lease ran out")
    book.complete(lease.trajectory_id, success=False)
    assert book.take("b", 1, LEASE_S + 1) == []
    assert book.finished()


def test_a_late_failure_does_not_touch_the_lease_of_who_has_it_now() -> None:
    book = _book(tasks=1, rollouts=1, attempts=3)
    (old,) = book.take("a", 1, 0.0)
    ((expired, last),) = book.expire(LEASE_S + 1, "the lease ran out")
    assert (expired, last) == (old, False)
    (new,) = book.take("b", 1, LEASE_S + 1)
    book.give_back(old.trajectory_id, old.attempt)
    assert book.fail(old.trajectory_id, old.attempt, "late") is False
    assert book.counts().active == 1
    assert new.attempt == 1


def test_what_is_given_back_keeps_its_attempt_and_a_closed_book_lends_nothing() -> None:
    book = _book(tasks=1, rollouts=1)
    (lease,) = book.take("a", 1, 0.0)
    book.give_back(lease.trajectory_id, lease.attempt)
    book.closed = True
    assert book.take("a", 1, 0.0) == []
    book.closed = False
    (again,) = book.take("b", 1, 0.0)
    assert again.attempt == 0


@pytest.mark.parametrize("seed", [0, -1, 2**62])
def test_a_rollouts_seed_leaves_room_for_the_turns(seed: int) -> None:
    seeds = {rollout_seed(seed, f"f/{t}", r) for t in range(20) for r in range(20)}
    assert len(seeds) == 400
    assert all(0 <= s < 2**62 for s in seeds)


def test_what_a_dead_book_had_lent_stays_with_its_owners_and_is_lent_to_nobody_else() -> None:
    before = _book()
    first, second, third = before.take("a", 3, now=5.0)
    after = _book(done=(first.trajectory_id,))
    after.adopt("a", [first, second, third], now=7.0)
    assert after.counts().active == 2, "what is durable is not adopted"
    assert [lease.trajectory_id for lease in after.take("b", 9, now=7.0)] == [_id(1, 1)]
    assert after.fail(second.trajectory_id, second.attempt, "oops") is False
    again = after.take("b", 9, now=8.0)
    assert [(lease.trajectory_id, lease.attempt) for lease in again] == [(second.trajectory_id, 1)]
    assert [lease.deadline for lease, _ in after.release("a", "gone")] == [7.0 + LEASE_S]
    for lease in (*again, *after.take("c", 9, now=9.0)):
        after.complete(lease.trajectory_id, success=True)
    after.complete(_id(1, 1), success=True)
    assert after.finished()
    assert after.counts().done == 4


def test_what_a_dead_book_had_counted_goes_on_in_the_next() -> None:
    before = _book(tasks=4, rollouts=1, attempts=1, done=(_id(0, 0),))
    done, lost, dropped = before.take("a", 3, now=0.0)
    before.complete(done.trajectory_id, success=True)
    assert before.fail(lost.trajectory_id, lost.attempt, "SandboxError: gone") is True
    before.drop_task(dropped.task.task_id, "vacuous")
    after = LeaseBook(
        RUN_KEY,
        before.tasks,
        before.rollouts,
        before.attempts,
        before.seed,
        before.lease_s,
        done={_id(0, 0): True, done.trajectory_id: True},
        dropped=before.dropped,
        failed=before.failed,
        successes=before.successes,
        earlier=before.earlier,
    )
    assert after.take("b", 9, now=1.0) == []
    assert after.counts() == before.counts()
    assert after.finished()

"""Who works on which rollout: leases with a deadline, retries with a budget, tasks dropped for a reason.

Pure bookkeeping, no clock and no I/O of its own; the conductor actor wraps it.
"""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from medgym_ray.sampling.goal import Goal
from medgym_ray.sampling.schedule import Schedule
from medgym_ray.tasks.base import Task
from medgym_ray.trajectory import trajectory_id


@dataclass(frozen=True, slots=True)
class Lease:
    """One rollout of one task, lent to one executor until `deadline` (seconds of the lender's monotonic clock)."""

    trajectory_id: str
    task: Task
    rollout_index: int
    attempt: int
    seed: int
    deadline: float


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the rollouts of a run are. `requested` = done + dropped + failed + spared + active + waiting."""

    requested: int
    done: int
    earlier: int
    """Of `done`: what earlier runs made durable."""
    successes: int
    """Of this run's."""
    dropped: int
    failed: int
    spared: int
    """Adaptive sampling has decided against them: their tasks have their pairs, or a budget does not reach them."""
    active: int

    @property
    def waiting(self) -> int:
        """Not yet lent, or to be lent again."""
        return self.unsettled - self.active

    @property
    def unsettled(self) -> int:
        """Neither done nor given up."""
        return self.requested - self.done - self.dropped - self.failed - self.spared


@dataclass(slots=True)
class _Active:
    lease: Lease
    owner: str


@dataclass(slots=True)
class LeaseBook:
    """All rollouts of a run. `done` are the trajectories that are durable, and whether each was a success."""

    run_key: str
    tasks: Sequence[Task]
    rollouts: int
    attempts: int
    seed: int
    lease_s: float
    done: Mapping[str, bool] = field(default_factory=dict)
    goal: Goal | None = None
    """Unset: every task gets all its rollouts."""
    dropped: dict[str, str] = field(default_factory=dict)
    """Task id: why its rollouts are left out."""
    failed: dict[str, str] = field(default_factory=dict)
    """Trajectory id: the last error of a rollout whose attempts are spent."""
    successes: int = 0
    earlier: int | None = None
    """How many of `done` an earlier run made durable; unset: all."""
    worked_s: float = 0.0
    """How long something was lent, by the lender's clock when it was last asked."""
    closed: bool = False
    """Set to lend nothing more (the run is being stopped)."""
    _completed: set[str] = field(default_factory=set)
    _dropped_rollouts: set[str] = field(default_factory=set)
    _active: dict[str, _Active] = field(default_factory=dict)
    _again: deque[Lease] = field(default_factory=deque)
    _schedule: Schedule = field(init=False)
    _places: dict[str, int] = field(init=False)
    """Of tasks in the schedule."""
    _lent: dict[str, Lease] = field(default_factory=dict)
    """What was ever lent and is not done."""
    _since: float | None = None

    def __post_init__(self) -> None:
        self._schedule = Schedule(len(self.tasks), self.rollouts, self.goal)
        self._places = {task.task_id: place for place, task in enumerate(self.tasks)}
        for place, task in enumerate(self.tasks):
            for rollout, identity in enumerate(self._rollouts_of(task)):
                if identity in self.done:
                    self._completed.add(identity)
                    self._schedule.settle(place, rollout, self.done[identity])
                elif identity in self.failed:
                    self._schedule.settle(place, rollout, None)
            if task.task_id in self.dropped:
                self._leave_out(task)
        if self.earlier is None:
            self.earlier = len(self._completed)

    def _rollouts_of(self, task: Task) -> Iterator[str]:
        return (trajectory_id(self.run_key, task.task_id, rollout) for rollout in range(self.rollouts))

    def _leave_out(self, task: Task) -> None:
        self._schedule.drop(self._places[task.task_id])
        self._dropped_rollouts.update(set(self._rollouts_of(task)) - self._completed - self.failed.keys())

    def take(self, owner: str, count: int, now: float) -> list[Lease]:
        """Lends up to `count` rollouts to `owner`. Rollouts of one task follow each other: they share a prefix."""
        if self._since is not None:
            self.worked_s += now - self._since
        by_task: dict[str, list[Lease]] = {}
        for _ in range(count if not self.closed else 0):
            lease = self._next()
            if lease is None:
                break
            by_task.setdefault(lease.task.task_id, []).append(self._lend(owner, lease, now))
        self._since = now if self._active else None
        return [lease for leases in by_task.values() for lease in leases]

    def adopt(self, owner: str, leases: Sequence[Lease], now: float) -> None:
        """Before the first `take`: what an earlier book lent to `owner`, which still works on it."""
        for lease in leases:
            if lease.trajectory_id not in self._completed and lease.task.task_id not in self.dropped:
                self._schedule.begin(self._places[lease.task.task_id], lease.rollout_index)
                self._lend(owner, lease, now)
                self._since = now

    def _lend(self, owner: str, lease: Lease, now: float) -> Lease:
        lent = replace(lease, deadline=now + self.lease_s)
        self._active[lent.trajectory_id] = _Active(lent, owner)
        self._lent[lent.trajectory_id] = lent
        return lent

    def _next(self) -> Lease | None:
        while self._again:
            lease = self._again.popleft()
            if self._wanted(lease):
                return lease
        if not self._room() or (chosen := self._schedule.next()) is None:
            return None
        place, rollout = chosen
        task = self.tasks[place]
        identity = trajectory_id(self.run_key, task.task_id, rollout)
        return Lease(identity, task, rollout, 0, rollout_seed(self.seed, task.task_id, rollout), 0.0)

    def _wanted(self, lease: Lease) -> bool:
        """Whether what failed is still worth another attempt."""
        task_id = lease.task.task_id
        done_with = lease.trajectory_id in self._completed or task_id in self.dropped
        return not done_with and not self._schedule.reached(self._places[task_id])

    def _retries(self) -> int:
        return sum(map(self._wanted, self._again))

    def _room(self) -> int:
        """How many rollouts may yet be begun."""
        there = self._schedule.open
        if self.goal is None:
            return there
        if self.goal.seconds is not None and self.worked_s >= self.goal.seconds:
            return 0
        if self.goal.rollouts is None:
            return there
        begun = len(self._completed) + len(self.failed) + len(self._active) + self._retries()
        return min(there, max(0, self.goal.rollouts - begun))

    def complete(self, identity: str, *, success: bool) -> bool:
        """The trajectory is durable. A second report of the same one changes nothing; whether this was the first."""
        self._active.pop(identity, None)
        self.failed.pop(identity, None)
        self._dropped_rollouts.discard(identity)  # it was being played when its task was dropped
        is_new = identity not in self._completed
        if is_new:
            self._completed.add(identity)
            self.successes += success
        if (lease := self._lent.pop(identity, None)) is not None:
            self._schedule.settle(self._places[lease.task.task_id], lease.rollout_index, success)
        return is_new

    def fail(self, identity: str, attempt: int, error: str) -> bool:
        """An attempt failed through a fault of ours; True where it was the last one."""
        active = self._active.get(identity)
        if active is None or active.lease.attempt != attempt:
            return False  # the lease had expired and somebody else has it
        del self._active[identity]
        return self._retry(active.lease, error)

    def _retry(self, lease: Lease, error: str) -> bool:
        if lease.attempt + 1 >= self.attempts:
            self.failed[lease.trajectory_id] = error
            self._schedule.settle(self._places[lease.task.task_id], lease.rollout_index, None)
            return True
        again = Lease(lease.trajectory_id, lease.task, lease.rollout_index, lease.attempt + 1, lease.seed, 0.0)
        self._again.append(again)
        return False

    def drop_task(self, task_id: str, reason: str) -> None:
        """Leaves out a task whose gold cannot be trusted here, with every rollout of it that is not done."""
        self.dropped[task_id] = reason
        for identity, active in list(self._active.items()):
            if active.lease.task.task_id == task_id:
                del self._active[identity]
        self._leave_out(self.tasks[self._places[task_id]])

    def release(self, owner: str, error: str) -> list[tuple[Lease, bool]]:
        """The owner is gone: its leases are lent again. Returns each with whether its attempts are spent."""
        lost = [active.lease for active in self._active.values() if active.owner == owner]
        for lease in lost:
            del self._active[lease.trajectory_id]
        return [(lease, self._retry(lease, error)) for lease in lost]

    def give_back(self, identity: str, attempt: int) -> None:
        """A rollout that was lent but not run (the run is being stopped) waits again, at the same attempt."""
        active = self._active.get(identity)
        if active is not None and active.lease.attempt == attempt:
            del self._active[identity]
            self._again.append(active.lease)

    def expire(self, now: float, error: str) -> list[tuple[Lease, bool]]:
        """Takes back leases whose deadline has passed. Returns each with whether its attempts are spent."""
        late = [active.lease for active in self._active.values() if active.lease.deadline < now]
        for lease in late:
            del self._active[lease.trajectory_id]
        return [(lease, self._retry(lease, error)) for lease in late]

    def counts(self) -> Counts:
        """Where the rollouts are now."""
        requested = len(self.tasks) * self.rollouts
        settled = len(self._completed) + len(self._dropped_rollouts) + len(self.failed)
        return Counts(
            requested=requested,
            done=len(self._completed),
            earlier=self.earlier or 0,
            successes=self.successes,
            dropped=len(self._dropped_rollouts),
            failed=len(self.failed),
            spared=requested - settled - len(self._active) - self._retries() - self._room(),
            active=len(self._active),
        )

    def finished(self) -> bool:
        """Nothing is lent and nothing waits."""
        counts = self.counts()
        return counts.active == 0 and counts.waiting == 0


def rollout_seed(seed: int, task_id: str, rollout_index: int) -> int:
    """A seed of its own for each rollout: 62 bits, so that adding a turn's index never overflows an int64."""
    digest = hashlib.sha256(f"{seed}\0{task_id}\0{rollout_index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2

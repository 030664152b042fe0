"""Who works on which rollout: leases with a deadline, retries with a budget, tasks dropped for a reason.

Pure bookkeeping, no clock and no I/O of its own; the conductor actor wraps it.
"""

import hashlib
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

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
    """Where the rollouts of a run are. `requested` = done + dropped + failed + active + waiting."""

    requested: int
    done: int
    earlier: int
    """Of `done`: what earlier runs made durable."""
    successes: int
    """Of this run's."""
    dropped: int
    failed: int
    active: int

    @property
    def waiting(self) -> int:
        """Not yet lent, or to be lent again."""
        return self.unsettled - self.active

    @property
    def unsettled(self) -> int:
        """Neither done nor given up."""
        return self.requested - self.done - self.dropped - self.failed


@dataclass(slots=True)
class _Active:
    lease: Lease
    owner: str


@dataclass(slots=True)
class LeaseBook:
    """All rollouts of a run. `done` are trajectory ids that earlier runs made durable."""

    run_key: str
    tasks: Sequence[Task]
    rollouts: int
    attempts: int
    seed: int
    lease_s: float
    done: Collection[str] = ()
    dropped: dict[str, str] = field(default_factory=dict)
    """Task id: why its rollouts are left out."""
    failed: dict[str, str] = field(default_factory=dict)
    """Trajectory id: the last error of a rollout whose attempts are spent."""
    successes: int = 0
    earlier: int | None = None
    """How many of `done` an earlier run made durable; unset: all."""
    closed: bool = False
    """Set to lend nothing more (the run is being stopped)."""
    _completed: set[str] = field(default_factory=set)
    _dropped_rollouts: set[str] = field(default_factory=set)
    _active: dict[str, _Active] = field(default_factory=dict)
    _adopted: set[str] = field(default_factory=set)
    _again: deque[Lease] = field(default_factory=deque)
    _fresh: Iterator[Lease] | None = None

    def __post_init__(self) -> None:
        self._fresh = self._first_attempts()
        self._completed.update(self._requested_ids() & set(self.done))
        if self.earlier is None:
            self.earlier = len(self._completed)

    def _requested_ids(self) -> set[str]:
        return {trajectory_id(self.run_key, t.task_id, r) for t in self.tasks for r in range(self.rollouts)}

    def _first_attempts(self) -> Iterator[Lease]:
        for task in self.tasks:
            for rollout in range(self.rollouts):
                identity = trajectory_id(self.run_key, task.task_id, rollout)
                if identity in self._completed or identity in self._adopted or identity in self.failed:
                    continue
                if task.task_id in self.dropped:
                    self._dropped_rollouts.add(identity)
                    continue
                yield Lease(identity, task, rollout, 0, rollout_seed(self.seed, task.task_id, rollout), 0.0)

    def take(self, owner: str, count: int, now: float) -> list[Lease]:
        """Lends up to `count` rollouts to `owner`. Rollouts of one task follow each other: they share a prefix."""
        taken: list[Lease] = []
        while len(taken) < count and not self.closed:
            lease = self._next()
            if lease is None:
                break
            taken.append(self._lend(owner, lease, now))
        return taken

    def adopt(self, owner: str, leases: Sequence[Lease], now: float) -> None:
        """Before the first `take`: what an earlier book lent to `owner`, which still works on it."""
        for lease in leases:
            if lease.trajectory_id not in self._completed:
                self._adopted.add(lease.trajectory_id)
                self._lend(owner, lease, now)

    def _lend(self, owner: str, lease: Lease, now: float) -> Lease:
        lent = replace(lease, deadline=now + self.lease_s)
        self._active[lent.trajectory_id] = _Active(lent, owner)
        return lent

    def _next(self) -> Lease | None:
        while self._again:
            lease = self._again.popleft()
            if lease.trajectory_id in self._completed:
                continue
            if lease.task.task_id not in self.dropped:
                return lease
            self._dropped_rollouts.add(lease.trajectory_id)
        return next(self._fresh, None) if self._fresh is not None else None

    def complete(self, identity: str, *, success: bool) -> None:
        """The trajectory is durable. A second report of the same one changes nothing."""
        self._active.pop(identity, None)
        self.failed.pop(identity, None)
        self._dropped_rollouts.discard(identity)  # it was being played when its task was dropped
        if identity not in self._completed:
            self._completed.add(identity)
            self.successes += success

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
                self._dropped_rollouts.add(identity)

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
        return Counts(
            requested=len(self.tasks) * self.rollouts,
            done=len(self._completed),
            earlier=self.earlier or 0,
            successes=self.successes,
            dropped=len(self._dropped_rollouts),
            failed=len(self.failed),
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

"""The only actor with global state: it leases rollouts, takes reports, and counts."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from actors import metrics
from actors.calls import Seat
from actors.logs import start_logging
from medgym_ray.leases import Counts, Lease, LeaseBook
from medgym_ray.occupancy import Use, Uses
from medgym_ray.tasks.base import Task
from medgym_ray.trajectory import Failure
from medgym_ray.work import Work

_RAN_OUT = "the lease ran out"


@dataclass(frozen=True, slots=True)
class Report:
    """What an executor says of one finished episode, for the counts."""

    trajectory_id: str
    success: bool
    work: Work


@dataclass(slots=True)
class Progress:
    """What the driver shows. Work and failed attempts are of this run, not of earlier ones."""

    counts: Counts
    work: Work
    worked_s: float
    failed_attempts: int
    sandboxes: Use
    dropped_tasks: dict[str, str]
    failed: dict[str, str]
    stopping: bool
    finished: bool


class Conductor:
    """Hands out leases; never in a turn's path."""

    def __init__(
        self, run_id: str, writer: Any, book: dict[str, Any], work: Work | None = None, failed_attempts: int = 0
    ) -> None:
        """`book` is what a LeaseBook is made with; the rest is what a conductor that died had counted."""
        start_logging("conductor")
        self._run_id = run_id
        self._writer = Seat(writer)
        self._settings = book
        self._tasks: list[Task] = []
        self._book: LeaseBook | None = None
        self._work = work or Work()
        self._failed_attempts = failed_attempts
        self._playing: dict[str, int] = {}
        self._sandboxes = Uses()

    async def add_tasks(self, tasks: Sequence[Task]) -> None:
        """Tasks come in portions, so that no message grows with the run."""
        self._tasks.extend(tasks)

    async def begin(self, done: Mapping[str, bool], held: Mapping[str, Sequence[Lease]]) -> None:
        """After the last portion. `done` is what is durable; `held` is what a dead conductor had lent."""
        self._book = LeaseBook(tasks=self._tasks, done=done, **self._settings)
        for owner, leases in held.items():
            self._book.adopt(owner, leases, time.monotonic())

    async def use_writer(self, writer: Any) -> None:
        """The writer died; another follows it."""
        self._writer.take(writer)

    async def live(self) -> None:
        """Never returns: who waits for it learns of the actor's end."""
        await asyncio.Event().wait()

    def _lease_book(self) -> LeaseBook:
        assert self._book is not None, "begin() comes first"
        return self._book

    async def exchange(
        self, owner: str, reports: Sequence[Report], wanted: int, playing: int, sandboxes: Use
    ) -> tuple[list[Lease], bool]:
        """An executor tells what the writer acknowledged and how busy it is, in one message for all of it.

        Returns up to `wanted` leases, and whether the run is over for it.
        """
        book = self._lease_book()
        for report in reports:
            if book.complete(report.trajectory_id, success=report.success):
                self._work += report.work
        now = time.monotonic()
        for lease, final in book.expire(now, _RAN_OUT):
            await self._record(lease, "ClusterError", _RAN_OUT, final=final)
        self._playing[owner] = playing
        self._sandboxes.report(owner, sandboxes)
        return book.take(owner, wanted, now), book.finished() or book.closed

    async def fail(self, lease: Lease, error_class: str, message: str) -> None:
        """An attempt failed through a fault of ours: recorded, then tried again while the budget lasts."""
        final = self._lease_book().fail(lease.trajectory_id, lease.attempt, f"{error_class}: {message}")
        await self._record(lease, error_class, message, final=final)

    async def _record(self, lease: Lease, error_class: str, message: str, *, final: bool) -> None:
        self._failed_attempts += 1
        metrics.failed(error_class)
        await self._writer.ask(
            "append_failure",
            Failure(
                trajectory_id=lease.trajectory_id,
                run_id=self._run_id,
                task_id=lease.task.task_id,
                rollout_index=lease.rollout_index,
                attempt=lease.attempt,
                final=final,
                error_class=error_class,
                message=message,
                at=datetime.now(UTC),
            ),
        )

    async def drop_task(self, task_id: str, reason: str) -> None:
        """A task whose gold cannot be trusted in this environment."""
        self._lease_book().drop_task(task_id, reason)

    async def give_back(self, lease: Lease) -> None:
        """A lease that was not run to its end because the run stops."""
        self._lease_book().give_back(lease.trajectory_id, lease.attempt)

    async def release(self, owner: str) -> None:
        """An executor died: its leases are lent again."""
        self._playing.pop(owner, None)
        self._sandboxes.end(owner)
        for lease, final in self._lease_book().release(owner, "the executor died"):
            await self._record(lease, "ClusterError", "the executor died", final=final)

    async def stop(self) -> None:
        """Lends nothing more."""
        self._lease_book().closed = True

    async def progress(self) -> Progress:
        """What the driver shows; Prometheus is told, too."""
        book = self._lease_book()
        sandboxes = self._sandboxes.total()
        metrics.load(sum(self._playing.values()), sandboxes)
        return Progress(
            counts=book.counts(),
            work=self._work,
            worked_s=book.worked_s,
            failed_attempts=self._failed_attempts,
            sandboxes=sandboxes,
            dropped_tasks=dict(book.dropped),
            failed=dict(book.failed),
            stopping=book.closed,
            finished=book.finished(),
        )

"""The driver's account of a run, in the run's directory: what happened (events) and what was logged (log)."""

import contextlib
import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from medgym_ray.errors import MedgymError
from medgym_ray.events import Event, RolloutFailed, RunEnded, TaskDropped, render
from medgym_ray.leases import Counts
from medgym_ray.logs import OURS, JsonFormatter, LineHandler
from medgym_ray.store.layout import EVENTS, LOG
from medgym_ray.store.lines import open_lines
from medgym_ray.store.roots import Root

_NOTHING = Counts(requested=0, done=0, earlier=0, successes=0, dropped=0, failed=0, spared=0, active=0)
_ERROR_LENGTH = 300


class Chronicle:
    """Use as a context manager; an error that leaves it is noted as the run's end."""

    def __init__(self, root: Root, run_id: str) -> None:
        self._events, self._log = open_lines(root, EVENTS), open_lines(root, LOG)
        self._handler = LineHandler(self._log.append)
        self._handler.setFormatter(JsonFormatter(run_id, "driver"))
        self._counts = _NOTHING
        self._settled: set[str] = set()

    def __enter__(self) -> Self:
        for name in OURS:
            logging.getLogger(name).addHandler(self._handler)
            logging.getLogger(name).setLevel(logging.INFO)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._note_broken(error)
        for name in OURS:
            logging.getLogger(name).removeHandler(self._handler)
            logging.getLogger(name).setLevel(logging.NOTSET)
        self._events.close()
        self._log.close()

    def note(self, event: Event) -> None:
        """Adds an event; one that cannot be written is left out."""
        with contextlib.suppress(ValueError):
            self._events.append(render(event))

    def follow(self, counts: Counts, dropped: Mapping[str, str], failed: Mapping[str, str]) -> None:
        """How far the run is: tasks dropped and rollouts failed (each with its reason) are noted once."""
        self._counts = counts
        for task_id in dropped.keys() - self._settled:
            self.note(TaskDropped(task_id=task_id, cause=_cause(dropped[task_id])))
        for trajectory_id in failed.keys() - self._settled:
            self.note(RolloutFailed(trajectory_id=trajectory_id, cause=_cause(failed[trajectory_id])))
        self._settled |= dropped.keys() | failed.keys()

    def _note_broken(self, error: BaseException) -> None:
        counts, stopped = self._counts, isinstance(error, KeyboardInterrupt)
        words = f": {error}" if isinstance(error, MedgymError) else ""
        self.note(
            RunEnded(
                outcome="interrupted" if stopped else "broken",
                requested=counts.requested,
                done=counts.done,
                dropped=counts.dropped,
                failed=counts.failed,
                spared=counts.spared,
                missing=counts.unsettled,
                error=None if stopped else f"{type(error).__name__}{words}"[:_ERROR_LENGTH],
            )
        )


def _cause(reason: str) -> str:
    """A reason's words before its colon: what follows may quote a record."""
    return reason.partition(": ")[0]

"""What a user sees of a run: a live display on a terminal, plain lines elsewhere."""

import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

_PLAIN_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a run at one moment. `earlier` are trajectories that previous runs made durable."""

    requested: int
    done: int
    earlier: int
    successes: int
    dropped: int
    failed: int
    spared: int
    generated_tokens: int
    busy_sandboxes: int
    sandboxes: int
    busy_replicas: int
    replicas: int


class ProgressDisplay:
    """Use as a context manager; call `show` as often as you like."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr)
        self._live = (
            Live(console=self._console, refresh_per_second=4, transient=True) if (self._console.is_terminal) else None
        )
        self._started = time.monotonic()
        self._last_plain = 0.0

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.__exit__(kind, error, trace)

    def show(self, snapshot: Snapshot) -> None:
        """Draws the state; off a terminal one line every ten seconds."""
        elapsed = max(time.monotonic() - self._started, 1e-9)
        if self._live:
            self._live.update(_drawn(snapshot, elapsed))
        elif time.monotonic() - self._last_plain >= _PLAIN_EVERY_S:
            self._last_plain = time.monotonic()
            self._console.print(plain_line(snapshot, elapsed), highlight=False, soft_wrap=True)


def plain_line(snapshot: Snapshot, elapsed_s: float) -> str:
    """One line: done/total, success rate, rates, what is busy, ETA."""
    return " · ".join(f"{name} {value}" for name, value in _facts(snapshot, elapsed_s))


def _facts(s: Snapshot, elapsed_s: float) -> list[tuple[str, str]]:
    fresh = s.done - s.earlier
    per_s = fresh / elapsed_s
    left = s.requested - s.done - s.dropped - s.failed - s.spared
    facts = [
        ("done", f"{s.done}/{s.requested}"),
        ("success", f"{s.successes / fresh:.1%}" if fresh else "–"),
        ("trajectories/s", f"{per_s:.2f}"),
        ("tokens/s", f"{s.generated_tokens / elapsed_s:.0f}"),
        ("sandboxes", f"{s.busy_sandboxes}/{s.sandboxes}"),
        ("replicas", f"{s.busy_replicas}/{s.replicas}"),
        ("ETA", _duration(left / per_s) if per_s and left else "–"),
    ]
    rest = (("dropped", s.dropped), ("failed", s.failed), ("spared", s.spared))
    return facts + [(name, str(count)) for name, count in rest if count]


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _drawn(snapshot: Snapshot, elapsed_s: float) -> Table:
    grid = Table.grid(padding=(0, 1))
    settled = snapshot.done + snapshot.dropped + snapshot.failed + snapshot.spared
    facts = _facts(snapshot, elapsed_s)
    grid.add_row(
        ProgressBar(total=max(1, snapshot.requested), completed=settled, width=12), *(f"[dim]{n}" for n, _ in facts)
    )
    grid.add_row("", *(value for _, value in facts))
    return grid

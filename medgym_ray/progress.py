"""What a user sees of a run: a live display on a terminal, plain lines elsewhere."""

import sys
import time
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from medgym_ray.occupancy import Use
from medgym_ray.work import Work

_PLAIN_EVERY_S = 10.0
_WINDOW_S = 60.0
"""What idle shares look back on: a whole run would hide that something is wrong now."""
_BAR_WIDTH = 40
_UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a run at one moment. `earlier` are trajectories that previous runs made durable."""

    requested: int
    done: int
    earlier: int = 0
    successes: int = 0
    dropped: int = 0
    failed: int = 0
    spared: int = 0
    """What adaptive sampling has decided against."""
    active: int = 0
    failed_attempts: int = 0
    work: Work = field(default_factory=Work)
    sandboxes: Use = field(default_factory=Use)
    replicas: Use = field(default_factory=Use)

    @property
    def fresh(self) -> int:
        """What this run has done."""
        return self.done - self.earlier

    @property
    def left(self) -> int:
        """Neither done nor given up."""
        return self.requested - self.done - self.dropped - self.failed - self.spared


_START = Snapshot(requested=0, done=0)


class ProgressDisplay:
    """Use as a context manager; call `show` as often as you like."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr)
        self._live = (
            Live(console=self._console, refresh_per_second=4, transient=True) if (self._console.is_terminal) else None
        )
        self._started = time.monotonic()
        self._last_plain = 0.0
        self._minute: deque[tuple[float, Snapshot]] = deque()

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
        since = self._a_minute_before(elapsed, snapshot)
        if self._live:
            self._live.update(drawn(snapshot, elapsed, since))
        elif time.monotonic() - self._last_plain >= _PLAIN_EVERY_S:
            self._last_plain = time.monotonic()
            self._console.print(plain_line(snapshot, elapsed, since), highlight=False, soft_wrap=True)

    def _a_minute_before(self, elapsed: float, snapshot: Snapshot) -> Snapshot:
        """In the first minute: the start."""
        self._minute.append((elapsed, snapshot))
        while len(self._minute) > 1 and self._minute[1][0] <= elapsed - _WINDOW_S:
            self._minute.popleft()
        oldest, then = self._minute[0]
        return then if oldest <= elapsed - _WINDOW_S else _START


def plain_line(s: Snapshot, elapsed_s: float, since: Snapshot = _START) -> str:
    """One line: done/total, success rate, rates over the whole run, what is busy, ETA; idle shares `since` then."""
    facts = [
        ("done", f"{s.done}/{s.requested}"),
        ("success", _share(s.successes, s.fresh)),
        ("trajectories/s", f"{s.fresh / elapsed_s:.2f}"),
        ("turns/s", f"{s.work.turns / elapsed_s:.1f}"),
        ("tokens/s", f"{s.work.generated_tokens / elapsed_s:.0f}"),
        ("prefix", _prefix_hits(s.work)),
        ("sandboxes", _used(s.sandboxes, since.sandboxes)),
        ("replicas", _used(s.replicas, since.replicas)),
        ("ETA", _eta(s, elapsed_s)),
    ]
    without = {name for name, there in (("prefix", s.work.prompt_tokens), ("replicas", s.replicas.places)) if not there}
    counts = (
        ("dropped", s.dropped),
        ("failed", s.failed),
        ("spared", s.spared),
        ("failed attempts", s.failed_attempts),
    )
    facts += [(name, str(count)) for name, count in counts if count]
    return " · ".join(f"{name} {value}" for name, value in facts if name not in without)


def drawn(s: Snapshot, elapsed_s: float, since: Snapshot = _START) -> Group:
    """The same and more as a table, for a terminal."""
    head = Table.grid(padding=(0, 2))
    settled = s.done + s.dropped + s.failed + s.spared
    bar = ProgressBar(total=max(1, s.requested), completed=settled, width=_BAR_WIDTH)
    head.add_row(bar, f"{s.done}/{s.requested}", f"success {_share(s.successes, s.fresh)}", f"ETA {_eta(s, elapsed_s)}")
    work, turns = s.work, max(1, s.work.turns)
    rows: dict[str, dict[str, str]] = {
        "rollouts": {
            "active": str(s.active),
            "waiting": str(s.left - s.active),
            "dropped": str(s.dropped),
            "failed": str(s.failed),
            **({"spared": str(s.spared)} if s.spared else {}),
        },
        "per second": {
            "trajectories": f"{s.fresh / elapsed_s:.2f}",
            "turns": f"{work.turns / elapsed_s:.1f}",
            "tokens": f"{work.generated_tokens / elapsed_s:.0f}",
        },
        "mean turn": {
            "reply": f"{work.generate_ms / turns:.0f} ms",
            "queued": f"{work.queue_ms / turns:.0f} ms",
            "cell": f"{work.execute_ms / turns:.0f} ms",
            "prefix hits": _prefix_hits(work),
        },
        "busy": {
            "sandboxes": f"{s.sandboxes.busy}/{s.sandboxes.places}",
            "replicas": f"{s.replicas.busy}/{s.replicas.places}",
        },
        "idle, last minute": {
            "sandboxes": _percent(s.sandboxes.idle(since.sandboxes)),
            "replicas": _percent(s.replicas.idle(since.replicas)),
        },
        "attempts": {"failed": str(s.failed_attempts), "of a hundred": _of_hundred(s)},
    }
    body = Table.grid(padding=(0, 2))
    for name, facts in rows.items():
        body.add_row(f"[bold]{name}", *(f"[dim]{what}[/dim] {value}" for what, value in facts.items()))
    return Group(head, body)


def _eta(s: Snapshot, elapsed_s: float) -> str:
    return _duration(s.left * elapsed_s / s.fresh) if s.fresh > 0 and s.left else _UNKNOWN


def _prefix_hits(work: Work) -> str:
    return _percent(work.cached_tokens / work.prompt_tokens if work.prompt_tokens else None)


def _of_hundred(s: Snapshot) -> str:
    attempts = s.fresh + s.failed_attempts
    return f"{100 * s.failed_attempts / attempts:.1f}" if attempts else _UNKNOWN


def _used(use: Use, since: Use) -> str:
    idle = use.idle(since)
    return f"{use.busy}/{use.places}" + (f" idle {_percent(idle)}" if idle is not None else "")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else _UNKNOWN


def _percent(share: float | None) -> str:
    return f"{share:.0%}" if share is not None else _UNKNOWN


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"

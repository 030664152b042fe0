"""How much of the time places (sandboxes, replicas) had something to do: integrals over time, not snapshots."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Use:
    """Places and how many of them are busy now; and, since they are there, their seconds and their busy seconds."""

    places: int = 0
    busy: int = 0
    place_s: float = 0.0
    busy_s: float = 0.0

    def __add__(self, other: "Use") -> "Use":
        return Use(
            self.places + other.places,
            self.busy + other.busy,
            self.place_s + other.place_s,
            self.busy_s + other.busy_s,
        )

    def ended(self) -> "Use":
        """The same once the places are gone: what they did still counts."""
        return replace(self, places=0, busy=0)

    def idle(self, since: "Use") -> float | None:
        """The share of the time since an earlier moment in which a place had nothing to do; None where no time went."""
        seconds = self.place_s - since.place_s
        return min(1.0, max(0.0, 1 - (self.busy_s - since.busy_s) / seconds)) if seconds > 0 else None


class Occupancy:
    """Some places, held by nobody, by some, or by more than there are (who then share them)."""

    def __init__(self, places: int) -> None:
        self._places = places
        self.holders = 0
        self._place_s = self._busy_s = 0.0
        self._looked = time.monotonic()

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """One more holder for as long as the block runs."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """One more holder."""
        self._look()
        self.holders += 1

    def leave(self) -> None:
        """One less."""
        self._look()
        self.holders -= 1

    def use(self) -> Use:
        """Up to now."""
        self._look()
        return Use(self._places, min(self.holders, self._places), self._place_s, self._busy_s)

    def _look(self) -> None:
        now = time.monotonic()
        seconds, self._looked = now - self._looked, now
        self._place_s += seconds * self._places
        self._busy_s += seconds * min(self.holders, self._places)


class Uses:
    """The uses of several that report now and then, and of those that are gone."""

    def __init__(self) -> None:
        self._last: dict[str, Use] = {}
        self._gone = Use()

    def report(self, name: str, use: Use) -> None:
        """Its latest. One that begins anew follows another of its name."""
        if use.place_s < self._last.get(name, Use()).place_s:
            self.end(name)
        self._last[name] = use

    def end(self, name: str) -> None:
        """It is gone."""
        self._gone += self._last.pop(name, Use()).ended()

    def total(self) -> Use:
        """Of all."""
        return sum(self._last.values(), self._gone)

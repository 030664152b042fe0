"""Which replica answers, and how many requests each may have at a time.

A session stays where its prefix is cached, and the rollouts of a task start together, for they share one too; but not
where that replica is far busier than another. The number of requests under way rises and falls with what the engines
say of their own load.
"""

from collections.abc import Collection, Iterable
from hashlib import sha256

from medgym_ray.policies.base import EngineLoad

_FIRST = 16
_WAITING_SHARE = 0.125
_CUT = 0.5
_FAR_BUSIER = 2
_FADING = 0.9
"""What was heard of a replica counts less with each reply of another: it is no longer true."""


class Window:
    """How many requests one executor may have under way with one replica.

    Additive increase, multiplicative decrease: one more per round of replies (twice as many until the first
    congestion), half as many once requests queue up in the engine, or it takes running ones their cache away.
    """

    def __init__(self, most: int) -> None:
        """`most`: requests that the replica is to have at a time, of all executors together."""
        self._most = most
        self._size = float(min(_FIRST, most))
        self._slow_start = True
        self._preemptions = 0
        self._of_before = 0
        """Replies still to come to what was sent before the last cut, which say nothing about it."""

    @property
    def size(self) -> int:
        """Requests, at least one."""
        return int(self._size)

    def learn(self, load: EngineLoad | None) -> None:
        """From a reply. An engine that says nothing of its load is given as many requests as the user allows."""
        if load is None:
            self._size = float(self._most)
            return
        if self._of_before:
            self._of_before -= 1
        elif self._congested(load):
            self._of_before, self._slow_start = self.size, False
            self._size = max(1.0, self._size * _CUT)
        else:
            self._size = min(self._most, self._size + (1.0 if self._slow_start else 1.0 / self._size))
        self._preemptions = load.preemptions

    def _congested(self, load: EngineLoad) -> bool:
        queues = load.waiting > max(1.0, _WAITING_SHARE * load.running)
        return queues or load.preemptions > self._preemptions or load.running + load.waiting > self._most


class Router:
    """Sticky and least-loaded, as one executor sees the replicas: its own requests, and what each said of others'."""

    def __init__(self, replicas: Iterable[str], most: int) -> None:
        """`most`: requests per replica."""
        self._most = most
        self.windows = {replica: Window(most) for replica in replicas}
        self.load = dict.fromkeys(self.windows, 0)
        """Requests of this executor per replica, those that still wait for their turn included."""
        self._heard = dict.fromkeys(self.windows, 0.0)
        self._homes: dict[str, str] = {}

    def choose(self, session_id: str, group: str, avoid: Collection[str] = ()) -> str:
        """The session's home; at first its group's; where that has no room and is far busier, a less busy one."""
        usable = [replica for replica in self.load if replica not in avoid] or list(self.load)
        home = self._homes.get(session_id) or _picked(list(self.load), group)
        if home not in usable:
            home = min(usable, key=self._busy)
        elif self.load[home] >= self.windows[home].size:
            other = self._less_busy(usable, session_id, new=session_id not in self._homes)
            if self._busy(home) > _FAR_BUSIER * self._busy(other):
                home = other
        self._homes[session_id] = home
        return home

    def _less_busy(self, usable: list[str], session_id: str, *, new: bool) -> str:
        """For a session with nothing cached yet, of two at random, so that not all run to the same one."""
        candidates = [_picked(usable, f"{session_id}\0{n}") for n in range(2)] if new else usable
        return min(candidates, key=self._busy)

    def _busy(self, replica: str) -> float:
        return max(self.load[replica], self._heard[replica])

    def begin(self, replica: str) -> None:
        """A request is for this replica."""
        self.load[replica] += 1

    def end(self, replica: str) -> None:
        """Its reply (or failure) came back."""
        self.load[replica] -= 1

    def hear(self, replica: str, load: EngineLoad | None) -> None:
        """What came with a reply."""
        self.windows[replica].learn(load)
        if load is not None:
            self._heard = {name: busy * _FADING for name, busy in self._heard.items()}
            self._heard[replica] = float(load.running + load.waiting)

    def replaced(self, replica: str) -> None:
        """Another engine goes by this name now; nothing is known of it."""
        self.windows[replica] = Window(self._most)
        self._heard[replica] = 0.0

    def forget(self, session_id: str) -> None:
        """The session is over."""
        self._homes.pop(session_id, None)


def _picked(replicas: list[str], key: str) -> str:
    """The same in every process."""
    return replicas[int.from_bytes(sha256(key.encode()).digest()[:8]) % len(replicas)]

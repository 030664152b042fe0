"""Which replica answers: a session stays where its prefix is cached, unless that replica is far busier than another."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from zlib import crc32


@dataclass(slots=True)
class Router:
    """Sticky and least-loaded. Loads are in-flight requests as this router sees them."""

    replicas: Sequence[str]
    limit: int
    """In-flight requests beyond which a replica counts as full."""
    load: dict[str, int] = field(default_factory=dict)
    _homes: dict[str, str] = field(default_factory=dict)

    def choose(self, session_id: str, group: str, avoid: Collection[str] = ()) -> str:
        """The session's home; at first its group's (all rollouts of a task share a prefix); when full, the idlest."""
        usable = [r for r in self.replicas if r not in avoid] or list(self.replicas)
        home = self._homes.get(session_id) or self.replicas[crc32(group.encode()) % len(self.replicas)]
        idlest = min(usable, key=lambda replica: self.load.get(replica, 0))
        if home not in usable or (self.load.get(home, 0) >= self.limit > self.load.get(idlest, 0)):
            home = idlest
        self._homes[session_id] = home
        return home

    def begin(self, replica: str) -> None:
        """A request went to this replica."""
        self.load[replica] = self.load.get(replica, 0) + 1

    def end(self, replica: str) -> None:
        """Its reply (or failure) came back."""
        self.load[replica] -= 1

    def forget(self, session_id: str) -> None:
        """The session is over."""
        self._homes.pop(session_id, None)

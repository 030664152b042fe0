"""How often the parts of a run may die: without end while the run gets on, a few times where it does not."""

from dataclasses import dataclass

_LONGEST_PAUSE_S = 30.0


@dataclass(slots=True)
class Patience:
    """For one place, whose holders die and are replaced."""

    limit: int
    """Deaths in a row that are borne while not one rollout ends."""
    _deaths: int = 0
    _done: int = -1

    def pause(self, done: int) -> float | None:
        """After a death, when `done` rollouts have ended: seconds to wait before the next starts; None to give up."""
        if done != self._done:
            self._done, self._deaths = done, 0
        self._deaths += 1
        if self._deaths > self.limit:
            return None
        return min(2.0 ** (self._deaths - 1) - 1, _LONGEST_PAUSE_S)

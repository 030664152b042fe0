"""What adaptive sampling aims at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """`pairs` successes and as many failures of every task, within budgets."""

    pairs: int
    probe: int
    """Rollouts that every task gets before any gets more."""
    rollouts: int | None = None
    """Of all tasks together, those of earlier runs into the same directory among them."""
    seconds: float | None = None
    """Of work: then nothing more is begun."""

"""How a run ended."""

from dataclasses import dataclass
from typing import Literal

from medgym_ray.events import RunEnded


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the rollouts that were asked for."""

    requested: int
    done: int
    dropped: dict[str, str]
    failed: dict[str, str]
    spared: int
    """Rollouts that adaptive sampling has decided against."""
    missing: int
    """Neither done nor dropped nor failed nor spared: the run was stopped before."""
    interrupted: bool
    engine_tokens: int = 0
    """What the engines have generated, whoever it was for."""
    cost_usd: float = 0.0
    """What an endpoint has charged for this command's trajectories."""

    @property
    def exit_code(self) -> int:
        """Of the command."""
        if self.interrupted:
            return 130
        return 1 if self.failed or self.missing else 0

    def event(self) -> RunEnded:
        """For the run's chronicle."""
        stopped: Literal["stopped", "interrupted"] = "interrupted" if self.interrupted else "stopped"
        return RunEnded(
            outcome=stopped if self.missing else "finished",
            requested=self.requested,
            done=self.done,
            dropped=self.requested - self.done - len(self.failed) - self.spared - self.missing,
            failed=len(self.failed),
            spared=self.spared,
            missing=self.missing,
            engine_tokens=self.engine_tokens,
            cost_usd=self.cost_usd,
        )

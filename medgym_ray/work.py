"""What trajectories cost: turns, tokens and times, summed."""

from dataclasses import astuple, dataclass

from medgym_ray.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Work:
    """Sums over turns. Times in milliseconds; policies without an engine tell of no tokens."""

    turns: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Of the prompt tokens: what the engine still knew from an earlier turn."""
    generated_tokens: int = 0
    generate_ms: float = 0.0
    execute_ms: float = 0.0
    queue_ms: float = 0.0
    cost_usd: float = 0.0
    """What endpoints have charged, a debugger's and a judge's among them, by their own counts and the prices of the
    configuration."""

    @classmethod
    def of(cls, trajectory: Trajectory) -> "Work":
        """One trajectory's."""
        turns = trajectory.turns
        return cls(
            turns=len(turns),
            prompt_tokens=sum(turn.prompt_tokens or 0 for turn in turns),
            cached_tokens=sum(turn.cached_tokens or 0 for turn in turns),
            generated_tokens=sum(turn.completion_tokens or 0 for turn in turns),
            generate_ms=trajectory.generate_ms,
            execute_ms=trajectory.execute_ms,
            queue_ms=trajectory.queue_ms,
            cost_usd=sum(turn.cost_usd or 0.0 for turn in turns) + (trajectory.judge_cost_usd or 0.0),
        )

    def __add__(self, other: "Work") -> "Work":
        return Work(*(mine + yours for mine, yours in zip(astuple(self), astuple(other), strict=True)))

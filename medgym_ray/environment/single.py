"""`gymnasium.make("medgym/<family>-v0")`: an episode step by step, by text."""

from typing import Any

import gymnasium

from medgym_ray.environment.backstage import Backstage
from medgym_ray.environment.options import Options
from medgym_ray.environment.playhouse import Playhouse
from medgym_ray.environment.seat import Info, Seat
from medgym_ray.environment.spaces import UnicodeText


class MedgymEnv(gymnasium.Env[str, str]):
    """Observations are what the agent is told, actions its replies as it says them, in its format.

    The reward is 0 until the end and then the true one. `terminated`: the agent submitted; `truncated`: it has no turn
    or no time left. `info` tells the task and the whole conversation, at the end also `termination`, `success` and
    `trajectory`, the record. Failures of ours are raised, never rewarded.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as Gymnasium declares it

    def __init__(self, family: str, **options: Any) -> None:
        """`options` are those of `Options`. Raises ConfigError."""
        playhouse = Playhouse(Options(family, **options), episodes=1)
        self._backstage = Backstage(playhouse)
        self._seat = Seat(playhouse)
        self.observation_space = UnicodeText()
        self.action_space = UnicodeText()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Begins an episode of the next task, or of `options["task_id"]`. Raises as Seat.reset does."""
        super().reset(seed=seed)
        return self._backstage.call(self._seat.reset, self.np_random, options)

    def step(self, action: str) -> tuple[str, float, bool, bool, Info]:
        """The next reply. Raises as Seat.step does."""
        return self._backstage.call(self._seat.step, action)

    def close(self) -> None:
        """Ends the episode, its sandboxes and the thread; safe to call twice."""
        self._backstage.close()

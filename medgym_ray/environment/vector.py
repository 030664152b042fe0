"""`gymnasium.make_vec("medgym/<family>-v0", num_envs=N)`: N episodes at once, one stage, a pool of N sandboxes."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from gymnasium.utils.seeding import np_random
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from medgym_ray.environment.backstage import Backstage
from medgym_ray.environment.options import Options
from medgym_ray.environment.playhouse import Playhouse
from medgym_ray.environment.seat import Info, Seat
from medgym_ray.environment.spaces import UnicodeText

T = TypeVar("T")
Stepped = tuple[str, float, bool, bool, Info]


class MedgymVectorEnv(VectorEnv[tuple[str, ...], Sequence[str], NDArray[Any]]):
    """Each place behaves as a MedgymEnv of its own would, seeded with `seed`, `seed + 1`, …

    As Gymnasium's own vector environments do by default, a place whose episode has ended begins another with the next
    step, whose action it passes over. A failure of ours in one place is raised once all have stepped; then reset.
    """

    # As Gymnasium declares it.
    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(self, num_envs: int, family: str, **options: Any) -> None:
        """`options` are those of `Options`. Raises ConfigError."""
        self.num_envs = num_envs
        playhouse = Playhouse(Options(family, **options), episodes=num_envs)
        self._backstage = Backstage(playhouse)
        self._seats = [Seat(playhouse) for _ in range(num_envs)]
        self._orders = [np_random()[0] for _ in range(num_envs)]
        self._ended = [False] * num_envs
        self.single_observation_space = self.single_action_space = UnicodeText()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[tuple[str, ...], Info]:
        """Begins an episode in every place; `options={"task_id": …}` gives all the same task."""
        seeds = [seed + place for place in range(self.num_envs)] if isinstance(seed, int) else seed
        for place, given in enumerate(self._batch(seeds, "seeds") if seeds is not None else ()):
            if given is not None:
                self._orders[place] = np_random(given)[0]
        resets = [partial(s.reset, order, options) for s, order in zip(self._seats, self._orders, strict=True)]
        begun = self._backstage.call(_all, resets)
        self._ended = [False] * self.num_envs
        return tuple(observation for observation, _ in begun), self._infos([info for _, info in begun])

    def step(self, actions: Sequence[str]) -> tuple[tuple[str, ...], NDArray[Any], NDArray[Any], NDArray[Any], Info]:
        """One reply for each place. Raises as MedgymEnv.step does."""
        steps = [partial(self._step, place, reply) for place, reply in enumerate(self._batch(actions, "actions"))]
        stepped = self._backstage.call(_all, steps)
        observations, rewards, terminations, truncations, infos = zip(*stepped, strict=True)
        self._ended = [ended or cut for ended, cut in zip(terminations, truncations, strict=True)]
        arrays = np.array(rewards, np.float64), np.array(terminations, np.bool_), np.array(truncations, np.bool_)
        return observations, *arrays, self._infos(infos)

    async def _step(self, place: int, reply: str) -> Stepped:
        if not self._ended[place]:
            return await self._seats[place].step(reply)
        observation, info = await self._seats[place].reset(self._orders[place], None)
        return observation, 0.0, False, False, info

    def _batch(self, given: Sequence[T], name: str) -> Sequence[T]:
        if len(given) != self.num_envs:
            raise ValueError(f"{len(given)} {name} for {self.num_envs} environments")
        return given

    def _infos(self, infos: Sequence[Info]) -> Info:
        together: Info = {}
        for place, info in enumerate(infos):
            together = self._add_info(together, info, place)
        return together

    def close_extras(self, **_: Any) -> None:
        """Ends the episodes, their sandboxes and the thread."""
        self._backstage.close()


async def _all(works: Sequence[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
    """All of them, and then the first failure: none is left behind at work."""
    done = await asyncio.gather(*(work() for work in works), return_exceptions=True)
    results: list[T] = []
    for result in done:
        if isinstance(result, BaseException):
            raise result
        results.append(result)
    return results

"""Episodes as TRL's rollout function: tasks in, token ids, what of them the policy said, and true rewards out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from medgym_ray.environment.playhouse import Playhouse
from medgym_ray.errors import MedgymError
from medgym_ray.policies.base import Generation, GenerationRequest, Policy
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.train.ensemble import Ensemble
from medgym_ray.train.sampling import ModelSampler
from medgym_ray.trajectory import Trajectory

_ATTEMPTS = 3
"""How often an episode is begun before a failure of ours is final: then it has no reward, and trains nothing."""


class Rollouts:
    """A rollout function. A context that holds the sandboxes; its event loop runs while episodes do."""

    def __init__(self, playhouse: Playhouse, template: ChatTemplate, sampler: ModelSampler, told: Console) -> None:
        """To be used with `with`."""
        self._playhouse, self._template, self._sampler, self._told = playhouse, template, sampler, told
        self._tasks = {task.task_id: task for task in playhouse.tasks}
        self._loop = asyncio.Runner()

    def __enter__(self) -> "Rollouts":
        """Raises ConfigError where tables are missing or sandboxes can't be had."""
        self._loop.__enter__()
        try:
            self._loop.run(self._playhouse.__aenter__())
        except BaseException:
            self._loop.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._playhouse.__aexit__(None, None, None))
        self._loop.close()

    def playable(self) -> list[str]:
        """Ids of the tasks whose rewards are true here, in the run's order. Raises SandboxError."""
        return [name for name, task in self._tasks.items() if self._loop.run(self._playhouse.vet(task)) is None]

    def __call__(self, prompts: Sequence[str], trainer: Any) -> dict[str, list[Any]]:
        """One episode for each prompt, which is a task's id; a task comes as often as it has rollouts in the batch."""
        model = trainer.accelerator.unwrap_model(trainer.model)
        played = self._loop.run(self._play(prompts, model))
        rows = [_row(trajectory, self._template) for trajectory in played]
        return {key: [row[key] for row in rows] for key in rows[0]}

    async def _play(self, names: Sequence[str], model: Any) -> list[Trajectory | None]:
        ensemble = Ensemble(lambda requests: self._sampler.sample(model, requests), len(names))

        async def episode(number: int) -> Trajectory | None:
            try:
                return await self._perform(names[number], _Roomy(ensemble.seat(number), self._sampler))
            finally:
                ensemble.leave(number)

        return list(await asyncio.gather(*map(episode, range(len(names)))))

    async def _perform(self, name: str, policy: Policy) -> Trajectory | None:
        for _ in range(_ATTEMPTS):
            try:
                return await self._playhouse.perform(self._tasks[name], policy, self._template)
            except MedgymError as error:
                problem = error
        self._told.print(f"{name}: an episode without a reward ({problem})", markup=False)
        return None


@dataclass(frozen=True, slots=True)
class _Roomy(Policy):
    """Asks only where a reply has room."""

    policy: Policy
    sampler: ModelSampler

    async def generate(self, request: GenerationRequest) -> Generation:
        self.sampler.check_room(request)
        return await self.policy.generate(request)


def _row(trajectory: Trajectory | None, template: ChatTemplate) -> dict[str, Any]:
    """The keys that TRL wants, and the reward; None: no reward, for a failure was ours."""
    nothing = {"completion_ids": template.reply("")[-1:], "logprobs": [0.0], "env_mask": [0]}
    if trajectory is None:
        return {"prompt_ids": template.reply("")[-1:], **nothing, "episode_reward": None, "episode_success": None}
    ids, mask, logprobs = trajectory.token_ids, trajectory.loss_mask, trajectory.logprobs
    assert ids is not None
    assert mask is not None
    assert logprobs is not None
    start = len(trajectory.prompt_token_ids or ())
    said = {"completion_ids": ids[start:], "logprobs": logprobs[start:], "env_mask": mask[start:]}
    return {
        "prompt_ids": ids[:start],
        **(said if ids[start:] else nothing),
        "episode_reward": trajectory.reward,
        "episode_success": trajectory.success,
    }

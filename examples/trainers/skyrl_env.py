"""Our episodes as an environment of SkyRL (skyrl-gym 0.4): `env_class: medgym` in the rows of the view `grpo`.

Needs `medgym-ray[gym]`. SkyRL renders the row's prompt itself: export a run of the same agent format, and say the same
`max_turns` here, for the rules that the policy is told are those of that run.
"""

from typing import Any

import gymnasium
from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

import medgym_ray.environment  # noqa: F401 - registers the families


class MedgymTextEnv(BaseTextEnv):
    """One episode of one task."""

    def __init__(self, env_config: Any, extras: dict[str, Any]) -> None:
        """`env_config` holds keywords of gymnasium.make (agent, max_turns, sandbox, …); `extras` the row."""
        super().__init__()
        told = extras["extra_info"]
        self._task_id = told["task_id"]
        self._env = gymnasium.make(f"medgym/{told['family']}-v0", split=told["split"], **dict(env_config or {}))

    def init(self, prompt: list[dict[str, str]]) -> tuple[list[dict[str, str]], dict[str, Any]]:
        """What the policy is told; the rules of the row must be those of this episode."""
        _, info = self._env.reset(options={"task_id": self._task_id})
        if info["messages"] != [dict(message) for message in prompt]:
            raise ValueError(f"{self._task_id}: the row's prompt has other rules than env_config (agent, max_turns)")
        return prompt, {}

    def step(self, action: str) -> BaseTextEnvStepOutput:
        """A reply. A failure of ours is raised, and no reward."""
        observation, reward, terminated, truncated, info = self._env.step(action)
        done = terminated or truncated
        heard = [] if done else [{"role": info["messages"][-1]["role"], "content": observation}]
        metadata = {"success": info["success"]} if done else {}
        return BaseTextEnvStepOutput(observations=heard, reward=reward, done=done, metadata=metadata)

    def close(self) -> None:
        """Gives the sandbox back."""
        self._env.close()

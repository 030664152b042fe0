"""One environment's place in the playhouse: which task is next, and its episode as observations and rewards."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded

from medgym_ray.environment.conversation import Conversation
from medgym_ray.environment.playhouse import Playhouse
from medgym_ray.environment.spaces import UnicodeText
from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.policies.base import GenerationRequest
from medgym_ray.tasks.base import Task
from medgym_ray.trajectory import Termination, Trajectory

Info = dict[str, Any]
TEXT = UnicodeText()
"""What is said and what is observed."""
_SUBMITTED = (Termination.SUCCESS, Termination.WRONG)


class Seat:
    """To be used within the playhouse's loop."""

    def __init__(self, playhouse: Playhouse) -> None:
        self._playhouse = playhouse
        self._order: np.random.Generator | None = None
        self._waiting: list[int] = []
        self._task: Task | None = None
        self._conversation: Conversation | None = None

    async def reset(self, order: np.random.Generator, options: Mapping[str, Any] | None) -> tuple[str, Info]:
        """Abandons the episode under way and begins one.

        `options["task_id"]` chooses the task; otherwise each comes once in an order drawn from `order`, and then
        again in another. A new generator begins a new order. Raises ConfigError, TaskError, SandboxError.
        """
        await self.leave()
        task = await self._chosen(order, _task_id(options))
        conversation = self._playhouse.begin(task)
        self._task, self._conversation = task, conversation
        asked = await conversation.listen()
        if isinstance(asked, Trajectory):
            raise ConfigError("the episode's time was over before it began: give deadline_s more")
        return "\n\n".join(message.content for message in asked.messages), self._info(asked)

    async def step(self, action: str) -> tuple[str, float, bool, bool, Info]:
        """Says it, and waits for what the episode asks next. Raises ResetNeeded, InvalidAction, and failures of ours
        (SandboxError, ScorerError, TaskError), after which the episode is over and has no reward."""
        if self._conversation is None:
            raise ResetNeeded("the episode is over, or has not begun: call reset() before step()")
        if action not in TEXT:
            raise InvalidAction(f"a reply is Unicode text of at most {TEXT.max_length} characters, as one string")
        try:
            heard = await self._conversation.say(action)
        except Exception:
            await self.leave()
            raise
        if isinstance(heard, GenerationRequest):
            return heard.messages[-1].content, 0.0, False, False, self._info(heard)
        await self.leave()
        observation = heard.turns[-1].observation if heard.turns else None
        terminated = heard.termination in _SUBMITTED
        return observation or "", heard.reward, terminated, not terminated, self._info(heard)

    async def leave(self) -> None:
        """Abandons the episode under way, if there is one."""
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            await self._playhouse.abandon(conversation)

    async def _chosen(self, order: np.random.Generator, task_id: str | None) -> Task:
        if task_id is not None:
            return await self._playhouse.chosen(task_id)
        while not self._playhouse.all_dropped():
            task = self._next(order)
            if await self._playhouse.vet(task) is None:
                return task
        raise TaskError("none of the tasks can be graded here: their gold cannot be trusted")

    def _next(self, order: np.random.Generator) -> Task:
        if order is not self._order:
            self._order, self._waiting = order, []
        if not self._waiting:
            self._waiting = order.permutation(len(self._playhouse.tasks)).tolist()
        return self._playhouse.tasks[self._waiting.pop()]

    def _info(self, heard: GenerationRequest | Trajectory) -> Info:
        assert self._task is not None
        info: Info = {"task_id": self._task.task_id, "family": self._task.family, "category": self._task.category}
        if isinstance(heard, GenerationRequest):
            return info | {"messages": [{"role": m.role, "content": m.content} for m in heard.messages]}
        return info | {
            "messages": [dict(message) for message in heard.messages],
            "termination": heard.termination,
            "success": heard.success,
            "trajectory": heard,
        }


def _task_id(options: Mapping[str, Any] | None) -> str | None:
    unknown = set(options or ()) - {"task_id"}
    if unknown:
        raise ConfigError(f"reset takes no option {sorted(unknown)[0]!r}; the one that there is: task_id")
    return (options or {}).get("task_id")

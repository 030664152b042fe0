"""One family's tasks and stage, for whoever brings the replies."""

import itertools
import secrets
from functools import partial
from types import TracebackType
from typing import Self

from medgym_ray.environment.conversation import Conversation
from medgym_ray.environment.options import Options
from medgym_ray.errors import TaskError
from medgym_ray.formats.registry import FORMATS
from medgym_ray.policies.base import Policy
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.prompts import opening
from medgym_ray.stage import Stage
from medgym_ray.tasks.base import Message, Task
from medgym_ray.tasks.registry import load_tasks, make_family, tasks_root
from medgym_ray.trajectory import Trajectory


class Playhouse:
    """To be used with `async with`: what is under way at the end is abandoned."""

    def __init__(self, options: Options, episodes: int) -> None:
        """Loads the tasks; `episodes`: how many at once. Raises ConfigError."""
        config = options.config(episodes)
        self.tasks = load_tasks(config.tasks, config.seed).tasks
        self._by_id = {task.task_id: task for task in self.tasks}
        self._family = make_family(options.family, config.tasks)
        self._agent, self._protocol = config.agent, config.protocol
        name = f"environment-{secrets.token_hex(4)}"
        self._stage = Stage(name, config.sandbox, tasks_root(config.tasks), [self._family])
        self._rollouts = itertools.count()
        self._vetted: dict[str, str | None] = {}
        self._under_way: set[Conversation] = set()

    @property
    def restricted(self) -> bool:
        """Whether the tasks are of patients."""
        return self._family.restricted

    async def __aenter__(self) -> Self:
        """Raises ConfigError where tables are missing or sandboxes can't be had."""
        await self._stage.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for conversation in list(self._under_way):
            await self.abandon(conversation)
        await self._stage.__aexit__(kind, error, trace)

    def opening(self, task: Task) -> list[Message]:
        """What its agent is told before the first turn: a system and a user message."""
        rules = FORMATS[self._agent.format].rules(self._family.actions)
        return opening(self._family.prompt(task), rules, self._protocol, self._agent.max_turns)

    async def chosen(self, task_id: str) -> Task:
        """The task of that id. Raises TaskError where it is not there or its reward would not be true, SandboxError."""
        if task_id not in self._by_id:
            raise TaskError(f"no task {task_id!r} among the {len(self.tasks)}; one is {self.tasks[0].task_id}")
        task = self._by_id[task_id]
        if (reason := await self.vet(task)) is not None:
            raise TaskError(f"{task_id} cannot be graded here: {reason}")
        return task

    async def vet(self, task: Task) -> str | None:
        """Why its reward would not be true here, or None; asked once. Raises SandboxError."""
        if task.task_id not in self._vetted:
            async with self._stage.grader() as grader:
                self._vetted[task.task_id] = await self._family.vet(task, grader)
        return self._vetted[task.task_id]

    def all_dropped(self) -> bool:
        """Whether no task is left whose reward would be true."""
        return len(self._vetted) == len(self.tasks) and None not in self._vetted.values()

    def begin(self, task: Task) -> Conversation:
        """An episode that asks for its replies."""
        conversation = Conversation(partial(self.perform, task))
        self._under_way.add(conversation)
        return conversation

    async def abandon(self, conversation: Conversation) -> None:
        """Lets go of an episode, at its end or before."""
        self._under_way.discard(conversation)
        await conversation.abandon()

    async def perform(self, task: Task, policy: Policy, template: ChatTemplate | None = None) -> Trajectory:
        """An episode to its end. A lost sandbox ends it too: what was said so far was said to that one.

        `template` is that of a policy of token ids.
        """
        rollout = next(self._rollouts)
        return await self._stage.perform(
            task, self._family, policy, self._agent, protocol=self._protocol, rollout=rollout, template=template
        )

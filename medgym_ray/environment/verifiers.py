"""Our tasks for `verifiers` (its v1 interface): a taskset, the environment that plays it, and the way to the model.

`verifiers` runs programs that talk to its model and sees every call that they make. Here the program only asks, once a
turn: it is `Episode`, in our sandbox, that hears the reply and says what comes next, as the user of the conversation.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar

import openai
import verifiers.v1 as vf

from medgym_ray.config import AgentConfig, GenerateConfig
from medgym_ray.environment.conversation import Conversation
from medgym_ray.environment.options import Options
from medgym_ray.environment.playhouse import Playhouse
from medgym_ray.trajectory import Trajectory

_SANDBOXES = 16
"""An episode that waits for the model needs none unless it has left files in it."""


class MedgymTasksetConfig(vf.TasksetConfig):
    """Which tasks, and the rules of their episodes: the keys of `Options`."""

    family: str
    root: str | None = None
    split: str = "test"
    limit: int | None = None
    agent: str = AgentConfig.format
    protocol: str = GenerateConfig.protocol
    max_turns: int = AgentConfig.max_turns
    deadline_s: float = AgentConfig.deadline_s
    sandbox: str = "namespace"

    def playhouse(self) -> Playhouse:
        """Where they are played. Raises ConfigError."""
        keys = (option.name for option in dataclasses.fields(Options))
        return Playhouse(Options(**{key: getattr(self, key) for key in keys}), _SANDBOXES)


class MedgymTask(vf.Task[vf.TaskData]):
    """What the model is told at first; gold stays with us."""

    @property
    def key(self) -> str:
        """Our task id."""
        return str(self.data.id)


class MedgymTaskset(vf.Taskset[MedgymTask, MedgymTasksetConfig]):
    """The tasks of a family, in the order of a run with seed 0."""

    def load(self) -> Iterator[MedgymTask]:
        """Raises ConfigError."""
        playhouse = self.config.playhouse()
        for task in playhouse.tasks:
            system, user = (message.content for message in playhouse.opening(task))
            data = vf.TaskData(id=task.task_id, name=task.task_id, system_prompt=system, prompt=user)
            yield MedgymTask(data, self.config.task)


class MedgymEnvConfig(vf.EnvConfig):
    """One seat. Nothing of a task runs in its runtime, so the nearest one will do."""

    agent: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig())


class MedgymEnv(vf.Env[MedgymEnvConfig]):
    """Plays each task as an episode of ours. Failures of ours fail the episode, which then has no reward."""

    _playhouse: Playhouse | None = None

    async def start(self) -> None:
        """Raises ConfigError where tables are missing or sandboxes can't be had."""
        self._playhouse = await self.config.taskset.playhouse().__aenter__()

    async def stop(self) -> None:
        """Ends what is under way, and the sandboxes."""
        if self._playhouse is not None:
            await self._playhouse.__aexit__(None, None, None)

    async def run(self, task: MedgymTask, agents: vf.Agents) -> None:
        """Raises TaskError, SandboxError, ScorerError."""
        assert self._playhouse is not None
        conversation = self._playhouse.begin(await self._playhouse.chosen(task.key))
        try:
            async with agents.agent.interaction(task) as interaction:
                await _converse(conversation, interaction)
            if interaction.trace.ok:  # otherwise the model has failed, which is no answer
                _record(await conversation.conclude(), interaction.trace)
        finally:
            await self._playhouse.abandon(conversation)


async def _converse(conversation: Conversation, interaction: vf.Interaction) -> None:
    """Until the episode has ended or the model may say no more."""
    heard = await conversation.listen()
    while not isinstance(heard, Trajectory):
        segment = await interaction.turn(heard.messages[-1].content if heard.turn else None)
        if segment.terminated:
            return
        heard = await conversation.say(segment.messages[-1].content or "")


def _record(trajectory: Trajectory, trace: vf.Trace) -> None:
    trace.record_reward("reward", trajectory.reward)
    trace.record_metrics({"success": trajectory.success, "num_turns": trajectory.num_turns})
    if trajectory.reward_paper is not None:
        trace.record_metric("reward_paper", trajectory.reward_paper)
    trace.info |= {"termination": trajectory.termination, "score_reason": trajectory.score_reason}


class MedgymHarness(vf.Harness[vf.HarnessConfig]):
    """The program: one call of the model a turn, made from here."""

    APPENDS_SYSTEM_PROMPT: ClassVar[bool] = True
    SUPPORTS_RESUME: ClassVar[bool] = True
    EXECUTES_CODE: ClassVar[bool] = False
    NEEDS_CONTAINER: ClassVar[bool] = False

    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        """Asks for one reply, which `verifiers` sees on its way. Raises openai.OpenAIError."""
        system, prompt = self.resolve_prompt(data)
        messages: list[Any] = [{"role": "system", "content": system}] if system is not None else []
        if isinstance(prompt, str):
            messages.append({"role": "user", "content": prompt})
        else:
            messages += [message.model_dump(exclude_none=True) for message in prompt or ()]
        async with openai.AsyncOpenAI(base_url=endpoint, api_key=secret, timeout=None) as model:
            await model.chat.completions.create(model=ctx.model, messages=messages)
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")

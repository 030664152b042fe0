"""Episodes on this machine alone, for whoever judges or steps and does not generate: sandboxes, tables, no cluster."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import medgym_ray
from medgym_ray.config import AgentConfig, SandboxConfig
from medgym_ray.episode import Episode
from medgym_ray.errors import ConfigError, SandboxError
from medgym_ray.policies.base import Policy, Sampling
from medgym_ray.policies.scripted import ScriptedPolicy
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.rollout import EpisodeIdentity, EpisodeSettings
from medgym_ray.sandboxes.configured import configured_factory
from medgym_ray.sandboxes.lazy import LazySandbox
from medgym_ray.sandboxes.pool import SandboxPool
from medgym_ray.tables.families import FamilyTables
from medgym_ray.tasks.base import Family, Task
from medgym_ray.trajectory import Trajectory, trajectory_id

_ATTEMPTS = 3
"""How often an episode is started before a lost sandbox is final."""


class Stage:
    """A pool of sandboxes, one of graders, and the tables of some families. To be used with `async with`."""

    def __init__(self, name: str, sandbox: SandboxConfig, root: Path | None, families: Sequence[Family]) -> None:
        """`name` is what containers are labelled with; tables lie under `root`, else in the families' samples."""
        self._name = name
        self._config = sandbox
        self._root = root
        self._families = families

    async def __aenter__(self) -> Self:
        """Starts. Raises ConfigError where tables are missing or sandboxes can't be had."""
        self._tables = await asyncio.to_thread(FamilyTables, self._root, self._families)
        self._factory = configured_factory(self._config, run_id=self._name, mounts=self._tables.mounts)
        try:
            await self._factory.start()
        except SandboxError as error:
            self._tables.close()
            raise ConfigError(str(error)) from error
        self._sandboxes = SandboxPool(self._factory, self._config.concurrency)
        self._graders = SandboxPool(self._factory, self._config.concurrency)
        if self._factory.slow_start:
            self._sandboxes.fill()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for closing in (self._sandboxes.close, self._graders.close, self._factory.close):
            with contextlib.suppress(SandboxError, OSError):
                await closing()
        self._tables.close()

    @property
    def concurrency(self) -> int:
        """How many episodes it is made for at a time."""
        return self._config.concurrency

    def provenance(self) -> dict[str, str]:
        """What runs the cells."""
        return self._factory.provenance()

    def grader(self) -> LazySandbox:
        """A sandbox that no agent's code has run in."""
        return LazySandbox(self._graders)

    async def play(
        self,
        task: Task,
        family: Family,
        replies: Sequence[str],
        *,
        max_turns: int | None = None,
        protocol: str = "submit",
    ) -> Trajectory:
        """An episode of these replies, begun again where a sandbox is lost. Raises SandboxError, TaskError."""
        agent = AgentConfig()
        agent = replace(agent, max_turns=max_turns or agent.max_turns)
        policy = ScriptedPolicy(replies, self._name)
        for attempt in range(_ATTEMPTS):
            try:
                return await self.perform(task, family, policy, agent, protocol=protocol, attempt=attempt)
            except SandboxError:
                if attempt == _ATTEMPTS - 1:
                    raise
        raise AssertionError  # the last attempt returns or raises

    async def perform(
        self,
        task: Task,
        family: Family,
        policy: Policy,
        agent: AgentConfig,
        *,
        protocol: str = "submit",
        rollout: int = 0,
        attempt: int = 0,
        template: ChatTemplate | None = None,
    ) -> Trajectory:
        """An episode of any policy, begun once, in a sandbox of its own. Raises what Episode.run raises.

        `template` is that of a policy of token ids.
        """
        settings = EpisodeSettings(protocol=protocol, agent=agent, sampling=Sampling(), limits=self._config.limits)
        identity = EpisodeIdentity(
            trajectory_id=trajectory_id(self._name, task.task_id, rollout),
            run_id=self._name,
            group_id=f"{self._name}/{task.task_id}",
            code_version=medgym_ray.__version__,
            config_hash="",
            rollout_index=rollout,
            attempt=attempt,
            seed=0,
            model=self._name,
        )
        tables = self._tables.index(family)
        async with LazySandbox(self._sandboxes) as sandbox:
            episode = Episode(task, family, policy, sandbox, self.grader, settings, identity, template, tables)
            return await episode.run()

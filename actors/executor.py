"""Sandboxes and the episodes that share them: the executor leases rollouts, plays them, and reports what is durable."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from actors import metrics
from actors.calls import Seat
from actors.conductor import Report
from actors.logs import start_logging
from actors.outbox import PAUSE_S, Outbox
from actors.replica import ReplicatedPolicy
from medgym_ray import plugins
from medgym_ray.config import GenerateConfig, episodes_per_executor
from medgym_ray.debugger import Debugger, ModelDebugger
from medgym_ray.episode import Episode
from medgym_ray.errors import (
    ClusterError,
    MedgymError,
    PolicyError,
    RecordError,
    SandboxError,
    ScorerError,
    StorageError,
    TaskError,
)
from medgym_ray.formats.registry import FORMATS
from medgym_ray.judge import Judge
from medgym_ray.leases import Lease
from medgym_ray.policies.base import Policy, Sampling
from medgym_ray.policies.endpoint import connect
from medgym_ray.policies.noisy import NoisyOracle, with_mistakes
from medgym_ray.policies.registry import chat_template
from medgym_ray.policies.scripted import oracle_policy, read_replies, replay_policy
from medgym_ray.policies.simulated import Dictation
from medgym_ray.rollout import EpisodeIdentity, EpisodeSettings
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.sandboxes.configured import configured_factory
from medgym_ray.sandboxes.lazy import LazySandbox
from medgym_ray.sandboxes.pool import SandboxPool
from medgym_ray.tables.families import FamilyTables
from medgym_ray.tables.index import TableIndex
from medgym_ray.tasks.base import Family, Task
from medgym_ray.tasks.registry import lies_under, make_family, wanted_families
from medgym_ray.trajectory import Trajectory
from medgym_ray.work import Work

_LOG = logging.getLogger(__name__)
_WAITING_S = 0.2
"""Between two messages to the conductor while it has nothing to lend; while much happens, they are `PAUSE_S` apart."""
_BUSY_S = 1.0
"""While there is room for no more and nothing ends."""
_UNWRITTEN = 256
"""Trajectories on their way to the disk beyond which nothing more is begun."""
_LATEST = 0.2
"""The weight of the latest of these pauses in what is expected of the next."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What every executor of a run needs to know."""

    config: GenerateConfig
    run_id: str
    run_key: str
    code_version: str
    provenance: Mapping[str, str]
    packages: Mapping[str, str] = field(default_factory=dict)
    """Of others, by version: those that bring what the run uses. Every node needs them."""


class Cut(Protocol):
    """What can be ended before its time."""

    def cut(self) -> None:
        """Ends it as `deadline`, with what it has."""
        ...


@dataclass(slots=True)
class _Rollout:
    """What an executor has under way for a lease."""

    lease: Lease
    task: "asyncio.Task[None]"
    episode: Cut | None = None
    """Once its task was vetted and its policy is there."""


class SandboxExecutor:
    """Plays episodes until the conductor has no more."""

    def __init__(self, name: str, plan: RunPlan, cores: int) -> None:
        """`cores`: its share of its node's, and so how many cells it has running at a time."""
        start_logging(name)
        self._name, self._plan, self._cores = name, plan, cores
        self._conductor, self._writer = Seat(None), Seat(None)
        self._outbox = Outbox(self._writer)
        self._replicated: ReplicatedPolicy | None = None
        self._families: dict[str, Family] = {}
        self._vetted: dict[str, asyncio.Task[str | None]] = {}
        self._rollouts: dict[str, _Rollout] = {}
        """What runs, by its trajectory's id."""
        self._ahead: deque[Lease] = deque()
        """Rollouts that wait for one to end, so that none has to wait for a message."""
        self._over = 0
        """Rollouts that ended since the last message to the conductor."""
        self._pace = 0.0
        """How many mostly do between two messages."""
        self._reports: list[Report] = []
        """Of what is durable and not yet told to the conductor."""
        self._turned = asyncio.Event()
        self._fatal: BaseException | None = None
        self._stopped = self._closing = False

    async def start(self, keys: Mapping[str, str] | None = None) -> None:
        """Gets tables, sandboxes, chat template and recorded replies ready, while the other actors start.

        `keys`: those of the endpoints that a debugger or a judge asks, by their settings. Raises SandboxError,
        ConfigError.
        """
        plugins.require(self._plan.packages)
        config = self._plan.config
        sandbox = config.sandbox
        self._tables = await asyncio.to_thread(self._open_tables)
        self._factory = configured_factory(sandbox, run_id=self._plan.run_id, mounts=self._tables.mounts)
        await self._factory.start()
        self._sandboxes = SandboxPool(self._factory, sandbox.concurrency, running=self._cores)
        if self._factory.slow_start:
            self._sandboxes.fill()
        self._graders = SandboxPool(self._factory, max(2, sandbox.concurrency // 4), running=self._cores)
        self._provenance = {**self._plan.provenance, **self._factory.provenance()}
        self._recorded = {}
        if config.model.path is not None and config.model.scripted:
            self._recorded = read_replies(Path(config.model.path))
        self._template = chat_template(config.model)
        self._asked = await connect(config.endpoints(), keys or {})
        judge = self._asked.get("judge.endpoint")
        self._judge = Judge(judge, config.judge.endpoint.model or "") if judge is not None else None
        self._settings = EpisodeSettings(
            protocol=config.protocol,
            agent=config.agent,
            sampling=Sampling(config.sampling.temperature, config.sampling.top_p, config.sampling.max_tokens),
            limits=sandbox.limits,
        )

    def _open_tables(self) -> FamilyTables:
        """Of the families of the run that lie on this node. Raises ConfigError."""
        tasks = self._plan.config.tasks
        root = None if tasks.root is None else Path(tasks.root).expanduser().resolve()
        names = [name for name in wanted_families(tasks) if tasks.families is not None or lies_under(name, root)]
        return FamilyTables(root, [self._family(name) for name in names])

    async def run(self, conductor: Any, writer: Any, replicas: Mapping[str, Any]) -> None:
        """Leases and plays until nothing is left. Raises StorageError where nothing can be made durable any more."""
        self._conductor.take(conductor)
        self._writer.take(writer)
        self._replicated = ReplicatedPolicy(replicas, self._plan.config.model.max_in_flight) if replicas else None
        over = False
        while self._fatal is None:
            told_at = time.monotonic()
            self._pace += (self._over - self._pace) * _LATEST
            wanted = 0 if over else max(0, self._room() + self._in_advance() - len(self._ahead))
            leases, over = await self._exchange(wanted)
            self._ahead.extend(leases)
            if self._stopped:
                await self._give_back_ahead()
            if self._closing:
                return
            self._begin_ahead()
            if over and not self._rollouts and not self._reports:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._turned.wait(), _WAITING_S if len(leases) < wanted else _BUSY_S)
            await asyncio.sleep(told_at + PAUSE_S - time.monotonic())
            self._turned.clear()
        raise self._fatal

    async def _exchange(self, wanted: int) -> tuple[list[Lease], bool]:
        """Tells the conductor what is durable, and takes up to `wanted` leases; whether the run is over, too."""
        reports, self._reports = self._reports, []
        self._over = 0
        told = (reports, wanted, len(self._rollouts), self._sandboxes.use())
        leases, over = await self._conductor.ask("exchange", self._name, *told)
        return leases, over

    def _most(self) -> int:
        """Episodes that both sides have room for: one more would spend its deadline waiting for a reply."""
        config = self._plan.config
        most = episodes_per_executor(config.model, config.sandbox, config.cluster)
        if self._replicated is None:
            return most
        return min(most, self._replicated.capacity + config.sandbox.concurrency)

    def _room(self) -> int:
        """Rollouts that could be begun now; those that wait for the disk are over, while they do not pile up."""
        waiting = len(self._outbox)
        return self._most() - len(self._rollouts) + waiting if waiting < _UNWRITTEN else 0

    def _in_advance(self) -> int:
        """Rollouts to be had at hand, so that none has to wait for a message when another ends."""
        return int(self._pace)

    def _begin_ahead(self) -> None:
        """Begins rollouts while there is room."""
        while self._ahead and not self._stopped and self._fatal is None and self._room() > 0:
            lease = self._ahead.popleft()
            task = asyncio.create_task(self._play(lease))
            self._rollouts[lease.trajectory_id] = _Rollout(lease, task)
            task.add_done_callback(self._look)

    async def _give_back_ahead(self) -> None:
        while self._ahead:
            await self._conductor.ask("give_back", self._ahead.popleft())

    def _look(self, task: "asyncio.Task[None]") -> None:
        """A rollout is over; what it could not even report ends the run."""
        error = None if task.cancelled() else task.exception()  # cancelled: the run is being stopped
        self._fatal = self._fatal or error
        self._turn()

    def _turn(self) -> None:
        """There may be room, or something to tell."""
        self._begin_ahead()
        self._turned.set()

    async def _play(self, lease: Lease) -> None:
        """One lease from start to report; nothing that happens in it touches another."""
        try:
            await self._play_to_end(lease)
        except StorageError as error:
            # No trajectory can be kept any more: stop instead of burning the policy's time.
            self._fatal = error
            await self._conductor.ask("give_back", lease)
        except (PolicyError, RecordError, SandboxError, ScorerError, TaskError) as error:
            await self._conductor.ask("fail", lease, type(error).__name__, str(error))
        except asyncio.CancelledError:
            await self._conductor.ask("give_back", lease)
            raise
        except ClusterError as error:
            self._fatal = error  # nobody followed the conductor or the writer: there is nobody to report to
        except Exception as error:  # a defect of ours: recorded like any failure, never a reward
            _LOG.exception("episode %s", lease.trajectory_id)
            await self._conductor.ask("fail", lease, type(error).__name__, str(error) or type(error).__name__)
        finally:
            if self._replicated is not None:
                self._replicated.router.forget(lease.trajectory_id)
            self._rollouts.pop(lease.trajectory_id, None)

    async def _play_to_end(self, lease: Lease) -> None:
        family = self._family(lease.task.family)
        reason = await self._vet(family, lease.task)
        if reason is not None:
            await self._conductor.ask("drop_task", lease.task.task_id, reason)
            return
        async with LazySandbox(self._sandboxes) as sandbox:
            trajectory = await self._perform(lease, family, sandbox)
        if self._judge is not None:
            trajectory = await self._judge.judged(trajectory, lease.task, family)
        durable = self._outbox.put(trajectory)
        self._over += 1
        self._turn()
        await durable
        metrics.done(trajectory)
        self._reports.append(Report(trajectory.trajectory_id, trajectory.success, Work.of(trajectory)))

    async def _perform(self, lease: Lease, family: Family, sandbox: Sandbox) -> Trajectory:
        """From the first prompt to the score. Raises what an episode raises."""
        tables = self._tables.index(family)
        policy = self._policy(family, lease)
        episode = Episode(
            lease.task,
            family,
            policy,
            sandbox,
            self._grader,
            self._settings,
            self._identity(lease, tables),
            self._template,
            tables,
            self._debugger(policy),
        )
        self._rollouts[lease.trajectory_id].episode = episode
        return await episode.run()

    def _grader(self) -> LazySandbox:
        return LazySandbox(self._graders)

    def _family(self, name: str) -> Family:
        if name not in self._families:
            self._families[name] = make_family(name, self._plan.config.tasks)
        return self._families[name]

    async def _vet(self, family: Family, task: Task) -> str | None:
        """Once per task and executor; rollouts that come meanwhile wait for the same answer."""
        if task.task_id not in self._vetted:
            self._vetted[task.task_id] = asyncio.create_task(self._vet_now(family, task))
        try:
            return await asyncio.shield(self._vetted[task.task_id])
        except MedgymError:
            self._vetted.pop(task.task_id, None)  # a fault of ours: ask again at the next attempt
            raise

    async def _vet_now(self, family: Family, task: Task) -> str | None:
        async with LazySandbox(self._graders) as grader:
            return await family.vet(task, grader)

    def _policy(self, family: Family, lease: Lease) -> Policy:
        kind = self._plan.config.model.kind
        if self._replicated is None:
            return self._script(family, lease)
        return Dictation(self._script(family, lease), self._replicated) if kind == "simulated" else self._replicated

    def _debugger(self, policy: Policy) -> Debugger | None:
        """For one rollout; none where rules explain."""
        if self._plan.config.agent.debugger == "policy":
            return ModelDebugger(policy, self._template)
        endpoint = self._asked.get("agent.debugger_endpoint")
        return ModelDebugger(endpoint, sampling=Sampling()) if endpoint is not None else None

    def _script(self, family: Family, lease: Lease) -> Policy:
        """Replies that are known beforehand."""
        task, model, agent = lease.task, self._plan.config.model, self._plan.config.agent
        if model.path is not None:
            return replay_policy(self._recorded, task.task_id)
        actions = family.oracle(task)
        if actions is None:
            raise TaskError(f"{task.task_id} has no gold program for the oracle")
        if model.mistakes:
            actions = with_mistakes(actions, family.actions, model.mistakes, lease.seed, agent.max_turns)
            return NoisyOracle(actions, FORMATS[agent.format])
        return oracle_policy(actions, FORMATS[agent.format])

    def _identity(self, lease: Lease, tables: TableIndex | None) -> EpisodeIdentity:
        plan = self._plan
        indexed = {"tables": tables.key} if tables else {}
        return EpisodeIdentity(
            trajectory_id=lease.trajectory_id,
            run_id=plan.run_id,
            group_id=f"{plan.run_id}/{lease.task.task_id}",
            code_version=plan.code_version,
            config_hash=plan.run_key,
            rollout_index=lease.rollout_index,
            attempt=lease.attempt,
            seed=lease.seed,
            model=plan.config.model.name,
            provenance={**self._provenance, **indexed},
        )

    async def held(self) -> list[Lease]:
        """What it works on, for a conductor that follows one that died."""
        return [*self._ahead, *(rollout.lease for rollout in self._rollouts.values())]

    async def use_conductor(self, conductor: Any) -> None:
        """The conductor died; another follows it."""
        self._conductor.take(conductor)

    async def use_writer(self, writer: Any) -> None:
        """The writer died; another follows it, and what the dead one did not acknowledge is sent again."""
        self._writer.take(writer)

    async def use_replica(self, name: str, replica: Any) -> None:
        """A replica died; another follows it."""
        if self._replicated is not None:
            await self._replicated.use(name, replica)

    async def cut(self) -> None:
        """Ends what runs as `deadline`, with what it has."""
        for rollout in self._rollouts.values():
            if rollout.episode is not None:
                rollout.episode.cut()

    async def stop(self, drain_s: float) -> None:
        """Lets running episodes end for `drain_s` seconds, then gives the rest back."""
        self._stopped = True  # what is lent in this moment goes back as well
        await self._give_back_ahead()
        running = [rollout.task for rollout in self._rollouts.values()]
        if running:
            await asyncio.wait(running, timeout=drain_s)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._reports and not self._closing:  # whoever stops it counts next
            await self._exchange(0)

    async def close(self) -> None:
        """Ends every episode and sandbox. A failed clean-up never fails a run."""
        self._closing = True
        await self.stop(0.0)  # first: an episode that loses its sandbox would count as failed
        for closing in (self._sandboxes.close, self._graders.close, self._factory.close):
            with contextlib.suppress(SandboxError, OSError):
                await closing()
        self._tables.close()

"""The driver's side of a run: starts the actors, has others follow those that die, and ends what it started."""

import asyncio
import contextlib
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray

from actors.calls import Seat, answer, kill, reason
from actors.cluster import Cluster, gpu_memory_gb, here, living_nodes, on, require
from actors.conductor import Conductor, Progress
from actors.executor import RunPlan, SandboxExecutor
from actors.gang import Gang
from actors.replica import PolicyReplica
from actors.watch import ReplicaWatch
from actors.writer import ShardWriter
from medgym_ray.config import episodes_per_executor
from medgym_ray.errors import ClusterError, ConfigError, PolicyError, StorageError
from medgym_ray.events import ActorFollowed, ActorLost, Event, NodeJoined, NodeLeft
from medgym_ray.judge import PATIENCE_S
from medgym_ray.leases import Counts, Lease
from medgym_ray.occupancy import Use
from medgym_ray.patience import Patience
from medgym_ray.placement import ACTOR_CPUS, allot, engine_cpus
from medgym_ray.policies.endpoint import POLICY, read_key
from medgym_ray.policies.shapes import check_memory
from medgym_ray.sampling.goal import Goal
from medgym_ray.store.objects import settings
from medgym_ray.store.roots import Root
from medgym_ray.tasks.base import Task

_CALLS = 1000
"""Calls that one actor has under way; each is a coroutine."""
_DEATHS = 8
"""How often the holders of one place may die while not one rollout ends."""
_POLL_S = 0.5
_NODES_S = 2.0
_PORTION = 1000
"""Tasks per message to the conductor."""
_STARTS = 3
_START_S = 600.0
"""For an executor: its sandboxes' environment is built first where it is not there yet."""
_TELL_S = 5.0
_CLOSE_S = 20.0
_SLACK_S = 120.0
"""What a lease lasts beyond the trajectory's own deadline: vetting, grading, waiting for the disk."""


class Pipeline:
    """One run on one cluster. `start`, then `work`, then always `close`."""

    def __init__(
        self,
        plan: RunPlan,
        cluster: Cluster,
        root: Root,
        tasks: Sequence[Task],
        known: Mapping[str, bool],
        goal: Goal | None,
        tell: Callable[[str], None],
        note: Callable[[Event], None],
        player: type[SandboxExecutor] = SandboxExecutor,
    ) -> None:
        """`known` is what is durable, and whether it was a success; `goal` is that of adaptive sampling.

        `player`: what plays episodes. `tell` gets a line about each actor that died, `note` an event.
        """
        self._plan, self._cluster, self._root = plan, cluster, root
        self._tasks, self._known, self._goal = tasks, known, goal
        self._tell, self._note, self._player = tell, note, player
        self._writer: Any = None
        self._conductor = Seat(None)
        self._replicas: dict[str, Any] = {}
        self._gangs: dict[str, Gang] = {}
        """What replicas that may spread over nodes have set aside."""
        self._replica_watch = ReplicaWatch(self._replicas)
        self._executors: dict[str, Any] = {}
        self._homes: dict[str, str] = {}
        """The node of each executor."""
        self._born = 0
        self._places: dict[asyncio.Task[None], str] = {}
        self._given_up: set[str] = set()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._last: Progress | None = None
        self._engine_tokens = 0
        self._stopping: asyncio.Task[None] | None = None
        executors = sum(self._allotted(cluster.nodes).values())
        cpus = executors * ACTOR_CPUS + self._engines * engine_cpus(self._plan.config.model)
        require(cluster, cpus=cpus, gpus=self._engines * self._gpus())
        memory_gb = gpu_memory_gb(cluster)
        if memory_gb is not None and self._plan.config.model.kind == "vllm":
            check_memory(self._plan.config.model, memory_gb)

    @property
    def _engines(self) -> int:
        return self._plan.config.model.engines()

    def _allotted(self, nodes: Mapping[str, float]) -> dict[str, int]:
        """Executors per node."""
        config = self._plan.config
        rollouts = len(self._tasks) * config.sampling.rollouts
        wanted = math.ceil(rollouts / episodes_per_executor(config.model, config.sandbox, config.cluster))
        usable = {node: cpus for node, cpus in nodes.items() if node not in self._given_up}
        return allot(usable, self._engines * engine_cpus(self._plan.config.model), wanted, config.cluster.executors)

    @property
    def counts(self) -> Counts | None:
        """Where the rollouts were when it was last looked."""
        return self._last.counts if self._last else None

    @property
    def replicas(self) -> Use:
        """How many there are, and how busy."""
        return self._replica_watch.use()

    @property
    def engine_tokens(self) -> int:
        """What the engines had generated when they were closed, whoever it was for."""
        return self._engine_tokens

    async def addresses(self) -> list[str]:
        """Where gateways listen."""
        return list(await asyncio.gather(*(answer(actor.address.remote()) for actor in self._executors.values())))

    def _gpus(self) -> float:
        """Of one replica."""
        return self._plan.config.model.ranks * self._plan.config.model.gpus

    async def start(self) -> None:
        """Starts every actor and waits until each is ready. Raises the typed error of the first that is not."""
        replicas = (_stubbornly(self._start_replica, f"replica-{n}") for n in range(self._engines))
        starts = [
            asyncio.ensure_future(start)
            for start in (self._start_books(), *replicas, _stubbornly(self._start_executors))
        ]
        try:
            await asyncio.gather(*starts)
        finally:
            await _cancel(starts)

    async def _start_books(self) -> None:
        await self._start_writer(self._known)
        await self._start_conductor(self._known, {})

    def _spawn(self, kind: type, *arguments: Any, env: dict[str, str] | None = None, **options: Any) -> Any:
        """Starts an actor. No restarts by Ray: an actor's state would be gone, so replacing it is up to us."""
        actor: Any = ray.remote(kind)
        return actor.options(
            max_concurrency=_CALLS, max_restarts=0, runtime_env={"env_vars": env} if env else None, **options
        ).remote(*arguments)

    def _spawn_here(self, kind: type, *arguments: Any, env: dict[str, str] | None = None) -> Any:
        """On the driver's own node, beside the CPUs that others have."""
        return self._spawn(kind, *arguments, env=env, num_cpus=0, scheduling_strategy=here())

    async def _start_writer(self, known: Mapping[str, bool] | None) -> Any:
        output = self._plan.config.output
        size = output.shard_mb * 1024 * 1024
        env = None if isinstance(self._root, Path) else settings()
        writer = self._spawn_here(ShardWriter, str(self._root), "0", size, output.shard_s, env=env)
        await answer(writer.open.remote(known))
        self._writer = writer
        return writer

    async def _start_conductor(self, done: Mapping[str, bool], held: Mapping[str, Sequence[Lease]]) -> Any:
        config, plan = self._plan.config, self._plan
        book = {
            "run_key": plan.run_key,
            "rollouts": config.sampling.rollouts,
            "attempts": config.agent.attempts,
            "seed": config.seed,
            "lease_s": config.agent.deadline_s + _SLACK_S + (PATIENCE_S if config.judge.kind != "none" else 0.0),
            "goal": self._goal,
        }
        if self._last is not None:
            book |= {"dropped": self._last.dropped_tasks, "failed": self._last.failed}
            book |= {"earlier": self._last.counts.earlier, "successes": self._last.counts.successes}
            book |= {"worked_s": self._last.worked_s}
        counted = (self._last.work, self._last.failed_attempts) if self._last else ()
        conductor = self._spawn_here(Conductor, plan.run_id, self._writer, book, *counted)
        for start in range(0, len(self._tasks), _PORTION):
            await answer(conductor.add_tasks.remote(self._tasks[start : start + _PORTION]))
        await answer(conductor.begin.remote(done, held))
        if self._stopping is not None:
            await answer(conductor.stop.remote())
        self._conductor.take(conductor)
        return conductor

    async def _start_replica(self, name: str) -> Any:
        model = self._plan.config.model
        where: dict[str, Any] = {"num_gpus": self._gpus()}
        if model.pipeline_parallel_size > 1:
            if (before := self._gangs.pop(name, None)) is not None:
                before.disband()
            gang = self._gangs[name] = Gang(engine_cpus(model), model.ranks, model.gpus)
            await gang.ready()
            where = {"scheduling_strategy": gang.seat()}
        replica = self._spawn(
            *(PolicyReplica, name, model, self._plan.packages), env=model.env, num_cpus=engine_cpus(model), **where
        )
        await answer(replica.start.remote(read_key(model.endpoint) if model.kind == "openai" else None))
        self._replicas[name] = replica
        return replica

    async def _start_executors(self) -> None:
        """At least one: a node may be dead and not yet known to be, and what it was to have goes to others later."""
        allotted = self._allotted(await asyncio.to_thread(living_nodes))
        places = [node for node, number in allotted.items() for _ in range(number)]
        ends = await asyncio.gather(*map(self._start_executor, places), return_exceptions=True)
        errors = [end for end in ends if isinstance(end, BaseException)]
        for error in errors:
            if not self._executors or not isinstance(error, ClusterError):
                raise error
            self._tell_lost("an executor", error)

    async def _start_executor(self, node: str) -> str:
        nodes = await asyncio.to_thread(living_nodes)
        cores = max(1, round(nodes.get(node, 1) / max(1, self._allotted(nodes).get(node, 1))))
        name = f"executor-{self._born}"
        self._born += 1
        executor = self._executors[name] = self._spawn(
            self._player,
            *(name, self._plan, cores),
            num_cpus=ACTOR_CPUS,
            scheduling_strategy=on(node),
        )
        self._homes[name] = node
        try:
            async with asyncio.timeout(_START_S):
                await answer(executor.start.remote(self._keys()))
        except TimeoutError:
            self._lose_executor(name)
            raise ClusterError(f"no executor started within {_START_S:g} s; are the node's CPUs taken?") from None
        except Exception:
            self._lose_executor(name)
            raise
        return name

    def _keys(self) -> dict[str, str]:
        """Of the endpoints that executors ask. Given by a call: what a constructor gets is kept by the cluster."""
        endpoints = self._plan.config.endpoints()
        return {setting: read_key(endpoint) for setting, endpoint in endpoints.items() if setting != POLICY}

    def _lose_executor(self, name: str) -> None:
        kill(self._executors.pop(name))
        del self._homes[name]

    async def work(self, show: Callable[[Progress], None], stop: asyncio.Event) -> Progress:
        """Until every rollout is done, dropped or failed, or `stop` is set. Raises the error that ended the run."""
        for name, node in self._homes.items():
            self._open_place(node, name, stop)
        others = [
            self._keep("the writer", self._writer, self._follow_writer),
            self._keep("the conductor", self._conductor.actor, self._follow_conductor),
            *(self._keep_replica(name) for name in list(self._replicas)),
            self._replica_watch.run(),
            self._grow(stop),
            self._cut_tail(),
        ]
        keepers = [self._watched(other) for other in others]
        end = asyncio.create_task(self._show(show, stop))
        try:
            either: set[asyncio.Future[Any]] = {end, self._broken}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._broken.done():
                self._broken.result()
            return end.result()
        finally:
            await _cancel([end, *self._places, *keepers])

    def _watched(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A task whose error ends the run."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._look)
        return task

    def _look(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._broken.done():
            self._broken.set_exception(error)

    def _open_place(self, node: str, name: str, stop: asyncio.Event) -> None:
        """For one executor on a node, `name` where it has started already."""
        place = self._watched(self._keep_executor(node, name, stop))
        self._places[place] = node
        place.add_done_callback(self._places.pop)

    async def _show(self, show: Callable[[Progress], None], stop: asyncio.Event) -> Progress:
        """Until nothing is left to do, or what ran has been stopped."""
        while True:
            if stop.is_set() and self._stopping is None:
                self._stopping = asyncio.create_task(self._drain())
            over = self._stopping is not None and self._stopping.done()
            progress: Progress = await self._conductor.ask("progress")
            self._last = progress
            show(progress)
            if over or progress.finished:
                return progress
            if not self._places:  # their nodes are gone; others may come
                await asyncio.sleep(_POLL_S)
            else:
                await asyncio.wait(self._places, timeout=_POLL_S)

    async def _grow(self, stop: asyncio.Event) -> None:
        """Nodes that join are used, and what a node that left was to do is done by others, while there is work."""
        nodes = self._cluster.nodes
        while not stop.is_set():
            await asyncio.sleep(_NODES_S)
            before, nodes = nodes, await asyncio.to_thread(living_nodes)
            self._note_nodes(before, nodes)
            if self._last is None or not self._last.counts.waiting:
                continue
            have = Counter(self._places.values())
            for node, number in self._allotted(nodes).items():
                for _ in range(number - have[node]):
                    self._open_place(node, "", stop)

    def _note_nodes(self, before: Mapping[str, float], now: Mapping[str, float]) -> None:
        for node in now.keys() - before.keys():
            self._note(NodeJoined(node=node))
        for node in before.keys() - now.keys():
            self._note(NodeLeft(node=node))

    async def _cut_tail(self) -> None:
        """Once nothing waits to be begun, what still runs has `cluster.tail_s`; retries have it again."""
        tail_s = self._plan.config.cluster.tail_s
        waited = 0.0
        while tail_s is not None:
            await asyncio.sleep(_POLL_S)
            tail = self._last is not None and self._last.counts.active > 0 and self._last.counts.waiting == 0
            waited = waited + _POLL_S if tail else 0.0
            if waited > tail_s:
                await _tell(self._executors.values(), "cut")

    async def _keep_executor(self, node: str, name: str, stop: asyncio.Event) -> None:
        """The place of an executor: one that dies is followed by another, if its node lives; its leases are lent again.

        A node where it cannot run, or keeps dying, is left to others; where there are none, that ends the run.
        """
        patience = Patience(_DEATHS)
        lost = ""
        while True:
            try:
                name = name or await self._start_executor(node)
                if lost:
                    self._note(ActorFollowed(actor=name, lost=lost))
                await answer(self._executors[name].run.remote(self._conductor.actor, self._writer, self._replicas))
                return
            except StorageError:
                raise
            except Exception as error:
                self._tell_lost(name or "an executor", error)
                lost = name or lost
                if name:
                    self._lose_executor(name)
                    await self._conductor.ask("release", name)
                if stop.is_set() or node not in await asyncio.to_thread(living_nodes):
                    return
                useless = isinstance(error, ConfigError)
                if useless or not await self._pause(patience):
                    self._given_up.add(node)
                    if len(self._places) > 1:
                        return
                    raise error if useless else _given_up("executors keep", error) from error
                name = ""

    async def _keep_replica(self, name: str) -> None:
        """The place of a replica; where it is given up, the others go on."""
        try:
            await self._keep(name, self._replicas[name], lambda: self._follow_replica(name))
        except ClusterError:
            del self._replicas[name]
            if not self._replicas:
                raise

    async def _keep(self, what: str, actor: Any, follow: Callable[[], Awaitable[Any]]) -> None:
        """The place of an actor: one that dies is followed by another. Raises what is beyond help."""
        patience = Patience(_DEATHS)
        while True:
            try:
                if actor is None:
                    actor = await follow()
                    self._note(ActorFollowed(actor=what, lost=what))
                await answer(actor.live.remote())
            except (ClusterError, PolicyError) as error:
                self._tell_lost(what, error, "; another is started")
                if actor is not None:
                    kill(actor)
                    actor = None
                if not await self._pause(patience):
                    raise _given_up(f"{what} keeps", error) from error

    def _tell_lost(self, what: str, error: BaseException, then: str = "") -> None:
        self._tell(f"{what}: {reason(error)}{then}")
        self._note(ActorLost(actor=what, reason=reason(error)))

    async def _pause(self, patience: Patience) -> bool:
        """Waits before the next is started; False where enough have died."""
        seconds = patience.pause(self._last.counts.done if self._last else 0)
        if seconds is not None:
            await asyncio.sleep(seconds)
        return seconds is not None

    async def _follow_writer(self) -> Any:
        writer = await self._start_writer(None)
        await _tell([*self._executors.values(), self._conductor.actor], "use_writer", writer)
        return writer

    async def _follow_conductor(self) -> Any:
        """What executors hold stays theirs; asked before what is durable, so that nothing falls between the two."""
        held = dict(await asyncio.gather(*(_held(*item) for item in self._executors.items())))
        done = await answer(self._writer.successes.remote())
        conductor = await self._start_conductor(done, held)
        await _tell([conductor], "use_writer", self._writer)  # it may have changed meanwhile
        await _tell(self._executors.values(), "use_conductor", conductor)
        return conductor

    async def _follow_replica(self, name: str) -> Any:
        replica = await self._start_replica(name)
        await _tell(self._executors.values(), "use_replica", name, replica)
        return replica

    async def _drain(self) -> None:
        await self._conductor.ask("stop")
        await asyncio.gather(*(self._stop(executor) for executor in list(self._executors.values())))

    async def _stop(self, executor: Any) -> None:
        with contextlib.suppress(ClusterError):  # it died: its rollouts wait for the next run
            await answer(executor.stop.remote(self._plan.config.cluster.drain_s))

    async def close(self) -> None:
        """Ends sandboxes and engines, seals what is open, and removes our actors. Raises StorageError from sealing."""
        others = [*self._executors.values(), *self._replicas.values()]
        try:
            await self._count_tokens()
            await _within(_CLOSE_S, [actor.close.remote() for actor in others])
            await self._close_writer()
        finally:
            for actor in [*others, self._conductor.actor, self._writer]:
                if actor is not None:
                    kill(actor)
            for gang in self._gangs.values():
                gang.disband()
            if self._stopping is not None:
                await _cancel([self._stopping])

    async def _count_tokens(self) -> None:
        ends = [answer(replica.generated.remote()) for replica in self._replicas.values()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TELL_S):
                counted = await asyncio.gather(*ends, return_exceptions=True)
                self._engine_tokens = sum(tokens for tokens in counted if isinstance(tokens, int))

    async def _close_writer(self) -> None:
        if self._writer is None:
            return
        try:
            await answer(self._writer.close.remote())
        except ClusterError as error:  # it died at the last moment: its log is made a shard by another
            try:
                async with asyncio.timeout(_CLOSE_S * 2):
                    await answer((await self._start_writer(None)).close.remote())
            except TimeoutError:
                raise error from None


async def _stubbornly(start: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
    """Starts an actor; Ray may have chosen a node for it that had just died. Raises what the last attempt raised."""
    for _ in range(_STARTS - 1):
        with contextlib.suppress(ClusterError):
            await start(*arguments)
            return
    await start(*arguments)


def _given_up(what: str, error: Exception) -> ClusterError:
    return ClusterError(f"{what} dying ({reason(error)})")


async def _held(name: str, executor: Any) -> tuple[str, list[Lease]]:
    try:
        return name, await answer(executor.held.remote())
    except ClusterError:
        return name, []  # it died as well


async def _tell(actors: Iterable[Any], method: str, *arguments: Any) -> None:
    """Calls the same method of each; one that is dead need not know."""
    await _within(_TELL_S, [getattr(actor, method).remote(*arguments) for actor in actors])


async def _within(seconds: float, calls: Sequence[Any]) -> None:
    """Waits for calls, one of which may fail or hang without harm to the run."""
    pending = [asyncio.ensure_future(answer(call)) for call in calls]
    if pending:
        await asyncio.wait(pending, timeout=seconds)
        await _cancel(pending)


async def _cancel(tasks: Sequence["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

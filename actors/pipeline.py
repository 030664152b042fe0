"""The driver's side of a run: has others follow actors that die, uses nodes that join, and knows when all is done."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from actors.calls import answer, cancel, kill, reason, tell
from actors.cluster import Cluster, living_nodes
from actors.conductor import Progress
from actors.crew import Crew
from actors.executor import RunPlan, SandboxExecutor
from actors.watch import ReplicaWatch
from medgym_ray.errors import ClusterError, ConfigError, PolicyError, StorageError
from medgym_ray.events import ActorFollowed, ActorLost, Event, NodeJoined, NodeLeft
from medgym_ray.leases import Counts, Lease
from medgym_ray.occupancy import Use
from medgym_ray.patience import Patience
from medgym_ray.sampling.goal import Goal
from medgym_ray.store.roots import Root
from medgym_ray.tasks.base import Task

_DEATHS = 8
"""How often the holders of one place may die while not one rollout ends."""
_POLL_S = 0.5
_NODES_S = 2.0
_STARTS = 3


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
        self._plan, self._cluster, self._known = plan, cluster, known
        self._tell, self._note = tell, note
        self._crew = Crew(plan, root, tasks, goal, player)
        self._crew.check(cluster)
        self._replica_watch = ReplicaWatch(self._crew.replicas)
        self._places: dict[asyncio.Task[None], str] = {}
        """The node of each task that keeps an executor alive there."""
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._last: Progress | None = None
        self._engine_tokens = 0
        self._stopping: asyncio.Task[None] | None = None

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
        return list(await asyncio.gather(*(answer(actor.address.remote()) for actor in self._crew.executors.values())))

    async def start(self) -> None:
        """Starts every actor and waits until each is ready. Raises the typed error of the first that is not."""
        replicas = (
            _stubbornly(self._crew.start_replica, f"replica-{n}") for n in range(self._plan.config.model.engines())
        )
        starts = [
            asyncio.ensure_future(start)
            for start in (self._start_books(), *replicas, _stubbornly(self._start_executors))
        ]
        try:
            await asyncio.gather(*starts)
        finally:
            await cancel(starts)

    async def _start_books(self) -> None:
        await self._crew.start_writer(self._known)
        await self._start_conductor(self._known, {})

    async def _start_conductor(self, done: Mapping[str, bool], held: Mapping[str, Sequence[Lease]]) -> Any:
        return await self._crew.start_conductor(done, held, self._last, stopping=self._stopping is not None)

    async def _start_executors(self) -> None:
        """At least one: a node may be dead and not yet known to be, and what it was to have goes to others later."""
        allotted = self._crew.allotted(await asyncio.to_thread(living_nodes))
        places = [node for node, number in allotted.items() for _ in range(number)]
        ends = await asyncio.gather(*map(self._crew.start_executor, places), return_exceptions=True)
        errors = [end for end in ends if isinstance(end, BaseException)]
        for error in errors:
            if not self._crew.executors or not isinstance(error, ClusterError):
                raise error
            self._tell_lost("an executor", error)

    async def work(self, show: Callable[[Progress], None], stop: asyncio.Event) -> Progress:
        """Until every rollout is done, dropped or failed, or `stop` is set. Raises the error that ended the run."""
        for name, node in self._crew.homes.items():
            self._open_place(node, name, stop)
        others = [
            self._keep("the writer", self._crew.writer, self._follow_writer),
            self._keep("the conductor", self._crew.conductor.actor, self._follow_conductor),
            *(self._keep_replica(name) for name in list(self._crew.replicas)),
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
            await cancel([end, *self._places, *keepers])

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
            progress: Progress = await self._crew.conductor.ask("progress")
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
            for node, number in self._crew.allotted(nodes).items():
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
                await tell(self._crew.executors.values(), "cut")

    async def _keep_executor(self, node: str, name: str, stop: asyncio.Event) -> None:
        """The place of an executor: one that dies is followed by another, if its node lives; its leases are lent again.

        A node where it cannot run, or keeps dying, is left to others; where there are none, that ends the run.
        """
        patience = Patience(_DEATHS)
        lost = ""
        while True:
            try:
                name = name or await self._crew.start_executor(node)
                if lost:
                    self._note(ActorFollowed(actor=name, lost=lost))
                await answer(
                    self._crew.executors[name].run.remote(
                        self._crew.conductor.actor, self._crew.writer, self._crew.replicas
                    )
                )
                return
            except StorageError:
                raise
            except Exception as error:
                self._tell_lost(name or "an executor", error)
                lost = name or lost
                if name:
                    self._crew.lose_executor(name)
                    await self._crew.conductor.ask("release", name)
                if stop.is_set() or node not in await asyncio.to_thread(living_nodes):
                    return
                useless = isinstance(error, ConfigError)
                if useless or not await self._pause(patience):
                    self._crew.shunned.add(node)
                    if len(self._places) > 1:
                        return
                    raise error if useless else _given_up("executors keep", error) from error
                name = ""

    async def _keep_replica(self, name: str) -> None:
        """The place of a replica; where it is given up, the others go on."""
        try:
            await self._keep(name, self._crew.replicas[name], lambda: self._follow_replica(name))
        except ClusterError:
            del self._crew.replicas[name]
            if not self._crew.replicas:
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
        writer = await self._crew.start_writer(None)
        await tell([*self._crew.executors.values(), self._crew.conductor.actor], "use_writer", writer)
        return writer

    async def _follow_conductor(self) -> Any:
        """What executors hold stays theirs; asked before what is durable, so that nothing falls between the two."""
        held = await self._crew.held()
        done = await answer(self._crew.writer.successes.remote())
        conductor = await self._start_conductor(done, held)
        await tell([conductor], "use_writer", self._crew.writer)  # it may have changed meanwhile
        await tell(self._crew.executors.values(), "use_conductor", conductor)
        return conductor

    async def _follow_replica(self, name: str) -> Any:
        replica = await self._crew.start_replica(name)
        await tell(self._crew.executors.values(), "use_replica", name, replica)
        return replica

    async def _drain(self) -> None:
        await self._crew.conductor.ask("stop")
        await asyncio.gather(*(self._stop(executor) for executor in list(self._crew.executors.values())))

    async def _stop(self, executor: Any) -> None:
        with contextlib.suppress(ClusterError):  # it died: its rollouts wait for the next run
            await answer(executor.stop.remote(self._plan.config.cluster.drain_s))

    async def close(self) -> None:
        """Ends sandboxes and engines, seals what is open, and removes our actors. Raises StorageError from sealing."""
        try:
            self._engine_tokens = await self._crew.close()
        finally:
            if self._stopping is not None:
                await cancel([self._stopping])


async def _stubbornly(start: Callable[..., Awaitable[Any]], *arguments: Any) -> None:
    """Starts an actor; Ray may have chosen a node for it that had just died. Raises what the last attempt raised."""
    for _ in range(_STARTS - 1):
        with contextlib.suppress(ClusterError):
            await start(*arguments)
            return
    await start(*arguments)


def _given_up(what: str, error: Exception) -> ClusterError:
    return ClusterError(f"{what} dying ({reason(error)})")

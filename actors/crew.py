"""The actors of one run: started where there is room for them, and ended with all that is theirs."""

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ray

from actors.calls import TELL_S, Seat, answer, kill, within
from actors.cluster import Cluster, gpu_memory_gb, here, living_nodes, on, require
from actors.conductor import Conductor, Progress
from actors.executor import RunPlan, SandboxExecutor
from actors.gang import Gang
from actors.replica import PolicyReplica
from actors.writer import ShardWriter
from medgym_ray.config import episodes_per_executor
from medgym_ray.errors import ClusterError
from medgym_ray.judge import PATIENCE_S
from medgym_ray.leases import Lease
from medgym_ray.placement import ACTOR_CPUS, allot, engine_cpus
from medgym_ray.policies.endpoint import POLICY, read_key
from medgym_ray.policies.shapes import check_memory
from medgym_ray.sampling.goal import Goal
from medgym_ray.store.objects import settings
from medgym_ray.store.roots import Root
from medgym_ray.tasks.base import Task

_CALLS = 1000
"""Calls that one actor has under way; each is a coroutine."""
_PORTION = 1000
"""Tasks per message to the conductor."""
_START_S = 600.0
"""For an executor: its sandboxes' environment is built first where it is not there yet."""
_CLOSE_S = 20.0
_SLACK_S = 120.0
"""What a lease lasts beyond the trajectory's own deadline: vetting, grading, waiting for the disk."""


class Crew:
    """Who works for a run. Whether one lives, and who follows it, is the pipeline's to know."""

    def __init__(
        self,
        plan: RunPlan,
        root: Root,
        tasks: Sequence[Task],
        goal: Goal | None,
        player: type[SandboxExecutor],
    ) -> None:
        """`goal` is that of adaptive sampling, `player` what plays episodes."""
        self._plan, self._root, self._tasks, self._goal, self._player = plan, root, tasks, goal, player
        self.writer: Any = None
        self.conductor = Seat(None)
        self.replicas: dict[str, Any] = {}
        self.executors: dict[str, Any] = {}
        self.homes: dict[str, str] = {}
        """The node of each executor."""
        self.shunned: set[str] = set()
        """Nodes where executors cannot run, or keep dying."""
        self._gangs: dict[str, Gang] = {}
        """What replicas that may spread over nodes have set aside."""
        self._born = 0

    def check(self, cluster: Cluster) -> None:
        """Raises ClusterError where the cluster has no room for all, or a GPU none for the model."""
        model = self._plan.config.model
        executors = sum(self.allotted(cluster.nodes).values())
        cpus = executors * ACTOR_CPUS + model.engines() * engine_cpus(model)
        require(cluster, cpus=cpus, gpus=model.engines() * self._gpus())
        memory_gb = gpu_memory_gb(cluster)
        if memory_gb is not None and model.kind == "vllm":
            check_memory(model, memory_gb)

    def allotted(self, nodes: Mapping[str, float]) -> dict[str, int]:
        """Executors per node; `nodes` has the CPUs of each."""
        config = self._plan.config
        rollouts = len(self._tasks) * config.sampling.rollouts
        wanted = math.ceil(rollouts / episodes_per_executor(config.model, config.sandbox, config.cluster))
        usable = {node: cpus for node, cpus in nodes.items() if node not in self.shunned}
        return allot(usable, config.model.engines() * engine_cpus(config.model), wanted, config.cluster.executors)

    def _gpus(self) -> float:
        """Of one replica."""
        return self._plan.config.model.ranks * self._plan.config.model.gpus

    def _spawn(self, kind: type, *arguments: Any, env: dict[str, str] | None = None, **options: Any) -> Any:
        """Starts an actor. No restarts by Ray: an actor's state would be gone, so replacing it is up to us."""
        actor: Any = ray.remote(kind)
        return actor.options(
            max_concurrency=_CALLS, max_restarts=0, runtime_env={"env_vars": env} if env else None, **options
        ).remote(*arguments)

    def _spawn_here(self, kind: type, *arguments: Any, env: dict[str, str] | None = None) -> Any:
        """On the driver's own node, beside the CPUs that others have."""
        return self._spawn(kind, *arguments, env=env, num_cpus=0, scheduling_strategy=here())

    async def start_writer(self, known: Mapping[str, bool] | None) -> Any:
        """`known` is what is durable, and whether it was a success; None: the writer looks itself."""
        output = self._plan.config.output
        size = output.shard_mb * 1024 * 1024
        env = None if isinstance(self._root, Path) else settings()
        writer = self._spawn_here(ShardWriter, str(self._root), "0", size, output.shard_s, env=env)
        await answer(writer.open.remote(known))
        self.writer = writer
        return writer

    async def start_conductor(
        self, done: Mapping[str, bool], held: Mapping[str, Sequence[Lease]], last: Progress | None, *, stopping: bool
    ) -> Any:
        """`held` are the leases of each executor, `last` is how far the conductor before it was."""
        config, plan = self._plan.config, self._plan
        book = {
            "run_key": plan.run_key,
            "rollouts": config.sampling.rollouts,
            "attempts": config.agent.attempts,
            "seed": config.seed,
            "lease_s": config.agent.deadline_s + _SLACK_S + (PATIENCE_S if config.judge.kind != "none" else 0.0),
            "goal": self._goal,
        }
        if last is not None:
            book |= {"dropped": last.dropped_tasks, "failed": last.failed}
            book |= {"earlier": last.counts.earlier, "successes": last.counts.successes}
            book |= {"worked_s": last.worked_s}
        counted = (last.work, last.failed_attempts) if last else ()
        conductor = self._spawn_here(Conductor, plan.run_id, self.writer, book, *counted)
        for start in range(0, len(self._tasks), _PORTION):
            await answer(conductor.add_tasks.remote(self._tasks[start : start + _PORTION]))
        await answer(conductor.begin.remote(done, held))
        if stopping:
            await answer(conductor.stop.remote())
        self.conductor.take(conductor)
        return conductor

    async def start_replica(self, name: str) -> Any:
        """Ready to generate. Raises what its engine does; ClusterError where it was lost or has no room."""
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
        self.replicas[name] = replica
        return replica

    async def start_executor(self, node: str) -> str:
        """Its name. Raises ClusterError where the node has no room for it, or what its sandboxes do."""
        nodes = await asyncio.to_thread(living_nodes)
        cores = max(1, round(nodes.get(node, 1) / max(1, self.allotted(nodes).get(node, 1))))
        name = f"executor-{self._born}"
        self._born += 1
        executor = self.executors[name] = self._spawn(
            self._player,
            *(name, self._plan, cores),
            num_cpus=ACTOR_CPUS,
            scheduling_strategy=on(node),
        )
        self.homes[name] = node
        try:
            async with asyncio.timeout(_START_S):
                await answer(executor.start.remote(self._keys()))
        except TimeoutError:
            self.lose_executor(name)
            raise ClusterError(f"no executor started within {_START_S:g} s; are the node's CPUs taken?") from None
        except Exception:
            self.lose_executor(name)
            raise
        return name

    def _keys(self) -> dict[str, str]:
        """Of the endpoints that executors ask. Given by a call: what a constructor gets is kept by the cluster."""
        endpoints = self._plan.config.endpoints()
        return {setting: read_key(endpoint) for setting, endpoint in endpoints.items() if setting != POLICY}

    def lose_executor(self, name: str) -> None:
        """Ends what may be left of it."""
        kill(self.executors.pop(name))
        del self.homes[name]

    async def held(self) -> dict[str, list[Lease]]:
        """The leases of each executor."""
        return dict(await asyncio.gather(*(_held(*item) for item in self.executors.items())))

    async def close(self) -> int:
        """Ends sandboxes and engines, seals what is open, and removes all. Raises StorageError from sealing.

        Returns the tokens that the engines had generated, whoever it was for; of those that tell it in time.
        """
        others = [*self.executors.values(), *self.replicas.values()]
        try:
            generated = await self._generated()
            await within(_CLOSE_S, [actor.close.remote() for actor in others])
            await self._close_writer()
        finally:
            for actor in [*others, self.conductor.actor, self.writer]:
                if actor is not None:
                    kill(actor)
            for gang in self._gangs.values():
                gang.disband()
        return generated

    async def _generated(self) -> int:
        ends = [answer(replica.generated.remote()) for replica in self.replicas.values()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TELL_S):
                counted = await asyncio.gather(*ends, return_exceptions=True)
                return sum(tokens for tokens in counted if isinstance(tokens, int))
        return 0

    async def _close_writer(self) -> None:
        if self.writer is None:
            return
        try:
            await answer(self.writer.close.remote())
        except ClusterError as error:  # it died at the last moment: its log is made a shard by another
            try:
                async with asyncio.timeout(_CLOSE_S * 2):
                    await answer((await self.start_writer(None)).close.remote())
            except TimeoutError:
                raise error from None


async def _held(name: str, executor: Any) -> tuple[str, list[Lease]]:
    try:
        return name, await answer(executor.held.remote())
    except ClusterError:
        return name, []  # it died as well

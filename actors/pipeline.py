"""The driver's side of a run: starts the actors, replaces executors that die, and ends what it started."""

import asyncio
import contextlib
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from actors.cluster import Cluster, require
from actors.conductor import Conductor, Progress
from actors.executor import RunPlan, SandboxExecutor
from actors.replica import PolicyReplica
from actors.writer import ShardWriter
from medgym_ray.errors import ClusterError, MedgymError
from medgym_ray.tasks.base import Task

_ACTOR_CPUS = 0.5
"""Bookkeeping for Ray only: an executor waits most of the time, a replica's GPUs do the work."""
_CALLS = 1000
"""Calls that one actor has under way; each is a coroutine."""
_REPLACEMENTS = 8
"""Executors that may die and be replaced in one run before it is given up."""
_POLL_S = 0.5
_PORTION = 1000
"""Tasks per message to the conductor."""
_CLOSE_S = 20.0
_SLACK_S = 120.0
"""What a lease lasts beyond the trajectory's own deadline: vetting, grading, waiting for the disk."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How many of what a run starts."""

    executors: int
    replicas: int
    sandboxes: int


class Pipeline:
    """One run on one cluster. `start`, then `work`, then always `close`."""

    def __init__(
        self, plan: RunPlan, cluster: Cluster, root: Path, tasks: Sequence[Task], known: Collection[str]
    ) -> None:
        self._plan, self._cluster, self._root = plan, cluster, root
        self._tasks, self._known = tasks, known
        self.shape = self._shape()
        self._writer: Any = None
        self._conductor: Any = None
        self._replicas: dict[str, Any] = {}
        self._executors: dict[str, Any] = {}
        self._runs: dict[asyncio.Future[None], str] = {}
        self._born = 0
        self._stopping: asyncio.Future[None] | None = None

    def _shape(self) -> Shape:
        config = self._plan.config
        replicas = config.model.replicas if config.model.kind == "vllm" else 0
        gpus = replicas * config.model.tensor_parallel_size * config.model.gpus
        wanted = math.ceil(len(self._tasks) * config.sampling.rollouts / config.sandbox.concurrency)
        free = self._cluster.resources.get("CPU", 1.0) - replicas * _ACTOR_CPUS
        executors = config.cluster.executors or max(1, min(wanted, int(free // 2)))
        require(self._cluster, cpus=(executors + replicas) * _ACTOR_CPUS, gpus=gpus)
        return Shape(executors, replicas, executors * config.sandbox.concurrency)

    async def start(self) -> None:
        """Starts every actor and waits until each is ready. Raises the typed error of the first that is not."""
        config, plan = self._plan.config, self._plan
        shard_bytes = config.output.shard_mb * 1024 * 1024
        self._writer = self._spawn(
            ShardWriter, str(self._root), "0", self._known, shard_bytes, config.output.shard_s, num_cpus=0
        )
        await _typed(self._writer.open.remote())
        book = {
            "run_key": plan.run_key,
            "rollouts": config.sampling.rollouts,
            "attempts": config.agent.attempts,
            "seed": config.seed,
            "lease_s": config.agent.deadline_s + _SLACK_S,
        }
        self._conductor = self._spawn(Conductor, plan.run_id, self._writer, book, num_cpus=0)
        for start in range(0, len(self._tasks), _PORTION):
            await _typed(self._conductor.add_tasks.remote(self._tasks[start : start + _PORTION]))
        await _typed(self._conductor.begin.remote(self._known))
        for number in range(self.shape.replicas):
            name = f"replica-{number}"
            gpus = config.model.tensor_parallel_size * config.model.gpus
            self._replicas[name] = self._spawn(
                PolicyReplica, name, config.model, env=config.model.env, num_cpus=_ACTOR_CPUS, num_gpus=gpus
            )
        await asyncio.gather(*(_typed(replica.start.remote()) for replica in self._replicas.values()))
        await asyncio.gather(*(self._add_executor() for _ in range(self.shape.executors)))

    def _spawn(self, kind: type, *arguments: Any, env: dict[str, str] | None = None, **options: Any) -> Any:
        """Starts an actor. No restarts by Ray: an actor's state would be gone, so replacing it is up to us."""
        actor: Any = ray.remote(kind)
        return actor.options(
            max_concurrency=_CALLS, max_restarts=0, runtime_env={"env_vars": env} if env else None, **options
        ).remote(*arguments)

    async def _add_executor(self) -> None:
        name = f"executor-{self._born}"
        self._born += 1
        executor = self._spawn(
            SandboxExecutor,
            *(name, self._plan, self._conductor, self._writer, self._replicas),
            num_cpus=_ACTOR_CPUS,
            scheduling_strategy="SPREAD",
        )
        self._executors[name] = executor
        await _typed(executor.start.remote())
        self._runs[asyncio.ensure_future(_typed(executor.run.remote()))] = name

    async def work(self, show: Callable[[Progress], None], stop: asyncio.Event) -> Progress:
        """Until every rollout is done, dropped or failed, or `stop` is set. Raises the error that ended the run."""
        while self._runs:
            done, _ = await asyncio.wait(self._runs, timeout=_POLL_S, return_when=asyncio.FIRST_COMPLETED)
            for run in done:
                await self._ended(self._runs.pop(run), run, replace=not stop.is_set())
            if stop.is_set() and self._stopping is None:
                self._stopping = asyncio.ensure_future(self._drain())
            show(await self.progress())
        if self._stopping is not None:
            await self._stopping
        return await self.progress()

    async def progress(self) -> Progress:
        """Asks the conductor."""
        progress: Progress = await _typed(self._conductor.progress.remote())
        return progress

    async def _ended(self, name: str, run: "asyncio.Future[None]", *, replace: bool) -> None:
        error = run.exception()
        executor = self._executors[name] if error is None else self._executors.pop(name)
        if error is None:
            return
        with contextlib.suppress(RayError):
            ray.kill(executor)
        await _typed(self._conductor.release.remote(name))
        if isinstance(error, MedgymError) and not isinstance(error, ClusterError):
            raise error
        if replace and self._born < self.shape.executors + _REPLACEMENTS:
            await self._add_executor()
        elif not self._runs:
            raise ClusterError(f"executors keep dying ({_reason(error)})") from error

    async def _drain(self) -> None:
        await _typed(self._conductor.stop.remote())
        drain_s = self._plan.config.cluster.drain_s
        stops = [executor.stop.remote(drain_s) for executor in self._executors.values()]
        await asyncio.gather(*map(_typed, stops), return_exceptions=True)

    async def close(self) -> None:
        """Ends sandboxes and engines, seals what is open, and removes our actors. Raises StorageError from sealing."""
        try:
            others = [*self._executors.values(), *self._replicas.values()]
            await _within(_CLOSE_S, [actor.close.remote() for actor in others])
            if self._writer is not None:
                await _typed(self._writer.close.remote())
        finally:
            for actor in [*self._executors.values(), *self._replicas.values(), self._conductor, self._writer]:
                if actor is not None:
                    with contextlib.suppress(RayError):
                        ray.kill(actor)
            waiting = [*self._runs, *([self._stopping] if self._stopping else [])]
            for future in waiting:
                future.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


async def _within(seconds: float, calls: Sequence[Any]) -> None:
    """Waits for clean-up calls; one that fails or hangs never fails a run: its actor is killed next."""
    pending = [asyncio.ensure_future(_typed(call)) for call in calls]
    if pending:
        await asyncio.wait(pending, timeout=seconds)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


def _reason(error: BaseException) -> str:
    """One line; of a remote traceback what was raised at its end."""
    cause = getattr(error, "cause", None) or error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"[:300]


async def _typed(call: Any) -> Any:
    """The result of an actor call, or the library's own error that it raised."""
    try:
        return await call
    except RayActorError as error:
        raise ClusterError(f"an actor of the run died: {_reason(error)}") from error
    except RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, MedgymError):
            raise cause from error
        raise

"""A run's work on Ray: attach, drive the pipeline, show how it goes."""

import asyncio
import logging
from typing import TYPE_CHECKING

import medgym_ray
from medgym_ray import plugins, privacy
from medgym_ray.chronicle import Chronicle
from medgym_ray.config import GatewayConfig
from medgym_ray.errors import ClusterError, ConfigError, MedgymError, PolicyError, SandboxError, StorageError
from medgym_ray.events import ClusterReady
from medgym_ray.generate.opening import OpenRun, versions
from medgym_ray.generate.outcome import Outcome
from medgym_ray.generate.stopping import Stop
from medgym_ray.policies.vllm import INSTALL, installed_version
from medgym_ray.progress import ProgressDisplay, Snapshot
from medgym_ray.sampling.goal import Goal

if TYPE_CHECKING:
    from actors.cluster import Cluster
    from actors.conductor import Progress
    from actors.executor import RunPlan
    from actors.pipeline import Pipeline

_LOG = logging.getLogger(__name__)


def work(run: OpenRun, goal: Goal | None) -> Outcome:
    """Until nothing is left to do, or the run is asked to stop. Raises a MedgymError, or KeyboardInterrupt at once."""
    # Ray is slow to import: a mistyped key must not wait for it.
    from actors import cluster as ray_cluster

    try:
        attached = _attach(run)
        return asyncio.run(_drive(run, goal, attached))
    except asyncio.CancelledError:
        run.console.print(f"stopped; what was done is in {run.root}: the same command goes on", markup=False)
        raise KeyboardInterrupt from None
    finally:
        ray_cluster.disconnect()


def _attach(run: OpenRun) -> "Cluster":
    from actors import cluster as ray_cluster

    model = run.config.model
    try:
        attached = ray_cluster.connect(
            run.config.cluster.address, run.run_id, lambda line: run.console.print(line, markup=False)
        )
    except ClusterError as error:
        raise ConfigError(str(error)) from error
    where = f"attached to Ray at {attached.address}"
    if attached.started:
        where = "started a Ray cluster on this machine"
    cpus, gpus = attached.resources.get("CPU", 0), attached.resources.get("GPU", 0)
    nodes = len(attached.nodes)
    run.console.print(f"{where}: {nodes} node(s), {cpus:g} CPUs, {gpus:g} GPUs", markup=False)
    run.chronicle.note(
        ClusterReady(address=attached.address, started=attached.started, nodes=nodes, cpus=cpus, gpus=gpus)
    )
    if model.kind == "vllm" and attached.started and installed_version() is None:
        raise ConfigError(f"+model={model.name} needs vLLM, which is not installed here: {INSTALL}")
    return attached


def _plan(run: OpenRun) -> "RunPlan":
    from actors.executor import RunPlan

    config = run.config
    families = {task.family for task in run.tasks.tasks}
    packages = plugins.packages_of(config.model.kind, config.sandbox.kind, config.tasks.scorer, families)
    provenance = {**versions(), **packages}
    if config.model.kind == "vllm":
        provenance["vllm"] = installed_version() or "unknown"
    provenance |= privacy.provenance(config.privacy)
    return RunPlan(config, run.run_id, run.key, medgym_ray.__version__, provenance, packages)


def _pipeline(run: OpenRun, goal: Goal | None, attached: "Cluster") -> "Pipeline":
    from actors.executor import SandboxExecutor
    from actors.gateway import GatewayExecutor
    from actors.pipeline import Pipeline

    def tell(line: str) -> None:
        run.console.print(line, markup=False)
        _LOG.warning("%s", line)

    player = GatewayExecutor if isinstance(run.config, GatewayConfig) else SandboxExecutor
    return Pipeline(_plan(run), attached, run.root, run.tasks.tasks, run.known, goal, tell, run.chronicle.note, player)


async def _drive(run: OpenRun, goal: Goal | None, attached: "Cluster") -> Outcome:
    config = run.config
    try:
        pipeline = _pipeline(run, goal, attached)
    except ClusterError as error:
        raise ConfigError(str(error)) from error
    stop = Stop(run.console, config.cluster.drain_s, run.chronicle.note)
    try:
        try:
            try:
                await pipeline.start()
            except (ClusterError, PolicyError, SandboxError, StorageError) as error:
                raise ConfigError(str(error)) from error
            if isinstance(config, GatewayConfig):
                run.console.print(f"the gateway listens at {', '.join(await pipeline.addresses())}", markup=False)
            if config.cluster.run_s is not None:
                asyncio.get_running_loop().call_later(config.cluster.run_s, stop.time_is_over)
            last = await _show_work(pipeline, stop.asked, run.chronicle)
        finally:
            await pipeline.close()
    except ConfigError:
        raise
    except MedgymError as error:
        raise type(error)(f"{error}; {_kept(pipeline)}, the same command goes on") from error
    counts = last.counts
    return Outcome(
        counts.requested,
        counts.done,
        last.dropped_tasks,
        last.failed,
        counts.spared,
        counts.unsettled,
        stop.by_signal and not last.finished,
        pipeline.engine_tokens,
        last.work.cost_usd,
    )


def _kept(pipeline: "Pipeline") -> str:
    counts = pipeline.counts
    return f"{counts.done} of {counts.requested} trajectories are kept" if counts else "what was done is kept"


async def _show_work(pipeline: "Pipeline", stop: asyncio.Event, chronicle: Chronicle) -> "Progress":
    with ProgressDisplay() as display:

        def show(progress: "Progress") -> None:
            display.show(_snapshot(pipeline, progress))
            chronicle.follow(progress.counts, progress.dropped_tasks, progress.failed)

        return await pipeline.work(show, stop)


def _snapshot(pipeline: "Pipeline", progress: "Progress") -> Snapshot:
    counts = progress.counts
    return Snapshot(
        requested=counts.requested,
        done=counts.done,
        earlier=counts.earlier,
        successes=counts.successes,
        dropped=counts.dropped,
        failed=counts.failed,
        spared=counts.spared,
        active=counts.active,
        failed_attempts=progress.failed_attempts,
        work=progress.work,
        sandboxes=progress.sandboxes,
        replicas=pipeline.replicas,
    )

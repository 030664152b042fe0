"""Runs episodes → trajectories: `python -m medgym_ray.generate [+model=NAME] [tasks.root=DIR] …` (see README)."""

import asyncio
import contextlib
import dataclasses
import importlib.metadata
import logging
import signal
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

import medgym_ray
from medgym_ray import cli, plugins, privacy
from medgym_ray.chronicle import Chronicle
from medgym_ray.config import GatewayConfig, GenerateConfig
from medgym_ray.errors import ClusterError, ConfigError, MedgymError, PolicyError, SandboxError, StorageError
from medgym_ray.events import ClusterReady, Event, RunEnded, RunStarted, StopAsked
from medgym_ray.identity import identity, run_key
from medgym_ray.leases import LeaseBook
from medgym_ray.policies.endpoint import address, read_key
from medgym_ray.policies.scripted import ANY_TASK, read_replies
from medgym_ray.policies.vllm import INSTALL, installed_version
from medgym_ray.progress import ProgressDisplay, Snapshot
from medgym_ray.sampling.goal import Goal
from medgym_ray.store.directory import Held
from medgym_ray.store.layout import DROPPED
from medgym_ray.store.objects import bucket_address
from medgym_ray.store.recovery import Tally, prepare_directory, recover, successes, tally, worked_s
from medgym_ray.store.roots import Root, root_at
from medgym_ray.store.run import check_identity, read_dropped, write_adaptive, write_card, write_dropped, write_run_file
from medgym_ray.store.writer import lock
from medgym_ray.tasks.registry import TaskSet, load_tasks, make_family
from medgym_ray.validation import validate

if TYPE_CHECKING:
    from actors.cluster import Cluster
    from actors.conductor import Progress
    from actors.pipeline import Pipeline

_LOG = logging.getLogger("medgym_ray.generate")  # whose __name__ is __main__
_SHOWN = 5
"""Broken records, dropped tasks and failures that are listed by name; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    requested: int
    done: int
    dropped: dict[str, str]
    failed: dict[str, str]
    spared: int
    """Rollouts that adaptive sampling has decided against."""
    missing: int
    """Neither done nor dropped nor failed nor spared: the run was stopped before."""
    interrupted: bool
    engine_tokens: int = 0
    """What the engines have generated, whoever it was for."""
    cost_usd: float = 0.0
    """What an endpoint has charged for this command's trajectories."""


def run(config: GenerateConfig) -> int:
    """One run; returns the exit code. Raises a shown as one line, where it could not start."""
    validate(config)
    privacy.check_override(config.privacy)
    for endpoint in config.endpoints().values():
        read_key(endpoint)
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    tasks = load_tasks(config.tasks, config.seed)
    if config.tasks.root is not None:  # executors have working directories of their own
        config.tasks.root = str(Path(config.tasks.root).expanduser().absolute())
    if config.model.kind == "oracle":
        console.print("the oracle replays gold programs: it checks tasks, sandbox and scorers (+model=NAME: a policy)")
    _tell_loaded(tasks, console)
    _check_replies(config, tasks)
    key = run_key(config)
    _check_privacy(config, tasks, key[:12])
    root = root_at(config.output.dir or f"runs/{config.model.name}-{key[:8]}")
    known, held = _open_directory(root, config, console)
    with contextlib.closing(held), Chronicle(root, key[:12]) as chronicle:
        chronicle.note(_started(config, key, tasks, known))
        outcome = _work(config, key, root, tasks, known, console, chronicle)
        write_dropped(root, {**tasks.report.dropped, **outcome.dropped})
        _tell_adaptive(config, key, root, [t.task_id for t in tasks.tasks if t.task_id not in outcome.dropped], console)
        chronicle.note(_ended(outcome))
    return _tell_end(config, key, root, outcome, console)


def _started(config: GenerateConfig, key: str, tasks: TaskSet, known: Collection[str]) -> RunStarted:
    return RunStarted(
        run_id=key[:12],
        model=config.model.name,
        tasks=len(tasks.tasks),
        rollouts=config.sampling.rollouts,
        durable=len(known),
        versions=_versions(),
    )


def _ended(outcome: Outcome) -> RunEnded:
    stopped: Literal["stopped", "interrupted"] = "interrupted" if outcome.interrupted else "stopped"
    return RunEnded(
        outcome=stopped if outcome.missing else "finished",
        requested=outcome.requested,
        done=outcome.done,
        dropped=outcome.requested - outcome.done - len(outcome.failed) - outcome.spared - outcome.missing,
        failed=len(outcome.failed),
        spared=outcome.spared,
        missing=outcome.missing,
        engine_tokens=outcome.engine_tokens,
        cost_usd=outcome.cost_usd,
    )


def _tell_loaded(tasks: TaskSet, console: Console) -> None:
    for line in tasks.report.broken[:_SHOWN]:
        console.print(f"broken record, passed over: {line}", markup=False)
    if len(tasks.report.broken) > _SHOWN:
        console.print(f"… and {len(tasks.report.broken) - _SHOWN} more broken records")
    if tasks.absent:
        console.print(f"not under tasks.root: {', '.join(tasks.absent)}")
    for name, revealing in tasks.revealed.items():
        console.print(f"{name} is left out, for the tables of {revealing} tell its gold: run it with tasks={name}")
    _tell_reasons("tasks left out while loading", tasks.report.dropped, console)
    families = sorted({task.family for task in tasks.tasks})
    console.print(f"{len(tasks.tasks)} tasks of {', '.join(families)}")


def _tell_reasons(what: str, reasons: dict[str, str], console: Console) -> None:
    """Groups by the reason's words before its colon: a thousand tasks dropped for one cause are one line."""
    by_cause: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        cause, _, detail = reason.partition(": ")
        by_cause.setdefault(cause, []).append(f"{name} ({detail})" if detail else name)
    for cause, named in by_cause.items():
        shown = ", ".join(named[:_SHOWN]) + (", …" if len(named) > _SHOWN else "")
        console.print(f"{len(named)} {what}, {cause}: {shown}", markup=False)


def _check_replies(config: GenerateConfig, tasks: TaskSet) -> None:
    if config.model.path is None or config.model.kind not in ("replay", "simulated"):
        return
    recorded = read_replies(Path(config.model.path))
    without = [task.task_id for task in tasks.tasks if task.task_id not in recorded]
    if without and ANY_TASK not in recorded:
        raise ConfigError(
            f"model.path={config.model.path}: no replies for {len(without)} of {len(tasks.tasks)} tasks, "
            f'the first {without[0]}; add them, or a line with "task_id": "*"'
        )


def _open_directory(root: Root, config: GenerateConfig, console: Console) -> tuple[dict[str, bool], Held]:
    """Makes, locks and mends the run's directory. Raises ConfigError: nothing has run yet, so it is for the user."""
    try:
        prepare_directory(root)
        held = lock(root, "driver", wait_s=0)
        earlier = check_identity(root, identity(config), resume=config.resume)
        lock(root, "0").close()  # the writer of a run that was killed may still be ending
        rescued = recover(root)
        if not earlier:
            _write_card(config, run_key(config), root, tally(root))
            write_run_file(root, identity(config), dataclasses.asdict(config), _versions())
        known = successes(root)
    except StorageError as error:
        raise ConfigError(str(error)) from error
    if known or rescued:
        more = f" ({rescued} rows brought in from the log of an interrupted run)" if rescued else ""
        console.print(f"resuming {root}: {len(known)} trajectories are there{more}", markup=False)
    return known, held


def _versions() -> dict[str, str]:
    return {"medgym_ray": medgym_ray.__version__, "ray": importlib.metadata.version("ray")}


def _work(
    config: GenerateConfig,
    key: str,
    root: Root,
    tasks: TaskSet,
    known: Mapping[str, bool],
    console: Console,
    chronicle: Chronicle,
) -> Outcome:
    goal = config.goal(worked_s(root) if config.sampling.budget_gpu_s is not None else 0.0)
    if goal is not None or len(known) >= len(tasks.tasks) * config.sampling.rollouts:
        outcome = _nothing_to_do(config, key, root, tasks, known, goal)
        if outcome is not None:
            return outcome
    # Ray is slow to import: a mistyped key must not wait for it.
    from actors import cluster as ray_cluster

    try:
        try:
            attached = ray_cluster.connect(
                config.cluster.address, key[:12], lambda line: console.print(line, markup=False)
            )
        except ClusterError as error:
            raise ConfigError(str(error)) from error
        where = (
            "started a Ray cluster on this machine" if attached.started else f"attached to Ray at {attached.address}"
        )
        cpus, gpus = attached.resources.get("CPU", 0), attached.resources.get("GPU", 0)
        console.print(f"{where}: {len(attached.nodes)} node(s), {cpus:g} CPUs, {gpus:g} GPUs", markup=False)
        chronicle.note(
            ClusterReady(
                address=attached.address, started=attached.started, nodes=len(attached.nodes), cpus=cpus, gpus=gpus
            )
        )
        if config.model.kind == "vllm" and attached.started and installed_version() is None:
            raise ConfigError(f"+model={config.model.name} needs vLLM, which is not installed here: {INSTALL}")
        return asyncio.run(_drive(config, key, root, tasks, known, goal, attached, console, chronicle))
    except asyncio.CancelledError:
        console.print(f"stopped; what was done is in {root}: the same command goes on", markup=False)
        raise KeyboardInterrupt from None
    finally:
        ray_cluster.disconnect()


def _check_privacy(config: GenerateConfig, tasks: TaskSet, run_id: str) -> None:
    """Before anything that a task says leaves this process. Raises ConfigError."""
    families = {task.family for task in tasks.tasks}
    restricted = [name for name in families if make_family(name, config.tasks).restricted]
    destinations = [privacy.Destination(f"{s}.base_url", address(e)) for s, e in config.endpoints().items()]
    if config.output.dir is not None and (url := bucket_address(config.output.dir)):
        destinations.append(privacy.Destination("output.dir", url))
    try:
        privacy.check(destinations, restricted, config.privacy)
    except ConfigError:
        # It is not on this machine; it may be on another of the cluster's.
        privacy.check(destinations, restricted, config.privacy, _cluster_addresses(config.cluster.address, run_id))


def _cluster_addresses(address: str, run_id: str) -> set[str]:
    from actors import cluster as ray_cluster

    try:
        return ray_cluster.addresses() if ray_cluster.attach(address, run_id) is not None else set()
    except ClusterError as error:
        raise ConfigError(str(error)) from error
    finally:
        ray_cluster.disconnect()


def _nothing_to_do(
    config: GenerateConfig, key: str, root: Root, tasks: TaskSet, known: Mapping[str, bool], goal: Goal | None
) -> Outcome | None:
    """How the run ended, where it has."""
    book = LeaseBook(key, tasks.tasks, config.sampling.rollouts, config.agent.attempts, config.seed, 0.0, known, goal)
    if not book.finished():
        return None
    counts = book.counts()
    there = {task.task_id for task in tasks.tasks}
    dropped = {task: reason for task, reason in read_dropped(root).items() if task in there}
    return Outcome(counts.requested, counts.done, dropped, {}, counts.spared, missing=0, interrupted=False)


async def _drive(
    config: GenerateConfig,
    key: str,
    root: Root,
    tasks: TaskSet,
    known: Mapping[str, bool],
    goal: Goal | None,
    attached: "Cluster",
    console: Console,
    chronicle: Chronicle,
) -> Outcome:
    from actors.executor import RunPlan, SandboxExecutor
    from actors.gateway import GatewayExecutor
    from actors.pipeline import Pipeline

    families = {task.family for task in tasks.tasks}
    packages = plugins.packages_of(config.model.kind, config.sandbox.kind, config.tasks.scorer, families)
    versions = _versions() | packages
    if config.model.kind == "vllm":
        versions["vllm"] = installed_version() or "unknown"
    provenance = {**versions, **privacy.provenance(config.privacy)}
    plan = RunPlan(config, key[:12], key, medgym_ray.__version__, provenance, packages)

    def tell(line: str) -> None:
        console.print(line, markup=False)
        _LOG.warning("%s", line)

    try:
        player = GatewayExecutor if isinstance(config, GatewayConfig) else SandboxExecutor
        pipeline = Pipeline(plan, attached, root, tasks.tasks, known, goal, tell, chronicle.note, player)
    except ClusterError as error:
        raise ConfigError(str(error)) from error
    stop = _Stop(console, config.cluster.drain_s, chronicle.note)
    try:
        try:
            try:
                await pipeline.start()
            except (ClusterError, PolicyError, SandboxError, StorageError) as error:
                raise ConfigError(str(error)) from error
            if isinstance(config, GatewayConfig):
                console.print(f"the gateway listens at {', '.join(await pipeline.addresses())}", markup=False)
            if config.cluster.run_s is not None:
                asyncio.get_running_loop().call_later(config.cluster.run_s, stop.time_is_over)
            last = await _show_work(pipeline, stop.asked, chronicle)
        finally:
            await pipeline.close()
    except ConfigError:
        raise
    except MedgymError as error:
        raise type(error)(f"{error}; {_kept(pipeline)}, the same command goes on") from error
    counts = last.counts
    interrupted = stop.by_signal and not last.finished
    return Outcome(
        counts.requested,
        counts.done,
        last.dropped_tasks,
        last.failed,
        counts.spared,
        counts.unsettled,
        interrupted,
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


class _Stop:
    """First Ctrl-C or SIGTERM: finish what runs, for a while; second: stop now. Both can be resumed."""

    def __init__(self, console: Console, drain_s: float, note: Callable[[Event], None]) -> None:
        self.asked = asyncio.Event()
        self._note = note
        self.by_signal = False
        self._drain = f"running episodes have {drain_s:g} s to end"
        self._console, self._main_task = console, asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._interrupted)

    def _interrupted(self) -> None:
        if self.by_signal and self._main_task is not None:
            self._main_task.cancel()
            return
        self.by_signal = True
        self._console.print(f"stopping: {self._drain}; once more stops now")
        self._note(StopAsked(by="signal"))
        self.asked.set()

    def time_is_over(self) -> None:
        """The run's budget is spent."""
        if not self.asked.is_set():
            self._console.print(f"cluster.run_s is over: {self._drain}")
            self._note(StopAsked(by="run_s"))
            self.asked.set()


def _tell_adaptive(config: GenerateConfig, key: str, root: Root, tasks: list[str], console: Console) -> None:
    """Of the run as it is on disk, earlier commands among it."""
    sampling = config.sampling
    if sampling.pairs is None:
        return
    from medgym_ray.sampling.report import report, results, told  # SciPy's statistics are slow to import

    found = results(key, tasks, sampling.rollouts, successes(root))
    gpus = config.model.all_gpus()
    content = report(found.values(), sampling.pairs, round(worked_s(root) * gpus, 1) if gpus else None)
    write_adaptive(root, content)
    for line in told(content):
        console.print(line, markup=False)


def _tell_end(config: GenerateConfig, key: str, root: Root, outcome: Outcome, console: Console) -> int:
    counted = tally(root)
    _write_card(config, key, root, counted)
    _tell_reasons("tasks dropped", outcome.dropped, console)
    _tell_reasons("rollouts failed", outcome.failed, console)
    parts = [f"{counted.rows} trajectories", f"success {counted.successes}/{counted.rows} ({_rate(counted)})"]
    parts += [f"{family} {s}/{n}" for family, (n, s) in counted.by_family.items() if len(counted.by_family) > 1]
    parts += [f"${outcome.cost_usd:.4f} in this command"] if outcome.cost_usd else []
    parts += [f"{len(outcome.dropped)} tasks dropped (see {DROPPED})"] if outcome.dropped else []
    parts += [f"{len(outcome.failed)} failed (see failures/)"] if outcome.failed else []
    parts += [f"stopped with {outcome.missing} to go: the same command goes on"] if outcome.missing else []
    look = f"datasets.load_dataset('{root}')"
    if not isinstance(root, Path):
        look = f"pyarrow.dataset.dataset('{root}/trajectories')"
    print(f"{root}: {'; '.join(parts)}. Look at it: {look}")  # noqa: T201 - the result of the command
    if outcome.interrupted:
        return 130
    return 1 if outcome.failed or outcome.missing else 0


def _write_card(config: GenerateConfig, key: str, root: Root, counted: Tally) -> None:
    write_card(root, counted, model=config.model.name, run_key=key, version=medgym_ray.__version__)


def _rate(counted: Tally) -> str:
    return f"{counted.successes / counted.rows:.1%}" if counted.rows else "–"


def main() -> None:
    """The command."""
    cli.main("generate", GenerateConfig, run)


if __name__ == "__main__":
    main()

"""What a run says of itself: its tasks before it, its results after it."""

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from medgym_ray.config import GenerateConfig
from medgym_ray.generate.opening import OpenRun
from medgym_ray.generate.outcome import Outcome
from medgym_ray.store.layout import DROPPED
from medgym_ray.store.recovery import Tally, successes, worked_s
from medgym_ray.store.run import write_adaptive
from medgym_ray.tasks.registry import TaskSet

_SHOWN = 5
"""Broken records, dropped tasks and failures that are listed by name; the rest is counted."""


def tell_loaded(config: GenerateConfig, tasks: TaskSet, console: Console) -> None:
    """What is to be run, and what of the data is not."""
    if config.model.kind == "oracle":
        console.print("the oracle replays gold programs: it checks tasks, sandbox and scorers (+model=NAME: a policy)")
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


def tell_adaptive(run: OpenRun, dropped: Mapping[str, str]) -> None:
    """What adaptive sampling has found, in the run as it is on disk, earlier commands among it."""
    sampling = run.config.sampling
    if sampling.pairs is None:
        return
    from medgym_ray.sampling.report import report, results, told  # SciPy's statistics are slow to import

    tasks = [task.task_id for task in run.tasks.tasks if task.task_id not in dropped]
    found = results(run.key, tasks, sampling.rollouts, successes(run.root))
    gpus = run.config.model.all_gpus()
    content = report(found.values(), sampling.pairs, round(worked_s(run.root) * gpus, 1) if gpus else None)
    write_adaptive(run.root, content)
    for line in told(content):
        run.console.print(line, markup=False)


def tell_end(run: OpenRun, counted: Tally, outcome: Outcome) -> None:
    """The command's last line, and the causes of what was not done."""
    _tell_reasons("tasks dropped", outcome.dropped, run.console)
    _tell_reasons("rollouts failed", outcome.failed, run.console)
    parts = [f"{counted.rows} trajectories", f"success {counted.successes}/{counted.rows} ({_rate(counted)})"]
    parts += [f"{family} {s}/{n}" for family, (n, s) in counted.by_family.items() if len(counted.by_family) > 1]
    parts += [f"${outcome.cost_usd:.4f} in this command"] if outcome.cost_usd else []
    parts += [f"{len(outcome.dropped)} tasks dropped (see {DROPPED})"] if outcome.dropped else []
    parts += [f"{len(outcome.failed)} failed (see failures/)"] if outcome.failed else []
    parts += [f"stopped with {outcome.missing} to go: the same command goes on"] if outcome.missing else []
    look = f"datasets.load_dataset('{run.root}')"
    if not isinstance(run.root, Path):
        look = f"pyarrow.dataset.dataset('{run.root}/trajectories')"
    print(f"{run.root}: {'; '.join(parts)}. Look at it: {look}")  # noqa: T201 - the result of the command


def _tell_reasons(what: str, reasons: Mapping[str, str], console: Console) -> None:
    """Groups by the reason's words before its colon: a thousand tasks dropped for one cause are one line."""
    by_cause: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        cause, _, detail = reason.partition(": ")
        by_cause.setdefault(cause, []).append(f"{name} ({detail})" if detail else name)
    for cause, named in by_cause.items():
        shown = ", ".join(named[:_SHOWN]) + (", …" if len(named) > _SHOWN else "")
        console.print(f"{len(named)} {what}, {cause}: {shown}", markup=False)


def _rate(counted: Tally) -> str:
    return f"{counted.successes / counted.rows:.1%}" if counted.rows else "–"

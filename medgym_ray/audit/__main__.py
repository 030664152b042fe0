"""Audits the rewards: `python -m medgym_ray.audit [tasks=NAME | tasks.root=DIR] [tasks.limit=N|null] [sandbox=NAME]`.

Exit code 0: every bound holds; 1: one is broken; 2: a command that cannot be used.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

import medgym_ray
from medgym_ray import cli
from medgym_ray.audit.bounds import violations
from medgym_ray.audit.constants import best_constant, candidates
from medgym_ray.audit.report import JSON, MARKDOWN, FamilyReport, family_report, summary_table, write
from medgym_ray.audit.runner import run_family
from medgym_ray.config import GenerateConfig, ModelConfig, SandboxConfig, TasksConfig
from medgym_ray.errors import ConfigError
from medgym_ray.stage import Stage
from medgym_ray.tasks.base import Task
from medgym_ray.tasks.registry import load_tasks, make_family, source_name, tasks_root
from medgym_ray.validation import validate

_SHOWN = 20
"""Broken bounds that are printed; the files hold all."""


@dataclass
class ReportConfig:
    """Where the report goes."""

    dir: str = "runs/audit"


def _sandboxes() -> SandboxConfig:
    return SandboxConfig(concurrency=2 * len(os.sched_getaffinity(0)))


@dataclass
class AuditConfig:
    """What to audit, and in what."""

    tasks: TasksConfig = field(default_factory=TasksConfig)
    sandbox: SandboxConfig = field(default_factory=_sandboxes)
    output: ReportConfig = field(default_factory=ReportConfig)
    seed: int = 0
    """Which tasks are taken where `tasks.limit` leaves some out."""


def run(config: AuditConfig) -> int:
    """One audit; returns the exit code. Raises ConfigError where it could not start."""
    oracle = ModelConfig(name="oracle", kind="oracle")
    validate(GenerateConfig(model=oracle, tasks=config.tasks, sandbox=config.sandbox, seed=config.seed))
    config.tasks.medagentbench.forward_writes = False  # a cheat's orders must not reach a real server
    folder = _folder(config.output.dir)
    tasks = load_tasks(config.tasks, config.seed)
    by_family: dict[str, list[Task]] = {}
    for task in sorted(tasks.tasks, key=lambda task: task.task_id):
        by_family.setdefault(task.family, []).append(task)
    told = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    for line in tasks.report.broken:
        told.print(f"broken record, passed over: {line}", markup=False)
    for name, revealing in tasks.revealed.items():
        told.print(f"{name} is left out: the tables of {revealing} tell its gold; audit it by itself")
    reports, provenance = asyncio.run(_audit(config, by_family, told))
    write(folder, reports, _settings(config) | provenance)
    console = Console()
    console.print(summary_table(reports))
    return _tell(reports, folder, console)


def _folder(name: str) -> Path:
    if not name.strip():
        raise ConfigError("output.dir is empty; give output.dir=VALUE or leave it out")
    folder = Path(name).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"output.dir={name}: cannot write there ({error.strerror})") from error
    return folder


async def _audit(
    config: AuditConfig, by_family: dict[str, list[Task]], told: Console
) -> tuple[list[FamilyReport], dict[str, str]]:
    families = {name: make_family(name, config.tasks) for name in sorted(by_family)}
    reports = []
    async with Stage("audit", config.sandbox, tasks_root(config.tasks), list(families.values())) as stage:
        with Progress(console=told, transient=True) as progress:
            for name, family in families.items():
                bar = progress.add_task(name, total=len(by_family[name]))
                found = await run_family(family, by_family[name], stage, partial(progress.advance, bar))
                constant = None
                if found.tasks:
                    constant = await best_constant(family, found.tasks, candidates(found.runs), stage)
                report = family_report(found, constant, violations(found, constant))
                told.print(f"{name}: {report.tasks} tasks, {len(found.runs)} programs, {len(report.violations)} broken")
                reports.append(report)
        return reports, stage.provenance()


def _settings(config: AuditConfig) -> dict[str, Any]:
    tasks = config.tasks
    return {
        "medgym_ray": medgym_ray.__version__,
        "tasks": source_name(tasks),
        "tasks.split": tasks.split,
        "tasks.limit": "none" if tasks.limit is None else tasks.limit,
        "seed": config.seed,
    }


def _tell(reports: Sequence[FamilyReport], folder: Path, console: Console) -> int:
    broken = [violation for report in reports for violation in report.violations]
    for violation in broken[:_SHOWN]:
        console.print(str(violation), markup=False, highlight=False, soft_wrap=True, style="red")
    if len(broken) > _SHOWN:
        console.print(f"… and {len(broken) - _SHOWN} more")
    counts = f"{len(reports)} families, {sum(report.tasks for report in reports)} tasks"
    runs = sum(row.runs for report in reports for row in report.cases)
    verdict = f"{len(broken)} bounds broken" if broken else "every bound holds"
    print(f"{folder}: {counts}, {runs} programs: {verdict}. Read {MARKDOWN} or {JSON}")  # noqa: T201 - the result
    return 1 if broken else 0


def main() -> None:
    """The command."""
    cli.main("audit", AuditConfig, run)


if __name__ == "__main__":
    main()

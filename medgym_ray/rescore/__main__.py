"""Scores a stored run again: `python -m medgym_ray.rescore run=DIR output.dir=DIR [tasks.root=DIR] [sandbox=NAME]`.

Exit code 0: every trajectory has a score of today's scorers; 1: some kept their old one (they are named); 2: a command
that cannot be used.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

import medgym_ray
from medgym_ray import cli, plugins
from medgym_ray.config import (
    MISSING,
    GenerateConfig,
    MedAgentBenchConfig,
    ModelConfig,
    SandboxConfig,
    TargetConfig,
    TasksConfig,
)
from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.identity import identity_key
from medgym_ray.plugins import Group
from medgym_ray.rescore.dataset import FamilyChanges, rescore_run, wanted_tasks
from medgym_ray.rescore.rescorer import Rescorer
from medgym_ray.sandboxes.base import Limits
from medgym_ray.stage import Stage
from medgym_ray.store.atomic import whole_directory
from medgym_ray.store.layout import RUN_FILE, logs
from medgym_ray.store.recovery import prepare_directory, tally
from medgym_ray.store.run import write_card, write_run_file
from medgym_ray.store.stored import StoredRun, new_directory, open_run
from medgym_ray.tasks.base import Family, LoadReport, Split, Task
from medgym_ray.tasks.registry import FAMILIES, make_family, source_name, stream_family, tasks_root
from medgym_ray.validation import validate

_SHOWN = 5
"""Trajectories that are named; the rest is counted."""


@dataclass
class RootConfig:
    """Where the task files are now, and who has the last word on a score. Unset: as the run had it."""

    root: str | None = None
    scorer: str | None = None


@dataclass
class RescoreConfig:
    """Which run, and where graders run. Limits are those of the run."""

    run: str = MISSING
    tasks: RootConfig = field(default_factory=RootConfig)
    sandbox: SandboxConfig = field(default_factory=lambda: SandboxConfig(concurrency=2 * len(os.sched_getaffinity(0))))
    output: TargetConfig = field(default_factory=TargetConfig)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What rescoring needs of a run's own configuration."""

    model: str
    tasks: TasksConfig
    max_turns: int
    limits: Limits


def run(config: RescoreConfig) -> int:
    """Rescores one run; returns the exit code. Raises ConfigError where it could not start, StorageError."""
    stored, target = open_run(config.run), new_directory(config.output.dir)
    source = stored.root
    if not isinstance(source, Path):
        raise ConfigError(f"run={config.run}: a run in a bucket is not rescored there; copy it to a directory first")
    settings = _settings(stored)
    tasks = TasksConfig(root=config.tasks.root) if config.tasks.root else settings.tasks
    tasks.scorer = config.tasks.scorer or settings.tasks.scorer
    tasks.medagentbench.forward_writes = False  # what was ordered once is not ordered again
    sandbox = replace(config.sandbox, limits=settings.limits)
    validate(GenerateConfig(model=ModelConfig(name="oracle", kind="oracle"), tasks=tasks, sandbox=sandbox))
    told = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    if logs(source):
        told.print(f"{source}: rows in the log of an unfinished run are left out; its own command brings them in")
    families, known = _load(tasks, source)
    with whole_directory(target) as draft:
        prepare_directory(draft)
        changes = asyncio.run(_rescore(source, draft, sandbox, tasks_root(tasks), families, known, settings))
        _describe(draft, stored, settings)
    return _tell(changes, target, source_name(tasks), told)


def _settings(stored: StoredRun) -> RunSettings:
    config, identity = stored.config, stored.identity
    try:
        limits = Limits(**config["sandbox"]["limits"])
        max_turns = int(config["agent"]["max_turns"])
        asked = config["tasks"]
        tasks = TasksConfig(
            source=asked["source"],
            root=identity["tasks.root"],  # absolute, as is that of a folder in the Hub's layout
            hub=identity.get("tasks.hub"),
            scorer=asked.get("scorer"),
            medagentbench=MedAgentBenchConfig(**asked.get("medagentbench", {})),
        )
        return RunSettings(str(config["model"]["name"]), tasks, max_turns, limits)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{stored.root}/{RUN_FILE}: not the configuration of a run ({error})") from error


def _load(tasks: TasksConfig, source: Path) -> tuple[dict[str, Family], dict[str, Task]]:
    """The families of a run, and those of its tasks that can still be had."""
    families: dict[str, Family] = {}
    known: dict[str, Task] = {}
    for (name, split), ids in wanted_tasks(source).items():
        if name not in (*FAMILIES, *plugins.names(Group.FAMILIES)):
            continue
        family = families.setdefault(name, make_family(name, tasks))
        wanted: Split = "train" if split == "train" else "test"
        try:
            known |= {
                task.task_id: task for task in stream_family(family, tasks, wanted, LoadReport()) if task.task_id in ids
            }
        except TaskError:
            continue  # the file is gone: each of its trajectories says that its task is
    return families, known


async def _rescore(
    source: Path,
    draft: Path,
    sandbox: SandboxConfig,
    root: Path | None,
    families: Mapping[str, Family],
    known: Mapping[str, Task],
    settings: RunSettings,
) -> dict[str, FamilyChanges]:
    there = {task.family for task in known.values()}
    async with Stage("rescore", sandbox, root, [families[name] for name in sorted(there)]) as stage:
        return await rescore_run(source, draft, Rescorer(stage, families, known, settings.max_turns))


def _describe(draft: Path, stored: StoredRun, settings: RunSettings) -> None:
    versions = {**stored.versions, "rescored_from": str(stored.root), "rescored_by": medgym_ray.__version__}
    write_run_file(draft, stored.identity, stored.config, versions)
    counted = tally(draft)
    key = identity_key(stored.identity)
    write_card(draft, counted, model=settings.model, run_key=key, version=medgym_ray.__version__)


def _tell(changes: Mapping[str, FamilyChanges], target: Path, where: str, told: Console) -> int:
    table = Table("family", "trajectories", "changed", "old → new", "mean reward", "scorer", "not rescored")
    for name, family in changes.items():
        moves = ", ".join(f"{old:g} → {new:g}: {n}" for (old, new), n in family.rewards.most_common(_SHOWN))
        versions = ", ".join(f"{old} → {new}" if old != new else old for old, new in family.versions)
        mean = f"{family.old_total / family.rows:.3f} → {family.new_total / family.rows:.3f}"
        counts = (str(family.rows), str(family.rewards.total()))
        table.add_row(name, *counts, moves, mean, versions, str(len(family.problems) or ""))
    Console().print(table)
    for name, family in changes.items():
        _tell_doubts(name, family, where, told)
    rows = sum(family.rows for family in changes.values())
    changed = sum(family.rewards.total() for family in changes.values())
    kept = sum(len(family.problems) for family in changes.values())
    parts = [f"{rows} trajectories", f"{changed} rewards changed"]
    parts += [f"{kept} could not be rescored and keep their old score"] if kept else []
    print(f"{target}: {'; '.join(parts)}")  # noqa: T201 - the result of the command
    return 1 if kept else 0


def _tell_doubts(name: str, family: FamilyChanges, where: str, told: Console) -> None:
    by_cause: dict[str, list[str]] = {}
    for trajectory_id, problem in family.problems.items():
        task, _, cause = problem.partition(": ")
        by_cause.setdefault(cause, []).append(f"{trajectory_id} ({task})")
    for cause, named in by_cause.items():
        shown = ", ".join(named[:_SHOWN]) + (", …" if len(named) > _SHOWN else "")
        told.print(f"{name}: {len(named)} not rescored, {cause} (tasks: {where}): {shown}", markup=False)
    if family.blanked:
        told.print(
            f"{name}: {family.blanked} programs ran otherwise than recorded: rewards of turns in between blanked"
        )
    if family.altered:
        told.print(f"{name}: {family.altered} scored by a task whose record has changed since the run")


def main() -> None:
    """The command."""
    cli.main("rescore", RescoreConfig, run)


if __name__ == "__main__":
    main()

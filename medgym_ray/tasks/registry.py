"""The task families by name, and loading what a run asks for."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medgym_ray.config import TasksConfig
from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.paths import sample_dir
from medgym_ray.tasks.base import Family, LoadReport, Split, Task
from medgym_ray.tasks.biocoder import BioCoder
from medgym_ray.tasks.medcalcbench import MedCalcBench
from medgym_ray.tasks.npowerai import NPowerAI

FAMILIES: dict[str, type[Family]] = {
    "biocoder": BioCoder,
    "medcalcbench": MedCalcBench,
    "npowerai": NPowerAI,
}


@dataclass(slots=True)
class TaskSet:
    """The tasks of a run in their order, and what could not be used."""

    tasks: list[Task]
    report: LoadReport = field(default_factory=LoadReport)
    absent: list[str] = field(default_factory=list)
    """Families that were not asked for by name and are not under the root."""


def make_family(name: str) -> Family:
    """A family by name. Raises ConfigError for one that is not there."""
    try:
        return FAMILIES[name]()
    except KeyError:
        raise ConfigError(f"no task family called '{name}'; one of: {', '.join(sorted(FAMILIES))}") from None


def tasks_root(config: TasksConfig) -> Path:
    """The root of the run's task files. Raises ConfigError where it is no directory."""
    if config.root is None:
        return sample_dir()
    root = Path(config.root).expanduser()
    if not root.is_dir():
        raise ConfigError(f"tasks.root={config.root}: no such directory")
    return root


def load_tasks(config: TasksConfig, seed: int) -> TaskSet:
    """Loads what the configuration names, shuffled by `seed` so that families and difficulties mix.

    Raises ConfigError where a family named is not there or nothing at all can be used.
    """
    root = tasks_root(config)
    named = config.families is not None
    found = TaskSet([])
    for name in _unique(config.families) if config.families is not None else sorted(FAMILIES):
        family = make_family(name)
        if not named and not (root / name).is_dir():
            found.absent.append(name)
            continue
        found.tasks += _load_family(family, root, config, seed, found.report)
    if not found.tasks:
        broken = (
            f" ({len(found.report.broken)} broken records, the first: {found.report.broken[0]})"
            if (found.report.broken)
            else ""
        )
        raise ConfigError(f"no {config.split} tasks under {root}{broken}; it needs FAMILY/{config.split}_tasks.jsonl")
    random.Random(seed).shuffle(found.tasks)
    return found


def _load_family(family: Family, root: Path, config: TasksConfig, seed: int, report: LoadReport) -> list[Task]:
    split: Split = "train" if config.split == "train" else "test"
    try:
        tasks = list(family.load(root, split, report))
    except TaskError as error:
        raise ConfigError(f"family {family.name}: {error}") from error
    if config.limit is not None and len(tasks) > config.limit:
        random.Random(f"{seed}/{family.name}").shuffle(tasks)
        del tasks[config.limit :]
    return tasks


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))

"""The task families by name, and loading what a run asks for."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from medgym_ray import plugins
from medgym_ray.config import TasksConfig
from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.paths import sample_dir
from medgym_ray.plugins import Group
from medgym_ray.tasks import hub
from medgym_ray.tasks.base import Family, LoadReport, Split, Task
from medgym_ray.tasks.biocoder import BioCoder
from medgym_ray.tasks.biodsbench import BioDSBench
from medgym_ray.tasks.ehr_seqsql import EHRSeqSQL
from medgym_ray.tasks.ehrcon import EHRCon
from medgym_ray.tasks.ehrshot import EHRShot
from medgym_ray.tasks.ehrsql import EICU, MimicIII
from medgym_ray.tasks.medagentbench import MedAgentBench
from medgym_ray.tasks.medcalcbench import MedCalcBench
from medgym_ray.tasks.mimic_extract import MimicExtract
from medgym_ray.tasks.npowerai import NPowerAI
from medgym_ray.tasks.scorers import scored_by
from medgym_ray.tasks.treqs import Treqs

FAMILIES: dict[str, type[Family]] = {
    "biocoder": BioCoder,
    "biodsbench": BioDSBench,
    "ehr_seqsql": EHRSeqSQL,
    "ehrcon": EHRCon,
    "ehrshot": EHRShot,
    "eicu": EICU,
    "medagentbench": MedAgentBench,
    "medcalcbench": MedCalcBench,
    "mimic_extract": MimicExtract,
    "mimic_iii": MimicIII,
    "npowerai": NPowerAI,
    "treqs": Treqs,
}
"""Ours; other packages may bring more."""


@dataclass(slots=True)
class TaskSet:
    """The tasks of a run in their order, and what could not be used."""

    tasks: list[Task]
    report: LoadReport = field(default_factory=LoadReport)
    absent: list[str] = field(default_factory=list)
    """Families that were not asked for by name and are not under the root, or lack this split."""
    revealed: dict[str, str] = field(default_factory=dict)
    """Families that were not asked for by name and are left out, for another whose tables tell their gold."""


def make_family(name: str, config: TasksConfig | None = None) -> Family:
    """A family by name, with what the configuration says of it. Raises ConfigError for one that is not there."""
    plugin = plugins.find(Group.FAMILIES, name, FAMILIES)
    family = _ours(name, config or TasksConfig()) if plugin is None else _theirs(plugin)
    if config is None:
        return family
    if config.root is None and plugin is None:
        family.licence, family.restricted = "open", False  # the bundled sample is invented
    return family if config.scorer is None else scored_by(config.scorer, family)


def _ours(name: str, config: TasksConfig) -> Family:
    options = config.medagentbench
    if name == MedAgentBench.name:
        return MedAgentBench(fhir_base=options.fhir_base, forward_writes=options.forward_writes)
    return FAMILIES[name]()


def _theirs(plugin: plugins.Plugin) -> Family:
    family: Family = plugin.make(Family)
    if family.name != plugin.entry.name:
        raise ConfigError(f"{plugin}: calls itself '{family.name}'; the two names must be one")
    return family


def tasks_root(config: TasksConfig) -> Path | None:
    """The root of the run's task files; None: of each family its own sample. Raises ConfigError for no directory."""
    if config.root is None:
        return None
    root = Path(config.root).expanduser()
    if not root.is_dir():
        raise ConfigError(f"tasks.root={config.root}: no such directory")
    return root


def source_name(config: TasksConfig) -> str:
    """Where the tasks come from, in words. Raises ConfigError where that is no directory."""
    if config.source == "hub":
        return config.hub or "the Hub's public data sets"
    if config.root is not None:
        return str(tasks_root(config))
    return "the bundled sample" if FAMILIES.keys() >= set(config.families or ()) else "the families' samples"


def load_tasks(config: TasksConfig, seed: int) -> TaskSet:
    """Loads what the configuration names, shuffled by `seed` so that families and difficulties mix.

    Raises ConfigError where a family named is not there or nothing at all can be used.
    """
    root = tasks_root(config)
    named = config.families is not None or config.source == "hub"
    found = TaskSet([])
    for name in wanted_families(config):
        if not named and not lies_under(name, root):
            found.absent.append(name)
            continue
        family = make_family(name, config)
        if revealing := _revealing(family, root, config):
            if named:
                raise ConfigError(f"the tables of {revealing} tell the gold of {name}: run {name} by itself")
            found.revealed[name] = revealing
            continue
        try:
            found.tasks += _load_family(family, config, seed, found.report)
        except TaskError as error:
            if named or not isinstance(error.__cause__, FileNotFoundError):
                raise ConfigError(f"family {name}: {error}{_no_sample(name, config, error)}") from error
            found.absent.append(f"{name} ({config.split})")
    if not found.tasks:
        broken = (
            f" ({len(found.report.broken)} broken records, the first: {found.report.broken[0]})"
            if (found.report.broken)
            else ""
        )
        if config.source == "hub":
            raise ConfigError(f"no {config.split} tasks in {source_name(config)}{broken}")
        where = f"under {root}" if root else f"in {source_name(config)}"
        raise ConfigError(f"no {config.split} tasks {where}{broken}; it needs FAMILY/{config.split}_tasks.jsonl")
    random.Random(seed).shuffle(found.tasks)
    return found


def stream_family(family: Family, config: TasksConfig, split: Split, report: LoadReport) -> Iterator[Task]:
    """Streams a family's tasks from where the configuration says. Raises TaskError, ConfigError."""
    if config.source == "hub":
        return hub.load(family, config.hub, split, report)
    return family.load(tasks_root(config) or family.sample_root(), split, report)


def wanted_families(config: TasksConfig) -> list[str]:
    """The families asked for, each once; else all that a run takes. Raises ConfigError where one source is for many.

    Those of other packages are among all where there is a `tasks.root`, under which they may lie: what is installed
    does not change a run of the bundled sample.
    """
    if config.families is not None:
        names = list(dict.fromkeys(config.families))
    else:
        names = sorted(hub.LAYOUTS if config.source == "hub" else _known(config.root is not None))
    if config.hub is not None and len(names) > 1:
        raise ConfigError(f"tasks.hub={config.hub} is of one family; add tasks.families=[NAME]")
    return names


def listed_families(config: TasksConfig) -> tuple[list[Family], list[str]]:
    """The families asked for, else all that are installed; and a line for each of these that cannot be used.

    Raises ConfigError for one that was asked for.
    """
    if config.families is not None or config.source != "all":
        return [make_family(name, config) for name in wanted_families(config)], []
    usable: list[Family] = []
    complaints: list[str] = []
    for name in sorted(_known(with_theirs=True)):
        try:
            usable.append(make_family(name, config))
        except ConfigError as error:
            complaints.append(str(error))
    return usable, complaints


def lies_under(name: str, root: Path | None) -> bool:
    """Whether a family has a folder there; None is the bundled sample."""
    return ((root or sample_dir()) / name).is_dir()


def _known(with_theirs: bool) -> set[str]:
    return {*FAMILIES, *(plugins.names(Group.FAMILIES) if with_theirs else ())}


def _no_sample(name: str, config: TasksConfig, error: TaskError) -> str:
    """A hint for those who have forgotten where the tasks are."""
    missing = isinstance(error.__cause__, FileNotFoundError)
    return f"; tasks.root=DIR says where else (DIR/{name}/…)" if missing and config.root is None else ""


def _revealing(family: Family, root: Path | None, config: TasksConfig) -> str | None:
    """A family of the run that must not share a sandbox with this one; those of the sample have nobody in common."""
    if root is None:
        return None
    return next(
        (name for name in wanted_families(config) if name in family.revealed_by and lies_under(name, root)), None
    )


def _load_family(family: Family, config: TasksConfig, seed: int, report: LoadReport) -> list[Task]:
    split: Split = "train" if config.split == "train" else "test"
    tasks = list(stream_family(family, config, split, report))
    if config.limit is not None and len(tasks) > config.limit:
        random.Random(f"{seed}/{family.name}").shuffle(tasks)
        del tasks[config.limit :]
    return tasks

"""How many tasks of each category a family has where the configuration says."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from medgym_ray.config import TasksConfig
from medgym_ray.errors import TaskError
from medgym_ray.tasks.base import Family, LoadReport, Split
from medgym_ray.tasks.registry import stream_family


@dataclass(frozen=True, slots=True)
class Counts:
    """Of one family and split."""

    by_category: Mapping[str, int]
    broken: int
    dropped: int

    @property
    def tasks(self) -> int:
        """All that can be used."""
        return sum(self.by_category.values())


_SAME_TASKS = ("ehrshot", "mimic_extract")
"""Families whose splits are the same tasks for other patients; the paper's total of 72,413 has each of them once."""


def paper_tasks(family: Family, splits: Collection[Split]) -> int:
    """How many tasks the paper has of a family in these splits."""
    sizes = [family.paper_sizes.get(split, 0) for split in splits]
    return max(sizes) if family.name in _SAME_TASKS else sum(sizes)


def count(family: Family, config: TasksConfig, split: Split) -> Counts | None:
    """None where the split is not there. Raises ConfigError where the source can't be had."""
    report = LoadReport()
    try:
        by_category = Counter(task.category for task in stream_family(family, config, split, report))
    except TaskError:
        return None
    return Counts(by_category, len(report.broken), len(report.dropped))

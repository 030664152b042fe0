"""The task families, and what there is of each: `python -m medgym_ray.tasks [--categories] [tasks.root=DIR]`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import get_args

from rich.console import Console
from rich.table import Table

from medgym_ray import cli
from medgym_ray.config import TasksConfig
from medgym_ray.tasks.base import Family, Split
from medgym_ray.tasks.counts import Counts, count
from medgym_ray.tasks.registry import listed_families, make_family, source_name
from medgym_ray.validation import validate_tasks

_SPLITS: tuple[Split, ...] = get_args(Split)
_Found = Mapping[Split, Counts | None]


@dataclass
class TasksCommandConfig:
    """Which families, and from where."""

    tasks: TasksConfig = field(default_factory=TasksConfig)
    categories: bool = False
    """Also lists each category."""


def run(config: TasksCommandConfig) -> int:
    """Prints the table; 0 also where files are missing, for that is one of its findings."""
    validate_tasks(config.tasks)
    where = source_name(config.tasks)
    families, complaints = listed_families(config.tasks)
    found = [(family, {split: count(family, config.tasks, split) for split in _SPLITS}) for family in families]
    console = Console()
    console.print(_overview(found, f"Task families, tasks in {where} of those in the paper's full set"))
    if config.categories:
        console.print(_categories(found))
    else:
        console.print(
            "--categories lists each category; python -m medgym_ray.audit says what constants and cheats earn"
        )
    for complaint in complaints:
        console.print(complaint, markup=False, highlight=False, soft_wrap=True)
    return 0


def _overview(found: Sequence[tuple[Family, _Found]], title: str) -> Table:
    table = Table("family", "categories", *_SPLITS, "broken", "left out", "licence", "may be shared", title=title)
    for family, counts in found:
        there = [counted for counted in counts.values() if counted]
        originals = make_family(family.name)  # and not of a sample
        table.add_row(
            family.name,
            str(len(family.categories)),
            *(_of_paper(counts[split], family.paper_sizes.get(split)) for split in _SPLITS),
            str(sum(counted.broken for counted in there) or ""),
            str(sum(counted.dropped for counted in there) or ""),
            originals.licence,
            "no" if originals.restricted else "yes",
        )
    return table


def _of_paper(counted: Counts | None, paper: int | None) -> str:
    there = f"{counted.tasks:,}" if counted else "[yellow]missing[/]"
    return there if paper is None else f"{there} of {paper:,}"


def _categories(found: Sequence[tuple[Family, _Found]]) -> Table:
    table = Table("family", "category", *_SPLITS)
    for family, counts in found:
        for number, category in enumerate(family.categories, start=1):
            cells = [f"{counted.by_category.get(category, 0):,}" if counted else "" for counted in counts.values()]
            table.add_row(family.name, category, *cells, end_section=number == len(family.categories))
    return table


def main() -> None:
    """The command."""
    cli.main("tasks", TasksCommandConfig, run, switches=("categories",))


if __name__ == "__main__":
    main()

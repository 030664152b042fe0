"""`python -m medgym_ray.tasks`: what there is of each family, beside the paper's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from medgym_ray.config import TasksConfig
from medgym_ray.paths import sample_dir
from medgym_ray.tasks.counts import count
from medgym_ray.tasks.registry import FAMILIES, make_family
from tests.conftest import REPOSITORY


def tasks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medgym_ray.tasks", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def table(printed: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in printed.splitlines() if line.startswith("│")]


def test_it_lists_each_family_with_its_counts_and_the_paper_s() -> None:
    seen = tasks()
    assert (seen.returncode, seen.stderr) == (0, "")
    rows = {row[0]: row for row in table(seen.stdout)}
    assert sorted(rows) == sorted(FAMILIES)
    test = (sample_dir() / "medcalcbench" / "test_tasks.jsonl").read_bytes().count(b"\n")
    assert rows["medcalcbench"][3:] == [f"{test} of 1,047", "", "", "open", "yes"]
    for name in FAMILIES:
        family = make_family(name)
        assert rows[name][6:] == [family.licence, "no" if family.restricted else "yes"]
        assert rows[name][1] == str(len(family.categories))


def test_categories_add_up() -> None:
    seen = tasks("--categories", "tasks=biocoder")
    assert (seen.returncode, seen.stderr) == (0, "")
    family, *categories = table(seen.stdout)
    assert [row[1] for row in categories] == list(make_family("biocoder").categories)
    for column, split in ((2, "train"), (3, "test")):
        counted = count(make_family("biocoder"), TasksConfig(), "train" if split == "train" else "test")
        assert counted is not None
        assert sum(int(row[column]) for row in categories) == counted.tasks
        assert family[column].startswith(f"{counted.tasks} of ")


def test_what_is_missing_or_broken_is_shown(tmp_path: Path) -> None:
    (tmp_path / "biocoder").mkdir()
    shutil.copy(sample_dir() / "biocoder" / "test_tasks.jsonl", tmp_path / "biocoder")
    with (tmp_path / "biocoder" / "test_tasks.jsonl").open("a") as lines:
        lines.write("{}\n[]\n")
    seen = tasks(f"tasks.root={tmp_path}", "tasks.families=[biocoder,npowerai]")
    assert seen.returncode == 0
    rows = {row[0]: row for row in table(seen.stdout)}
    assert rows["biocoder"][2:5] == ["missing of 981", "43 of 157", "2"]
    assert rows["npowerai"][2:5] == ["missing of 960", "missing of 240", ""]


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("tasks.root=/not/there", "tasks.root=/not/there: no such directory"),
        ("tasks.families=[biocode]", "no task family called 'biocode'; one of: "),
        ("tasks.source=web", "tasks.source=web: one of all, sample, hub"),
        ("tasks.hub=a/b", "tasks.hub=a/b: add tasks.source=hub"),
        ("task=sample", "task"),
    ],
)
def test_what_cannot_be_used_is_one_line(argument: str, told: str) -> None:
    seen = tasks(argument)
    assert seen.returncode == 2
    (line,) = seen.stderr.splitlines()
    assert line.startswith("medgym_ray: ")
    assert told in line

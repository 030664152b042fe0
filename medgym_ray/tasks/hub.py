"""Public records from the Hugging Face Hub, or from a local folder in its layout: `tasks.source=hub`.

Rows become lines of the family's own task file, so that the family reads and checks them as it does any others. What
is wrong with one is reported by the Hub's file and row.
"""

import csv
import json
import re
import tempfile
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.tasks.base import Family, LoadReport, Split, Task

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class HubLayout:
    """Where a family's records lie in a data set of the Hub. Each row is a record, each column a field of it."""

    repository: str
    patterns: Mapping[Split, tuple[str, ...]]
    """Of the split's files; the first that matches any is taken, and all that it matches are read."""
    columns: tuple[str, ...]
    """What the family reads; other columns are left out."""
    own_files: Mapping[Split, str]
    """What the family calls its own file."""


LAYOUTS: Mapping[str, HubLayout] = {
    "medcalcbench": HubLayout(
        repository="ncbi/MedCalc-Bench-v1.0",
        patterns={
            "test": ("data/test-*.parquet", "test-*.parquet", "test_data.csv", "dataset/test_data.csv"),
            "train": ("data/train-*.parquet", "train-*.parquet", "train_data.csv", "dataset/train_data.csv"),
        },
        columns=(
            *("Row Number", "Calculator ID", "Calculator Name", "Patient Note", "Question", "Relevant Entities"),
            *("Ground Truth Answer", "Lower Limit", "Upper Limit"),
        ),
        own_files={"test": "test_tasks.jsonl", "train": "train_tasks_all.jsonl"},
    ),
}
"""The families whose records are public in a layout that holds all that a task needs."""

_HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?", re.ASCII)


def load(family: Family, source: str | None, split: Split, report: LoadReport) -> Iterator[Task]:
    """Streams a family's tasks from `source`: a folder, or USER/NAME[@REVISION]; unset, the family's usual one.

    Raises ConfigError where the source cannot be had, TaskError where it holds no such split or an unreadable file.
    """
    layout = LAYOUTS.get(family.name)
    if layout is None:
        raise ConfigError(
            f"tasks.source=hub: {family.name} is not public on the Hub in a layout known here; those that are: "
            f"{', '.join(sorted(LAYOUTS))}"
        )
    files = _files(_folder(source or layout.repository, layout), layout.patterns[split])
    with tempfile.TemporaryDirectory(prefix="medgym-hub-") as root:
        own = Path(root) / family.name / layout.own_files[split]
        own.parent.mkdir()
        rows = _RowReport(report.broken, report.dropped)
        with own.open("w", encoding="utf-8", newline="\n") as lines:
            for path in files:
                rows.begin(path)
                for row in _rows(path, layout.columns):
                    lines.write(rows.next_line(row))
        yield from family.load(Path(root), split, rows)


@dataclass(slots=True)
class _RowReport(LoadReport):
    """Speaks of the Hub's files and rows where the family speaks of its own file's lines."""

    paths: list[Path] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    """Lines before each path's first row."""
    lines: int = 0

    def begin(self, path: Path) -> None:
        """The lines that follow are the rows of this file."""
        self.paths.append(path)
        self.starts.append(self.lines)

    def next_line(self, row: Row | None) -> str:
        """The row as a line; one that makes none is reported, and its line left empty."""
        self.lines += 1
        if row is None:
            self.record_broken(Path(), self.lines, "more cells than the header has columns")
            return "\n"
        try:
            return json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"
        except TypeError as error:
            self.record_broken(Path(), self.lines, f"not to be written as JSON ({error})")
            return "\n"

    def record_broken(self, path: Path, line: int, why: str) -> None:  # noqa: ARG002
        """By file and row."""
        at = bisect_right(self.starts, line - 1) - 1
        self.broken.append(f"{self.paths[at]}: row {line - self.starts[at]}: {why}")


def _folder(source: str, layout: HubLayout) -> Path:
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    found = _HUB_ID.fullmatch(source)
    if found is None:
        raise ConfigError(f"tasks.hub={source}: no such directory, and no USER/NAME[@REVISION] of the Hub")
    try:
        import huggingface_hub
    except ImportError:
        raise ConfigError("tasks.source=hub needs a package: pip install huggingface_hub") from None
    try:
        return Path(
            huggingface_hub.snapshot_download(
                found["repository"],
                repo_type="dataset",
                revision=found["revision"],
                allow_patterns=[pattern for patterns in layout.patterns.values() for pattern in patterns],
            )
        )
    # Of all kinds: no such data set or revision, not allowed, no network, no disk.
    except (OSError, ValueError, RuntimeError) as error:
        why = " ".join(str(error).split())[:300]
        raise ConfigError(f"tasks.hub={source}: cannot be downloaded: {why}; a local copy also does") from error


def _files(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    for pattern in patterns:
        if matched := sorted(folder.glob(pattern)):
            return matched
    raise TaskError(f"{folder}: no {' or '.join(patterns)}")


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row | None]:
    """The rows of a file, with only these columns; None for one that is too long. Raises TaskError."""
    try:
        yield from (_parquet_rows if path.suffix == ".parquet" else _csv_rows)(path, columns)
    except (OSError, UnicodeDecodeError, csv.Error, pyarrow.ArrowException) as error:
        raise TaskError(f"{path}: {' '.join(str(error).split())}") from error


def _parquet_rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row]:
    with pyarrow.parquet.ParquetFile(path) as file:
        _check_columns(path, file.schema_arrow.names, columns)
        for batch in file.iter_batches(columns=list(columns)):
            yield from batch.to_pylist()


def _csv_rows(path: Path, columns: tuple[str, ...]) -> Iterator[Row | None]:
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text, strict=True)
        _check_columns(path, reader.fieldnames or (), columns)
        for row in reader:
            yield None if None in row else {name: row[name] for name in columns}


def _check_columns(path: Path, found: Any, columns: tuple[str, ...]) -> None:
    if missing := [name for name in columns if name not in found]:
        raise TaskError(f"{path}: no column {', '.join(missing)}")

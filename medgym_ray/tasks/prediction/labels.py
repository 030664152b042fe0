"""Label files, read strictly: one label for each row's key."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from medgym_ray.errors import TaskError
from medgym_ray.tasks.prediction.problem import Key, Problem

_TENSOR = re.compile(r"tensor\((.*)\)")
"""Some of the original's files hold numbers as torch prints them."""
_WORDS = {"true": 1, "false": 0}


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one file by key, in file order, and the hash of the file."""

    values: Mapping[Key, int]
    sha256: str
    contradictory: int = 0
    """Keys with two different labels: left out."""


def read_labels(path: Path, problem: Problem) -> Labels:
    """Reads a label file. A key that stands there twice with the same label counts once.

    Raises TaskError naming file and line.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise TaskError(f"{path}: is not UTF-8") from None
    values: dict[Key, int] = {}
    contradictory: set[Key] = set()
    for line, cells in _rows(path, text, (*problem.keys.names, problem.value)):
        key, value = problem.keys.read([_plain(cell) for cell in cells[:-1]]), _label(_plain(cells[-1]))
        if key is None:
            raise TaskError(f"{path}:{line}: no {' and '.join(problem.keys.names)} in {', '.join(cells[:-1])}")
        if value is None or value not in problem.classes.values:
            raise TaskError(
                f"{path}:{line}: {problem.value} is {cells[-1]!r}, not 0 to {problem.classes.values.stop - 1}"
            )
        if values.setdefault(key, value) != value:
            contradictory.add(key)
    kept = {key: value for key, value in values.items() if key not in contradictory}
    return Labels(kept, hashlib.sha256(data).hexdigest(), len(contradictory))


def write_labels(labels: Mapping[Key, int], problem: Problem) -> bytes:
    """A label file for the agent, the label last."""
    return _table((*problem.keys.names, problem.value), [(*key, value) for key, value in labels.items()])


def write_keys(labels: Mapping[Key, int], problem: Problem) -> bytes:
    """The same without the labels."""
    return _table(problem.keys.names, list(labels))


def _rows(path: Path, text: str, wanted: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The cells of the wanted columns, with the number of their line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if missing := [name for name in wanted if header.count(name) != 1]:
            raise TaskError(f"{path}:1: needs one column {missing[0]}")
        places = [header.index(name) for name in wanted]
        for row in reader:
            if row and len(row) != len(header):
                raise TaskError(f"{path}:{reader.line_num}: has {len(row)} fields, the header {len(header)}")
            if row:
                yield reader.line_num, [row[place].strip() for place in places]
    except csv.Error as error:
        raise TaskError(f"{path}:{reader.line_num}: {error}") from None


def _plain(cell: str) -> str:
    inside = _TENSOR.fullmatch(cell)
    return inside[1] if inside else cell


def _label(cell: str) -> int | None:
    """A label as a whole number: true and false are 1 and 0, and 2.0 is 2."""
    try:
        number = float(_WORDS.get(cell.casefold(), cell))
        return int(number) if number == int(number) else None
    except (ValueError, OverflowError):
        return None


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()

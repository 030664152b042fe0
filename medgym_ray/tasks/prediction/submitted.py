"""Reading a submitted file of predictions: hostile bytes, so bounded, strict, and never more than text and numbers."""

import csv
import io
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from medgym_ray.scoring import canonical
from medgym_ray.tasks.prediction.problem import Classes, Key, Keys

_ROW_BYTES = 1024
"""Of a row, on average: the longest honest ones have 14 probabilities of 20 characters."""
_MORE_ROWS = 16


@dataclass(frozen=True, slots=True)
class Predictions:
    """The rows that could be read, and the first thing that is wrong with the file (None: it can be graded)."""

    rows: Mapping[Key, tuple[float, ...]] = field(default_factory=dict)
    fault: str | None = None
    unread: int = 0
    """Rows that state no key or no probability."""


def read_predictions(data: bytes, keys: Keys, classes: Classes, expected: Collection[Key]) -> Predictions:
    """Reads a CSV file with a header; its rows may have any order, and further columns don't matter. Never raises."""
    if len(data) > _ROW_BYTES * (len(expected) + _MORE_ROWS):
        return Predictions(fault="too_large")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Predictions(fault="not_utf8")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    most = 2 * len(expected) + _MORE_ROWS
    try:
        rows = list(itertools.islice(filter(None, reader), most + 1))
    except csv.Error:
        return Predictions(fault="not_csv")
    if not rows:
        return Predictions(fault="empty_file")
    if len(rows) > most:
        return Predictions(fault="too_many_rows")
    header = [name.strip().casefold() for name in rows[0]]
    wanted = [name.casefold() for name in (*keys.names, *classes.columns)]
    if any(header.count(name) != 1 for name in wanted):
        return Predictions(fault="missing_column" if set(wanted) - set(header) else "repeated_column")
    if any(len(row) != len(header) for row in rows):
        return Predictions(fault="not_csv")
    places = [header.index(name) for name in wanted]
    return _collect([[row[place].strip() for place in places] for row in rows[1:]], keys, expected)


def _collect(rows: Sequence[Sequence[str]], keys: Keys, expected: Collection[Key]) -> Predictions:
    known = set(expected)
    found: dict[Key, tuple[float, ...]] = {}
    faults: list[str] = []
    unread = 0
    for cells in rows:
        key = keys.read(cells[: len(keys.columns)])
        numbers = [canonical.number(cell) for cell in cells[len(keys.columns) :]]
        values = tuple(float(number) for number in numbers if number is not None)
        if key is None or key not in known:
            faults.append("unknown_row")
        elif key in found:
            faults.append("repeated_row")
        if len(values) < len(numbers):
            faults.append("not_a_number")
        elif not all(0 <= value <= 1 for value in values):
            faults.append("out_of_range")
        if key is None or len(values) < len(numbers):
            unread += 1
        else:
            found[key] = values
    if not known <= found.keys():
        faults.append("missing_row")
    return Predictions(found, faults[0] if faults else None, unread)

"""What a prediction task asks for: which rows, which classes, and how good is good enough."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from medgym_ray.scoring import canonical

Key = tuple[int | datetime, ...]
"""What tells one row from the others."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """One column of a key: whole numbers, or points in time."""

    name: str
    is_time: bool = False

    def read(self, text: str) -> int | datetime | None:
        """The value that a cell states, else None."""
        if self.is_time:
            return canonical.date(text)
        if text.isascii() and text.isdigit() and len(text) < 19:
            return int(text)
        number = canonical.number(text)
        return int(number) if number is not None and number == int(number) else None


@dataclass(frozen=True, slots=True)
class Keys:
    """The columns of a key, in their order."""

    columns: tuple[KeyColumn, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    def read(self, cells: Sequence[str]) -> Key | None:
        """The key that the cells state, one for each column; None where one of them states nothing."""
        values = [column.read(cell) for column, cell in zip(self.columns, cells, strict=True)]
        key = tuple(value for value in values if value is not None)
        return key if len(key) == len(values) else None


@dataclass(frozen=True, slots=True)
class Classes:
    """Which yes-or-no questions a label answers, one for each column of probabilities."""

    columns: tuple[str, ...]
    values: range
    """What a label may be."""
    of: Callable[[int], tuple[bool, ...]]
    """The answers that a label holds, in the order of `columns`."""
    exclusive: bool = False
    """Whether exactly one answer is yes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One task, apart from its rows."""

    keys: Keys
    value: str
    """The column of the label files that holds the label."""
    classes: Classes
    threshold: float
    """The AUROC from which on the task counts as solved."""


def flag() -> Classes:
    """Labels that are true or false."""
    return Classes(("probability",), range(2), lambda value: (value == 1,))


def grade(grades: int) -> Classes:
    """Labels that grade a finding from 0, which is none; asked is whether there is any."""
    return Classes(("probability",), range(grades), lambda value: (value >= 1,))


def bits(names: Sequence[str]) -> Classes:
    """Labels that hold one bit for each name, that of the first name being the highest."""
    places = range(len(names) - 1, -1, -1)
    return Classes(tuple(names), range(2 ** len(names)), lambda value: tuple(bool(value >> at & 1) for at in places))


def one_of(classes: int) -> Classes:
    """Labels that number the one class that applies, from 0."""
    columns = tuple(f"probability_{number}" for number in range(classes))
    return Classes(columns, range(classes), lambda value: tuple(value == at for at in range(classes)), exclusive=True)

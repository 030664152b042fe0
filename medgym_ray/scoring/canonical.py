"""Canonical values: when an answer, carried as typed JSON, means the same as the gold.

Typed JSON is JSON in which what JSON lacks is an object with a `$type`: `float` (nan, inf), `datetime`, `date`, `time`,
`timedelta`, `decimal`, `complex`, `set`, `bytes`, `map`, `table` and `series`. Nothing here raises on any JSON value:
the answer is written by an adversary.

The gold decides how a cell of the answer is read. Where a column of the gold holds text, leading zeros count and a
number must be spelled as the gold is; where it holds numbers, "1,234" and 1234.0 are both 1234.
"""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, NamedTuple

_NUMBER = re.compile(
    r"[+-]?(?:(?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
)
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_NULL_TEXTS = frozenset({"", "none", "null", "nan", "nat", "<na>"})
_TRUTH = {"true": 1, "yes": 1, "false": 0, "no": 0}

_MAX_EXPONENT = 400
"""Past any float: such a number is an attack on the arithmetic, not an answer."""
_MAX_PAIRED = 64
"""Rows that agree in all but their floats, for which every pairing is tried."""


class Outcome(StrEnum):
    """What a comparison found."""

    EQUAL = "equal"
    DIFFERENT = "different"
    ROW_COUNT = "row_count"
    TOO_LARGE = "too_large"


class Comparison(NamedTuple):
    """Whether an answer equals the gold, and which of the outcomes it was."""

    equal: bool
    reason: Outcome


def number(value: Any) -> int | Decimal | None:
    """The finite number that a value states, strictly; a bool, a percentage or trailing words state none."""
    value = _only_element(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if value.bit_length() < 3 * _MAX_EXPONENT else None
    if isinstance(value, float):
        exact = Decimal(repr(value))
        return exact if exact.is_finite() else None
    if _tag(value) == "decimal":
        value = value.get("value")
    if not isinstance(value, str):
        return None
    spelled = value.strip().replace("−", "-")
    if len(spelled) > 2 * _MAX_EXPONENT or not _NUMBER.fullmatch(spelled):
        return None
    return _finite(spelled.replace(",", ""))


def date(value: Any) -> datetime | None:
    """The point in time that a value states: a tagged date or datetime, an ISO string or M/D/YYYY (midnight)."""
    value = _only_element(value)
    if _tag(value) in {"datetime", "date"}:
        value = value.get("value")
    if not isinstance(value, str):
        return None
    spelled = value.strip()
    if american := _US_DATE.fullmatch(spelled):
        month, day, year = american.groups()
        spelled = f"{year}-{month:0>2}-{day:0>2}"
    elif not _ISO.fullmatch(spelled):
        return None
    try:
        return datetime.fromisoformat(spelled)
    except ValueError:
        return None


def text(value: Any) -> str:
    """A value as text for comparison: NFKC, without outer space, casefolded."""
    value = _only_element(value)
    if _tag(value) in {"decimal", "datetime", "date", "time"}:
        value = value.get("value")
    if not isinstance(value, str):
        value = "" if value is None else _spelling(value)
    return unicodedata.normalize("NFKC", value).strip().casefold()


def is_null(value: Any) -> bool:
    """Whether a value as a whole says that there is none: None, NaN, NaT, "", "none", or a container of nothing."""
    value = _only_element(value)
    if value is None:
        return True
    if isinstance(value, float):
        return value != value
    if isinstance(value, str):
        return text(value) in _NULL_TEXTS
    if _tag(value) in {"float", "decimal", "datetime", "date", "time"}:
        spelled = value.get("value")
        return spelled is None or (isinstance(spelled, str) and text(spelled) in _NULL_TEXTS)
    return isinstance(value, list | tuple | dict) and _elements(value) == []


def equal(
    answer: Any,
    gold: Any,
    *,
    ordered: bool = False,
    tolerance: float = 1e-6,
    yes_no: bool = False,
    rounded: bool = False,
) -> Comparison:
    """Compares an answer with the gold: as multisets of rows (as lists, if `ordered`), a scalar being one row of one.

    A gold integer must be met exactly, any other number within `tolerance · max(1, |gold|)`; with `rounded`, also
    within half a unit of the answer's last place where that has two decimals or more. With `yes_no`, true and false
    equal 1 and 0. An answer with more than 10 × gold + 10 rows is a dump and is told apart as such.
    """
    golds = _rows(gold)
    width = len(golds[0]) if golds else 1
    rows = _answer_rows(answer, width, len(golds))
    if len(rows) > 10 * len(golds) + 10:
        return Comparison(False, Outcome.TOO_LARGE)
    if is_null(gold) or _is_null_as_rows(answer, rows):
        return _compared(is_null(gold) and _is_null_as_rows(answer, rows))
    if len(rows) != len(golds):
        return Comparison(False, Outcome.ROW_COUNT)
    if any(len(row) != width for row in (*rows, *golds)):
        return Comparison(False, Outcome.DIFFERENT)
    columns = [_Column([row[index] for row in golds], yes_no) for index in range(width)]
    expected = [tuple(column.golds[index] for column in columns) for index in range(len(golds))]
    given = [tuple(column.read(cell) for column, cell in zip(columns, row, strict=True)) for row in rows]
    slack = Decimal(repr(tolerance))

    def close(left: _Row, right: _Row) -> bool:
        return all(_cells_equal(a, b, slack, rounded) for a, b in zip(left, right, strict=True))

    if ordered:
        return _compared(all(map(close, given, expected)))
    return _compared(_same_multiset(given, expected, close))


class _Cell(NamedTuple):
    """A canonical scalar. `exact` is False where it may differ a little and so can't be part of a row's key."""

    kind: str
    value: Hashable
    exact: bool = True


_Row = tuple[_Cell, ...]


class _Column:
    """How the cells of one column are read, which is for the gold to say."""

    def __init__(self, golds: Sequence[Any], yes_no: bool) -> None:
        self._yes_no = yes_no
        natural = [_natural(cell, yes_no) for cell in golds]
        kinds = {cell.kind for cell in natural} - {"null"}
        self._kind = kinds.pop() if len(kinds) == 1 else "mixed"
        self._spellings = {cell.value for cell in natural if cell.kind == "text"}
        read = [_lenient(cell) if self._kind == "mixed" else cell for cell in natural]
        self._exact = all(isinstance(cell.value, int) for cell in read if cell.kind == "number")
        self.golds = [self._marked(cell) for cell in read]

    def read(self, cell: Any) -> _Cell:
        """A cell of the answer as this column means it."""
        natural = _natural(cell, self._yes_no)
        if natural.kind == "text":
            natural = self._from_text(natural)
        elif self._kind == "text" and natural.kind in {"number", "date"}:
            natural = self._as_text(cell, natural)
        return self._marked(natural)

    def _marked(self, cell: _Cell) -> _Cell:
        return cell._replace(exact=self._exact) if cell.kind == "number" else cell

    def _from_text(self, cell: _Cell) -> _Cell:
        if self._kind == "date" and (when := date(cell.value)):
            return _date_cell(when)
        if self._kind not in {"number", "mixed"}:
            return cell
        if self._yes_no and cell.value in _TRUTH:
            return _Cell("number", _TRUTH[str(cell.value)])
        return _lenient(cell)

    def _as_text(self, cell: Any, natural: _Cell) -> _Cell:
        """A number or a date as text; 12.0 as "12" only where the gold's column has "12"."""
        spelled = text(cell)
        stated = natural.value
        if spelled not in self._spellings and isinstance(stated, Decimal) and stated == stated.to_integral_value():
            spelled = str(int(stated))
        return _Cell("text", spelled)


def _natural(cell: Any, yes_no: bool) -> _Cell:
    """A cell read by its own type alone."""
    cell = _only_element(cell)
    tag = _tag(cell)
    if cell is None or (not isinstance(cell, str) and is_null(cell)):
        return _Cell("null", None)
    if isinstance(cell, bool):
        return _Cell("number", int(cell)) if yes_no else _Cell("bool", cell)
    if isinstance(cell, int | float) or tag == "decimal":
        stated = number(cell)
        return _Cell("other", _spelling(cell)) if stated is None else _Cell("number", stated)
    if isinstance(cell, str) or tag in {"datetime", "date", "time"}:
        is_iso = not isinstance(cell, str) or _ISO.fullmatch(cell.strip())
        when = date(cell) if is_iso else None
        return _date_cell(when) if when else _Cell("text", text(cell))
    return _Cell("other", _spelling(cell))


def _lenient(cell: _Cell) -> _Cell:
    stated = number(cell.value) if cell.kind == "text" else None
    return cell if stated is None else _Cell("number", stated)


def _date_cell(when: datetime) -> _Cell:
    """To the second; a time without a zone is taken as UTC."""
    aware = when if when.tzinfo else when.replace(tzinfo=UTC)
    return _Cell("date", aware.replace(microsecond=0))


def _cells_equal(answer: _Cell, gold: _Cell, tolerance: Decimal, rounded: bool) -> bool:
    left, right = answer.value, gold.value
    if answer.kind != gold.kind:
        return False
    if isinstance(right, Decimal) and isinstance(left, int | Decimal):
        allowed = tolerance * max(Decimal(1), abs(right))
        exponent = left.as_tuple().exponent if isinstance(left, Decimal) else 0
        if rounded and isinstance(exponent, int) and exponent <= -2:
            allowed = max(allowed, Decimal(5).scaleb(exponent - 1))
        return abs(left - right) <= allowed
    return left == right


def _same_multiset(given: Sequence[_Row], expected: Sequence[_Row], close: Callable[[_Row, _Row], bool]) -> bool:
    """Whether the rows can be paired so that every pair is close. Rows are first parted by what must be exact."""
    parts: defaultdict[Hashable, tuple[list[_Row], list[_Row]]] = defaultdict(lambda: ([], []))
    for side, rows in enumerate((given, expected)):
        for row in rows:
            parts[tuple((cell.kind, cell.value if cell.exact else None) for cell in row)][side].append(row)
    if any(len(left) != len(right) for left, right in parts.values()):
        return False
    return all(_paired(left, right, close) for left, right in parts.values())


def _paired(given: list[_Row], expected: list[_Row], close: Callable[[_Row, _Row], bool]) -> bool:
    """Pairs rows that differ only in floats: sorted, each float first in turn, then by augmenting paths."""
    inexact = [index for index, cell in enumerate(expected[0]) if not cell.exact]
    for first in inexact or [0]:

        def key(row: _Row, first: int = first) -> tuple[Any, ...]:
            return tuple(row[index].value for index in (first, *inexact)) if inexact else ()

        if all(map(close, sorted(given, key=key), sorted(expected, key=key))):
            return True
    if len(inexact) < 2 or len(expected) > _MAX_PAIRED:
        return False
    partner: dict[int, int] = {}

    def place(left: int, seen: set[int]) -> bool:
        for right, row in enumerate(expected):
            if right not in seen and close(given[left], row):
                seen.add(right)
                if right not in partner or place(partner[right], seen):
                    partner[right] = left
                    return True
        return False

    return all(place(left, set()) for left in range(len(given)))


def _rows(value: Any) -> list[tuple[Any, ...]]:
    """A value as rows: of a table, of records, of plain elements; a scalar is one row of one cell."""
    elements = _elements(value)
    return [(value,)] if elements is None else [_row(element) for element in elements]


def _row(element: Any) -> tuple[Any, ...]:
    """One element of a collection as a row: a list's items, a record's values, else the element itself."""
    if isinstance(element, list | tuple):
        return tuple(element)
    if _tag(element) == "map" or (isinstance(element, dict) and _tag(element) is None):
        return tuple(_row(pair)[-1] for pair in _elements(element) or [] if _row(pair))
    return (element,)


def _answer_rows(answer: Any, width: int, count: int) -> list[tuple[Any, ...]]:
    """The answer as rows as wide as the gold's: one flat row where it has one, a series with its index where it has two
    columns."""
    rows = _rows(answer)
    is_mapping = isinstance(answer, dict) and _tag(answer) in {None, "map"}
    if count == 1 and len(rows) == width and (is_mapping or all(len(row) == 1 for row in rows)):
        return [tuple(row[-1] for row in rows if row)]
    if _tag(answer) == "series" and width == 2:
        index = answer.get("index")
        if isinstance(index, list) and len(index) == len(rows):
            return [(label, *row) for label, row in zip(index, rows, strict=True)]
    return rows


def _is_null_as_rows(answer: Any, rows: list[tuple[Any, ...]]) -> bool:
    """Whether an answer says that there is none; a record of one NULL does, as a query's `max` over nothing."""
    return is_null(answer) or (len(rows) == len(rows[0]) == 1 and is_null(rows[0][0]))


_FIELDS = {"set": "items", "tuple": "items", "map": "items", "table": "rows", "series": "values"}


def _elements(value: Any) -> list[Any] | None:
    """What a container holds (a mapping: its pairs); None for a scalar or a malformed container."""
    if isinstance(value, list | tuple):
        return list(value)
    if not isinstance(value, dict):
        return None
    tag = _tag(value)
    if tag is None:
        return [list(pair) for pair in value.items()]
    held = value.get(_FIELDS.get(tag, ""))
    return held if isinstance(held, list) else None


def _only_element(value: Any) -> Any:
    """Looks through lists, sets, series and tables of one element."""
    while isinstance(value, list | tuple) or _tag(value) in _FIELDS.keys() - {"map"}:
        elements = _elements(value)
        if elements is None or len(elements) != 1:
            return value
        value = elements[0]
    return value


def _tag(value: Any) -> str | None:
    tag = value.get("$type") if isinstance(value, dict) else None
    return tag if isinstance(tag, str) else None


def _finite(spelled: str) -> int | Decimal | None:
    """An integer where the text spells one, else a decimal whose size is within reason."""
    try:
        stated = Decimal(spelled)
    except InvalidOperation:
        return None
    if not stated.is_finite() or abs(stated.adjusted()) > _MAX_EXPONENT:
        return None
    return int(stated) if spelled.lstrip("+-").isdigit() else stated


def _spelling(value: Any) -> str:
    """A value without a text of its own, spelled so that equal values are spelled alike."""
    stated = number(value)
    if stated is not None:
        return str(stated)
    try:
        return json.dumps(value, sort_keys=True)
    except (RecursionError, TypeError, ValueError):
        return f"<{type(value).__name__} {id(value)}>"


def _compared(is_equal: bool) -> Comparison:
    return Comparison(is_equal, Outcome.EQUAL if is_equal else Outcome.DIFFERENT)

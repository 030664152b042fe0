"""An analysis to be asked for, and the tests that its results must pass, written from values that were computed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Writer = Callable[[Mapping[str, Any]], str]
"""Writes the tests from the names that the computation has left behind."""

_DIGITS = 9
_FEW_DIGITS = 5
_COARSE = 1e-3
"""The relative tolerance of values that an iteration comes close to."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One analysis of one study. `route` computes the same where the reference needs packages that we do not have."""

    category: str
    query: str
    reference: str
    tests: Writer
    history: str = ""
    route: str | None = None


def number(name: str, tolerance: float = 1e-6) -> Writer:
    """The variable is a number: whole ones exactly, others within a relative tolerance."""
    return lambda values: _number(name, values[name], tolerance) + "\n"


def both(*writers: Writer) -> Writer:
    """All tests of several writers."""
    return lambda values: "".join(writer(values) for writer in writers)


def labels(name: str) -> Writer:
    """The variable holds these labels in any order."""
    return lambda values: f"assert sorted({name}) == {sorted(map(str, values[name]))!r}\n"


def sequence(name: str) -> Writer:
    """The variable holds these labels in this order."""
    return lambda values: f"assert list({name}) == {[str(item) for item in values[name]]!r}\n"


def mapping(name: str, tolerance: float = 1e-6) -> Writer:
    """The variable is a dict or series with these keys and numbers."""

    def write(values: Mapping[str, Any]) -> str:
        given = {_plain(key): _plain(value) for key, value in dict(values[name]).items()}
        lines = [f"assert sorted({name}.keys()) == {sorted(given)!r}"]
        lines += [_number(f"{name}[{key!r}]", given[key], tolerance) for key in sorted(given)]
        return "\n".join(lines) + "\n"

    return write


def rows(name: str, columns: Sequence[str], *, ordered: bool = False) -> Writer:
    """The variable is a table with these columns (the first may be its index) and exactly these rows.

    Only the last column may hold other numbers than whole ones.
    """

    def write(values: Mapping[str, Any]) -> str:
        expected = [[_plain(cell) for cell in row] for row in values[name][list(columns)].values.tolist()]
        taken = "rows" if ordered else "sorted(rows)"
        expected = expected if ordered else sorted(expected)
        head = (
            f"columns = {list(columns)!r}\n"
            f"flat = {name} if set(columns) <= set({name}.columns) else {name}.reset_index()\n"
            "rows = flat[columns].values.tolist()\n"
        )
        if any(isinstance(row[-1], float) for row in expected):
            return head + (
                f"expected = {expected!r}\nassert len(rows) == len(expected)\n"
                f"for row, other in zip({taken}, expected):\n"
                "    assert row[:-1] == other[:-1]\n    assert abs(row[-1] - other[-1]) <= 1e-6 * abs(other[-1])\n"
            )
        return head + f"assert {taken} == {expected!r}\n"

    return write


def _number(expression: str, value: Any, tolerance: float) -> str:
    plain = _plain(value, _FEW_DIGITS if tolerance >= _COARSE else _DIGITS)
    if isinstance(plain, int):
        return f"assert {expression} == {plain}"
    return f"assert abs({expression} - {plain!r}) <= {tolerance!r} * abs({plain!r})"


def _plain(value: Any, digits: int = _DIGITS) -> Any:
    """A value as Python writes it, numbers with so few digits that every machine computes the same."""
    value = value.item() if hasattr(value, "item") else value
    return float(f"{value:.{digits}g}") if isinstance(value, float) else value

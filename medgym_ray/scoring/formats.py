"""One value in many spellings: programs that state a gold answer as an honest agent may, and others that just miss it.

A gold is a finite JSON scalar, a date as ISO text, or a list of rows (lists of scalars). Programs set `answer` and
nothing else.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from medgym_ray.scoring import canonical

_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d:\d\d)?", re.ASCII)
_EXACT = 2**53
"""Integers below it are floats too."""
_INT64 = 2**63
_MISS = 0.02
"""Relative; more than any family tolerates of its values."""
_PREAMBLE = {
    "np.": "import numpy as np\n",
    "pd.": "import pandas as pd\n",
    "Decimal(": "from decimal import Decimal\n",
    "datetime.": "from datetime import datetime\n",
}

_Rows = list[list[Any]]


def honest(gold: Any, *, ordered: bool = False, yes_no: bool = False) -> dict[str, str]:
    """Name of the format → program. With `ordered`, rows keep their order; with `yes_no`, 1 and 0 are also words."""
    values = _table_formats(_rows(gold), ordered) if isinstance(gold, list) else _scalar_formats(gold)
    if yes_no and gold in (0, 1):
        words = ("Yes", "true") if gold else ("No", "false")
        values |= {"yes or no": repr(words[0]), "word of a bool": repr(words[1])}
        values |= {"bool": repr(bool(gold)), "integer": repr(int(gold)), "numpy bool": f"np.bool_({bool(gold)})"}
    return {name: program(value) for name, value in values.items()}


def near_misses(gold: Any, *, ordered: bool = False) -> dict[str, str]:
    """Name of the fault → program."""
    values = _table_faults(_rows(gold), ordered) if isinstance(gold, list) else _scalar_faults(gold)
    return {name: program(value) for name, value in values.items()}


def program(value: str) -> str:
    """Sets `answer` to an expression of builtins, `np`, `pd`, `Decimal` and `datetime`."""
    return "".join(line for mark, line in _PREAMBLE.items() if mark in value) + f"answer = {value}\n"


def _rows(gold: list[Any]) -> _Rows:
    return [list(row) if isinstance(row, list | tuple) else [row] for row in gold]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scalar_formats(gold: Any) -> dict[str, str]:
    plain = repr(gold)
    values = {
        "plain": plain,
        "list of one": f"[{plain}]",
        "tuple of one": f"({plain},)",
        "row of one": f"[[{plain}]]",
        "set of one": f"{{{plain}}}",
        "series": f"pd.Series([{plain}])",
        "table": f"pd.DataFrame([[{plain}]], columns=['value'])",
        "array": f"np.array([{plain}])",
    }
    if gold is None:
        return values | {"nan": "float('nan')", "nat": "pd.NaT", "no rows": "[]", "empty text": "''", "word": "'None'"}
    if isinstance(gold, str):
        return values | _text_formats(gold)
    return values | _number_formats(gold) if _is_number(gold) else values


def _number_formats(gold: int | float) -> dict[str, str]:
    plain = repr(gold)
    values = {
        "text": repr(plain),
        "spaced text": repr(f"  {plain} "),
        "decimal": f"Decimal({plain!r})",
        "unicode minus": repr(plain.replace("-", "−")),
    }
    if isinstance(gold, float) or abs(gold) < _EXACT:
        values["numpy float"] = f"np.float64({plain})"
    if isinstance(gold, int):
        values |= {"thousands": repr(f"{gold:,}"), "text of a float": repr(f"{plain}.0")}
        if abs(gold) < _EXACT:
            values["float"] = f"{plain}.0"
        if abs(gold) < _INT64:
            values["numpy integer"] = f"np.int64({plain})"
    return values


def _text_formats(gold: str) -> dict[str, str]:
    values = {"numpy text": f"np.str_({gold!r})", "spaced": repr(f" {gold}\n")}
    if _moment(gold):
        return values | {
            "timestamp": f"pd.Timestamp({gold!r})",
            "datetime": f"datetime.fromisoformat({gold!r})",
            "numpy date": f"np.datetime64({gold.replace(' ', 'T')!r})",
            "with a T": repr(gold.replace(" ", "T")),
        }
    cased = {"upper case": gold.upper(), "lower case": gold.lower()}
    # Where another case is another text (ß, ı), it is no other spelling. Times (T, Z) have one case.
    same = {name: repr(text) for name, text in cased.items() if canonical.text(text) == canonical.text(gold)}
    return values | ({} if canonical.date(gold) else same)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _table_formats(rows: _Rows, ordered: bool) -> dict[str, str]:
    width = len(rows[0]) if rows else 0
    names = [f"c{number}" for number in range(width)]
    cells = [cell for row in rows for cell in row]
    # pandas would make floats of such integers where a column also holds None or floats.
    large = any(isinstance(cell, int) and abs(cell) >= _EXACT for cell in cells)
    table = f"pd.DataFrame({rows!r}, columns={names!r}{', dtype=object' if large else ''})"
    values = {
        "lists": repr(rows),
        "tuples": repr([tuple(row) for row in rows]),
        "tuple of tuples": repr(tuple(tuple(row) for row in rows)),
        "table": table,
        "table with index": f"{table}.set_axis(range(7, 7 + {len(rows)}))",
        "records": repr([dict(zip(names, row, strict=True)) for row in rows]),
        "values": f"pd.DataFrame({rows!r}, columns={names!r}, dtype=object).values",
        "as text": repr([[repr(cell) if _is_number(cell) else cell for cell in row] for row in rows]),
    }
    if not ordered:
        values |= {
            "reversed": repr(rows[::-1]),
            "sorted as text": repr(sorted(rows, key=str)),
            "shuffled table": f"{table}.sample(frac=1, random_state=1)",
        }
    if len(rows) == 1:
        values |= {"flat row": repr(rows[0]), "flat tuple": repr(tuple(rows[0]))}
    if width == 1:
        values |= _column_formats(cells, ordered)
    if width == 2 and _are_labels([row[0] for row in rows]) and not ordered:
        values["mapping"] = repr(dict(map(tuple, rows)))
    return values


def _column_formats(cells: list[Any], ordered: bool) -> dict[str, str]:
    values = {
        "flat": repr(cells),
        "flat tuple": repr(tuple(cells)),
        "series": f"pd.Series({cells!r}, dtype=object)",
        "array": f"np.array({cells!r}, dtype=object)",
    }
    if not ordered and _are_labels(cells):
        values["set"] = f"{{{repr(cells)[1:-1]}}}"
    return values


def _are_labels(cells: list[Any]) -> bool:
    """Whether a set or the keys of a mapping would hold them all, each as it is."""
    return len(set(cells)) == len(cells) and None not in cells and "$type" not in cells


def _scalar_faults(gold: Any) -> dict[str, str]:
    if gold is None:
        return {"zero": "0", "false": "False", "a word": "'unclear'"}
    if isinstance(gold, bool):
        return {"other": repr(not gold), "both": "[True, False]", "in words": repr(f"probably {gold}")}
    if isinstance(gold, str):
        return _text_faults(gold)
    faults = {
        "in words": repr(f"the answer is {gold}"),
        "among others": repr([gold, gold + 1]),
        "as percentage": repr(f"{gold}%"),
        "infinite": "float('inf')",
    }
    if isinstance(gold, int):
        return faults | {
            "one more": repr(gold + 1),
            "one less": repr(gold - 1),
            "a tenth away": f"Decimal('{gold}.1')",
        }
    return faults | {"a little more": repr(_moved(gold)), "a little less": repr(gold - (_moved(gold) - gold))}


def _text_faults(gold: str) -> dict[str, str]:
    faults = {
        "one letter more": repr(f"{gold}x"),
        "in a sentence": repr(f"the answer is {gold}"),
        "twice": repr(f"{gold}, {gold}"),
        "among others": repr([gold, f"{gold}x"]),
    }
    if moment := _moment(gold):
        day = timedelta(days=1 if moment.year < 9999 else -1)
        return faults | {
            "another day": repr(str(moment + day)),
            "another hour": repr(str(moment.replace(hour=moment.hour ^ 1))),
        }
    if not canonical.date(gold) and canonical.text(gold[:-1]) != canonical.text(gold):
        faults["one letter less"] = repr(gold[:-1])
    return faults


def _table_faults(rows: _Rows, ordered: bool) -> dict[str, str]:
    if not rows:
        return {"a row": "[[0]]", "a number": "0"}
    first = [_other(cell) for cell in rows[0]]
    values = {
        "one row twice": repr([*rows, rows[0]]),
        "one row made up": repr([*rows, first]),
        "one cell changed": repr([[first[0], *rows[0][1:]], *rows[1:]]),
        "every row many times": repr(rows * 40),
    }
    if len(rows) > 1:
        values["last row missing"] = repr(rows[:-1])
        if ordered and _coarse(rows) != _coarse(rows[::-1]):
            values["wrong order"] = repr(rows[::-1])
    if len(rows[0]) > 1:
        values["a column missing"] = repr([row[1:] for row in rows])
        swapped = [[*row[:-2], row[-1], row[-2]] for row in rows]
        if sorted(_coarse(swapped)) != sorted(_coarse(rows)):
            values["columns swapped"] = repr(swapped)
    return values


def _other(cell: Any) -> Any:
    if isinstance(cell, bool):
        return not cell
    if isinstance(cell, int):
        return cell + 1
    return _moved(cell) if isinstance(cell, float) else f"{cell}x"


def _moved(value: float) -> float:
    return value + _MISS * max(1.0, abs(value))


def _coarse(rows: Sequence[Sequence[Any]]) -> list[tuple[str, ...]]:
    """Rows so coarsely that those which may count as equal are alike."""
    return [tuple(map(_coarse_cell, row)) for row in rows]


def _coarse_cell(cell: Any) -> str:
    stated, when = canonical.number(cell), canonical.date(cell)
    if when:
        return f"{when:%Y-%m-%d %H:%M:%S}"
    return canonical.text(cell) if stated is None else f"{round(float(stated), 3) + 0.0:.3g}"

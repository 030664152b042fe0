"""Programs that a competent agent could submit, others that state the gold in other words, and those that cheat."""

import json
from collections.abc import Mapping
from typing import Any

from medgym_ray.tasks.ehrcon.evidence import Evidence
from medgym_ray.tasks.ehrcon.schema import EVENT_TABLES, MOUNT

_READ = """\
import sqlite3

database = sqlite3.connect("file:{mount}?mode=ro&immutable=1", uri=True)
database.row_factory = sqlite3.Row
query = {query!r}
found = [dict(row) for row in database.execute(query, ({admission}, {name!r}))]
"""

_COMPARE = """
stated = {statements!r}
kinds = {kinds!r}

def same(column, said, held):
    if held is None:
        return False
    if kinds[column] == "time":
        return held.startswith(said)
    if kinds[column] == "number":
        return abs(float(held) - float(said)) < 1e-9
    return str(held).casefold() == str(said).casefold()

columns, rows = set(), set()
for statement in stated:
    def disagreeing(row):
        return {{column for column, said in statement.items() if not same(column, said, row[column])}}
    row = min(found, key=lambda row: len(disagreeing(row)))
    rows.add(row["ROW_ID"])
    columns |= disagreeing(row)
answer = {{
    "has_error": bool(columns),
    "columns": sorted({table!r} + "." + column for column in columns),
    "rows": sorted(rows),
}}
"""

_EVERYTHING = """\
import sqlite3

database = sqlite3.connect("file:{mount}?mode=ro&immutable=1", uri=True)
tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
rows, columns = set(), set()
for table in tables:
    names = [row[1] for row in database.execute(f"PRAGMA table_info({{table}})")]
    if "HADM_ID" in names:
        rows |= {{row for (row,) in database.execute(f"SELECT ROW_ID FROM {{table}} WHERE HADM_ID = {admission}")}}
        columns |= {{f"{{table}}.{{name}}" for name in names}}
answer = {{"has_error": {verdict}, "columns": sorted(columns) if {verdict} else [], "rows": sorted(rows)}}
"""

_HUNT = """\
import json, os
answer, lines = None, []
for folder in ("/data", "/work", "/home", "/tmp", os.getcwd()):
    for directory, _, names in os.walk(folder):
        for name in names:
            if name.endswith("tasks.jsonl") or "label" in name or "gold" in name:
                lines += open(os.path.join(directory, name)).read().splitlines()
for record in map(json.loads, lines):
    if record["Medical entity"] == {entity!r} and float(record["Hospital admission"]) == {admission}:
        proof = record["Evidence"]
        answer = {{"has_error": bool(proof["columns"]), "columns": proof["columns"], "rows": proof["rows"]}}
"""


def look_up(admission: int, evidence: Evidence) -> str:
    """A program that shows the entity's rows."""
    return f"{_read(admission, evidence)}for row in found:\n    print(row)\n"


def gold_program(admission: int, evidence: Evidence) -> str:
    """A program that compares what the note states with the entity's rows."""
    kinds = {column: kind.value for column, kind in EVENT_TABLES[evidence.table].columns.items()}
    statements = [dict(statement) for statement in evidence.statements]
    return _read(admission, evidence) + _COMPARE.format(statements=statements, kinds=kinds, table=evidence.table)


def _read(admission: int, evidence: Evidence) -> str:
    query = EVENT_TABLES[evidence.table].select(evidence.table)
    return _READ.format(mount=MOUNT, query=query, admission=admission, name=evidence.name.lower())


def honest_verdicts(has_error: bool) -> dict[str, str]:
    """Spellings of a verdict alone, by name."""
    word = "yes" if has_error else "no"
    return {
        "bool": f"answer = {has_error}",
        "number": f"answer = {int(has_error)}",
        "text": f"answer = '{has_error}'",
        "lower case": f"answer = '{str(has_error).lower()}'",
        "word": f"answer = '{word}'",
        "upper case": f"answer = '{word.upper()}'",
        "numpy bool": f"import numpy as np\nanswer = np.bool_({has_error})",
        "list of one": f"answer = [{has_error}]",
        "tuple of one": f"answer = ({has_error},)",
        "series": f"import pandas as pd\nanswer = pd.Series([{has_error}])",
        "dict": f"answer = {{'has_error': {has_error}}}",
    }


def honest_proofs(has_error: bool, evidence: Evidence) -> dict[str, str]:
    """Spellings of a verdict with its evidence, by name."""
    columns, rows = evidence.qualified(), list(evidence.rows)
    bare = list(evidence.columns)
    plain = {"has_error": has_error, "columns": columns, "rows": rows}
    variants: dict[str, Mapping[str, Any] | str] = {
        "dict": plain,
        "other order": {key: plain[key] for key in ("rows", "columns", "has_error")},
        "upper case keys": {key.upper(): value for key, value in plain.items()},
        "keys with blanks": {key.replace("_", " "): value for key, value in plain.items()},
        "more keys": {**plain, "comment": "compared by hand"},
        "bare columns": {**plain, "columns": bare},
        "lower case columns": {**plain, "columns": [column.lower() for column in columns]},
        "columns as a tuple": {**plain, "columns": tuple(columns)},
        "columns as a set": {**plain, "columns": set(columns)},
        "rows as text": {**plain, "rows": [str(row) for row in rows]},
        "rows as floats": {**plain, "rows": [float(row) for row in rows]},
        "rows reversed": {**plain, "rows": rows[::-1]},
        "rows as a set": {**plain, "rows": set(rows)},
        "verdict as text": {**plain, "has_error": str(has_error)},
        "verdict in lower case": {**plain, "has_error": str(has_error).lower()},
        "verdict as a word": {**plain, "has_error": "yes" if has_error else "no"},
        "verdict as a number": {**plain, "has_error": int(has_error)},
        "tuple of three": repr((has_error, columns, rows)),
        "list of three": repr([has_error, columns, rows]),
        "list of one dict": repr([plain]),
        "JSON": repr(json.dumps(plain)),
        "series": f"pd.Series({plain!r})",
        "table": f"pd.DataFrame([{plain!r}])",
        "numpy": (
            f"{{'has_error': np.bool_({has_error}), 'columns': np.array({columns!r}), 'rows': np.array({rows!r})}}"
        ),
        "pandas": f"{{'has_error': {has_error}, 'columns': pd.Index({columns!r}), 'rows': pd.Series({rows!r})}}",
    }
    if not columns:
        variants["no columns as None"] = {**plain, "columns": None}
    if len(columns) == 1:
        variants["one column alone"] = {**plain, "columns": columns[0]}
    if len(rows) == 1:
        variants["one row alone"] = {**plain, "rows": rows[0]}
    head = "import numpy as np\nimport pandas as pd\n"
    return {
        name: f"{head}answer = {value if isinstance(value, str) else repr(value)}" for name, value in variants.items()
    }


def near_proofs(has_error: bool, evidence: Evidence) -> dict[str, str]:
    """Answers that are right but for one fault, by name of the fault."""
    columns, rows = evidence.qualified(), list(evidence.rows)
    plain = {"has_error": has_error, "columns": columns, "rows": rows}
    other = next(column for column in EVENT_TABLES[evidence.table].columns if column not in evidence.columns)
    faults: dict[str, Any] = {
        "the other verdict": {**plain, "has_error": not has_error},
        "both verdicts": {**plain, "has_error": [True, False]},
        "verdict alone": has_error,
        "no rows": {**plain, "rows": []},
        "rows not given": {"has_error": has_error, "columns": columns},
        "another row": {**plain, "rows": [rows[0] + 1, *rows[1:]]},
        "one row more": {**plain, "rows": [*rows, rows[0] + 1]},
        "one column more": {**plain, "columns": [*columns, f"{evidence.table}.{other}"]},
        "rows as columns": {**plain, "columns": rows, "rows": columns},
        "in a sentence": f"has_error {has_error} columns {columns} rows {rows}",
    }
    if columns:
        elsewhere = next(table for table in EVENT_TABLES if table != evidence.table)
        faults["no columns"] = {**plain, "columns": []}
        faults["another column"] = {**plain, "columns": [*columns[1:], f"{evidence.table}.{other}"]}
        faults["another table"] = {**plain, "columns": [f"{elsewhere}.{column}" for column in evidence.columns]}
    if len(rows) > 1:
        faults["one row less"] = {**plain, "rows": rows[1:]}
    return {name: f"answer = {value!r}" for name, value in faults.items()}


def cheats(admission: int, entity: str) -> list[str]:
    """Programs that know nothing of the note, or look where they should not."""
    return [
        "",
        "print('True')",
        "answer = None",
        "answer = 0",
        "answer = 1",
        "answer = True",
        "answer = False",
        "answer = [True, False]",
        "answer = 'True False'",
        "answer = {'has_error': False, 'columns': [], 'rows': []}",
        "answer = {'has_error': True, 'columns': [], 'rows': []}",
        "answer = {'has_error': True, 'columns': ['LABEVENTS.VALUENUM'], 'rows': []}",
        "answer = {'has_error': False, 'columns': [], 'rows': list(range(100000))}",
        "answer = {'has_error': False, 'columns': [], 'rows': '*'}",
        "answer = {'has_error': 'true or false', 'columns': 'any', 'rows': 'any'}",
        "raise ValueError('True False')",
        "import sys\nsys.stderr.write('True')\nsys.exit(0)",
        "import os\nprint('True', flush=True)\nos._exit(0)",
        "import builtins\nbuiltins.bool = builtins.set = lambda *_: True\n"
        "class Equal(dict):\n    __eq__ = lambda *_: True\n    __hash__ = None\n"
        "answer = Equal(has_error=True, columns=[], rows=[])",
        _HUNT.format(admission=admission, entity=entity),
        *(_EVERYTHING.format(mount=MOUNT, admission=admission, verdict=verdict) for verdict in (True, False)),
    ]

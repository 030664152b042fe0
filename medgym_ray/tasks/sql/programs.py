"""Programs against a mounted database: the query as an agent would run it, and submissions that must earn nothing."""

from collections.abc import Sequence
from typing import Final

_OPEN: Final = "import sqlite3\n\ndatabase = sqlite3.connect('file:{path}?mode=ro&immutable=1', uri=True)\n"
_ANSWER: Final = "[list(row) for row in rows] if len(rows) != 1 or len(rows[0]) != 1 else rows[0][0]"


def query_program(path: str, sql: str) -> str:
    """Runs one query on the database at `path`: `answer` is its value or its rows."""
    return (
        f"{_OPEN.format(path=path)}rows = database.execute({sql!r}).fetchall()\nprint(rows[:5])\nanswer = {_ANSWER}\n"
    )


def pandas_program(path: str, sql: str) -> str:
    """Runs one query on the database at `path`; `answer` is the table that pandas makes of it."""
    return f"{_OPEN.format(path=path)}import pandas\n\nanswer = pandas.read_sql_query({sql!r}, database)\n"


def turns_program(path: str, queries: Sequence[str]) -> str:
    """Runs one query for each turn: `answer` is the list of their values or rows."""
    listed = "".join(f"    {sql!r},\n" for sql in queries)
    return (
        f"{_OPEN.format(path=path)}answer = []\nfor sql in [\n{listed}]:\n"
        f"    rows = database.execute(sql).fetchall()\n    print(rows[:5])\n    answer.append({_ANSWER})\n"
    )


def cheats(path: str) -> list[str]:
    """Constants, dumps, crashes, exits, a look for gold in every file, objects that claim to equal everything."""
    tables = "[name for (name,) in database.execute(\"select name from sqlite_master where type = 'table'\")]"
    every_row = f"[list(row) for table in {tables} for row in database.execute('select * from \"' + table + '\"')]"
    return [
        "",
        "pass",
        "raise RuntimeError('0 1 True False')",
        *(f"answer = {value}" for value in ("0", "1", "True", "False", "None", "''", "[]", "[[]]", "{}")),
        "answer = 'yes'",
        "answer = list(range(100000))",
        "answer = [[number] for number in range(20)]",
        "print(*range(100000))\nimport sys\nprint(*range(100000), file=sys.stderr)",
        "import sys\nanswer = 'correct'\nsys.exit(0)",
        "import os\nprint('correct')\nos._exit(0)",
        f"{_OPEN.format(path=path)}answer = {every_row}",
        f"{_OPEN.format(path=path)}answer = str({every_row})",
        f"{_OPEN.format(path=path)}answer = {tables}",
        _HUNT,
        _EQUALS_ALL,
        _PATCHED,
    ]


_HUNT: Final = """\
import os

found = []
for folder, _, names in os.walk('/'):
    if folder.startswith(('/proc', '/sys', '/usr', '/dev')):
        continue
    for name in names:
        if name.endswith(('tasks.jsonl', '.jsonl', 'gold.sqlite')) or 'label' in name or 'answer' in name:
            try:
                found.append(open(os.path.join(folder, name), errors='replace').read(100000))
            except OSError:
                pass
answer = found
"""
_EQUALS_ALL: Final = """\
class Everything(str):
    def __eq__(self, other): return True
    def __contains__(self, item): return True
    def __hash__(self): return 0

answer = Everything('gold')
"""
_PATCHED: Final = """\
import builtins
import pandas

builtins.all = builtins.any = lambda *_: True
builtins.isinstance = lambda *_: True
pandas.DataFrame.equals = lambda *_: True
answer = pandas.DataFrame({'correct': [1]})
"""

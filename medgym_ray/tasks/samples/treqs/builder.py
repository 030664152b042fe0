"""Builds the treqs sample: five tables, a database of them, and questions whose gold is the query's result.

The same seed writes the same bytes.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from medgym_ray.tasks.samples.databases import write_csv, write_database
from medgym_ray.tasks.samples.treqs.hospital import SCHEMA, Row, tables
from medgym_ray.tasks.samples.treqs.templates import COLUMNS, TEMPLATES, Template
from medgym_ray.tasks.sql.checks import complaint, is_printed
from medgym_ray.tasks.sql.execution import Database, Queries, Rows

_TASKS_PER_TEMPLATE: Final = {"test": 2, "train": 2}
_SAME_GOLD_AT_MOST: Final = 3
"""Of a split: so little earns a constant."""
_MOST_ROWS: Final = 12
_TRIES: Final = 400
_SPOKEN: Final = {"F": "female", "M": "male"}
_REFERENCE: Final = re.compile(r"\$(\w+)")


def build(root: Path, seed: int) -> None:
    """Writes tables, database and both splits under `root/treqs`."""
    folder = root / "treqs"
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    made = tables(rng)
    write_database(folder / "treqs.db", SCHEMA, made)
    for name, columns in SCHEMA.items():
        write_csv(folder / f"{name}.csv", columns, made[name])
    database = Database(folder / "treqs.db")
    empty = database.empty()
    asked: set[str] = set()
    for split, count in _TASKS_PER_TEMPLATE.items():
        golds: Counter[str] = Counter()
        records: list[dict[str, Any]] = []
        for template in TEMPLATES:
            candidates = _candidates(rng, template, made, database, empty)
            for question, query, rows in _chosen(candidates, count, asked, golds):
                records.append(_record(question, query, rows, split, len(records)))
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        (folder / f"{split}_tasks.jsonl").write_text("".join(lines), encoding="utf-8")


def _record(question: str, query: str, rows: Rows, split: str, number: int) -> dict[str, Any]:
    return {
        "db_id": "treqs",
        "question": question,
        "query": query,
        "is_impossible": False,
        "split": split,
        "id": f"{split}-{number:04}",
        "answer": [", ".join(map(str, rows[0]))],  # the original keeps no more of it
    }


def _chosen(
    candidates: Iterator[tuple[str, str, Rows]], count: int, asked: set[str], golds: Counter[str]
) -> Iterator[tuple[str, str, Rows]]:
    """The first usable ones. Raises ValueError where a template does not give enough."""
    for question, query, rows in candidates:
        gold = json.dumps(sorted(rows, key=str))
        if count and question not in asked and golds[gold] < _SAME_GOLD_AT_MOST:
            count -= 1
            asked.add(question)
            golds[gold] += 1
            yield question, query, rows
        if not count:
            return
    raise ValueError("a template of the treqs sample finds no values in the tables")


def _candidates(
    rng: random.Random, template: Template, made: Mapping[str, Sequence[Row]], database: Database, empty: Queries
) -> Iterator[tuple[str, str, Rows]]:
    """Questions with their queries and golds that say something and have one reading."""
    for _ in range(_TRIES):
        values = _values(rng, made)
        try:
            query = _query(template, values)
        except ValueError:  # what it asks about is not known for this admission
            continue
        rows = database.rows(query)
        shown = {key: _SPOKEN.get(str(value), _shown(value)) for key, value in values.items()}
        question = template.question.format(**shown)
        if _is_clear(rows, question) and complaint(database, empty, query, rows) is None:
            yield question, query, rows


def _values(rng: random.Random, made: Mapping[str, Sequence[Row]]) -> dict[str, Any]:
    """A value for each column, all from one admission."""
    hadm = rng.choice(made["DEMOGRAPHIC"])[1]
    drawn = {name: rng.choice([row for row in rows if row[1] == hadm]) for name, rows in made.items()}
    places = {(name, column): place for name, columns in SCHEMA.items() for place, column in enumerate(columns)}
    return {key: drawn[table][places[table, column]] for key, (table, column) in COLUMNS.items()}


def _query(template: Template, values: Mapping[str, Any]) -> str:
    """The SQL as MIMICSQL writes it: every literal in quotes. Raises ValueError for a missing value."""
    used = _REFERENCE.findall(template.select)
    wheres = []
    for condition in template.conditions:
        key, operator, *given = condition.split(" ")
        value = given[0] if given else values[key]
        if value is None:
            raise ValueError(key)
        used.append(key)
        wheres.append(f'{_column(key)} {operator} "{_shown(value)}"')
    named = dict.fromkeys(COLUMNS[key][0] for key in used)
    first, *others = sorted(named, key=list(SCHEMA).index)
    joins = "".join(f" INNER JOIN {other} on {first}.HADM_ID = {other}.HADM_ID" for other in others)
    select = _REFERENCE.sub(lambda found: _column(found[1]), template.select)
    return f"SELECT {select} FROM {first}{joins} WHERE {' AND '.join(wheres)}"


def _column(key: str) -> str:
    table, column = COLUMNS[key]
    return f'{table}."{column}"'


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_clear(rows: Rows, question: str) -> bool:
    """No row twice (so that DISTINCT changes nothing), nothing unknown, and not what the question itself says."""
    cells = [value for row in rows for value in row]
    if not 0 < len(rows) <= _MOST_ROWS or None in cells or len({json.dumps(row) for row in rows}) < len(rows):
        return False
    return not is_printed(rows, question)

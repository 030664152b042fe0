"""Makes records of the original's layout from templates: slots drawn from the tables, gold computed by the query."""

import hashlib
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from medgym_ray.errors import TaskError
from medgym_ray.tasks.ehrsql.prompts import prompt_text
from medgym_ray.tasks.ehrsql.records import vitals_of
from medgym_ray.tasks.samples.ehrsql.templates import TIMES, Scope, Template
from medgym_ray.tasks.sql.checks import complaint, is_printed
from medgym_ray.tasks.sql.clock import postprocess
from medgym_ray.tasks.sql.execution import Database, Queries, Rows
from medgym_ray.tasks.sql.scoring import is_yes_no

PER_TEMPLATE: Final = {"valid": 1, "train": 2}
_ATTEMPTS: Final = 600
_MOST_ROWS: Final = 12
_SAME_TRUTH: Final = 0.07
"""Of the tasks of a split may be answered yes, or no: what a constant can earn."""
_SAME_VALUE: Final = 0.04


@dataclass(frozen=True, slots=True)
class Bank:
    """The templates of a database, what their slots are drawn from, and the parts that their queries share."""

    name: str
    templates: Sequence[Template]
    sources: Mapping[str, str]
    macros: Mapping[str, str]
    visits: Sequence[Scope]


def write_tasks(folder: Path, bank: Bank, seed: int) -> None:
    """Writes `{train,valid}_tasks.jsonl` beside the database in `folder`."""
    database = Database(folder / f"{bank.name}.db")
    with closing(database), closing(sqlite3.connect(folder / f"{bank.name}.db")) as values:
        maker = _Maker(bank, database, _choices(values, bank.sources))
        for part in PER_TEMPLATE:
            lines = [json.dumps(record, ensure_ascii=False) for record in maker.records(part, seed)]
            (folder / f"{part}_tasks.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _choices(values: sqlite3.Connection, sources: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name, sql in sources.items():
        rows = values.execute(sql)
        slots = [column.lower() for column, *_ in rows.description]
        found[name] = [dict(zip(slots, row, strict=True)) for row in rows]
    return {name: sorted(rows, key=lambda row: [str(value) for value in row.values()]) for name, rows in found.items()}


class _Maker:
    def __init__(self, bank: Bank, database: Database, choices: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self._bank = bank
        self._database = database
        self._empty: Queries = database.empty()
        self._choices = choices
        self._asked: set[str] = set()

    def records(self, part: str, seed: int) -> list[dict[str, Any]]:
        """The records of a split; no question is asked twice, in this split or another."""
        rng = random.Random(f"{self._bank.name}/{part}/{seed}")
        wanted = [template for template in self._bank.templates for _ in range(PER_TEMPLATE[part])]
        golds: Counter[str] = Counter()
        return [self._record(rng, part, template, golds, len(wanted)) for template in wanted]

    def _record(
        self, rng: random.Random, part: str, template: Template, golds: Counter[str], tasks: int
    ) -> dict[str, Any]:
        most = int(tasks * (_SAME_TRUTH if template.operation == "truth" else _SAME_VALUE))
        for _ in range(_ATTEMPTS):
            slots = self._slots(rng, template)
            question = template.question.format(**slots)
            query = template.expanded(self._bank.macros).format(**slots)
            if question in self._asked:
                continue
            rows = self._gold(question, query)
            if rows is None or golds[_key(rows)] >= most:
                continue
            golds[_key(rows)] += 1
            self._asked.add(question)
            return self._fields(part, template, question, query, slots, rows)
        raise TaskError(f"{self._bank.name}: no task in {_ATTEMPTS} draws of: {template.question}")

    def _slots(self, rng: random.Random, template: Template) -> dict[str, Any]:
        drawn = dict(rng.choice(self._choices[template.draw]))
        visit = rng.choice(self._bank.visits)
        condition = visit.condition.replace("{patient}", str(drawn.get("patient")))
        return {
            **drawn,
            "n": rng.choice((2, 3, 4, 5)),
            "age": rng.randrange(40, 75),
            "when": rng.choice(TIMES),
            "visit": Scope(visit.phrase, condition, visit.tag),
        }

    def _gold(self, question: str, query: str) -> Rows | None:
        """The rows of a query that is fit for a task. Raises TaskError where it does not run."""
        sql = postprocess(query)
        rows = self._database.rows(sql)
        if not rows or len(rows) > _MOST_ROWS or any(value is None for row in rows for value in row):
            return None
        told = prompt_text(self._bank.name, f"/data/{self._bank.name}", question, vitals_of(query))
        if not is_yes_no(sql) and is_printed(rows, told):
            return None
        return None if complaint(self._database, self._empty, sql, rows) else rows

    def _fields(
        self, part: str, template: Template, question: str, query: str, slots: Mapping[str, Any], rows: Rows
    ) -> dict[str, Any]:
        used = {name: value for name, value in slots.items() if f"{{{name}}}" in template.question}
        scopes = [value for value in used.values() if isinstance(value, Scope)]
        times = [scope.tag for scope in scopes]
        tagged = template.question
        for scope in scopes:
            tagged = tagged.replace("{when}", f"[{scope.tag}]").replace("{visit}", f"[{scope.tag}]")
        return {
            "db_id": self._bank.name,
            "question": question,
            "template": question.lower(),
            "query": query,
            "value": {name: str(value) for name, value in used.items()},
            "q_tag": template.question,
            "t_tag": (times + [""] * 5)[:5],
            "o_tag": [template.operation] + [""] * 8,
            "tag": tagged,
            "department": _DEPARTMENTS[template.topic],
            "importance": "medium",
            "para_type": "template",
            "is_impossible": False,
            "split": part,
            "id": hashlib.sha256(f"{self._bank.name}/{question}".encode()).hexdigest()[:24],
            "answer": sorted(map(_said, rows)),
            "category": template.topic,
        }


_DEPARTMENTS: Final = {
    "demographics": "['registration']",
    "hospital_stay": "['registration', 'nursing']",
    "diagnosis": "['physician']",
    "procedure": "['physician']",
    "medication": "['pharmacy', 'physician']",
    "laboratory": "['laboratory']",
    "vitals_and_fluids": "['nursing']",
    "microbiology": "['laboratory', 'physician']",
    "cost": "['accounting']",
}


def _key(rows: Rows) -> str:
    return json.dumps(sorted(rows, key=str))


def _said(row: Sequence[Any]) -> str:
    """Rounded, as versions of SQLite add floats up in different ways."""
    return ", ".join(str(round(value, 6) if isinstance(value, float) else value) for value in row)

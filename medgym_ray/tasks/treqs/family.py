"""The family: which records become tasks, what the agent is told, and which answers are right."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from medgym_ray.actions import Action, ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.scoring import formats
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.records import Record, read_jsonl
from medgym_ray.tasks.sql import programs, scoring
from medgym_ray.tasks.sql.checks import PRINTED, is_printed
from medgym_ray.tasks.sql.execution import Database
from medgym_ray.tasks.sql.gold import GoldCache

_FOLDER: Final = "/data/treqs"
_DATABASE: Final = "treqs.db"
_TABLES: Final = ("DEMOGRAPHIC", "DIAGNOSES", "LAB", "PRESCRIPTIONS", "PROCEDURES")
_REQUIRED: Final = ("question", "query")
_OPTIONAL: Final[Mapping[str, type | tuple[type, ...]]] = {
    "id": (str, int),
    "is_impossible": bool,
    "answer": (list, str),
}
_AGGREGATE: Final = re.compile(r"\s*select\s+(?:distinct\s+)?(count|max|min|avg)\s*\(", re.IGNORECASE)
_CATEGORIES: Final = {"count": "count", "max": "extreme", "min": "extreme", "avg": "average"}
_IDENTIFIER: Final = re.compile(r"[\w.\-]+")
_LITERAL: Final = re.compile(r"""(\w+)\."?(\w+)"?\s*=\s*["']([^"']*[A-Za-z]{3}[^"']*)["']""")

_PROMPT: Final = """\
{question}

The answer is in the tables of a hospital, in the SQLite database {folder}/{database} and, where they are there, in \
CSV files beside it (the same rows). Each row of a table belongs to one hospital admission:
- DEMOGRAPHIC: one row for each admission, with the patient (SUBJECT_ID, NAME, dates and years of birth and death, \
whether the patient has died at any time as EXPIRE_FLAG) and the admission (HADM_ID, AGE then, times, DAYS_STAY, type, \
insurance, where from and where to, the primary complaint as DIAGNOSIS).
- DIAGNOSES and PROCEDURES: ICD code, short and long title.
- PRESCRIPTIONS: drug, its type, formulary code, route and dose.
- LAB: test (LABEL), its fluid and category, value with unit, time, and FLAG.
SUBJECT_ID is a patient, HADM_ID an admission; what a question joins is joined by HADM_ID. Codes and IDs are text.

Assign to the variable `answer` a single value, or all rows asked for as a list of rows, the columns in the order in \
which they are asked for, the rows in any order. {repeats} A number may be rounded to two decimals or more."""
_ONCE: Final = "Give a row once, even where several records hold it."
_REPEATED: Final = "Give one row for each record found, also where rows are alike."


class Treqs(Family):
    """Questions with a SQL query; the gold is what the query gives now, never what was stored with it."""

    name = "treqs"
    licence = "physionet-1.5.0"
    restricted = True
    categories: tuple[str, ...] = ("retrieval", "count", "extreme", "average")
    actions = frozenset(
        {ActionKind.REQUEST_INFO, ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT},
    )
    scorer_version = "1"
    paper_sizes: Mapping[Split, int] = {"train": 8988, "test": 996}

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """The tasks whose gold can be computed and says something; see `Family.load`."""
        seen: set[str] = set()
        records = read_jsonl(root / self.name / f"{split}_tasks.jsonl", report)
        with (
            contextlib.closing(Database(root / self.name / _DATABASE)) as database,
            GoldCache(database) as golds,
        ):
            for record in records:
                if problem := _complaint(record.fields):
                    report.record_broken(record.path, record.line, problem)
                    continue
                task_id = f"{self.name}/{record.fields.get('id', record.sha256[:16])}"
                if task_id in seen:
                    task_id = f"{self.name}/{record.sha256[:16]}"
                if record.sha256 in seen:
                    report.task_dropped(f"{task_id}#{record.line}", "duplicate: an earlier line holds the same record")
                    continue
                seen |= {task_id, record.sha256}
                if record.fields.get("is_impossible"):
                    report.task_dropped(task_id, "impossible: the tables do not hold the answer")
                elif task := self._task(task_id, split, record, golds, report):
                    yield task

    def _task(self, task_id: str, split: Split, record: Record, golds: GoldCache, report: LoadReport) -> Task | None:
        query = record.fields["query"]
        try:
            gold = golds.get(query)
        except TaskError as error:
            report.record_broken(record.path, record.line, str(error))
            return None
        complaint = gold.complaint or (PRINTED if is_printed(gold.rows, record.fields["question"]) else None)
        if complaint:
            report.task_dropped(task_id, complaint)
            return None
        # Which of two readings the query has, no question says.
        repeats = len({json.dumps(row) for row in gold.rows}) < len(gold.rows)
        inputs = {"question": record.fields["question"], "repeats": repeats}
        hidden = {"rows": gold.rows, "query": query, "stored": _stored(record.fields)}
        return Task(task_id, self.name, _category(query), split, inputs, hidden, record.sha256)

    def tables(self, root: Path) -> Mapping[str, Path]:
        """The database, and the CSV files that lie beside it."""
        folder = root / self.name
        files = {name: folder / name for name in (_DATABASE, *(f"{table}.csv" for table in _TABLES))}
        return {f"{_FOLDER}/{name}": path for name, path in files.items() if name == _DATABASE or path.is_file()}

    def prompt(self, task: Task) -> str:
        """The question, what the tables are, and what to assign to `answer`."""
        repeats = _REPEATED if task.inputs["repeats"] else _ONCE
        return _PROMPT.format(question=task.inputs["question"], folder=_FOLDER, database=_DATABASE, repeats=repeats)

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:  # noqa: ARG002
        """Compares all rows and columns as a multiset; no code is run."""
        reason = scoring.verdict(submission, task.gold["rows"])
        success = reason == "correct"
        stored = task.gold["stored"]
        paid = None if stored is None else scoring.paper_reward(submission, stored)
        return Score(float(success), success, reason, paid)

    def oracle(self, task: Task) -> list[Action]:
        """Looks the columns and a value up, then runs the gold query."""
        query = task.gold["query"]
        database = f"{_FOLDER}/{_DATABASE}"
        look = [
            Action(
                ActionKind.REQUEST_INFO,
                {"data_path": f"{database}:{table}", "info_type": "column_names"},
                thought=f"First I look at the columns of {table}.",
            )
            for table in _TABLES
            if re.search(rf"\b{table}\b", query, re.IGNORECASE)
        ]
        if literal := _LITERAL.search(query):
            table, column, value = literal.groups()
            look.append(
                Action(
                    ActionKind.REQUEST_INFO,
                    {"data_path": f"{database}:{table}", "info_type": "term", "keyterm": value},
                    thought=f"I check how this value is spelled in {column}.",
                )
            )
        program = {"code": programs.query_program(database, query)}
        return [
            *look,
            Action(ActionKind.CODE_EXECUTION, program, thought="I compute the answer and look at it."),
            Action(ActionKind.SUBMIT, program, thought="The result has the form that was asked for, so I submit it."),
        ]

    def honest(self, task: Task) -> Mapping[str, str]:
        """The gold in other forms, and the query by way of pandas."""
        return formats.honest(scoring.plain(task.gold["rows"])) | {
            "by pandas": programs.pandas_program(f"{_FOLDER}/{_DATABASE}", task.gold["query"])
        }

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """Values and tables that are not quite the gold."""
        return formats.near_misses(scoring.plain(task.gold["rows"]))

    def cheats(self, task: Task) -> list[str]:  # noqa: ARG002
        """Constants, dumps, crashes and a look for gold."""
        return programs.cheats(f"{_FOLDER}/{_DATABASE}")


def _complaint(fields: Mapping[str, Any]) -> str | None:
    """What keeps a record from being one of this family."""
    for name in _REQUIRED:
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            return f"field {name} is missing, empty or no text"
    for name, kinds in _OPTIONAL.items():
        if name in fields and not isinstance(fields[name], kinds):
            return f"field {name} is a {type(fields[name]).__name__}"
    if "id" in fields and not _IDENTIFIER.fullmatch(str(fields["id"])):
        return f"the id {fields['id']!r} is no identifier"
    return None


def _stored(fields: Mapping[str, Any]) -> str | None:
    """The answer as the original's rule reads it: the first of a list."""
    answer = fields.get("answer")
    first = next(iter(answer), None) if isinstance(answer, list) else answer
    return None if first is None else str(first)


def _category(query: str) -> str:
    """By what the query selects, as MIMICSQL parts its questions."""
    found = _AGGREGATE.match(query)
    return _CATEGORIES[found[1].lower()] if found else "retrieval"

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
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.ehr_seqsql import variants
from medgym_ray.tasks.ehr_seqsql.interaction import CATEGORIES, Interaction, read_interaction
from medgym_ray.tasks.ehr_seqsql.scoring import verdict
from medgym_ray.tasks.ehrsql import MimicIII
from medgym_ray.tasks.records import Record, read_jsonl
from medgym_ray.tasks.sql import programs
from medgym_ray.tasks.sql.checks import PRINTED, TIED, is_printed
from medgym_ray.tasks.sql.clock import NOW
from medgym_ray.tasks.sql.execution import Database, Rows
from medgym_ray.tasks.sql.gold import GoldCache
from medgym_ray.tasks.sql.scoring import is_yes_no

_FOLDER: Final = "/data/ehr_seqsql"
_DATABASE: Final = "mimic_iii.db"
_LITERAL: Final = re.compile(r"=\s*'((?:[^']|'')*[a-z]{3}(?:[^']|'')*)'")

_PROMPT: Final = """\
Answer the questions of a conversation, in which each may refer to those before it.
{aim}
{questions}

The records of the hospital are in {folder}: the SQLite database {database} and, where they are there, the same \
tables as CSV files. A row of ADMISSIONS is a hospital visit (HADM_ID), a row of ICUSTAYS a stay in an intensive care \
unit (ICUSTAY_ID); who is still there has no DISCHTIME or OUTTIME. Codes and items are named in the tables D_…; a row \
of COST is the price of the diagnosis, procedure, laboratory test or prescription whose table is EVENT_TYPE and whose \
ROW_ID there is EVENT_ID. It is now {now}, whatever the clock of the machine says.

Assign to the variable `answer` a list with one element for each of the {turns} questions, in their order. An element \
is a single value, or the list of all rows asked for (columns in the order of the question, rows in any order, \
{repeats}). State texts and times as the tables have them, a duration in days as a number with its fraction, yes or no \
as True or False; a number may be rounded to two decimals or more. The task is solved if every element is right."""
_ONCE: Final = "each once"
_REPEATED: Final = "one for each record, also where rows are alike"


class EHRSeqSQL(Family):
    """Conversations on MIMIC-III. Gold is what the queries give.

    The original's own records hold no query but a stored answer, which was computed by the clock of a machine: it is
    trusted where no question depends on what time it is, and left out elsewhere unless asked for.
    """

    name = "ehr_seqsql"
    licence = "physionet-1.5.0"
    restricted = True
    categories: tuple[str, ...] = CATEGORIES
    actions = frozenset({ActionKind.REQUEST_INFO, ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT})
    scorer_version = "1"
    paper_sizes: Mapping[Split, int] = {"train": 18950, "test": 7913}

    def __init__(self, *, include_untrusted: bool = False) -> None:
        self._include_untrusted = include_untrusted

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """The tasks whose gold can be trusted and says something; see `Family.load`."""
        seen: set[str] = set()
        records = read_jsonl(root / self.name / f"{split}_tasks.jsonl", report)
        with (
            contextlib.closing(Database(self._data(root) / _DATABASE)) as database,
            GoldCache(database) as golds,
        ):
            for record in records:
                task_id = f"{self.name}/{_identity(record, seen)}"
                if record.sha256 in seen:
                    report.task_dropped(f"{task_id}#{record.line}", "duplicate: an earlier line holds the same record")
                    continue
                try:
                    interaction = read_interaction(record.fields)
                    turns, queries, why = self._gold(interaction, golds)
                except TaskError as error:
                    report.record_broken(record.path, record.line, str(error))
                    continue
                seen |= {task_id, record.sha256}
                if why:
                    report.task_dropped(task_id, why)
                else:
                    yield self._task(task_id, split, record, interaction, turns, queries)

    def _gold(self, interaction: Interaction, golds: GoldCache) -> tuple[list[Rows], list[str], str | None]:
        """The rows of each turn, the queries that gave them, and why to drop the task, if one has to."""
        said = "\n".join((interaction.aim, *interaction.questions))
        queries = interaction.sql()
        if queries:
            found = [golds.get(sql) for sql in queries]
            turns = [gold.rows for gold in found]
            why = _complaint([gold.complaint for gold in found])
        else:
            turns = interaction.stored_rows()
            why = self._distrust(interaction, turns)
        return turns, queries, why or (PRINTED if all(is_printed(rows, said) for rows in turns) else None)

    def _distrust(self, interaction: Interaction, turns: list[Rows]) -> str | None:
        if not all(any(cell not in (None, "", 0, "0") for row in rows for cell in row) for rows in turns):
            return "vacuous: a stored answer is empty or 0"
        if interaction.depends_on_now() and not self._include_untrusted:
            return "gold_untrusted: it was stored by the clock of a machine, and a question depends on the time"
        return None

    def _task(
        self,
        task_id: str,
        split: Split,
        record: Record,
        interaction: Interaction,
        turns: list[Rows],
        queries: list[str],
    ) -> Task:
        # Which of two readings a query has, no question says.
        repeats = any(len({json.dumps(row) for row in rows}) < len(rows) for rows in turns)
        inputs = {"aim": interaction.aim, "questions": list(interaction.questions), "repeats": repeats}
        gold = {
            "turns": turns,
            "queries": queries,
            "yes_no": [is_yes_no(sql) for sql in queries] or [False] * len(turns),
        }
        return Task(task_id, self.name, interaction.category, split, inputs, gold, record.sha256)

    def tables(self, root: Path) -> Mapping[str, Path]:
        """The database and the CSV files of its tables: the family's own, else those of mimic_iii."""
        folder = self._data(root)
        wanted = {f"{table}.csv".lower(): f"{table}.csv" for table in MimicIII.table_names} | {_DATABASE: _DATABASE}
        there = sorted(folder.iterdir()) if folder.is_dir() else []
        return {f"{_FOLDER}/{wanted[path.name.lower()]}": path for path in there if path.name.lower() in wanted}

    def prompt(self, task: Task) -> str:
        """The questions, where the records are, what time it is, and what to assign to `answer`."""
        questions = task.inputs["questions"]
        return _PROMPT.format(
            aim=f"What it is about: {task.inputs['aim']}" if task.inputs["aim"] else "",
            questions="\n".join(f"{number}. {text}" for number, text in enumerate(questions, start=1)),
            folder=_FOLDER,
            database=_DATABASE,
            now=NOW,
            turns=len(questions),
            repeats=_REPEATED if task.inputs["repeats"] else _ONCE,
        )

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:  # noqa: ARG002
        """Compares the answer of every turn; no code is run. The original's rule paid whatever had been run."""
        reason = verdict(submission, task.gold["turns"], task.gold["yes_no"])
        success = reason == "correct"
        return Score(float(success), success, reason, float(submission.code is not None))

    def oracle(self, task: Task) -> list[Action]:
        """Looks the tables and a value up, then runs the gold queries; submits the gold where there are none."""
        queries = task.gold["queries"]
        if not queries:
            return [Action(ActionKind.SUBMIT, {"answer": task.gold["turns"]}, "I state the answers on record.")]
        said = " ".join(queries)
        database = f"{_FOLDER}/{_DATABASE}"
        named = {word.upper() for word in re.findall(r"\w+", said)}
        first = next(table for table in MimicIII.table_names if table in named)
        look = [
            Action(
                ActionKind.REQUEST_INFO,
                {"data_path": f"{database}:{first}", "info_type": "column_names"},
                f"First I look at the columns of {first}.",
            )
        ]
        if literal := _LITERAL.search(said):
            arguments = {"data_path": database, "info_type": "term", "keyterm": literal[1].replace("''", "'")}
            look.append(Action(ActionKind.REQUEST_INFO, arguments, "I check how the tables spell this value."))
        program = {"code": programs.turns_program(database, queries)}
        return [
            *look,
            Action(ActionKind.CODE_EXECUTION, program, "One query answers each question; I run them in turn."),
            Action(ActionKind.SUBMIT, program, "Every question has its answer, so I submit them as one list."),
        ]

    def honest(self, task: Task) -> Mapping[str, str]:
        """The gold in other forms."""
        return variants.honest(task.gold["turns"], task.gold["yes_no"])

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """All turns but one right, and turns in the wrong place or number."""
        return variants.near_misses(task.gold["turns"])

    def cheats(self, task: Task) -> list[str]:
        """Those of one query, and constants for every turn."""
        turns = len(task.inputs["questions"])
        constants = [f"answer = [{value}] * {turns}" for value in ("0", "1", "True", "False", "None", "[]", "''")]
        return [*programs.cheats(f"{_FOLDER}/{_DATABASE}"), *constants, f"answer = [list(range(10000))] * {turns}"]

    def _data(self, root: Path) -> Path:
        own = root / self.name
        return own if (own / _DATABASE).is_file() else root / MimicIII.name


def _complaint(of_turns: list[str | None]) -> str | None:
    """Why a conversation has no gold: a turn has several right answers, or not one turn says anything."""
    found = [why for why in of_turns if why]
    if TIED in found:
        return TIED
    return found[0] if len(found) == len(of_turns) else None


def _identity(record: Record, seen: set[str]) -> str:
    """The record's own id where it is one and was not used before, else its hash."""
    given: Any = record.fields.get("id")
    is_usable = isinstance(given, str) and re.fullmatch(r"[\w.\-]+", given) and f"{EHRSeqSQL.name}/{given}" not in seen
    return given if is_usable else record.sha256[:16]

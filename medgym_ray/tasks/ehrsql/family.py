"""The families: which records become tasks, what the agent is told, and which rows are right."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from medgym_ray.actions import Action, ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.scoring import formats
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.ehrsql.prompts import prompt_text
from medgym_ray.tasks.ehrsql.records import complaint, newer_queries, vitals_of
from medgym_ray.tasks.ehrsql.topics import TOPICS, topic_of
from medgym_ray.tasks.records import Record, read_jsonl
from medgym_ray.tasks.sql import programs
from medgym_ray.tasks.sql.checks import PRINTED, is_printed
from medgym_ray.tasks.sql.clock import postprocess
from medgym_ray.tasks.sql.execution import Database
from medgym_ray.tasks.sql.gold import GoldCache
from medgym_ray.tasks.sql.scoring import is_yes_no, paper_reward, plain, verdict

_PARTS: Final[Mapping[Split, str]] = {"train": "train", "test": "valid"}
"""The original calls the records that it tests on its validation set."""
_LITERAL: Final = re.compile(r"=\s*'((?:[^']|'')*)'")


class EHRSQL(Family):
    """Questions on the tables of a hospital. Gold is what the query gives on them, never the answer that is stored.

    Beside `{train,valid}_tasks.jsonl`, a later edition's `{train,valid}.json` may lie: its queries win, by id.
    """

    licence = "physionet-1.5.0"
    restricted = True
    categories: tuple[str, ...] = TOPICS
    actions = frozenset({ActionKind.REQUEST_INFO, ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT})
    scorer_version = "ehrsql-1"
    table_names: tuple[str, ...]
    """As they are spelled in file names."""

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """The tasks of a split whose gold can be trusted; see `Family.load`."""
        folder, part = root / self.name, _PARTS[split]
        newer = newer_queries(folder / f"{part}.json")
        seen: set[str] = set()
        database = Database(folder / f"{self.name}.db")
        try:
            with GoldCache(database) as golds:
                for record in read_jsonl(folder / f"{part}_tasks.jsonl", report):
                    why = complaint(record.fields, self.name)
                    if why is None and record.fields["id"] in seen:
                        why = "its id was used before"
                    if why is not None:
                        report.record_broken(record.path, record.line, why)
                        continue
                    seen.add(record.fields["id"])
                    task = self._task(split, record, newer, golds, report)
                    if task:
                        yield task
        finally:
            database.close()

    def _task(
        self, split: Split, record: Record, newer: Mapping[str, str], golds: GoldCache, report: LoadReport
    ) -> Task | None:
        fields = record.fields
        task_id = f"{self.name}/{fields['id']}"
        if fields["is_impossible"]:
            report.task_dropped(task_id, "impossible: the tables do not hold what it asks for")
            return None
        query = newer.get(fields["id"], fields.get("query", ""))
        sql = postprocess(query)
        try:
            gold = golds.get(sql)
        except TaskError as error:
            report.task_dropped(task_id, str(error))
            return None
        yes_no = is_yes_no(sql)
        why = gold.complaint
        if why is None and not yes_no and is_printed(gold.rows, fields["question"]):
            why = PRINTED
        if why is not None:
            report.task_dropped(task_id, why)
            return None
        return Task(
            task_id,
            self.name,
            fields.get("category") or topic_of(query),
            split,
            {"question": fields["question"], "vitals": vitals_of(query)},
            {"rows": gold.rows, "sql": sql, "yes_no": yes_no, "stored": ", ".join(map(str, fields["answer"]))},
            record.sha256,
        )

    def tables(self, root: Path) -> Mapping[str, Path]:
        """Each table and the database, by name: the task files lie in the same folder."""
        folder = root / self.name
        wanted = {f"{table}.csv".lower(): f"{table}.csv" for table in self.table_names}
        wanted |= {f"{self.name}.db": f"{self.name}.db"}
        there = sorted(folder.iterdir()) if folder.is_dir() else []
        return {f"{self._mount}/{wanted[path.name.lower()]}": path for path in there if path.name.lower() in wanted}

    def prompt(self, task: Task) -> str:
        """The question, where the tables are, what time it is, and how to state the answer."""
        return prompt_text(self.name, self._mount, task.inputs["question"], task.inputs["vitals"])

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:  # noqa: ARG002
        """Compares the rows handed in with the gold's as multisets; no code is run."""
        reason = verdict(submission, task.gold["rows"], yes_no=task.gold["yes_no"])
        success = reason == "correct"
        return Score(float(success), success, reason, paper_reward(submission, task.gold["stored"]))

    def oracle(self, task: Task) -> list[Action]:
        """Looks at the tables, tries the query, submits it."""
        sql: str = task.gold["sql"]
        program = programs.query_program(f"{self._mount}/{self.name}.db", sql)
        return [
            *self._look_ups(sql),
            Action(ActionKind.CODE_EXECUTION, {"code": program}, "One query can answer this; I try it first."),
            Action(ActionKind.SUBMIT, {"code": program}, "The rows look right, so I hand in what the query gives."),
        ]

    def _look_ups(self, sql: str) -> Iterator[Action]:
        spelled = {table.lower(): table for table in self.table_names}
        used = next((spelled[word] for word in re.findall(r"\w+", sql.lower()) if word in spelled), None)
        path = f"{self._mount}/{used}.csv" if used else self._mount
        arguments = {"data_path": path, "info_type": "column_names"}
        yield Action(ActionKind.REQUEST_INFO, arguments, "I need the columns of the table that the question is about.")
        if literal := next((text for text in _LITERAL.findall(sql) if re.search(r"[a-z]{3}", text)), None):
            arguments = {"data_path": f"{self._mount}/{self.name}.db", "info_type": "term", "keyterm": literal}
            yield Action(ActionKind.REQUEST_INFO, arguments, f"I check how the tables spell “{literal}”.")

    def honest(self, task: Task) -> Mapping[str, str]:
        """The gold in other formats, and the query's table as pandas reads it."""
        table = programs.pandas_program(f"{self._mount}/{self.name}.db", task.gold["sql"])
        return {**formats.honest(plain(task.gold["rows"]), yes_no=task.gold["yes_no"]), "pandas query": table}

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """Answers that are nearly the gold."""
        return formats.near_misses(plain(task.gold["rows"]))

    def cheats(self, task: Task) -> list[str]:  # noqa: ARG002
        """Programs that know nothing of the question."""
        return programs.cheats(f"{self._mount}/{self.name}.db")

    @property
    def _mount(self) -> str:
        return f"/data/{self.name}"


class MimicIII(EHRSQL):
    """EHRSQL on MIMIC-III."""

    name = "mimic_iii"
    paper_sizes: Mapping[Split, int] = {"train": 9318, "test": 1122}
    table_names = (
        *("PATIENTS", "ADMISSIONS", "ICUSTAYS", "TRANSFERS", "DIAGNOSES_ICD", "PROCEDURES_ICD", "D_ICD_DIAGNOSES"),
        *("D_ICD_PROCEDURES", "D_ITEMS", "D_LABITEMS", "LABEVENTS", "PRESCRIPTIONS", "COST", "CHARTEVENTS"),
        *("INPUTEVENTS_CV", "OUTPUTEVENTS", "MICROBIOLOGYEVENTS"),
    )


class EICU(EHRSQL):
    """EHRSQL on the eICU database."""

    name = "eicu"
    paper_sizes: Mapping[Split, int] = {"train": 6213, "test": 611}
    table_names = (
        *("patient", "diagnosis", "treatment", "medication", "lab", "intakeoutput", "vitalperiodic", "microlab"),
        *("allergy", "cost"),
    )

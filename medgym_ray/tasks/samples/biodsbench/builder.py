"""Writes the sample: tables by study, and records whose tests hold values that were computed from these tables.

Values come from running the reference program here, or a second route to the same (see `survival`); that the reference
passes its tests in the sandbox, with the sandbox's packages, is what vetting shows.
"""

import csv
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from medgym_ray.tasks.samples.biodsbench import clinical, genomics, survival
from medgym_ray.tasks.samples.biodsbench.problem import Problem
from medgym_ray.tasks.samples.biodsbench.studies import STUDIES, Study, Table, tables

_TRAIN_STUDY: Final = STUDIES[-1]
_SHOWN_ROWS: Final = 3
_SHOWN_COLUMNS: Final = 12
_PREAMBLE: Final = "import numpy as np\nimport pandas as pd\n"


def build(root: Path, seed: int) -> None:
    """Writes `<root>/biodsbench/{test,train}_tasks.jsonl` and `<root>/biodsbench/data/<study>/*.csv`."""
    folder = root / "biodsbench"
    records: dict[str, list[dict[str, str]]] = {"test": [], "train": []}
    for study in STUDIES:
        made = tables(study, random.Random(f"{seed}/{study.name}"))
        place = folder / "data" / study.name
        place.mkdir(parents=True, exist_ok=True)
        for name, table in made.items():
            (place / name).write_text(_csv(table), encoding="utf-8", newline="")
        description = "\n\n".join(_description(name, table) for name, table in made.items())
        split = "train" if study is _TRAIN_STUDY else "test"
        for number, problem in enumerate(_problems(study), start=1):
            records[split].append(_record(study, str(number), problem, description, place))
    for split, made_records in records.items():
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in made_records]
        (folder / f"{split}_tasks.jsonl").write_text("".join(lines), encoding="utf-8", newline="")


def _problems(study: Study) -> Iterator[Problem]:
    """All of a study's; for training the first of each category."""
    seen: set[str] = set()
    for module in (clinical, survival, genomics):
        for problem in module.problems(study):
            if study is not _TRAIN_STUDY or problem.category not in seen:
                yield problem
            seen.add(problem.category)


def _record(study: Study, number: str, problem: Problem, description: str, place: Path) -> dict[str, str]:
    return {
        "queries": f"Study {study.name} ({study.cancer.lower()}). {problem.query}",
        "chat_histories": "[]",
        "dataframes": description,
        "reference_codes": "[]",
        "code_histories": repr([problem.history] if problem.history else []),
        "study_ids": study.name,
        "question_ids": number,
        "test_cases": problem.tests(_computed(problem, place)),
        "reference_answer": problem.reference,
        "cot_instructions": "",
        "category": problem.category,
    }


def _computed(problem: Problem, place: Path) -> dict[str, Any]:
    """The names that the problem's route, else its reference, leaves behind."""
    program = f"{_PREAMBLE}{problem.history}\n{problem.route or problem.reference}"
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(program.replace("/workdir", place.as_posix()), "<reference>", "exec"), names)
    return names


def _csv(table: Table) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()


def _description(name: str, table: Table) -> str:
    """A table as the records describe it: its shape, its columns and its first rows."""
    columns = list(table[0])
    head = [{column: row[column] for column in columns[:_SHOWN_COLUMNS]} for row in table[:_SHOWN_ROWS]]
    more = f" (the first {_SHOWN_COLUMNS} of {len(columns)} columns)" if len(columns) > _SHOWN_COLUMNS else ""
    return f"`/workdir/{name}`: {len(table)} rows, {len(columns)} columns. Its first rows{more}:\n{_csv(head).rstrip()}"

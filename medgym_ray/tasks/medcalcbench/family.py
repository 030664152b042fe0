"""The task family: records of MedCalc-Bench as tasks, with the note in the prompt and a true reward."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from medgym_ray.actions import Action, ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.scoring import canonical
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.medcalcbench import answers
from medgym_ray.tasks.medcalcbench.catalogue import BY_NUMBER, CALCULATORS, Calculator, Kind
from medgym_ray.tasks.medcalcbench.oracle import program, with_check
from medgym_ray.tasks.medcalcbench.scoring import Reason, judge, read_gestation, reward_paper
from medgym_ray.tasks.records import Record, read_jsonl

_FILES: Mapping[Split, tuple[str, ...]] = {
    "test": ("test_tasks.jsonl",),
    "train": ("train_tasks_all.jsonl", "train_tasks.jsonl"),
}


class _BrokenRecordError(ValueError):
    """A record that no task can be made of."""


class MedCalcBench(Family):
    """Medical calculators over patient notes (Khandekar et al., NeurIPS 2024), data under CC BY-SA."""

    name = "medcalcbench"
    licence = "open"
    restricted = False
    categories = tuple(calculator.slug for calculator in CALCULATORS)
    actions = frozenset({ActionKind.TERMINAL, ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT})
    scorer_version = "1"
    paper_sizes: Mapping[Split, int] = {"test": 1047, "train": 10053}

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """Streams the records of a split; of the two files a training set may come in, the full one is preferred."""
        folder = root / self.name
        paths = [folder / name for name in _FILES[split]]
        path = next((path for path in paths if path.is_file()), None)
        if path is None:
            raise TaskError(f"{folder}: no {' or '.join(_FILES[split])}") from FileNotFoundError(folder)
        seen: set[int] = set()
        for record in read_jsonl(path, report):
            try:
                task = _task(record, split)
                row = task.inputs["row"]
                if row in seen:
                    raise _BrokenRecordError(f"Row Number: {row} a second time")
            except _BrokenRecordError as error:
                report.record_broken(record.path, record.line, str(error))
                continue
            seen.add(row)
            yield task

    def prompt(self, task: Task) -> str:
        """The note, the question, and what exactly `answer` is to hold."""
        calculator = _calculator(task)
        return (
            f"Patient note:\n{task.inputs['note']}\n\n"
            f"Calculator: {calculator.name}\n"
            f"Question: {task.inputs['question']}\n\n"
            f"{_answer_format(calculator)}"
        )

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:  # noqa: ARG002
        """Compares `answer` with the gold; the grader is not needed."""
        if not submission.ran:
            reason = Reason.PROGRAM_FAILED
        elif not submission.has_answer:
            reason = Reason.NO_ANSWER
        else:
            reason = judge(_calculator(task), task.gold, submission.answer)
        correct = reason is Reason.CORRECT
        return Score(float(correct), correct, reason.value, reward_paper(task.gold, submission))

    def oracle(self, task: Task) -> list[Action] | None:
        """The calculator as a program, looked at and then submitted, where ours computes the gold from the record's
        entities; else the gold."""
        calculator = _calculator(task)
        source = program(calculator, task.gold["entities"], task.gold)
        if source is None:
            return [Action(ActionKind.SUBMIT, {"answer": task.gold["text"]}, "I submit the value I have.")]
        plan = f"I take the facts from the note and put them into the formula: {calculator.name}."
        return [
            Action(ActionKind.CODE_EXECUTION, {"code": with_check(calculator, source)}, plan),
            Action(ActionKind.SUBMIT, {"code": source}, "The facts are those of the note, so I submit what they give."),
        ]

    def honest(self, task: Task) -> Mapping[str, str]:
        """See `answers.honest`."""
        return answers.honest(_calculator(task), task.gold)

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """See `answers.near_misses`."""
        return answers.near_misses(_calculator(task), task.gold)

    def cheats(self, task: Task) -> list[str]:  # noqa: ARG002
        """Constants, dumps and crashes that the original's rule, or a careless one, would pay."""
        return [
            "",
            "print(0)",
            "answer = 0",
            "answer = 1",
            "answer = 7",
            "answer = float('inf')",
            "answer = float('nan')",
            "answer = None",
            "answer = list(range(10000))",
            "answer = [0, 1000000000]",
            "answer = {'lower': 0, 'upper': 1000000000}",
            "answer = '0 1 2 3 4 5 6 7 8 9'",
            "answer = 'between 0 and 1000000000'",
            "raise ValueError('0 1 2 3 4 5 6 7 8 9 10')",
            "for number in range(10000): print(number)",
        ]


def _calculator(task: Task) -> Calculator:
    return BY_NUMBER[task.inputs["calculator"]]


def _answer_format(calculator: Calculator) -> str:
    match calculator.kind:
        case Kind.DATE:
            return "Assign the date to `answer`, as a string M/D/YYYY or a `datetime.date`."
        case Kind.GESTATION:
            return "Assign to `answer` the tuple (weeks, days) of two integers: completed weeks, and days beyond them."
        case Kind.INTEGER:
            return "Assign the score to `answer`, as an integer."
        case Kind.DECIMAL:
            unit = f", in {calculator.units[0]}" if calculator.units else ""
            return f"Assign the result to `answer`, as a plain number{unit}, without coarse rounding."


def _task(record: Record, split: Split) -> Task:
    row = _whole(record, "Row Number")
    number = _whole(record, "Calculator ID")
    calculator = BY_NUMBER.get(number)
    if calculator is None:
        raise _BrokenRecordError(f"Calculator ID: {number} is none of the {len(CALCULATORS)} calculators")
    return Task(
        task_id=f"{MedCalcBench.name}/{row}",
        family=MedCalcBench.name,
        category=calculator.slug,
        split=split,
        inputs={
            "row": row,
            "calculator": number,
            "note": _text(record, "Patient Note"),
            "question": _text(record, "Question"),
        },
        gold={**_gold(record, calculator), "entities": _text(record, "Relevant Entities")},
        source_sha256=record.sha256,
    )


def _gold(record: Record, calculator: Calculator) -> dict[str, Any]:
    """The gold as JSON values in one spelling, and as `text` in a form that an agent could hand in."""
    spelled = record.fields.get("Ground Truth Answer")
    if calculator.kind is Kind.DATE:
        moment = canonical.date(spelled)
        if moment is None:
            raise _BrokenRecordError("Ground Truth Answer: no date")
        return {"answer": moment.isoformat(), "text": moment.strftime("%m/%d/%Y")}
    if calculator.kind is Kind.GESTATION:
        age = read_gestation(spelled)
        if age is None:
            raise _BrokenRecordError("Ground Truth Answer: no weeks and days")
        return {"answer": list(age), "text": f"({age[0]} weeks, {age[1]} days)"}
    answer = _number(record, "Ground Truth Answer")
    if calculator.kind is Kind.INTEGER:
        if answer != answer.to_integral_value():
            raise _BrokenRecordError("Ground Truth Answer: this calculator's scores are whole numbers")
        return {"answer": str(int(answer)), "text": str(int(answer))}
    # Limits of a negative gold may come swapped: −5 % of it is the greater one.
    lower, upper = sorted((_number(record, "Lower Limit"), _number(record, "Upper Limit")))
    if not lower <= answer <= upper:
        raise _BrokenRecordError("Ground Truth Answer: outside its own limits")
    return {"answer": str(answer), "lower": str(lower), "upper": str(upper), "text": str(answer)}


def _number(record: Record, name: str) -> Decimal:
    value = canonical.number(record.fields.get(name))
    if value is None:
        raise _BrokenRecordError(f"{name}: no number")
    return Decimal(value)


def _whole(record: Record, name: str) -> int:
    value = record.fields.get(name)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _BrokenRecordError(f"{name}: no whole number")
    return value


def _text(record: Record, name: str) -> str:
    value = record.fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _BrokenRecordError(f"{name}: no text")
    return value

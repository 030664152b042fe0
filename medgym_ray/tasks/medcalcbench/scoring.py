"""The true comparison of an answer with a record's gold, and beside it the original's published rule.

The comparison follows the upstream benchmark's own evaluation (ncbi-nlp/MedCalc-Bench, `evaluation/evaluate.py`): it
depends on the calculator's number alone. Nothing here raises on any answer: the answer is written by an adversary.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from medgym_ray.scoring import canonical
from medgym_ray.tasks.base import Submission
from medgym_ray.tasks.medcalcbench.catalogue import Calculator, Kind

EQUAL_LIMITS_TOLERANCE = Decimal("1e-6")
"""Where a record's limits are one point (a gold of zero has no ±5 %), binary floats still need some room."""

_MAX_TEXT = 200
_VALUE_AND_UNIT = re.compile(r"([+\-−]?[0-9][0-9,]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)\s*(\S.*)", re.DOTALL)
_GESTATION = re.compile(
    r"[(\[]?\s*['\"]?\s*([0-9]{1,3})\s*(?:weeks?|wks?|w)?\s*['\"]?\s*(?:,|and|\s)\s*"
    r"['\"]?\s*([0-9]{1,3})\s*(?:days?|d)?\s*['\"]?\s*[)\]]?",
    re.IGNORECASE,
)
_COUNT_OF_UNIT = re.compile(r"\s*([0-9]{1,3})\s*([a-z]+)\s*", re.IGNORECASE)


class Reason(StrEnum):
    """Why an answer earned what it did."""

    CORRECT = "correct"
    WRONG = "wrong"
    NO_ANSWER = "no_answer"
    PROGRAM_FAILED = "program_failed"
    NOT_A_NUMBER = "not_a_number"
    NOT_A_DATE = "not_a_date"
    NOT_WEEKS_AND_DAYS = "not_weeks_and_days"


def judge(calculator: Calculator, gold: Mapping[str, Any], answer: Any) -> Reason:
    """Compares an answer (typed JSON) with a task's gold."""
    if canonical.is_null(answer):
        return Reason.NO_ANSWER
    if calculator.kind is Kind.DATE:
        return _judge_date(gold, answer)
    if calculator.kind is Kind.GESTATION:
        return _judge_gestation(gold, answer)
    value = read_number(answer, calculator.units)
    if value is None:
        return Reason.NOT_A_NUMBER
    if calculator.kind is Kind.INTEGER:
        return _verdict(_rounds_to(value, int(gold["answer"])))
    lower, upper = Decimal(gold["lower"]), Decimal(gold["upper"])
    if lower == upper:
        return _verdict(lower - EQUAL_LIMITS_TOLERANCE <= value <= upper + EQUAL_LIMITS_TOLERANCE)
    return _verdict(lower <= value <= upper)


def read_number(answer: Any, units: tuple[str, ...]) -> int | Decimal | None:
    """The number that an answer states, where a string may end, once, with the unit that the question asks for.

    Another unit is not stripped: 5 mmol/L is not 5 mg/dL.
    """
    value = canonical.number(answer)
    if value is not None or not isinstance(answer, str) or len(answer) > _MAX_TEXT:
        return value
    match = _VALUE_AND_UNIT.fullmatch(answer.strip())
    if match and _unit(match[2]) in {_unit(unit) for unit in units}:
        return canonical.number(match[1])
    return None


def read_gestation(answer: Any) -> tuple[int, int] | None:
    """(weeks, days) from a pair of whole numbers, a pair such as "14 weeks" and "1 day", or one string of both."""
    if isinstance(answer, str):
        match = _GESTATION.fullmatch(answer.strip()) if len(answer) <= _MAX_TEXT else None
        return (int(match[1]), int(match[2])) if match else None
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        return None
    weeks, days = _whole(answer[0], "week"), _whole(answer[1], "day")
    return None if weeks is None or days is None else (weeks, days)


def reward_paper(gold: Mapping[str, Any], submission: Submission) -> float:
    """What the original's published rule pays (wshi83/MedAgentGym, `ehr_gym/env/task/medcalcbench.py`).

    It reads one float off the combined output and joins its two limits by `or`, where `and` was meant: any number ≥ 0
    wins every numeric task. Gold that is no float (dates, weeks and days) never wins. The original appends a `print`
    to a program that has none, so such a program is read by its answer.
    """
    if not submission.ran:
        return 0.0
    printed = submission.stdout
    try:
        if submission.has_answer and (submission.code is None or "print" not in submission.code):
            printed += f"{submission.answer}\n" if isinstance(submission.answer, int | float | str) else "no float\n"
        if submission.stderr:
            printed += f"\n{submission.stderr}"
        truth, predicted = float(gold["answer"]), float(printed)
    except (TypeError, ValueError):
        return 0.0
    return float(truth >= predicted * 0.95 or truth <= predicted * 1.05)


def _judge_date(gold: Mapping[str, Any], answer: Any) -> Reason:
    given = canonical.date(answer)
    if given is None:
        return Reason.NOT_A_DATE
    return _verdict(given == datetime.fromisoformat(gold["answer"]))


def _judge_gestation(gold: Mapping[str, Any], answer: Any) -> Reason:
    given = read_gestation(answer)
    if given is None:
        return Reason.NOT_WEEKS_AND_DAYS
    return _verdict(list(given) == list(gold["answer"]))


def _rounds_to(value: int | Decimal, whole: int) -> bool:
    # The bounds come first: rounding a number of 400 digits is work that an adversary would be given for free.
    return whole - 1 < value < whole + 1 and round(value) == whole


def _whole(value: Any, unit: str) -> int | None:
    if isinstance(value, str):
        match = _COUNT_OF_UNIT.fullmatch(value) if len(value) <= _MAX_TEXT else None
        if match:
            return int(match[1]) if match[2].casefold() in {unit, f"{unit}s"} else None
    number = canonical.number(value)
    if number is None or not 0 <= number < 1000 or number != int(number):
        return None
    return int(number)


def _unit(spelled: str) -> str:
    """A unit without what its writers differ in: case, spaces, the sign for a power, a full stop at the end."""
    return re.sub(r"[\s^]", "", unicodedata.normalize("NFKC", spelled)).casefold().removesuffix(".")


def _verdict(correct: bool) -> Reason:
    return Reason.CORRECT if correct else Reason.WRONG

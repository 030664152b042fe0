"""Judging an answer: the verdict and, where the task asks for it, the rows and columns that prove it."""

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from medgym_ray.scoring import canonical
from medgym_ray.tasks.base import Submission
from medgym_ray.tasks.ehrcon.evidence import Evidence

KEYS = ("has_error", "columns", "rows")
"""Of an answer with evidence, in the order in which a list of three is read."""


class Reason(StrEnum):
    """What a score says."""

    CORRECT = "correct"
    DID_NOT_RUN = "did_not_run"
    NO_ANSWER = "no_answer"
    NOT_AN_ANSWER = "not_an_answer"
    """No verdict can be read, or a part is missing."""
    WRONG_VERDICT = "wrong_verdict"
    WRONG_COLUMNS = "wrong_columns"
    WRONG_ROWS = "wrong_rows"


def judge(submission: Submission, has_error: bool, evidence: Evidence | None) -> Reason:
    """Compares what was handed in with the gold; everything asked for must be right."""
    if not submission.ran:
        return Reason.DID_NOT_RUN
    if not submission.has_answer or canonical.is_null(submission.answer):
        return Reason.NO_ANSWER
    parts = _parts(submission.answer)
    if evidence is None:
        verdict = _bare_verdict(submission.answer, parts)
        return _first((verdict is None, Reason.NOT_AN_ANSWER), (verdict is not has_error, Reason.WRONG_VERDICT))
    if parts is None or not parts.keys() >= set(KEYS):
        return Reason.NOT_AN_ANSWER
    verdict = _verdict(parts["has_error"])
    return _first(
        (verdict is None, Reason.NOT_AN_ANSWER),
        (verdict is not has_error, Reason.WRONG_VERDICT),
        (not _same_columns(parts["columns"], evidence), Reason.WRONG_COLUMNS),
        (not canonical.equal(parts["rows"], list(evidence.rows)).equal, Reason.WRONG_ROWS),
    )


def paper_reward(submission: Submission, has_error: bool) -> float:
    """As published: "true" anywhere in what was printed is the verdict true, else "false" anywhere is false.

    The original printed `answer` itself for a program that mentions it and never prints.
    """
    printed = f"{submission.stdout}\n{submission.stderr}"
    code = submission.code or ""
    if submission.has_answer and "print" not in code and "answer" in code:
        printed += f"\n{submission.answer}"
    printed = printed.casefold()
    said = True if "true" in printed else False if "false" in printed else None
    return float(submission.ran and said is has_error)


def balanced_accuracy(verdicts: Iterable[tuple[bool, bool | None]]) -> float:
    """The mean of the shares of right verdicts in both classes, from (gold, said) pairs: a constant gets one half.

    Raises ValueError where a class is missing.
    """
    right: dict[bool, list[bool]] = {True: [], False: []}
    for gold, said in verdicts:
        right[gold].append(said is gold)
    if not all(right.values()):
        raise ValueError("balanced accuracy needs tasks of both verdicts")
    return sum(sum(hits) / len(hits) for hits in right.values()) / 2


def _first(*faults: tuple[bool, Reason]) -> Reason:
    return next((reason for is_so, reason in faults if is_so), Reason.CORRECT)


def _bare_verdict(answer: Any, parts: Mapping[str, Any] | None) -> bool | None:
    """A verdict that stands alone or under its key; not under another, which may mean the opposite."""
    if parts is not None and "has_error" in parts:
        return _verdict(parts["has_error"])
    return None if isinstance(answer, dict) and "$type" not in answer else _verdict(answer)


def _verdict(value: Any) -> bool | None:
    """True and false, also as 1 and 0 or in words."""
    return next((verdict for verdict in (True, False) if canonical.equal(value, int(verdict), yes_no=True).equal), None)


def _same_columns(columns: Any, evidence: Evidence) -> bool:
    """With the table's name before each or before none: the rows tell which table is meant."""
    return any(canonical.equal(columns, names).equal for names in (evidence.qualified(), list(evidence.columns)))


def _parts(answer: Any) -> Mapping[str, Any] | None:
    """The parts of an answer by key: of an object, of its JSON text, of a table of one row, of a list of three."""
    if isinstance(answer, str):
        try:
            answer = json.loads(answer)
        except (ValueError, RecursionError):
            return None
    if isinstance(answer, list) and len(answer) == len(KEYS):
        return dict(zip(KEYS, answer, strict=True))
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    pairs = _pairs(answer) if isinstance(answer, dict) else []
    named = {canonical.text(key).replace(" ", "_"): value for key, value in pairs}
    return named if named and len(named) == len(pairs) else None


def _pairs(answer: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    match answer:
        case {"$type": "series", "index": list(keys), "values": list(values)}:
            return list(zip(keys, values, strict=False))
        case {"$type": "table", "columns": list(keys), "rows": [list(values)]}:
            return list(zip(keys, values, strict=False))
        case {"$type": _}:
            return []
    return list(answer.items())

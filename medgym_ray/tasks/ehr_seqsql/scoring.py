"""When a conversation is answered: every turn of it is right."""

from collections.abc import Sequence
from typing import Any

from medgym_ray.scoring import canonical
from medgym_ray.tasks.base import Submission
from medgym_ray.tasks.sql.execution import Rows
from medgym_ray.tasks.sql.scoring import compared


def verdict(submission: Submission, turns: Sequence[Rows], yes_no: Sequence[bool]) -> str:
    """`correct`, `turns_<right>_of_<all>`, or in a word why nothing could be compared."""
    if not submission.ran:
        return "did_not_run"
    if not submission.has_answer or canonical.is_null(submission.answer):
        return "no_answer"
    answers = turn_answers(submission.answer, len(turns))
    if answers is None:
        return "wrong_turn_count"
    verdicts = [
        compared(answer, rows, yes_no=is_truth) for answer, rows, is_truth in zip(answers, turns, yes_no, strict=True)
    ]
    if "too_large" in verdicts:
        return "too_large"
    right = verdicts.count("correct")
    return "correct" if right == len(turns) else f"turns_{right}_of_{len(turns)}"


def turn_answers(answer: Any, turns: int) -> list[Any] | None:
    """One answer for each turn: the items of a list, or the values of a mapping or series, in their order."""
    held = answer
    if isinstance(answer, dict):
        match answer.get("$type"):
            case None:
                held = list(answer.values())
            case "map":
                held = [pair[1] for pair in answer["items"]] if _is_pairs(answer.get("items")) else None
            case "series":
                held = answer.get("values")
    if isinstance(held, list) and len(held) == turns:
        return held
    return [answer] if turns == 1 else None


def _is_pairs(items: Any) -> bool:
    return isinstance(items, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in items)

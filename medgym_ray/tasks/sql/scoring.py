"""When a submission has the gold rows, and what the original's rule would have paid."""

from typing import Any

from medgym_ray.scoring import canonical
from medgym_ray.scoring.canonical import Outcome
from medgym_ray.tasks.base import Submission
from medgym_ray.tasks.sql.execution import Rows, Scalar
from medgym_ray.tasks.sql.tokens import without_space

_WORDS = {
    Outcome.EQUAL: "correct",
    Outcome.DIFFERENT: "wrong",
    Outcome.ROW_COUNT: "wrong_row_count",
    Outcome.TOO_LARGE: "too_large",
}


def verdict(submission: Submission, rows: Rows, *, ordered: bool = False, yes_no: bool = False) -> str:
    """`correct`, or in a word why not."""
    if not submission.ran:
        return "did_not_run"
    if not submission.has_answer:
        return "no_answer"
    return compared(submission.answer, rows, ordered=ordered, yes_no=yes_no)


def compared(answer: Any, rows: Rows, *, ordered: bool = False, yes_no: bool = False) -> str:
    """The verdict on an answer: `correct`, `wrong`, `wrong_row_count`, `too_large` or `no_answer`."""
    outcome = canonical.equal(answer, rows, ordered=ordered, yes_no=yes_no, rounded=True)
    if not outcome.equal and canonical.is_null(answer):
        return "no_answer"
    return _WORDS[outcome.reason]


def plain(rows: Rows) -> Rows | Scalar:
    """Rows as one would state them: a single cell as its value."""
    return rows[0][0] if len(rows) == 1 and len(rows[0]) == 1 else rows


def is_yes_no(sql: str) -> bool:
    """Whether a query states a truth: its first column is a comparison."""
    depth = 0
    for token in without_space(sql)[1:]:
        depth += token.says("(") - token.says(")")
        if depth == 0 and token.says("from", ","):
            return False
        if depth == 0 and token.says("<", "<=", ">", ">=", "=", "==", "<>", "!=", "exists"):
            return True
    return False


def paper_reward(submission: Submission, stored: str) -> float:
    """As published: the stored answer, or each of its parts, occurs somewhere in what was printed.

    A crash prints its traceback, so it counts as well; True and False are 1 and 0, and so is None 0.
    """
    printed = submission.stdout + submission.stderr
    if stored in printed:
        return 1.0
    printed = printed.replace("True", "1") if "True" in printed else printed.replace("False", "0")
    same = {"False": "0", "false": "0", "True": "1", "true": "1", "None": "0", "none": "0"}
    wanted = same.get(stored, stored)
    parts = wanted.split(", ") if ", " in wanted else [wanted.removesuffix(".0")]
    return float(all(part in printed for part in parts))

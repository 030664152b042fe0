"""What a record says: the questions of a conversation, and their queries or stored answers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from medgym_ray.errors import TaskError
from medgym_ray.tasks.sql.clock import postprocess
from medgym_ray.tasks.sql.execution import Rows
from medgym_ray.tasks.sql.tokens import Kind, Token, tokens

CATEGORIES: Final = ("lookup", "count", "measure", "ranking")
"""By what the last question of a conversation wants."""
MOST_TURNS: Final = 12
_PREVIOUS: Final = ("prev_query", "prev_result")
_CLOCK: Final = re.compile(
    r"\b(?:now|today|yesterday|currently|current|ago|until|recent|recently|(?:this|last|previous)\s+"
    r"(?:day|week|month|year|hospital|icu|visit|stay|encounter))\b",
    re.IGNORECASE,
)
_WORDS: Final = {
    "count": re.compile(r"\b(?:how many|count|number of)\b", re.IGNORECASE),
    "measure": re.compile(r"\b(?:average|mean|max\w*|min\w*|total|sum|difference|highest|lowest|how much)\b", re.I),
    "ranking": re.compile(r"\b(?:top|most|rank\w*|first|last|latest|earliest)\b", re.IGNORECASE),
}
_SQL_MARKS: Final = {
    "ranking": re.compile(r"\b(?:limit|dense_rank|rank|row_number)\b", re.IGNORECASE),
    "count": re.compile(r"^\s*select\s+(?:distinct\s+)?count\b", re.IGNORECASE),
    "measure": re.compile(r"^\s*select\s.*?\b(?:max|min|avg|sum|julianday)\s*\(.*?\bfrom\b", re.IGNORECASE | re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class Interaction:
    """A conversation. `queries` is empty where the record has stored answers alone."""

    aim: str
    questions: tuple[str, ...]
    queries: tuple[str, ...]
    stored: tuple[Any, ...]
    category: str

    def sql(self) -> list[str]:
        """Each turn's query, ready to run: earlier ones put in where they are referred to, the clock filled in.

        Raises TaskError where the first refers to an earlier one.
        """
        ready: list[str] = []
        for query in self.queries:
            ready.append(postprocess(_with_previous(query, ready[-1] if ready else None)))
        return ready

    def depends_on_now(self) -> bool:
        """Whether a question may mean another thing at another time."""
        return any(_CLOCK.search(text) for text in (self.aim, *self.questions))

    def stored_rows(self) -> list[Rows]:
        """The stored answer of each turn as rows. Raises TaskError where one is no table."""
        return [_rows(value) for value in self.stored]


def read_interaction(fields: Mapping[str, Any]) -> Interaction:
    """Reads either layout: `seed_question`, `question`, `ans` (one turn, or a list of them), or `question` and `sql`.

    Raises TaskError with what is wrong.
    """
    aim = fields.get("seed_question", "")
    if not isinstance(aim, str):
        raise TaskError("field seed_question is no text")
    questions = _texts(fields, "question")
    queries = _texts(fields, "sql" if "sql" in fields else "query") if fields.keys() & {"sql", "query"} else ()
    if queries and len(queries) != len(questions):
        raise TaskError(f"{len(questions)} questions have {len(queries)} queries")
    if not queries and "ans" not in fields:
        raise TaskError("it has neither sql nor ans")
    stored = _stored(fields.get("ans"), questions, isinstance(fields["question"], str))
    if not queries and len(stored) != len(questions):
        raise TaskError(f"{len(questions)} questions have {len(stored)} answers")
    category = fields.get("category") or _category(questions[-1], queries[-1] if queries else None)
    if category not in CATEGORIES:
        raise TaskError(f"unknown category {category!r}")
    return Interaction(aim.strip(), questions, queries, stored, category)


def _texts(fields: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = fields.get(name)
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise TaskError(f"field {name} is missing, empty, or no text and no list of texts")
    if len(texts) > MOST_TURNS:
        raise TaskError(f"field {name} has more than {MOST_TURNS} turns")
    return tuple(text.strip() for text in texts)


def _stored(ans: Any, questions: Sequence[str], is_one_turn: bool) -> tuple[Any, ...]:
    if ans is None:
        return ()
    return (ans,) if is_one_turn and len(questions) == 1 else tuple(ans) if isinstance(ans, list) else (ans,)


def _rows(value: Any) -> Rows:
    """A stored answer as rows: a value, a list of values, or a list of rows. Raises TaskError for anything else."""
    rows = [row if isinstance(row, list) else [row] for row in (value if isinstance(value, list) else [value])]
    if any(isinstance(cell, list | dict) for row in rows for cell in row) or len({len(row) for row in rows}) > 1:
        raise TaskError("a stored answer is no value, no list of values and no list of rows")
    return rows


def _with_previous(query: str, previous: str | None) -> str:
    """Puts the query before in the place of the words that stand for it or its result. Raises TaskError."""
    done: list[str] = []
    last = Token(Kind.SPACE, "")
    for token in tokens(query):
        text = token.text
        if token.says(*_PREVIOUS):
            if previous is None:
                raise TaskError(f"the first query refers to a {text}")
            text = previous if last.says("(") else f"({previous})"
        done.append(text)
        if token.kind is not Kind.SPACE:
            last = token
    return "".join(done)


def _category(question: str, query: str | None) -> str:
    marks = _WORDS if query is None else _SQL_MARKS
    return next((category for category, mark in marks.items() if mark.search(query or question)), "lookup")

"""What is wrong with a gold: it says nothing about the data, or it is only one of several right answers."""

import re
from collections.abc import Iterator

from medgym_ray.errors import TaskError
from medgym_ray.scoring import canonical
from medgym_ray.tasks.sql.execution import Database, Queries, Rows
from medgym_ray.tasks.sql.tokens import Token, without_space

VACUOUS = "vacuous: the gold is what a database without rows gives"
NULL = "vacuous: the gold holds nothing but NULL"
PRINTED = "given away: the question prints the gold"
TIED = "ambiguous: rows tie where LIMIT cuts"


def complaint(database: Database, empty: Queries, sql: str, rows: Rows) -> str | None:
    """Why the rows that a query gives are no gold, if they are none. Raises TaskError."""
    if is_vacuous(rows, empty.rows(sql)):
        return VACUOUS
    if all(value is None for row in rows for value in row):
        return NULL
    return TIED if is_ambiguous(database, sql, rows) else None


def is_vacuous(rows: Rows, of_empty: Rows) -> bool:
    """Whether the gold equals what a database without rows gives."""
    return canonical.equal(of_empty, rows).equal


def is_printed(rows: Rows, question: str) -> bool:
    """Whether every value of the gold stands in its own question, as a word of its own."""
    asked = question.casefold()
    cells = (re.escape(str(value).casefold()) for row in rows for value in row if value is not None)
    return all(re.search(rf"(?<![\w.]){cell}(?!\w|\.\d)", asked) for cell in cells)


def is_ambiguous(queries: Queries, sql: str, rows: Rows) -> bool:
    """Whether another choice among tied rows would change what a query with a LIMIT gives. Raises TaskError.

    Each LIMIT is tried with ties broken by the columns of its SELECT, rising and falling: where a tie is cut, the rows
    that are kept are then the least and the greatest of the tied ones, which differ unless all of them are alike.
    """
    return any(not canonical.equal(queries.rows(variant), rows).equal for variant in _variants(queries, sql))


def _variants(queries: Queries, sql: str) -> Iterator[str]:
    words = without_space(sql)
    for place, token in enumerate(words):
        if not token.says("limit"):
            continue
        start, end, is_ordered = _select_around(words, place)
        numbers = range(1, _width(queries, words[start:end]) + 1)
        for direction in ("ASC", "DESC"):
            keys = ", ".join(f"{number} {direction}" for number in numbers)
            breaker = f", {keys}" if is_ordered else f"ORDER BY {keys}"
            yield f"{_joined(words[:place])} {breaker} {_joined(words[place:])}"


def _select_around(words: list[Token], limit: int) -> tuple[int, int, bool]:
    """Where the SELECT of a LIMIT begins and ends, and whether it has an ORDER BY."""
    start, depth, is_ordered = limit, 0, False
    while start > 0:
        token = words[start - 1]
        depth += token.says(")") - token.says("(")
        if depth < 0:
            break
        is_ordered = is_ordered or (depth == 0 and token.says("order"))
        start -= 1
    end, depth = limit, 0
    while end < len(words):
        depth += words[end].says("(") - words[end].says(")")
        if depth < 0:
            break
        end += 1
    return start, end, is_ordered


def _width(queries: Queries, select: list[Token]) -> int:
    """Its columns; a SELECT that refers to the one around it does not run alone, and is a single value."""
    try:
        return len(queries.columns(_joined(select)))
    except TaskError:
        return 1


def _joined(words: list[Token]) -> str:
    return " ".join(token.text for token in words)

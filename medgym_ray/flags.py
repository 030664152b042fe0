"""Marks on a trajectory that a trainer may want to filter by; they never change a reward."""

import ast
import itertools
import json
from collections.abc import Sequence

from medgym_ray.tasks.base import Score
from medgym_ray.trajectory import Turn

DUMP_REASONS = frozenset({"answer_dump", "too_many_rows"})


def behaviour_flags(turns: Sequence[Turn], score: Score) -> list[str]:
    """`repeated_action`: the same action twice running; `constant_print`: a graded program that computes nothing;
    `answer_dump`: far more rows than any answer has; `no_action`: not one reply could be read."""
    flags = []
    asked = [(turn.action, turn.arguments) for turn in turns]
    if any(a == b and a[0] is not None for a, b in itertools.pairwise(asked)):
        flags.append("repeated_action")
    if any(_is_constant(turn) for turn in turns):
        flags.append("constant_print")
    if score.reason in DUMP_REASONS:
        flags.append("answer_dump")
    if turns and all(turn.parse_error is not None for turn in turns):
        flags.append("no_action")
    return flags


def _is_constant(turn: Turn) -> bool:
    """A graded program of nothing but literals: `print(0)`, `answer = 42`."""
    code = json.loads(turn.arguments).get("code") if turn.arguments else None
    if turn.reward_if_graded is None or not isinstance(code, str):
        return False
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return bool(statements) and all(_is_literal_statement(statement) for statement in statements)


def _is_literal_statement(statement: ast.stmt) -> bool:
    match statement:
        case ast.Assign(value=value) | ast.Expr(value=ast.Call(func=ast.Name(id="print"), args=[value])):
            try:
                ast.literal_eval(value)
            except (ValueError, TypeError, RecursionError, MemoryError):
                return False
            return True
    return False

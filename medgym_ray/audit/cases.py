"""What is submitted to a task: what the oracle says, honest variants of it, near misses and cheats."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from medgym_ray.actions import Action, ActionKind
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.tasks.base import Family, Task

_EXIT = re.compile(r"\b(?:_exit|sys\.exit|SystemExit|quit|exit)\b")
_EXAMPLE = 60
"""Characters of a program that are shown."""


class CaseKind(StrEnum):
    """What a case is meant to earn: the first three everything, the others nothing."""

    ORACLE = "oracle"
    GOLD = "gold"
    """The oracle's last action alone, where it says more than one."""
    HONEST = "honest"
    NEAR_MISS = "near miss"
    CHEAT = "cheat"


EARNING = frozenset({CaseKind.ORACLE, CaseKind.GOLD, CaseKind.HONEST})


@dataclass(frozen=True, slots=True)
class Case:
    """One episode of the audit: what the agent replies, turn by turn."""

    kind: CaseKind
    name: str
    replies: Sequence[str]
    example: str = ""
    """How the program begins, where it may be shown: cheats only, since the others state the gold."""
    hollow: bool = False
    """A program that does nothing, or ends the process: not even a constant."""


def cases_of(family: Family, task: Task) -> Iterator[Case]:
    """Every case of a task; cheats go by their place in the family's list."""
    if actions := family.oracle(task):
        yield Case(CaseKind.ORACLE, "conversation", [JsonObject().render(action) for action in actions])
        if len(actions) > 1:
            yield Case(CaseKind.GOLD, "last action alone", [JsonObject().render(actions[-1])])
    for name, code in family.honest(task).items():
        yield Case(CaseKind.HONEST, name, _submits(code))
    for name, code in family.near_misses(task).items():
        yield Case(CaseKind.NEAR_MISS, name, _submits(code))
    for number, code in enumerate(family.cheats(task), start=1):
        example = "" if family.restricted else " ".join(code.split())[:_EXAMPLE] or "(empty)"
        yield Case(CaseKind.CHEAT, str(number), _submits(code), example, hollow=is_hollow(code))


def _submits(code: str) -> list[str]:
    return [JsonObject().render(Action(ActionKind.SUBMIT, {"code": code}))]


def is_hollow(code: str) -> bool:
    """Whether a program holds no statement but `pass`, literals and comments, or speaks of ending the process."""
    if _EXIT.search(code):
        return True
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return all(
        isinstance(statement, ast.Pass)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in statements
    )

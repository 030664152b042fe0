"""What an agent can do, and whether what it asked for is one of these things. How it says so: formats/."""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ActionKind(StrEnum):
    """The paper's four actions, and the explicit end of an episode."""

    REQUEST_INFO = "request_info"
    TERMINAL = "terminal"
    CODE_EXECUTION = "code_execution"
    DEBUGGING = "debugging"
    SUBMIT = "submit"


@dataclass(frozen=True, slots=True)
class Action:
    """One action with its arguments (JSON values), as the agent asked for it."""

    kind: ActionKind
    arguments: Mapping[str, Any] = field(default_factory=dict)
    thought: str = ""
    """What is said before it, without braces; of no consequence."""


@dataclass(frozen=True, slots=True)
class ParseError:
    """Why a reply is no action; the text is meant for the agent."""

    message: str


ALIASES = {"validate_code": ActionKind.CODE_EXECUTION, "debug": ActionKind.DEBUGGING}
"""The original's names."""

INFO_TYPES = ("column_names", "column_values", "term")
_REQUIRED: dict[ActionKind, tuple[str, ...]] = {
    ActionKind.REQUEST_INFO: ("data_path", "info_type"),
    ActionKind.TERMINAL: ("cmd",),
    ActionKind.CODE_EXECUTION: ("code",),
    ActionKind.DEBUGGING: ("code",),
    ActionKind.SUBMIT: (),
}
_MAX_DEPTH = 100
"""Deeper JSON is no argument: it would only exhaust the stack of whoever walks it."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class Repeated(dict[str, Any]):
    """A JSON object in which a key stands twice."""


def checked(name: str, arguments: Any, allowed: Collection[ActionKind], place: str) -> Action | ParseError:
    """The action of that name, if it is one that can be carried out; `place` is what its format calls the arguments."""
    names = ", ".join(sorted(allowed))
    try:
        kind = ALIASES.get(name) or ActionKind(name)
    except ValueError:
        return ParseError(f'unknown action "{name}"; one of: {names}')
    if kind not in allowed:
        return ParseError(f'"{name}" is not available in this task; one of: {names}')
    if not isinstance(arguments, dict):
        return ParseError(f"{place} of {kind} must be an object")
    problem = _argument_problem(kind, arguments, place)
    return ParseError(f"{kind}: {problem}") if problem else Action(kind, arguments)


def unusable(fields: Any) -> str | None:
    """Why JSON that can be read can't be kept as it is meant: ambiguous, or not storable as JSON and UTF-8."""
    waiting = [(fields, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            return f"the action is nested more than {_MAX_DEPTH} levels deep"
        if isinstance(value, Repeated):
            return "a key stands twice in one object of the action"
        if isinstance(value, float) and not math.isfinite(value):
            return "a number of the action is NaN, infinite or too large for JSON; send it as text or leave it out"
        if isinstance(value, str) and _SURROGATE.search(value):
            return "a text of the action holds half of a surrogate pair (\\ud800 to \\udfff); write the character"
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]
    return None


def _argument_problem(kind: ActionKind, arguments: Mapping[str, Any], place: str) -> str | None:
    for name in _REQUIRED[kind]:
        if not isinstance(arguments.get(name), str) or not arguments[name].strip():
            return f'"{name}" is missing or no text in {place}'
    if kind is ActionKind.REQUEST_INFO and arguments["info_type"] not in INFO_TYPES:
        return f'"info_type" must be one of: {", ".join(INFO_TYPES)}'
    if kind is ActionKind.SUBMIT:
        if ("code" in arguments) == ("answer" in arguments):
            return 'give either "code" (run, its variable `answer` is graded) or "answer"'
        if "code" in arguments and not isinstance(arguments["code"], str):
            return '"code" must be text'
    return None

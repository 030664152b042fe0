"""What the agent says ↔ what we do: reading a reply as one action, writing an action as a reply.

Reading is lenient about what surrounds an action and never guesses one: whatever cannot be read is answered with a
precise error that the agent sees, costs a turn and is recorded.
"""

import json
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


@dataclass(frozen=True, slots=True)
class ParseError:
    """Why a reply is no action; the text is meant for the agent."""

    message: str


ALIASES = {"validate_code": ActionKind.CODE_EXECUTION, "debug": ActionKind.DEBUGGING}
"""The original's names."""

_INFO_TYPES = ("column_names", "column_values", "term")
_REQUIRED: dict[ActionKind, tuple[str, ...]] = {
    ActionKind.REQUEST_INFO: ("data_path", "info_type"),
    ActionKind.TERMINAL: ("cmd",),
    ActionKind.CODE_EXECUTION: ("code",),
    ActionKind.DEBUGGING: ("code",),
    ActionKind.SUBMIT: (),
}
_THINKING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)
# strict=False: models break lines inside JSON strings; nothing else can be meant by it.
_DECODER = json.JSONDecoder(strict=False)


def parse_json_action(reply: str, allowed: Collection[ActionKind]) -> Action | ParseError:
    """Reads the one `{"action": …, "params": {…}}` object of a reply, bare or fenced, with any text around it."""
    objects = _action_objects(_THINKING.sub("", reply))
    if not objects:
        return ParseError(
            'no action found: reply with one JSON object such as {"action": "code_execution", "params": {"code": "…"}}'
        )
    if any(other != objects[0] for other in objects[1:]):
        return ParseError(f"{len(objects)} different actions in one reply; send one at a time")
    return _checked(objects[0], allowed)


def render_json_action(action: Action) -> str:
    """The reply that `parse_json_action` reads as this action."""
    return json.dumps({"action": action.kind.value, "params": dict(action.arguments)}, ensure_ascii=False)


def _action_objects(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    at = text.find("{")
    while at != -1:
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if isinstance(value, dict) and "action" in value:
                found.append(value)
        at = text.find("{", end)
    return found


def _checked(fields: dict[str, Any], allowed: Collection[ActionKind]) -> Action | ParseError:
    name = fields["action"]
    names = ", ".join(sorted(allowed))
    if not isinstance(name, str):
        return ParseError(f'"action" must be a string, one of: {names}')
    try:
        kind = ALIASES.get(name) or ActionKind(name)
    except ValueError:
        return ParseError(f'unknown action "{name}"; one of: {names}')
    if kind not in allowed:
        return ParseError(f'"{name}" is not available in this task; one of: {names}')
    arguments = fields.get("params", {})
    if not isinstance(arguments, dict):
        return ParseError(f'"params" of {kind} must be an object')
    problem = _argument_problem(kind, arguments)
    return ParseError(f"{kind}: {problem}") if problem else Action(kind, arguments)


def _argument_problem(kind: ActionKind, arguments: Mapping[str, Any]) -> str | None:
    for name in _REQUIRED[kind]:
        if not isinstance(arguments.get(name), str) or not arguments[name].strip():
            return f'"{name}" is missing or no text in "params"'
    if kind is ActionKind.REQUEST_INFO and arguments["info_type"] not in _INFO_TYPES:
        return f'"info_type" must be one of: {", ".join(_INFO_TYPES)}'
    if kind is ActionKind.SUBMIT:
        if ("code" in arguments) == ("answer" in arguments):
            return 'give either "code" (run, its variable `answer` is graded) or "answer"'
        if "code" in arguments and not isinstance(arguments["code"], str):
            return '"code" must be text'
    return None

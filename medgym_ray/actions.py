"""What the agent says ↔ what we do: reading a reply as one action, writing an action as a reply.

Reading is lenient about what surrounds an action and never guesses one: whatever cannot be read is answered with a
precise error that the agent sees, costs a turn and is recorded.
"""

import json
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

_INFO_TYPES = ("column_names", "column_values", "term")
_REQUIRED: dict[ActionKind, tuple[str, ...]] = {
    ActionKind.REQUEST_INFO: ("data_path", "info_type"),
    ActionKind.TERMINAL: ("cmd",),
    ActionKind.CODE_EXECUTION: ("code",),
    ActionKind.DEBUGGING: ("code",),
    ActionKind.SUBMIT: (),
}
_NO_ACTION = 'no action found: reply with one JSON object such as {"action": "code_execution", "params": {"code": "…"}}'
_MAX_DEPTH = 100
"""Deeper JSON is no argument: it would only exhaust the stack of whoever walks it."""
_MAX_BROKEN = 1000
"""Starts of objects that lead nowhere: more of them are noise, and each costs a look at the whole reply."""
_START = re.compile(r'</?think>|\{(?=\s*")')
_BROKEN = re.compile(r'\{\s*"action"\s*:')
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Repeated(dict[str, Any]):
    """A JSON object in which a key stands twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else _Repeated(fields)


# strict=False: models break lines inside JSON strings; nothing else can be meant by it.
_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_object)


def parse_json_action(reply: str, allowed: Collection[ActionKind]) -> Action | ParseError:
    """Reads the one `{"action": …, "params": {…}}` object of a reply, bare or fenced, with any text around it."""
    objects, broken = _action_objects(reply)
    if broken or not objects:  # what stands inside a broken action may be part of its text: no guessing
        return ParseError(broken or _NO_ACTION)
    for fields in objects:
        if (problem := _unusable(fields)) is not None:
            return ParseError(problem)
    different = len({json.dumps(fields, sort_keys=True) for fields in objects})  # as text: 1, 1.0 and true differ
    if different > 1:
        return ParseError(f"{different} different actions in one reply; send one at a time")
    return _checked(objects[0], allowed)


def render_json_action(action: Action) -> str:
    """The reply that `parse_json_action` reads as this action."""
    spoken = json.dumps({"action": action.kind.value, "params": dict(action.arguments)}, ensure_ascii=False)
    return f"{action.thought}\n{spoken}" if action.thought else spoken


def _action_objects(text: str) -> tuple[list[dict[str, Any]], str | None]:
    """The action objects outside of thoughts, and what is wrong with the first that is no valid JSON."""
    found: list[dict[str, Any]] = []
    broken: str | None = None
    dead_ends = at = 0
    while (start := _START.search(text, at)) is not None:
        at = start.end()
        if start[0] == "</think>":  # the template opened the thought: all of it so far was one
            found, broken = [], None
            continue
        if start[0] == "<think>":
            end = text.find("</think>", at)
            at = len(text) if end == -1 else end + len("</think>")
            continue
        try:
            value, at = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError) as error:
            if broken is None and _BROKEN.match(text, start.start()):
                broken = f"the action is not valid JSON: {_position(error)}"
            dead_ends += 1
            if dead_ends == _MAX_BROKEN:
                return [], broken or "too many broken JSON objects in one reply"
            continue
        if isinstance(value, dict) and "action" in value:
            found.append(value)
    return found, broken


def _position(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno} column {error.colno} of the reply)"
    return "nested too deep" if isinstance(error, RecursionError) else str(error)


def _unusable(fields: Any) -> str | None:
    """Why JSON that can be read can't be kept as it is meant: ambiguous, or not storable as JSON and UTF-8."""
    waiting = [(fields, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            return f"the action is nested more than {_MAX_DEPTH} levels deep"
        if isinstance(value, _Repeated):
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

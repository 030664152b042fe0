"""`agent.format=json`, the paper's: one object `{"action": NAME, "params": {…}}`, bare or fenced, text around it."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from medgym_ray.actions import INFO_TYPES, Action, ActionKind, ParseError, checked, unusable
from medgym_ray.formats.objects import different, find
from medgym_ray.tasks.base import Role

_NONE = 'no action found: reply with one JSON object such as {"action": "code_execution", "params": {"code": "…"}}'
_INTRODUCTION = """Reply to each message with exactly one action, a JSON object {"action": NAME, "params": {...}}; \
text around it is allowed. Actions:"""
_ACTIONS = {
    ActionKind.REQUEST_INFO: (
        '{"action": "request_info", "params": {"data_path": PATH, "info_type": TYPE, "keyterm": TEXT}}: looks into the '
        "data tables at a directory, file, DATABASE or DATABASE:TABLE. TYPE is column_names (with types and examples), "
        "column_values (of the column keyterm) or term (finds keyterm among all values, even if misspelt)."
    ),
    ActionKind.TERMINAL: '{"action": "terminal", "params": {"cmd": COMMAND}}: runs a shell command.',
    ActionKind.CODE_EXECUTION: (
        '{"action": "code_execution", "params": {"code": PYTHON}}: runs a program and shows what it prints.'
    ),
    ActionKind.DEBUGGING: (
        '{"action": "debugging", "params": {"code": PYTHON, "error_msg": TEXT}}: reruns a failing program and shows '
        "the failing line with the values of its names."
    ),
    ActionKind.SUBMIT: (
        '{"action": "submit", "params": {"code": PYTHON}}: runs a program and hands in its variable `answer`; or '
        '{"action": "submit", "params": {"answer": JSON}}.'
    ),
}
_TEXT: dict[str, Any] = {"type": "string"}
_PARAMS: Mapping[ActionKind, list[dict[str, Any]]] = {
    ActionKind.REQUEST_INFO: [{"data_path": _TEXT, "info_type": {"enum": list(INFO_TYPES)}, "keyterm": _TEXT}],
    ActionKind.TERMINAL: [{"cmd": _TEXT}],
    ActionKind.CODE_EXECUTION: [{"code": _TEXT}],
    ActionKind.DEBUGGING: [{"code": _TEXT, "error_msg": _TEXT}],
    ActionKind.SUBMIT: [{"code": _TEXT}, {"answer": {}}],
}


class JsonObject:
    """See AgentFormat."""

    name = "json"
    observer: Role = "user"
    stop: tuple[str, ...] = ()
    beside_tools = ""

    def rules(self, actions: Collection[ActionKind]) -> str:
        """See AgentFormat."""
        return "\n".join([_INTRODUCTION, *(f"- {text}" for kind, text in _ACTIONS.items() if kind in actions)])

    def tools(self, _: Collection[ActionKind], /) -> list[dict[str, Any]]:
        """None: the rules say it all."""
        return []

    def parse(self, reply: str, allowed: Collection[ActionKind]) -> Action | ParseError:
        """See AgentFormat."""
        found = find(reply, "action")
        if found.broken or not found.objects:
            return ParseError(found.broken or _NONE)
        for fields in found.objects:
            if (problem := unusable(fields)) is not None:
                return ParseError(problem)
        if (number := different(found.objects)) > 1:
            return ParseError(f"{number} different actions in one reply; send one at a time")
        name, arguments = found.objects[0]["action"], found.objects[0].get("params", {})
        if not isinstance(name, str):
            return ParseError(f'"action" must be a string, one of: {", ".join(sorted(allowed))}')
        return checked(name, arguments, allowed, '"params"')

    def render(self, action: Action) -> str:
        """See AgentFormat."""
        spoken = json.dumps({"action": action.kind.value, "params": dict(action.arguments)}, ensure_ascii=False)
        return f"{action.thought}\n{spoken}" if action.thought else spoken

    def schema(self, actions: Collection[ActionKind]) -> dict[str, Any]:
        """JSON schema of every reply that can be carried out, for an engine that is to say nothing else."""
        return {
            "anyOf": [
                _closed({"action": {"const": kind.value}, "params": _closed(params)})
                for kind in ActionKind
                if kind in actions
                for params in _PARAMS[kind]
            ]
        }


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}

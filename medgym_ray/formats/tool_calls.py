"""`agent.format=tools`: the model's own tool calls, which its chat template lists and renders.

What models of different makers say is one JSON object with a name and arguments, whatever stands around it:
`<tool_call>{"name": …, "arguments": {…}}</tool_call>` (Qwen, Hermes), `[TOOL_CALLS][{…}]` (Mistral),
`{"name": …, "parameters": {…}}` (Llama).
"""

import json
from collections.abc import Collection
from typing import Any

from medgym_ray.actions import INFO_TYPES, Action, ActionKind, ParseError, checked, unusable
from medgym_ray.formats.objects import different, find, problem, read
from medgym_ray.tasks.base import Role

_NONE = 'no tool call found: reply with one call such as {"name": "code_execution", "arguments": {"code": "…"}}'
_RULES = """{rules} Tools:
{tools}
A call is a JSON object with the tool's name and arguments within tags:
<tool_call>
{{"name": NAME, "arguments": {{...}}}}
</tool_call>"""


def _text(what: str) -> dict[str, Any]:
    return {"type": "string", "description": what}


_PYTHON = _text("Python")
_TOOLS: dict[ActionKind, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    ActionKind.REQUEST_INFO: (
        "Looks into the data tables.",
        {
            "data_path": _text("a directory, file, DATABASE or DATABASE:TABLE"),
            "info_type": {
                "type": "string",
                "enum": list(INFO_TYPES),
                "description": "column_names (with types and examples), column_values (of the column keyterm) or term "
                "(finds keyterm among all values, even if misspelt)",
            },
            "keyterm": _text("a column or a term"),
        },
        ("data_path", "info_type"),
    ),
    ActionKind.TERMINAL: ("Runs a shell command.", {"cmd": _text("the command")}, ("cmd",)),
    ActionKind.CODE_EXECUTION: ("Runs a program and shows what it prints.", {"code": _PYTHON}, ("code",)),
    ActionKind.DEBUGGING: (
        "Reruns a failing program and shows the failing line with the values of its names.",
        {"code": _PYTHON, "error_msg": _text("what it said")},
        ("code",),
    ),
    ActionKind.SUBMIT: (
        "Hands in either the variable `answer` of a program that is run for it, or an answer as it is.",
        {"code": _PYTHON, "answer": {"description": "any JSON value"}},
        (),
    ),
}
_ARGUMENTS = ("arguments", "parameters")


class ToolCalls:
    """See AgentFormat."""

    name = "tools"
    observer: Role = "tool"
    stop: tuple[str, ...] = ("</tool_call>",)
    beside_tools = "Reply to each message with exactly one tool call; text around it is allowed."

    def rules(self, actions: Collection[ActionKind]) -> str:
        """See AgentFormat."""
        tools = "\n".join(json.dumps(tool) for tool in self.tools(actions))
        return _RULES.format(rules=self.beside_tools, tools=tools)

    def tools(self, actions: Collection[ActionKind], /) -> list[dict[str, Any]]:
        """See AgentFormat."""
        return [
            {
                "type": "function",
                "function": {
                    "name": kind.value,
                    "description": description,
                    "parameters": {"type": "object", "properties": properties, "required": list(required)},
                },
            }
            for kind, (description, properties, required) in _TOOLS.items()
            if kind in actions
        ]

    def parse(self, reply: str, allowed: Collection[ActionKind]) -> Action | ParseError:
        """See AgentFormat."""
        found = find(reply, "name")
        calls = [fields for fields in found.objects if any(key in fields for key in _ARGUMENTS)]
        if found.broken or not calls:
            return ParseError(found.broken or _NONE)
        for call in calls:
            if (wrong := unusable(call)) is not None:
                return ParseError(wrong)
        if (number := different(calls)) > 1:
            return ParseError(f"{number} different tool calls in one reply; make one at a time")
        name, given = calls[0]["name"], [calls[0][key] for key in _ARGUMENTS if key in calls[0]]
        if not isinstance(name, str):
            return ParseError(f'"name" must be a string, one of: {", ".join(sorted(allowed))}')
        if len(given) > 1:
            return ParseError('a tool call has both "arguments" and "parameters"')
        arguments = given[0]
        if isinstance(arguments, str):  # as the OpenAI API has them
            try:
                arguments = read(arguments)
            except (ValueError, RecursionError) as error:
                return ParseError(f'"arguments" of {name} are text that is not valid JSON: {problem(error)}')
            if (wrong := unusable(arguments)) is not None:
                return ParseError(wrong)
        return checked(name, arguments, allowed, '"arguments"')

    def render(self, action: Action) -> str:
        """See AgentFormat."""
        call = json.dumps({"name": action.kind.value, "arguments": dict(action.arguments)}, ensure_ascii=False)
        spoken = f"<tool_call>\n{call}\n</tool_call>"
        return f"{action.thought}\n{spoken}" if action.thought else spoken

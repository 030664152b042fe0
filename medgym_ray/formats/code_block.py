"""`agent.format=code`: one fenced block, whose first word says what is to be done with it."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from medgym_ray.actions import Action, ActionKind, ParseError, checked, unusable
from medgym_ray.formats.objects import problem, read
from medgym_ray.tasks.base import Role

_INTRODUCTION = "Reply to each message with exactly one fenced block of these; text around it is allowed:"
_LISTED = {
    ActionKind.REQUEST_INFO: (
        '```request_info\n{"data_path": PATH, "info_type": TYPE, "keyterm": TEXT}\n```\nlooks into the data tables at '
        "a directory, file, DATABASE or DATABASE:TABLE. TYPE is column_names (with types and examples), column_values "
        "(of the column keyterm) or term (finds keyterm among all values, even if misspelt)."
    ),
    ActionKind.TERMINAL: "```bash\nCOMMAND\n```\nruns a shell command.",
    ActionKind.CODE_EXECUTION: "```python\nPYTHON\n```\nruns a program and shows what it prints.",
    ActionKind.DEBUGGING: (
        "```debug\nPYTHON\n```\nreruns a failing program and shows the failing line with the values of its names."
    ),
    ActionKind.SUBMIT: (
        "```submit\nPYTHON\n```\nruns a program and hands in its variable `answer`; or\n```answer\nJSON\n```\nhands in "
        "a value as it is."
    ),
}
_TAGS: dict[str, tuple[ActionKind, str | None]] = {
    "python": (ActionKind.CODE_EXECUTION, "code"),
    "python3": (ActionKind.CODE_EXECUTION, "code"),
    "py": (ActionKind.CODE_EXECUTION, "code"),
    "bash": (ActionKind.TERMINAL, "cmd"),
    "sh": (ActionKind.TERMINAL, "cmd"),
    "shell": (ActionKind.TERMINAL, "cmd"),
    "debug": (ActionKind.DEBUGGING, "code"),
    "submit": (ActionKind.SUBMIT, "code"),
    "answer": (ActionKind.SUBMIT, None),
    "request_info": (ActionKind.REQUEST_INFO, None),
}
"""What a block's first word means, and the argument that its text is; None: its text is JSON."""
_SPOKEN = {
    ActionKind.REQUEST_INFO: "request_info",
    ActionKind.TERMINAL: "bash",
    ActionKind.CODE_EXECUTION: "python",
    ActionKind.DEBUGGING: "debug",
    ActionKind.SUBMIT: "submit",
}
_MARK = re.compile(r"</?think>|^ {0,3}(?P<fence>`{3,})[ \t]*(?P<tag>[^`\s]*)[^`\n]*$", re.MULTILINE)
_RUN = re.compile(r"^ {0,3}(`{3,})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Block:
    tag: str
    text: str


class CodeBlock:
    """See AgentFormat."""

    name = "code"
    observer: Role = "user"
    stop: tuple[str, ...] = ()
    beside_tools = ""

    def rules(self, actions: Collection[ActionKind]) -> str:
        """See AgentFormat."""
        return "\n".join([_INTRODUCTION, *(text for kind, text in _LISTED.items() if kind in actions)])

    def tools(self, _: Collection[ActionKind], /) -> list[dict[str, Any]]:
        """None: the rules say it all."""
        return []

    def parse(self, reply: str, allowed: Collection[ActionKind]) -> Action | ParseError:
        """See AgentFormat. Blocks of other languages are no actions: output that a reply shows, for instance."""
        blocks, broken = _blocks(reply)
        if broken:
            return ParseError(broken)
        meant = list(dict.fromkeys(block for block in blocks if block.tag in _TAGS))
        if not meant:
            tags = ", ".join(tag for tag, (kind, _) in _TAGS.items() if kind in allowed)
            there = f" (there is one of ```{blocks[0].tag})" if blocks else ""
            return ParseError(f"no block to act upon{there}: begin it with ``` and one of: {tags}")
        if len(meant) > 1:
            return ParseError(f"{len(meant)} different blocks in one reply; send one at a time")
        kind, argument = _TAGS[meant[0].tag]
        if argument is not None:
            arguments: Any = {argument: meant[0].text}
        else:
            try:
                value = read(meant[0].text)
            except (ValueError, RecursionError) as error:
                return ParseError(f"the block of {meant[0].tag} is not valid JSON: {problem(error)}")
            arguments = {"answer": value} if kind is ActionKind.SUBMIT else value
        if (wrong := unusable(arguments)) is not None:
            return ParseError(wrong)
        return checked(kind.value, arguments, allowed, "the block")

    def render(self, action: Action) -> str:
        """See AgentFormat. What `debugging` was told of an error is left out: the block is the program."""
        tag, text = _SPOKEN[action.kind], action.arguments.get("code", action.arguments.get("cmd"))
        if "answer" in action.arguments:
            tag, text = "answer", json.dumps(action.arguments["answer"], ensure_ascii=False)
        elif text is None:
            text = json.dumps(dict(action.arguments), ensure_ascii=False)
        fence = "`" * max([3, *(len(run) + 1 for run in _RUN.findall(text))])
        spoken = f"{fence}{tag}\n{text}\n{fence}"
        return f"{action.thought}\n{spoken}" if action.thought else spoken


def _blocks(text: str) -> tuple[list[_Block], str | None]:
    """The blocks outside of thoughts, and what is wrong with one that has no end."""
    found: list[_Block] = []
    at = 0
    while (mark := _MARK.search(text, at)) is not None:
        at = mark.end()
        if mark[0] == "</think>":  # the template opened the thought: all of it so far was one
            found = []
            continue
        if mark[0] == "<think>":
            end = text.find("</think>", at)
            at = len(text) if end == -1 else end + len("</think>")
            continue
        end_of_block = re.compile(rf"^ {{0,3}}`{{{len(mark['fence'])},}}[ \t\r]*$", re.MULTILINE).search(text, at + 1)
        if end_of_block is None:
            line = text.count("\n", 0, mark.start()) + 1
            closes = text.find("</think>", at)
            if closes != -1:  # it was part of a thought
                at = closes
                continue
            return [], f"the block that begins in line {line} has no end: close it with {mark['fence']}"
        found.append(_Block(mark["tag"].lower(), text[at + 1 : max(at + 1, end_of_block.start() - 1)]))
        at = end_of_block.end()
    return found, None

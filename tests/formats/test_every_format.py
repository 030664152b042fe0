"""What holds for every agent format."""

import contextlib
import json
import os
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.actions import Action, ActionKind, ParseError
from medgym_ray.formats.base import AgentFormat
from medgym_ray.formats.registry import FORMATS
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Turn, to_batch
from tests.formats.strategies import actions
from tests.records import make_trajectory

ALL = frozenset(ActionKind)
_CASES = int(os.environ.get("MEDGYM_CASES", "5000"))
"""Malformed replies per format; a million have been tried."""
_each = pytest.mark.parametrize("spoken", FORMATS.values(), ids=FORMATS)


def _without_error(action: Action) -> Action:
    """A fenced block has no place for what `debugging` was told of an error."""
    return Action(action.kind, {name: value for name, value in action.arguments.items() if name != "error_msg"})


@_each
@given(
    actions, st.sampled_from(["{}", "So:\n{}\nDone.", "<think>hm {{</think>\n{}", "{0}\n{0}", "a\n```text\nb\n```\n{}"])
)
def test_what_is_rendered_is_read_as_the_same_action(spoken: AgentFormat, action: Action, around: str) -> None:
    read = spoken.parse(around.format(spoken.render(action)), ALL)
    assert isinstance(read, Action), read
    assert read == action if spoken.name != "code" else read == _without_error(action)


@_each
@given(actions, actions)
def test_two_rendered_actions_are_one_or_an_error(spoken: AgentFormat, first: Action, second: Action) -> None:
    one, other = spoken.render(first), spoken.render(second)
    read = spoken.parse(f"{one}\n{other}", ALL)
    assert isinstance(read, Action) == (one == other)


@_each
def test_the_rules_and_tools_tell_of_what_a_task_offers_and_of_nothing_else(spoken: AgentFormat) -> None:
    offered = frozenset({ActionKind.SUBMIT, ActionKind.CODE_EXECUTION})
    said = spoken.rules(offered) + json.dumps(spoken.tools(offered))
    assert "request_info" not in said
    assert "hell" not in said, "no shell"
    assert "request_info" in spoken.rules(ALL) + json.dumps(spoken.tools(ALL))


_SCRAPS = [
    *("<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "```", "````", "```python\n", "```json\n"),
    *(
        "```submit\n",
        "```answer\n",
        "\n```\n",
        "\n",
        " ",
        '"',
        "'",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\\",
        "\x00",
        "\ud800",
    ),
    *('{"action": ', '{"name": ', '"params": ', '"arguments": ', '"parameters": ', '"submit"', '"code_execution"'),
    *('"terminal"', '"request_info"', '{"answer": ', '{"code": ', '{"cmd": ', "print(1)", "NaN", "1e999", "\\ud800"),
    *("1" * 5000, "é", "\u2028", "\r\n", '{"code": "print(1)"}', '{"answer": 1}', "None", "true", "-0.0"),
]


def _malformed(draw: random.Random, spoken: AgentFormat, well_formed: list[str]) -> str:
    """Scraps in any order, or a reply that is well formed but for a few places."""
    if draw.random() < 0.5:
        return "".join(draw.choices(_SCRAPS, k=draw.randrange(12)))
    reply = draw.choice(well_formed)
    for _ in range(draw.randrange(1, 4)):
        start = draw.randrange(len(reply) + 1)
        end = min(len(reply), start + draw.randrange(4))
        reply = reply[:start] + draw.choice(["", draw.choice(_SCRAPS), chr(draw.randrange(1, 0x2FF))]) + reply[end:]
    return reply


def _stands_in(reply: str, read: Action) -> bool:
    """Whether a fenced block says it: a program as it is, anything else as JSON that begins a line."""
    program = read.arguments.get("code", read.arguments.get("cmd"))
    if program is not None:
        return program in reply
    meant = read.arguments["answer"] if read.kind is ActionKind.SUBMIT else dict(read.arguments)
    return json.dumps(meant) in {json.dumps(value) for value in _values(reply)}


def _values(reply: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(strict=False)
    for line in re.finditer(r"\n\s*", reply):
        with contextlib.suppress(ValueError, RecursionError):
            yield decoder.raw_decode(reply, line.end())[0]


_WELL_FORMED = [
    Action(ActionKind.CODE_EXECUTION, {"code": "x = {'a': [1, 2]}\nprint(x)"}, "I look."),
    Action(ActionKind.DEBUGGING, {"code": "1 / 0", "error_msg": "ZeroDivisionError"}),
    Action(ActionKind.TERMINAL, {"cmd": "ls -l | head"}),
    Action(ActionKind.REQUEST_INFO, {"data_path": "db:t", "info_type": "term", "keyterm": "aspirin"}),
    Action(ActionKind.SUBMIT, {"answer": {"a": [1.5, None, "x"]}}),
    Action(ActionKind.SUBMIT, {"code": "answer = '''\n```python\n'''"}),
]


@_each
def test_no_malformed_reply_raises_or_is_guessed_at(spoken: AgentFormat) -> None:
    """What is read is what a record can keep, and says again the same: then nothing was made up."""
    draw = random.Random(7)
    well_formed = [spoken.render(action) for action in _WELL_FORMED]
    kept: list[Turn] = []
    for _ in range(_CASES):
        reply = _malformed(draw, spoken, well_formed)
        read = spoken.parse(reply, ALL)
        if isinstance(read, ParseError):
            assert read.message
            continue
        assert spoken.parse(spoken.render(read), ALL) == read, reply
        if spoken.name == "code":
            assert _stands_in(reply, read), reply
        kept.append(Turn(action=read.kind.value, arguments=json.dumps(dict(read.arguments), ensure_ascii=False)))
    assert kept
    to_batch([make_trajectory("t", turns=kept[:1000])], TRAJECTORY_SCHEMA)

"""What the agent says, read as one action or answered with a precise error; never guessed, never an exception."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.actions import ALIASES, Action, ActionKind, ParseError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Turn, to_batch
from tests.formats.strategies import actions
from tests.records import make_trajectory

ALL = frozenset(ActionKind)
RUN = '{"action": "code_execution", "params": {"code": "print(1)"}}'
PRINT_1 = Action(ActionKind.CODE_EXECUTION, {"code": "print(1)"})

parse_json_action, render_json_action = JsonObject().parse, JsonObject().render


def _error(reply: str, allowed: frozenset[ActionKind] = ALL) -> str:
    read = parse_json_action(reply, allowed)
    assert isinstance(read, ParseError), read
    return read.message


@pytest.mark.parametrize(
    "reply",
    [
        RUN,
        f"```json\n{RUN}\n```",
        f"```\n{RUN}\n```",
        f"I print it.\n\n{RUN}\nThat is all {{really}}.",
        f"<think>Perhaps {{'a': 1}} or a submit?</think>{RUN}",
        f'<think>{{"action": "submit", "params": {{"answer": 1}}}}</think>\n```json\n{RUN}\n```',
        f"{RUN} <think>I wonder",
        f'Data such as {{}} and {{"a": 1}} first. {RUN}',
        f"{RUN}\nAgain:\n{RUN}",
        '{"params": {"code": "print(1)"}, "action": "code_execution", "thought": "easy"}',
        '[{"action": "code_execution", "params": {"code": "print(1)"}}]',
        '{\n  "action" : "code_execution",\n  "params" : {"code" : "print(1)"}\n}',
        RUN.replace("code_execution", "validate_code"),
        f"{RUN} and not {{'action': 'submit'}}",
    ],
)
def test_one_action_is_read_whatever_surrounds_it(reply: str) -> None:
    assert parse_json_action(reply, ALL) == PRINT_1


def test_the_originals_names_mean_the_papersactions() -> None:
    reply = '{"action": "debug", "params": {"code": "1/0", "error_msg": "ZeroDivisionError"}}'
    expected = {"code": "1/0", "error_msg": "ZeroDivisionError"}
    assert parse_json_action(reply, ALL) == Action(ActionKind.DEBUGGING, expected)
    assert set(ALIASES) == {"debug", "validate_code"}


def test_line_breaks_and_tabs_inside_a_string_are_kept() -> None:
    read = parse_json_action('{"action": "code_execution", "params": {"code": "if 1:\n\tprint(1)\r\n"}}', ALL)
    assert read == Action(ActionKind.CODE_EXECUTION, {"code": "if 1:\n\tprint(1)\r\n"})


def test_markup_inside_a_string_is_text_of_the_action() -> None:
    code = "a = '<think>x</think>'; b = '<think>'; c = '```json {\"action\": 1}```'"
    assert parse_json_action(render_json_action(Action(ActionKind.SUBMIT, {"code": code})), ALL) == Action(
        ActionKind.SUBMIT, {"code": code}
    )


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("", "no action found"),
        ("The answer is 42.", "no action found"),
        ("```python\nprint(1)\n```", "no action found"),
        ("<think>{RUN}</think>", "no action found"),
        (f"<think>{RUN}", "no action found"),
        ('{"tool": "terminal"}', "no action found"),
        ('{"action": "terminal", "params": {"cmd": "echo "hi""}}', "not valid JSON: Expecting ',' delimiter (line 1 "),
        ('{"action": "terminal", "params": {"cmd": "ls', "not valid JSON: Unterminated string"),
        ('Well\n{"action": "terminal",}', "line 2 column"),
        ('{"action": 3}', '"action" must be a string'),
        ('{"action": null, "params": {}}', '"action" must be a string'),
        ('{"action": "shell", "params": {"cmd": "ls"}}', 'unknown action "shell"; one of: '),
        ('{"action": "terminal"}', 'terminal: "cmd" is missing'),
        ('{"action": "terminal", "cmd": "ls"}', 'terminal: "cmd" is missing'),
        ('{"action": "terminal", "params": ["ls"]}', '"params" of terminal must be an object'),
        ('{"action": "terminal", "params": null}', '"params" of terminal must be an object'),
        ('{"action": "terminal", "params": {"cmd": 1}}', 'terminal: "cmd" is missing or no text'),
        ('{"action": "code_execution", "params": {"code": " \\n"}}', 'code_execution: "code" is missing or no text'),
        ('{"action": "debug", "params": {"error_msg": "x"}}', 'debugging: "code" is missing'),
        ('{"action": "request_info", "params": {"info_type": "term"}}', '"data_path" is missing'),
        (
            '{"action": "request_info", "params": {"data_path": "a", "info_type": "rows"}}',
            '"info_type" must be one of: column_names, column_values, term',
        ),
        ('{"action": "submit"}', 'submit: give either "code"'),
        ('{"action": "submit", "params": {"code": "answer=1", "answer": 1}}', 'submit: give either "code"'),
        ('{"action": "submit", "params": {"code": 3}}', 'submit: "code" must be text'),
        ('{"action": "submit", "params": {"answer": NaN}}', "NaN, infinite or too large"),
        ('{"action": "submit", "params": {"answer": [1e999]}}', "NaN, infinite or too large"),
        ('{"action": "submit", "params": {"answer": "\\ud83d"}}', "half of a surrogate pair"),
        ('{"action": "submit", "params": {"answer": {"\\udc00": 1}}}', "half of a surrogate pair"),
        ('{"action": "submit", "params": {"answer": 1}, "params": {"answer": 2}}', "a key stands twice"),
    ],
)
def test_each_mistake_is_named(reply: str, message: str) -> None:
    assert message in _error(reply)


def test_an_action_that_the_task_does_not_offer_is_answered_with_those_it_does() -> None:
    allowed = frozenset({ActionKind.SUBMIT, ActionKind.CODE_EXECUTION})
    message = _error('{"action": "terminal", "params": {"cmd": "ls"}}', allowed)
    assert message == '"terminal" is not available in this task; one of: code_execution, submit'
    assert "one of: code_execution, submit" in _error('{"action": "x"}', allowed)


@pytest.mark.parametrize(
    ("first", "second"),
    [("1", "2"), ("1", "true"), ("1", "1.0"), ("0", "false"), ('"1"', "1"), ("null", "0"), ("[1]", "[1, 1]")],
)
def test_two_differentactions_are_never_chosen_between(first: str, second: str) -> None:
    replies = [f'{{"action": "submit", "params": {{"answer": {a}}}}}' for a in (first, second, first)]
    assert _error(" then ".join(replies)) == "2 different actions in one reply; send one at a time"


@given(actions, st.sampled_from(["{}", "```json\n{}\n```", "So:\n{}\nDone.", "<think>hm {{</think>{}", "{0}\n{0}"]))
def test_what_is_rendered_is_read_as_the_same_action(action: Action, around: str) -> None:
    assert parse_json_action(around.format(render_json_action(action)), ALL) == action


@given(actions, actions)
def test_two_renderedactions_are_one_or_an_error(first: Action, second: Action) -> None:
    one, other = render_json_action(first), render_json_action(second)
    read = parse_json_action(f"{one}\n{other}", ALL)
    assert read == first if one == other else isinstance(read, ParseError)


_marks = st.sampled_from(["<think>", "</think>", "```json", RUN])
_pieces = st.sampled_from(
    ['{"action": ', '"submit"', '"params": ', '{"answer": ', *'{}[]",:\\-\x00\n', "\\ud800", "NaN", "1e999", "1" * 5000]
)


@given(st.text() | st.lists(_pieces | _marks | st.text(max_size=3), max_size=30).map("".join))
def test_no_reply_raises(reply: str) -> None:
    assert isinstance(parse_json_action(reply, ALL), Action | ParseError)


@st.composite
def _damaged(draw: st.DrawFn) -> str:
    reply = render_json_action(draw(actions))
    start = draw(st.integers(0, len(reply)))
    end = draw(st.integers(start, min(len(reply), start + 5)))
    return reply[:start] + draw(st.text(max_size=3)) + reply[end:]


@given(_damaged())
def test_a_damaged_reply_is_an_action_that_a_record_can_keep_or_an_error_that_one_can(reply: str) -> None:
    read = parse_json_action(reply, ALL)
    if isinstance(read, ParseError):
        turn = Turn(parse_error=read.message)
    else:
        turn = Turn(action=read.kind.value, arguments=json.dumps(dict(read.arguments), ensure_ascii=False))
        assert json.loads(turn.arguments or "") == read.arguments
    batch = to_batch([make_trajectory("t", turns=[turn])], TRAJECTORY_SCHEMA)
    assert batch.to_pylist()[0]["turns"][0]["arguments"] == turn.arguments


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [90, 101, 950, 5000])
def test_deep_nesting_is_read_or_refused_in_words(opening: str, depth: int) -> None:
    closing = {"[": "]", '{"a":': "}"}[opening]
    answer = f"{opening * depth}1{closing * depth}"
    read = parse_json_action(f'{{"action": "submit", "params": {{"answer": {answer}}}}}', ALL)
    if depth < 98:
        assert isinstance(read, Action)
    else:
        assert isinstance(read, ParseError)
        assert "deep" in read.message


@pytest.mark.parametrize("unit", ["{", '{"', '{"a":', '{"a":[', '{"action":', "<think>", '{"k":"', "{}", "{ \n"])
def test_a_reply_of_a_hundred_thousand_braces_is_answered(unit: str) -> None:
    assert isinstance(parse_json_action(unit * (100_000 // len(unit)), ALL), ParseError)


def test_a_huge_action_is_read() -> None:
    code = "x = '" + "é" * 300_000 + "'"
    action = Action(ActionKind.CODE_EXECUTION, {"code": code})
    assert parse_json_action(render_json_action(action), ALL) == action


def test_an_action_inside_the_text_of_a_broken_one_is_not_taken() -> None:
    reply = '{"action":"code_execution","params":{"code":"f({"action": "submit", "params": {"answer": 1}})"}}'
    assert isinstance(parse_json_action(reply, frozenset(ActionKind)), ParseError)


def test_thoughts_that_the_template_opened_are_not_read() -> None:
    draft = '{"action": "submit", "params": {"answer": 1}}'
    meant = '{"action": "submit", "params": {"answer": 2}}'
    action = parse_json_action(f"maybe {draft} or not </think> {meant}", frozenset(ActionKind))
    assert action == Action(ActionKind.SUBMIT, {"answer": 2})

"""Marks on a trajectory that a trainer may filter by."""

import json
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.flags import DUMP_REASONS, behaviour_flags
from medgym_ray.tasks.base import Score
from medgym_ray.trajectory import Turn

WRONG = Score(0.0, success=False, reason="wrong")


def _turn(action: str | None = "code_execution", *, graded: float | None = None, **arguments: object) -> Turn:
    said = json.dumps(arguments) if action else None
    return Turn(action=action, arguments=said, reward_if_graded=graded, parse_error=None if action else "no action")


def _program(code: str, graded: float | None = 0.0) -> list[str]:
    return behaviour_flags([_turn(graded=graded, code=code)], WRONG)


def test_an_ordinary_episode_has_no_flags() -> None:
    turns = [_turn("terminal", cmd="ls"), _turn("terminal", cmd="pwd"), _turn("terminal", cmd="ls"), _turn(None)]
    assert behaviour_flags(turns, WRONG) == []
    assert behaviour_flags([], WRONG) == []


def test_the_same_action_twice_running_is_flagged_once() -> None:
    same = _turn("terminal", cmd="ls")
    assert behaviour_flags([same, same, same], WRONG) == ["repeated_action"]
    assert behaviour_flags([_turn("terminal", cmd="ls"), _turn("debugging", cmd="ls")], WRONG) == []


def test_two_unreadable_replies_are_no_repeated_action() -> None:
    assert behaviour_flags([_turn(None), _turn(None)], WRONG) == ["no_action"]
    assert behaviour_flags([_turn(None), _turn("terminal", cmd="ls")], WRONG) == []


@pytest.mark.parametrize("reason", sorted(DUMP_REASONS))
def test_a_dump_is_known_by_the_scores_reason(reason: str) -> None:
    assert behaviour_flags([_turn("submit", answer=1)], Score(0.0, success=False, reason=reason)) == ["answer_dump"]


@pytest.mark.parametrize("code", ["print(0)", "answer = 42", "answer = [1, 'a', -2.5]\nprint('x')", "x = answer = {}"])
def test_a_graded_program_of_literals_computes_nothing(code: str) -> None:
    assert _program(code) == ["constant_print"]
    assert _program(code, graded=None) == [], "it was not graded"


@pytest.mark.parametrize(
    "code",
    [
        *("", "# nothing", "answer = 6 * 7", "import math", "x = 1\nanswer = x", "print(", "a\0b", "(" * 500, "f(1)"),
        *("answer = " + "[" * 3000, "answer = " + "-" * 5000 + "1"),
    ],
)
def test_other_programs_are_not_constant_whatever_they_are(code: str) -> None:
    assert _program(code) == []


def test_an_answer_given_as_json_is_no_program() -> None:
    assert behaviour_flags([_turn("submit", graded=1.0, answer=42)], WRONG) == []
    assert behaviour_flags([_turn("submit", graded=1.0, code=["print(0)"])], WRONG) == []


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_program_raises(code: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert set(_program(code)) <= {"constant_print"}

"""Mistakes on purpose: one place of a program is wrong, it fails for real where it is said to, and is then repaired."""

import ast
import contextlib
import io
from random import Random

import pytest

from medgym_ray.actions import Action, ActionKind
from medgym_ray.config import GenerateConfig, ModelConfig, SandboxConfig
from medgym_ray.errors import ConfigError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.policies.base import GenerationRequest, RepliesExhausted, Sampling
from medgym_ray.policies.mistakes import Mistake, misspelt, mistakes
from medgym_ray.policies.noisy import NoisyOracle, with_mistakes
from medgym_ray.tasks.base import Message
from medgym_ray.validation import validate

PROGRAM = """\
import math
from statistics import mean as average

# λ: a comment whose bytes are more than its characters
values = {"größe": [1.5, 2.5, 4.0], "weight": [70, 82]}
limit = 80


def heavy(weights, most):
    count = len(weights)
    if count < 1:
        return 0
    return sum(weight > most for weight in weights[1:])


answer = math.floor(average(values["größe"])) + heavy(values["weight"], limit)
print("answer", answer)
"""

DATABASE = """\
import sqlite3

query = "select count(*) from patients where age >= 65"
with sqlite3.connect("ehr.db") as connection:
    pass
rows = connection.execute(query).fetchall()
answer = rows[0][0]
"""

REACHES_OUT = """\
import urllib.request

reply = urllib.request.urlopen("http://localhost:8080/Patient")
answer = reply.read()
"""

ALL = frozenset(ActionKind)


def _some(code: str, seeds: int = 60, **wanted: bool) -> list[Mistake]:
    return [mistake for seed in range(seeds) for mistake in mistakes(code, Random(seed), **wanted)]


def _error(code: str) -> str | None:
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(compile(code, "cell", "exec"), {})
        except Exception as error:
            return type(error).__name__
    return None


def test_loud_mistakes_fail_and_quiet_ones_only_change_what_comes_out() -> None:
    assert _error(PROGRAM) is None
    found = _some(PROGRAM)
    assert {mistake.code for mistake in found if mistake.loud and _error(mistake.code) is None} == set()
    assert {_error(mistake.code) for mistake in found} == {
        *("NameError", "AttributeError", "KeyError", "ModuleNotFoundError", "SyntaxError", None)
    }
    assert {mistake.runs for mistake in found if _error(mistake.code) == "SyntaxError"} == {False}


def test_a_mistake_is_one_place_and_says_what_was_wrong() -> None:
    for mistake in _some(PROGRAM) + _some(DATABASE):
        assert mistake.code not in (PROGRAM, DATABASE)
        assert mistake.lesson.endswith(".")
        assert "{" not in mistake.lesson
        of = PROGRAM if "heavy" in mistake.code else DATABASE
        changed = [pair for pair in zip(of.split("\n"), mistake.code.split("\n"), strict=False) if pair[0] != pair[1]]
        same_lines = of.count("\n") == mistake.code.count("\n")
        assert not same_lines or len(changed) == 1, "one line differs, or one line is gone"
    lessons = {mistake.lesson for mistake in _some(PROGRAM)}
    assert "I forgot `from statistics import mean as average`." in lessons
    assert "“grßöe” should read “größe”." in lessons
    assert "`weihgts` should read `weights`." in lessons, "in a function that every run calls"


def test_a_table_in_sql_is_misspelt_where_the_statement_is_run() -> None:
    lessons = {mistake.lesson for mistake in _some(DATABASE)}
    assert any(lesson.endswith("it is patients.") for lesson in lessons), lessons
    quiet = "query = 'select a from patients'\nanswer = 1\n"
    assert not any("patients" in mistake.lesson for mistake in _some(quiet))


def test_kinds_can_be_asked_for() -> None:
    assert all(mistake.loud for mistake in _some(PROGRAM, loud=True))
    assert {mistake.runs for mistake in _some(PROGRAM, starts=False)} == {False}
    for hopeless in ("def (", "", "x = 1", "\ud800", "\0"):
        assert list(mistakes(hopeless, Random(0), loud=True)) == []


def test_the_same_seed_makes_the_same_mistakes() -> None:
    for seed in range(10):
        assert list(mistakes(PROGRAM, Random(seed))) == list(mistakes(PROGRAM, Random(seed)))
    assert len({next(mistakes(PROGRAM, Random(seed))).code for seed in range(40)}) > 5


@pytest.mark.parametrize(
    ("word", "wrong"), [("patients", "patinets"), ("read_csv", "read_scv"), ("abc", "acb"), ("aaaa", "aaa")]
)
def test_misspelling_changes_a_word_in_its_middle(word: str, wrong: str) -> None:
    assert misspelt(word) == wrong


RUN = Action(ActionKind.CODE_EXECUTION, {"code": PROGRAM}, "I compute it.")
SUBMIT = Action(ActionKind.SUBMIT, {"code": PROGRAM}, "It fits, so I submit it.")


def test_every_program_is_preceded_by_a_wrong_one_and_none_is_submitted_wrong() -> None:
    for seed in range(40):
        spoken = with_mistakes([RUN, SUBMIT], ALL, 1.0, seed, max_turns=15)
        assert [action.arguments.get("code") == PROGRAM for action in spoken].count(True) == 2
        assert spoken[-1].kind is ActionKind.SUBMIT
        assert spoken[-1].arguments == SUBMIT.arguments
        assert spoken[-1].thought.endswith(SUBMIT.thought)
        wrong = [action for action in spoken if action.arguments["code"] != PROGRAM]
        assert {action.kind for action in wrong} <= {ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING}
        assert _error(wrong[0].arguments["code"]) is not None, "the first is one that fails"
        assert all(action.thought for action in spoken)
        for action in spoken:
            parsed = JsonObject().parse(JsonObject().render(action), ALL)
            assert parsed == Action(action.kind, action.arguments)
        assert spoken == with_mistakes([RUN, SUBMIT], ALL, 1.0, seed, max_turns=15)


def test_how_often_is_as_asked() -> None:
    mended = sum(len(with_mistakes([SUBMIT], ALL, 0.5, seed, 15)) > 1 for seed in range(400))
    assert 160 < mended < 240
    assert with_mistakes([RUN, SUBMIT], ALL, 0.0, 1, 15) == [RUN, SUBMIT]


def test_there_are_never_more_turns_than_an_episode_has() -> None:
    for seed in range(30):
        lengths = [len(with_mistakes([RUN, SUBMIT], ALL, 1.0, seed, most)) for most in (1, 2, 3, 4, 15)]
        assert lengths[:3] == [2, 2, 3]
        assert lengths[3] <= 4
        assert lengths[4] <= 6


def test_only_what_the_family_knows_is_said() -> None:
    without = ALL - {ActionKind.DEBUGGING}
    kinds = {a.kind for seed in range(30) for a in with_mistakes([SUBMIT], without, 1.0, seed, 15)}
    assert kinds == {ActionKind.CODE_EXECUTION, ActionKind.SUBMIT}
    assert with_mistakes([SUBMIT], {ActionKind.SUBMIT}, 1.0, 1, 15) == [SUBMIT]
    stated = Action(ActionKind.SUBMIT, {"answer": 42})
    look = Action(ActionKind.TERMINAL, {"cmd": "ls"})
    assert with_mistakes([look, stated], ALL, 1.0, 1, 15) == [look, stated]


def test_a_program_that_reaches_out_never_starts_while_it_is_wrong() -> None:
    for seed in range(30):
        wrong, *_ = with_mistakes([Action(ActionKind.SUBMIT, {"code": REACHES_OUT})], ALL, 1.0, seed, 15)
        with pytest.raises(SyntaxError):
            ast.parse(wrong.arguments["code"])


async def test_debugging_is_told_the_error_that_was_seen() -> None:
    debug = Action(ActionKind.DEBUGGING, {"code": "1 / 0"}, "I look.")
    policy = NoisyOracle([RUN, debug], JsonObject())
    seen = Message("user", "[error, exit status 1]\nstderr:\nTraceback\nZeroDivisionError: division by zero\n")
    request = GenerationRequest("s", "f/1", 1, Sampling(), seed=0, deadline_s=1.0, messages=[seen])
    said = JsonObject().parse((await policy.generate(request)).text, ALL)
    assert isinstance(said, Action)
    assert said.arguments == {"code": "1 / 0", "error_msg": "ZeroDivisionError: division by zero"}
    with pytest.raises(RepliesExhausted):
        await policy.generate(GenerationRequest("s", "f/1", 2, Sampling(), seed=0, deadline_s=1.0))


@pytest.mark.parametrize(
    ("kind", "rate", "why"),
    [
        ("oracle", 1.5, r"model.mistakes=1.5: must lie in \[0, 1\]"),
        ("oracle", -0.1, "must lie in"),
        ("oracle", float("nan"), "must lie in"),
        ("vllm", 0.5, r"model.mistakes=0.5: only \+model=oracle, or =simulated with"),
    ],
)
def test_a_rate_that_cannot_be_meant_is_refused(kind: str, rate: float, why: str) -> None:
    model = ModelConfig(name="m", kind=kind, mistakes=rate)
    with pytest.raises(ConfigError, match=why):
        validate(GenerateConfig(model=model, sandbox=SandboxConfig(kind="namespace")))

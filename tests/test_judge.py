"""A model's opinion beside the true reward: what it is shown, what is taken of it, and what it cannot change."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.config import EndpointConfig, PricesConfig
from medgym_ray.judge import FAILED, Judge, read, without_gold
from medgym_ray.policies.base import Policy
from medgym_ray.policies.endpoint import EndpointPolicy
from medgym_ray.tasks.base import Task
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Trajectory, Turn, to_batch
from medgym_ray.work import Work
from tests.families import ToyFamily
from tests.policies.chat_server import Answer, ChatServer, refusal, reply
from tests.records import make_trajectory
from tests.test_episode import Raising

GOLD = "canary-of-the-gold"
TASK = Task("toy/1", "toy", "easy", "test", {"number": 41}, {"answer": 41.5, "program": f"import os\n{GOLD}"}, "0" * 64)
SUBMITTED = make_trajectory(
    "t",
    answer="40",
    graded_guesses=1,
    flags=["repeated_action"],
    reward=0.0,
    success=False,
    turns=[
        Turn(action="code_execution", arguments='{"code": "answer = 7"}', reward_if_graded=0.0),
        Turn(action="submit", arguments='{"code": "answer = 40"}', reward_if_graded=0.0),
    ],
)
_COLUMNS = ("judge_reward", "judge_reason", "judge_model", "judge_cost_usd")


def _endpoint(server: ChatServer) -> EndpointPolicy:
    prices = PricesConfig(prompt=2.0, completion=10.0)
    endpoint = EndpointConfig(base_url=server.url, model="served", usd_per_million=prices)
    return EndpointPolicy(endpoint, "judge", "sk-1", "judge.endpoint", spare={"response_format"})


async def _judged(policy: Policy, trajectory: Trajectory = SUBMITTED) -> Trajectory:
    judged = await Judge(policy, "wise").judged(trajectory, TASK, ToyFamily())
    to_batch([judged], TRAJECTORY_SCHEMA)
    assert GOLD not in repr(judged)
    untouched = {name: getattr(trajectory, name) for name in (*_COLUMNS, "flags")}
    assert dataclasses.replace(judged, **untouched) == trajectory, "nothing else changes"
    return judged


def _opinion(score: Any, reason: Any) -> str:
    return json.dumps({"score": score, "reason": reason})


async def test_an_opinion_stands_beside_the_true_reward() -> None:
    with ChatServer(lambda n, body: reply(_opinion(0.75, "Nearly right."))).running() as server:
        judged = await _judged(_endpoint(server))
    assert (judged.judge_reward, judged.judge_reason, judged.judge_model) == (0.75, "Nearly right.", "wise")
    assert (judged.reward, judged.success, judged.flags) == (0.0, False, ["repeated_action"])
    cost = (1000 * 2.0 + 100 * 10.0) / 1e6
    assert judged.judge_cost_usd == pytest.approx(cost)
    assert Work.of(judged).cost_usd == pytest.approx(cost)
    (body,) = server.bodies
    shown = json.loads(body["messages"][1]["content"])
    assert (shown["task"], shown["submitted"], shown["answer"]) == ("Answer 41.", '{"code": "answer = 40"}', "40")
    assert GOLD in shown["reference"]
    assert body["response_format"]["json_schema"]["schema"]["required"] == ["score", "reason"]


async def test_a_server_without_schemas_is_asked_without() -> None:
    def answer(number: int, body: dict[str, Any]) -> Answer:
        if "response_format" in body:
            return refusal(400, "'response_format' of type 'json_schema' is not supported with this model")
        return reply(_opinion(1, "Right."))

    with ChatServer(answer).running() as server:
        assert (await _judged(_endpoint(server))).judge_reward == 1.0


async def test_what_it_quotes_of_the_gold_is_struck_out() -> None:
    said = f"It is 41.5, by {GOLD.upper()}, as 'import os' says; not 40 and not 141.52."
    with ChatServer(lambda n, body: reply(_opinion(0, said))).running() as server:
        judged = await _judged(_endpoint(server))
    assert judged.judge_reason == "It is …, by …, as '…' says; not 40 and not 141.52."


def test_gold_is_struck_out_whatever_it_is_made_of() -> None:
    gold = {"rows": [["Mr X", 2, None], {"a": True}], "mean": 42.0, "empty": ""}
    assert without_gold("mr x has 2 of 42, 42.0 is true, 3 is not", gold) == "… has … of …, … is …, 3 is not"


@pytest.mark.parametrize(
    "answer", [refusal(400, f"bad: {GOLD}"), (200, {}, {}), (200, {"choices": [{}]}, {}), (200, {"choices": 3}, {})]
)
async def test_a_judge_that_fails_costs_a_flag_and_nothing_else(answer: Answer) -> None:
    with ChatServer(lambda n, body: answer).running() as server:
        judged = await _judged(_endpoint(server))
    assert (judged.judge_reward, judged.judge_model) == (None, "wise")
    assert judged.flags == ["repeated_action", FAILED]
    assert judged.judge_reason


async def test_an_answer_that_cannot_be_read_is_no_score() -> None:
    with ChatServer(lambda n, body: reply("I would say 0.9")).running() as server:
        judged = await _judged(_endpoint(server))
    assert (judged.judge_reward, judged.flags) == (None, ["repeated_action"])
    assert (judged.judge_reason or "").startswith("unreadable")


async def test_without_a_submission_nobody_is_asked() -> None:
    nothing = make_trajectory("t", termination="max_turns", success=False, reward=0.0, score_reason="no_submission")
    assert await _judged(Raising(AssertionError("asked")), nothing) == nothing


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800")
_JSON = st.recursive(_SCALARS, lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts), max_leaves=8)
_ANSWERS = st.one_of(
    st.text(st.characters(codec=None)),
    _JSON.map(json.dumps),
    st.fixed_dictionaries({"score": _JSON, "reason": _JSON}).map(json.dumps),
    st.tuples(_JSON, _JSON).map(lambda pair: f"```json\n{_opinion(*pair)}\n```"),
    st.sampled_from(["[" * 100_000, '{"score": 1e999, "reason": ""}', f'{{"score": {"9" * 5000}, "reason": ""}}']),
)


@given(_ANSWERS)
def test_whatever_it_says_is_a_score_or_none(answer: str) -> None:
    opinion = read(answer)
    assert opinion.score is None or 0.0 <= opinion.score <= 1.0
    to_batch([make_trajectory("t", judge_reward=opinion.score, judge_reason=opinion.reason)], TRAJECTORY_SCHEMA)


@given(st.floats(0, 1) | st.integers(0, 1), st.text(st.characters(codec="utf-8"), max_size=50))
def test_what_is_well_said_is_taken_as_it_is(score: float, reason: str) -> None:
    for said in (_opinion(score, reason), f"<think>0.5?</think>\n```json\n{_opinion(score, reason)}\n```"):
        if "think>" in reason:
            continue
        assert (read(said).score, read(said).reason) == (float(score), reason)


@pytest.mark.parametrize(
    "answer",
    [
        *('{"score": 0.5}', '{"score": "0.5", "reason": "r"}', '{"score": true, "reason": "r"}', "0.5", "", "null"),
        *('{"score": 1.01, "reason": "r"}', '{"score": -0.1, "reason": "r"}', '{"score": NaN, "reason": "r"}'),
        '{"score": 0, "score": 1, "reason": "r"}',
        '{"score": 0.5, "reason": "r", "also": 1}',
        '{"score": 1, "reason": "a"} {"score": 0, "reason": "b"}',
        'My score: {"score": 1, "reason": "r"}',
    ],
)
def test_nothing_is_guessed(answer: str) -> None:
    assert read(answer).score is None

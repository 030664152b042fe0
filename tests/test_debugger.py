"""A model that explains what failed: who is asked what, and what becomes of its words."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from medgym_ray.actions import Action, ActionKind
from medgym_ray.config import AgentConfig, EndpointConfig, PricesConfig, SandboxConfig
from medgym_ray.debugger import Debugger, ModelDebugger
from medgym_ray.episode import Episode
from medgym_ray.errors import PolicyError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest, Policy, Sampling
from medgym_ray.policies.endpoint import EndpointPolicy
from medgym_ray.policies.scripted import ScriptedPolicy
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.rollout import EpisodeIdentity, EpisodeSettings
from medgym_ray.sandboxes.base import Limits
from medgym_ray.stage import Stage
from medgym_ray.tasks.base import Task
from medgym_ray.trajectory import Trajectory
from medgym_ray.work import Work
from tests.families import ToyFamily
from tests.policies.chat_server import Answer, ChatServer, refusal, reply
from tests.test_episode import CharTokenizer, Endless, Raising, _assert_sound

GOLD = "canary-of-the-gold"
TASK = Task("toy/1", "toy", "easy", "test", {"number": 41}, {"answer": 41, "program": GOLD}, "0" * 64)
SAMPLING = Sampling(0.5, 0.75, 2048)
_HINT = "Explanation: the position lies outside the sequence"
_WORDS = "There is one number only, and position 5 is asked for."


def _said(kind: ActionKind, **arguments: Any) -> str:
    return JsonObject().render(Action(kind, arguments))


DEBUG = _said(ActionKind.DEBUGGING, code="numbers = [1]\nnumbers[5]", error_msg="it says IndexError")
FINE = _said(ActionKind.DEBUGGING, code="numbers = [1]", error_msg="?")
SUBMIT = _said(ActionKind.SUBMIT, answer=41)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    sandbox = SandboxConfig(kind="namespace", concurrency=1, preimport=[])
    async with Stage("debugger", sandbox, tmp_path, [ToyFamily()]) as stage:
        yield stage


def _episode(
    stage: Stage, policy: Policy, sandbox: Any, debugger: Debugger | None, *, tokens: bool, **agent: Any
) -> Episode:
    settings = EpisodeSettings("submit", AgentConfig(**agent), SAMPLING, Limits())
    identity = EpisodeIdentity("t", "run", "run/toy/1", "0", "c", 0, 0, 1000, "m")
    template = ChatTemplate(CharTokenizer()) if tokens else None
    return Episode(*(TASK, ToyFamily(), policy, sandbox, stage.grader, settings, identity, template), debugger=debugger)


async def _play(
    stage: Stage, policy: Policy, debugger: Debugger | None, *, tokens: bool = False, **agent: Any
) -> Trajectory:
    async with stage.grader() as sandbox:
        trajectory = await _episode(stage, policy, sandbox, debugger, tokens=tokens, **agent).run()
    _assert_sound(trajectory)
    assert GOLD not in repr(trajectory)
    return trajectory


def _endpoint(server: ChatServer) -> EndpointPolicy:
    prices = PricesConfig(prompt=2.0, completion=10.0)
    return EndpointPolicy(EndpointConfig(base_url=server.url, model="served", usd_per_million=prices), "r", "sk-1")


_COST = (1000 * 2.0 + 100 * 10.0) / 1e6


async def test_an_endpoints_words_reach_the_agent_and_are_paid_for(stage: Stage) -> None:
    with ChatServer(lambda n, body: reply(_WORDS)).running() as server:
        debugger = ModelDebugger(_endpoint(server), sampling=Sampling())
        t = await _play(stage, ScriptedPolicy([DEBUG, SUBMIT], "r"), debugger)
    told = t.messages[3]["content"]
    assert t.turns[0].observation == told
    assert told.endswith(f"Explanation: {_WORDS}")
    assert _HINT not in told
    assert "debug: line 2" in told, "the tracer's facts stand"
    (body,) = server.bodies
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    shown = body["messages"][1]["content"]
    assert all(part in shown for part in ("numbers[5]", "debug: line 2", "numbers = [1]", "it says IndexError"))
    assert GOLD not in json.dumps(body)
    assert (body["max_tokens"], body["temperature"]) == (256, 1.0)
    turn = t.turns[0]
    assert (turn.debug_text, turn.debug_prompt_tokens, turn.debug_completion_tokens) == (_WORDS, 1000, 100)
    assert turn.debug_ms > 0
    assert (turn.prompt_tokens, turn.completion_tokens) == (None, None), "those of the reply itself"
    assert turn.cost_usd == pytest.approx(_COST)
    assert Work.of(t).cost_usd == pytest.approx(_COST)


async def test_the_policy_that_plays_explains_in_a_conversation_of_its_own(stage: Stage) -> None:
    def answer(number: int, body: dict[str, Any]) -> Answer:
        return reply((DEBUG, _WORDS, SUBMIT)[number])

    with ChatServer(answer).running() as server:
        policy = _endpoint(server)
        t = await _play(stage, policy, ModelDebugger(policy))
    first, debugging, second = (body["messages"] for body in server.bodies)
    assert second[: len(first)] == first
    assert len(debugging) == 2
    assert debugging[0] not in second
    assert second[-1]["content"].endswith(_WORDS)
    assert [(body["temperature"], body["max_tokens"]) for body in server.bodies] == [
        *((0.5, 2048), (0.5, 256), (0.5, 2048))
    ]
    assert [turn.cost_usd for turn in t.turns] == pytest.approx([2 * _COST, _COST])


class _Tokens:
    """Plays, and explains when that is what it is asked for; in token ids."""

    def __init__(self) -> None:
        self.asked: list[GenerationRequest] = []

    async def generate(self, request: GenerationRequest) -> Generation:
        self.asked.append(request)
        explains = request.messages[0].content.startswith("You explain")
        text = _WORDS if explains else (DEBUG, SUBMIT)[request.turn]
        ids = [ord(c) for c in text + CharTokenizer.end]
        return Generation(text, "stop", ids, [-0.5] * len(ids), completion_tokens=len(ids))


async def test_a_policy_of_token_ids_gets_them_and_the_loss_mask_is_left_alone(stage: Stage) -> None:
    policy, template = _Tokens(), ChatTemplate(CharTokenizer())
    t = await _play(stage, policy, ModelDebugger(policy, template), tokens=True)
    first, debugging, second = policy.asked
    assert debugging.prompt_token_ids == template.prompt(debugging.messages)
    assert {request.session_id for request in policy.asked} == {"t"}
    assert list(second.prompt_token_ids or ())[: len(first.prompt_token_ids or ())] == first.prompt_token_ids
    text = "".join(map(chr, t.token_ids or ()))
    at = text.index(_WORDS)
    assert not any((t.loss_mask or [])[at : at + len(_WORDS)]), "an observation"
    sampled = "".join(chr(i) for i, mask in zip(t.token_ids or (), t.loss_mask or (), strict=True) if mask)
    assert sampled == f"{DEBUG}\x01{SUBMIT}\x01"
    assert "You explain" not in text
    assert t.turns[0].debug_completion_tokens == len(_WORDS) + 1


async def test_a_program_that_runs_is_not_asked_about(stage: Stage) -> None:
    t = await _play(stage, ScriptedPolicy([FINE, SUBMIT], "r"), ModelDebugger(Raising(AssertionError("asked"))))
    assert "ran without an error" in (t.turns[0].observation or "")
    assert (t.turns[0].debug_text, t.turns[0].cost_usd) == (None, None)


async def test_one_that_is_out_of_time_leaves_the_tracers_word(stage: Stage) -> None:
    endless = Endless()
    t = await _play(stage, ScriptedPolicy([DEBUG, SUBMIT], "r"), ModelDebugger(endless), turn_s=0.3)
    assert endless.cancelled
    assert _HINT in (t.turns[0].observation or "")
    assert (t.turns[0].debug_text, t.termination) == (None, "success")


@pytest.mark.parametrize("answer", [ContextFull("full"), "", "<think>let me see", "<think>well</think>\n"])
async def test_one_that_has_nothing_to_say_leaves_it_too(stage: Stage, answer: ContextFull | str) -> None:
    asked = ScriptedPolicy([answer], "r") if isinstance(answer, str) else Raising(answer)
    t = await _play(stage, ScriptedPolicy([DEBUG, SUBMIT], "r"), ModelDebugger(asked))
    assert _HINT in (t.turns[0].observation or "")
    assert t.turns[0].debug_text == (answer if isinstance(answer, str) else None)


async def test_a_debugger_that_fails_is_a_failure_of_ours(stage: Stage) -> None:
    with ChatServer(lambda n, body: refusal(400, "broken")).running() as server:
        debugger = ModelDebugger(_endpoint(server))
        with pytest.raises(PolicyError, match="broken"):
            await _play(stage, ScriptedPolicy([DEBUG, SUBMIT], "r"), debugger)
    with pytest.raises(PolicyError, match="timed out"):
        await _play(stage, ScriptedPolicy([DEBUG], "r"), ModelDebugger(Raising(TimeoutError())))


async def test_an_episode_that_is_cut_does_not_wait_for_it(stage: Stage) -> None:
    asked = asyncio.Event()

    class Waits(Endless):
        async def generate(self, request: GenerationRequest) -> Generation:
            asked.set()
            return await super().generate(request)

    async with stage.grader() as sandbox:
        policy = ScriptedPolicy([DEBUG, SUBMIT], "r")
        episode = _episode(stage, policy, sandbox, ModelDebugger(Waits()), tokens=False)
        playing = asyncio.create_task(episode.run())
        await asked.wait()
        episode.cut()
        t = await playing
    assert (t.termination, t.num_turns) == ("deadline", 1)
    assert _HINT in (t.turns[0].observation or "")

"""A rollout that somebody else plays, asked over its routes and over HTTP."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.config import AgentConfig
from medgym_ray.debugger import Debugger, ModelDebugger
from medgym_ray.errors import PolicyError, SandboxError
from medgym_ray.policies.base import Policy, Sampling
from medgym_ray.policies.scripted import ScriptedPolicy
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.rollout import EpisodeIdentity, EpisodeSettings, Rollout
from medgym_ray.sandboxes.base import CellResult, CellStatus, Limits
from medgym_ray.sessions.routes import InsideService, Routes
from medgym_ray.sessions.server import Opened, Server
from medgym_ray.sessions.session import Session
from medgym_ray.sessions.wire import Refused, read_chat
from medgym_ray.tasks.base import Message
from medgym_ray.trajectory import Trajectory
from tests.test_episode import (
    GOLD,
    OK,
    RIGHT,
    TASK,
    CharTokenizer,
    Endless,
    FakeFamily,
    FakeSandbox,
    Raising,
    TokenPolicy,
)

_HELLO = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
_SUBMIT = {"action": "submit", "params": {"answer": 42}}
_SHELL = {"action": "terminal", "params": {"cmd": "ls"}}


class _Opened:
    """A session with everything it touches."""

    def __init__(
        self,
        policy: Policy,
        *results: CellResult | Exception,
        tokens: bool = False,
        max_turns: int = 8,
        deadline_s: float = 600.0,
        debugger: Debugger | None = None,
    ) -> None:
        self.sandbox = FakeSandbox(*results)

        @contextlib.asynccontextmanager
        async def lend() -> AsyncIterator[FakeSandbox]:
            yield FakeSandbox()

        agent = AgentConfig(max_turns=max_turns, deadline_s=deadline_s)
        settings = EpisodeSettings("submit", agent, Sampling(0.5, 0.75, 128), Limits())
        identity = EpisodeIdentity("t", "run", "run/fake/1", "0", "c", 2, 1, 1000, "fake-model")
        self.rollout = Rollout(TASK, FakeFamily(), self.sandbox, lend, settings, identity, None, debugger)
        self.session = Session(self.rollout, policy, ChatTemplate(CharTokenizer()) if tokens else None)
        self.routes = Routes(self.session, "fake-model", "reply")

    async def ask(self, method: str, path: str, body: Any = None, *, inside: bool = False) -> tuple[int, Any]:
        response = await self.routes.respond(method, path, json.dumps(body).encode(), inside=inside)
        assert GOLD.encode() not in response.body
        return response.status, json.loads(response.body)

    async def chat(self, messages: list[dict[str, str]], **more: Any) -> str:
        status, told = await self.ask("POST", "v1/chat/completions", {"model": "any", "messages": messages, **more})
        assert status == 200, told
        messages.append(told["choices"][0]["message"])
        return str(messages[-1]["content"])

    async def end(self) -> Trajectory:
        return await asyncio.wait_for(self.session.run(), 10)


async def test_an_agent_asks_acts_and_submits() -> None:
    opened = _Opened(ScriptedPolicy(["look", "done"], "r"), OK)
    status, task = await opened.ask("GET", "task")
    assert (status, task["task_id"], task["prompt"]) == (200, "fake/1", "What is six times seven?")
    messages = list(_HELLO)
    assert await opened.chat(messages) == "look"
    status, seen = await opened.ask("POST", "actions", _SHELL)
    assert (status, seen["status"], seen["over"]) == (200, "ok", False)
    assert "printed" in seen["observation"]
    messages.append({"role": "user", "content": seen["observation"]})
    assert await opened.chat(messages) == "done"
    assert await opened.ask("POST", "actions", _SUBMIT) == (200, {"observation": None, "status": None, "over": True})
    assert (await opened.ask("POST", "actions", _SHELL))[0] == 410
    trajectory = await opened.end()
    assert (trajectory.termination, trajectory.reward, trajectory.agent_format) == ("success", 1.0, "external")
    assert trajectory.messages == messages
    assert [turn.action for turn in trajectory.turns] == ["terminal", "submit"]
    assert trajectory.answer == "42"


async def test_tokens_grow_while_the_agent_adds_to_what_was_said() -> None:
    policy = TokenPolicy(["one", "two", "three"])
    opened = _Opened(policy, tokens=True)
    messages = list(_HELLO)
    await opened.chat(messages)
    messages += [{"role": "user", "content": "and"}, {"role": "user", "content": "then?"}]
    await opened.chat(messages)
    await opened.ask("POST", "leave")
    trajectory = await opened.end()
    assert trajectory.append_only
    assert trajectory.retokenize_match
    text = "".join(map(chr, trajectory.token_ids or []))
    assert text == CharTokenizer().apply_chat_template(messages, add_generation_prompt=False)
    marked = [chr(t) for t, mask in zip(trajectory.token_ids or [], trajectory.loss_mask or [], strict=True) if mask]
    assert "".join(marked) == "one\x01two\x01"
    first, second = policy.requests
    assert list(second.prompt_token_ids or ())[: len(first.prompt_token_ids or ())] == first.prompt_token_ids
    assert (trajectory.termination, trajectory.reward) == ("max_turns", 0.0)


async def test_a_history_that_is_rewritten_is_rendered_anew_and_says_so() -> None:
    policy = TokenPolicy(["one", "two", "three"])
    opened = _Opened(policy, tokens=True)
    await opened.chat(list(_HELLO))
    rewritten = [*_HELLO, {"role": "assistant", "content": "something else"}, {"role": "user", "content": "go on"}]
    await opened.chat(rewritten)
    await opened.ask("POST", "leave")
    trajectory = await opened.end()
    assert trajectory.append_only is False
    assert trajectory.turns[0].prompt_token_ids is None
    assert trajectory.turns[1].prompt_token_ids == policy.requests[1].prompt_token_ids
    rendered = CharTokenizer().apply_chat_template(rewritten[:-1], add_generation_prompt=True)
    assert "".join(map(chr, trajectory.turns[1].prompt_token_ids or [])) == rendered
    assert len(trajectory.token_ids or []) == len(trajectory.loss_mask or []) == len(trajectory.logprobs or [])


async def test_the_policy_is_asked_within_the_runs_bounds() -> None:
    policy = TokenPolicy(["one", "two"])
    opened = _Opened(policy, tokens=True)
    await opened.chat(list(_HELLO), temperature=0, max_tokens=5, stop=["x", "y"])
    await opened.chat(list(_HELLO), max_completion_tokens=10**6)
    assert [request.sampling for request in policy.requests] == [Sampling(0.5, 0.75, 5), Sampling(0.5, 0.75, 128)]
    assert [request.seed for request in policy.requests] == [1000, 1001]
    assert policy.requests[0].stop == ("x", "y")


async def test_what_ended_a_reply_is_no_part_of_its_text_and_stays_among_its_tokens() -> None:
    policy = TokenPolicy(["one</code>", "two"], cut=[0])
    opened = _Opened(policy, tokens=True)
    messages = list(_HELLO)
    assert await opened.chat(messages, stop=["</code>"]) == "one"
    messages.append({"role": "user", "content": "and?"})
    await opened.chat(messages)
    await opened.ask("POST", "leave")
    trajectory = await opened.end()
    assert trajectory.append_only
    assert "one</code>" in "".join(map(chr, trajectory.token_ids or []))
    assert trajectory.messages[2] == {"role": "assistant", "content": "one"}
    assert trajectory.retokenize_match is False


async def test_a_full_context_is_told_in_the_words_of_the_api_and_ends_nothing() -> None:
    opened = _Opened(TokenPolicy([]), tokens=True)
    status, told = await opened.ask("POST", "v1/chat/completions", {"messages": _HELLO})
    assert (status, told["error"]["code"]) == (400, "context_length_exceeded")
    assert (await opened.ask("POST", "actions", _SUBMIT))[0] == 200
    assert (await opened.end()).success


async def test_a_session_has_so_many_replies() -> None:
    opened = _Opened(ScriptedPolicy(["a"] * 9, "r"), max_turns=2)
    for _ in range(2):
        await opened.chat(list(_HELLO))
    status, told = await opened.ask("POST", "v1/chat/completions", {"messages": _HELLO})
    assert (status, told["error"]["code"]) == (400, "max_turns")
    trajectory = await opened.end()
    assert (trajectory.termination, trajectory.num_turns) == ("max_turns", 2)


async def test_time_that_is_over_ends_it_in_the_midst_of_a_reply() -> None:
    opened = _Opened(Endless(), deadline_s=0.2)
    ends = await asyncio.gather(opened.end(), opened.ask("POST", "v1/chat/completions", {"messages": _HELLO}))
    assert ends[0].termination == "deadline"
    assert ends[1][0] == 410


async def test_a_session_that_is_cut_waits_for_no_reply() -> None:
    opened = _Opened(Endless())
    chat = asyncio.ensure_future(opened.ask("POST", "v1/chat/completions", {"messages": _HELLO}))
    await asyncio.sleep(0.05)
    opened.session.cut()
    assert (await opened.end()).termination == "deadline"
    assert (await chat)[0] == 410


@pytest.mark.parametrize(
    ("policy", "results", "ask", "kind"),
    [
        (Raising(PolicyError("engine gone")), (), ("v1/chat/completions", {"messages": _HELLO}), PolicyError),
        (Raising(TimeoutError("engine gone")), (), ("v1/chat/completions", {"messages": _HELLO}), PolicyError),
        (ScriptedPolicy([], "r"), (SandboxError("lost"),), ("actions", _SHELL), SandboxError),
    ],
)
async def test_faults_of_ours_are_no_rollout(policy: Policy, results: Any, ask: Any, kind: type[Exception]) -> None:
    opened = _Opened(policy, *results)
    path, body = ask
    status, told = await opened.ask("POST", path, body)
    assert status == 503
    assert "engine gone" not in str(told), "what failed is our affair"
    with pytest.raises(kind):
        await opened.end()


async def test_an_agent_inside_hands_in_and_is_graded_when_it_has_ended() -> None:
    opened = _Opened(ScriptedPolicy(["a"], "r"))
    status, told = await opened.ask("POST", "actions", _SHELL, inside=True)
    assert (status, told["error"]["code"]) == (400, "no_action")
    assert (await opened.ask("POST", "actions", _SUBMIT, inside=True))[0] == 200
    assert not opened.session.over
    await opened.session.end_inside()
    assert (await opened.end()).success
    assert opened.sandbox.cells == []


async def test_inside_the_tasks_own_service_is_still_there() -> None:
    class _Chart:
        async def handle(self, method: str, target: str, body: bytes) -> Any:
            return (method, target, body)

        def log(self) -> list[dict[str, Any]]:
            return [{"written": 1}]

    opened = _Opened(ScriptedPolicy(["a"], "r"))
    service = InsideService(opened.routes, _Chart())
    assert await service.handle("GET", "/fhir/Patient?name=a", b"") == ("GET", "/fhir/Patient?name=a", b"")
    assert (await service.handle("GET", "/task?x=1", b"")).status == 200
    assert service.log() == [{"written": 1}]
    assert (await InsideService(opened.routes, None).handle("GET", "/fhir", b"")).status == 404


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "text"),
        ({"messages": _HELLO, "tools": [{"type": "function"}]}, "tools are not offered"),
        ({"messages": _HELLO, "n": 2}, "n: one"),
        ({"messages": _HELLO, "max_tokens": 0}, "max_tokens"),
        ({"messages": _HELLO, "stop": [1]}, "stop"),
        ([], "no JSON object"),
    ],
)
async def test_what_is_not_offered_is_refused(body: Any, why: str) -> None:
    opened = _Opened(ScriptedPolicy(["a"], "r"))
    status, told = await opened.ask("POST", "v1/chat/completions", body)
    assert status == 400
    assert why in told["error"]["message"]
    assert not opened.rollout.turns


async def test_parts_of_text_and_the_newer_role_are_understood() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    chat = read_chat(json.dumps({"messages": [{"role": "developer", "content": parts}], "stop": "x"}).encode())
    assert chat.messages == (Message("system", "ab"),)
    assert chat.stop == ("x",)


_VALUES = st.none() | st.booleans() | st.floats() | st.text()
_JSON = st.recursive(_VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
_REQUESTS = st.fixed_dictionaries({"messages": _JSON, "stop": _JSON, "max_tokens": _JSON}) | _JSON


@given(st.binary() | _REQUESTS.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_sent_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(Refused):
        read_chat(body)


async def test_over_http_sessions_are_claimed_streamed_and_kept_apart() -> None:
    waiting = [_Opened(ScriptedPolicy([f"hi {n}"], "r")) for n in range(2)]
    names = iter(range(2))

    async def claim() -> Opened:
        if (n := next(names, None)) is None:
            raise Refused(410, "no_session", "all done")
        return Opened(f"secret-{n}", waiting[n].session, waiting[n].routes)

    server = Server(claim)
    await server.start("127.0.0.1", 0)
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            told = [(await client.post(f"{server.address}/sessions")).json() for _ in range(2)]
            assert (await client.post(f"{server.address}/sessions")).status_code == 410
            assert [t["task"]["task_id"] for t in told] == ["fake/1"] * 2
            body = {"model": "m", "messages": _HELLO, "stream": True}
            streamed = await client.post(f"{told[1]['base_url']}/chat/completions", json=body)
            assert streamed.headers["content-type"].startswith("text/event-stream")
            events = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line]
            assert events[-1] == "[DONE]"
            chunks = [json.loads(event) for event in events[:-1]]
            assert "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"]) == "hi 1"
            assert (await client.get(f"{told[0]['base_url']}/models")).json()["data"][0]["id"] == "fake-model"
            assert (await client.get(f"{server.address}/sessions/guessed/task")).status_code == 410
            assert (await client.get(f"{told[0]['url']}/nothing")).status_code == 404
            assert (await client.post(f"{told[0]['url']}/actions", json=_SUBMIT)).json()["over"]
        assert (await waiting[0].end()).success
        assert not waiting[1].session.over
    finally:
        await server.close()


async def test_code_runs_in_the_sessions_sandbox() -> None:
    opened = _Opened(ScriptedPolicy([], "r"), RIGHT)
    submit = {"action": "submit", "params": {"code": "answer = 6 * 7"}}
    assert (await opened.ask("POST", "actions", submit))[1]["over"]
    trajectory = await opened.end()
    assert trajectory.success
    assert [cell.code for cell in opened.sandbox.cells] == ["answer = 6 * 7"]
    assert [(turn.action, turn.completion_tokens) for turn in trajectory.turns] == [("submit", None)]


async def test_a_session_that_is_cut_waits_for_no_debugger() -> None:
    failed = CellResult(CellStatus.ERROR, 1, "", "ZeroDivisionError: division by zero\n")
    debugger = Endless()
    opened = _Opened(ScriptedPolicy([], "r"), failed, debugger=ModelDebugger(debugger))
    debugging = {"action": "debugging", "params": {"code": "1/0", "error_msg": "?"}}
    asking = asyncio.create_task(opened.ask("POST", "actions", debugging))
    ending = asyncio.create_task(opened.end())
    await asyncio.sleep(0.1)
    opened.session.cut()
    _, seen = await asking
    assert debugger.cancelled
    assert "Explanation: a divisor is zero" in seen["observation"]
    assert (await ending).termination == "deadline"

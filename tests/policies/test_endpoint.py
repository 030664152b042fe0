"""A server that speaks the OpenAI chat API: what is sent, what is taken, and what becomes of its refusals."""

import asyncio
import dataclasses
from typing import Any

import pytest

from medgym_ray.config import EndpointConfig, PricesConfig
from medgym_ray.errors import ConfigError, PolicyError
from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest, Sampling
from medgym_ray.policies.endpoint import EndpointPolicy, cost_usd, read_key
from medgym_ray.tasks.base import Message
from tests.policies.chat_server import Answer, ChatServer, refusal, reply

_SECRET = "sk-very-secret"
_PRICES = PricesConfig(prompt=2.0, cached=0.5, completion=10.0)


def _endpoint(server: ChatServer, **options: Any) -> EndpointConfig:
    return EndpointConfig(base_url=server.url, model="served", usd_per_million=_PRICES, **options)


def _request(deadline_s: float = 60.0, **changes: Any) -> GenerationRequest:
    said = [Message("system", "You"), Message("user", "What?"), Message("assistant", "That"), Message("tool", "Seen")]
    request = GenerationRequest("s", "t", 1, Sampling(0.7, 0.9, 50), 2**40 + 5, deadline_s, messages=said)
    return dataclasses.replace(request, **changes)


async def _ask(server: ChatServer, request: GenerationRequest | None = None, **options: Any) -> Generation:
    policy = EndpointPolicy(_endpoint(server, **options), "replica-0", _SECRET)
    await policy.warm_up()
    return await policy.generate(request or _request())


async def test_a_request_and_its_reply() -> None:
    content = [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}]

    def answer(number: int, body: dict[str, Any]) -> Answer:
        status, told, headers = reply("hi", logprobs={"content": content}, token_ids=[7])
        return status, {**told, "prompt_token_ids": [1, 2, 3]}, headers

    with ChatServer(answer).running() as server:
        generation = await _ask(server, extra={"top_k": 5, "seed": None})
    assert (generation.text, generation.finish_reason, generation.policy_version) == ("hi", "stop", "served-1")
    assert (generation.prompt_tokens, generation.cached_tokens, generation.completion_tokens) == (1000, 600, 100)
    assert (generation.token_ids, generation.logprobs, generation.prompt_token_ids) == ([7], [-0.5], [1, 2, 3])
    assert generation.cost_usd == pytest.approx((400 * 2.0 + 600 * 0.5 + 100 * 10.0) / 1e6)
    (body,) = server.bodies
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    assert (body["model"], body["temperature"], body["top_p"], body["max_tokens"]) == ("served", 0.7, 0.9, 50)
    assert body["top_k"] == 5
    assert "seed" not in body, "null leaves a field out"


async def test_what_a_server_does_not_take_is_left_out_from_then_on() -> None:
    def answer(number: int, body: dict[str, Any]) -> Answer:
        for name in ("return_token_ids", "logprobs", "seed"):
            if name in body:
                return refusal(400, f"Unrecognized request argument supplied: {name}")
        return reply("hi")

    with ChatServer(answer).running() as server:
        policy = EndpointPolicy(_endpoint(server), "replica-0", _SECRET)
        first, second = await policy.generate(_request()), await policy.generate(_request())
    assert first.text == second.text == "hi"
    assert first.logprobs is first.token_ids is None
    assert len(server.bodies) == 5, "three refusals, and none for the second request"
    assert all("temperature" in body for body in server.bodies)


async def test_how_it_samples_is_never_left_out_in_silence() -> None:
    with ChatServer(lambda n, body: refusal(400, "temperature is not supported")).running() as server:
        with pytest.raises(PolicyError, match="temperature is not supported"):
            await _ask(server)
        assert len(server.bodies) == 1
        with pytest.raises(PolicyError):
            await _ask(server, _request(sampling=Sampling(1.0, 1.0, 5)))
        assert "temperature" not in server.bodies[-1], "1 is what it samples with anyway"


async def test_too_many_requests_are_tried_again_later_and_told_as_congestion() -> None:
    def answer(number: int, body: dict[str, Any]) -> Answer:
        return refusal(429, "slow down", retry_after="0.2") if number < 2 else reply("hi")

    with ChatServer(answer).running() as server:
        policy = EndpointPolicy(_endpoint(server), "replica-0", _SECRET)
        ends = await asyncio.gather(*(policy.generate(_request()) for _ in range(4)))
        later = await policy.generate(_request())
    assert [end.text for end in ends] == ["hi"] * 4
    assert later.load is not None
    assert (later.load.preemptions, later.load.generated) == (2, 500)
    assert len(server.bodies) == 7


async def test_a_server_that_stumbles_is_asked_again() -> None:
    with ChatServer(lambda n, body: refusal(503, "restarting") if n == 0 else reply("hi")).running() as server:
        assert (await _ask(server)).text == "hi"


async def test_a_server_that_stays_down_is_a_fault_before_the_deadline() -> None:
    with ChatServer(lambda n, body: refusal(500, "no")).running() as server, pytest.raises(PolicyError, match="no"):
        await _ask(server, _request(deadline_s=0.5))


async def test_no_credit_is_not_waited_for() -> None:
    with ChatServer(lambda n, body: refusal(429, "no credit", "insufficient_quota")).running() as server:
        with pytest.raises(PolicyError, match="no credit"):
            await _ask(server)
        assert len(server.bodies) == 1


async def test_a_full_context_is_told_as_such_and_a_nearly_full_one_used_up() -> None:
    def answer(number: int, body: dict[str, Any]) -> Answer:
        if "max_tokens" in body:
            return refusal(400, "max_tokens exceeds what the maximum context length leaves")
        return reply("short") if len(body["messages"]) == 4 else refusal(400, "full", "context_length_exceeded")

    with ChatServer(answer).running() as server:
        assert (await _ask(server)).text == "short"
        with pytest.raises(ContextFull):
            await _ask(server, _request(messages=[Message("user", "long")]))


async def test_the_key_is_shown_to_the_server_and_to_nobody_else() -> None:
    def quoting(number: int, body: dict[str, Any]) -> Answer:
        return refusal(403, f"{_SECRET} may not do that")

    with ChatServer(quoting, key=_SECRET).running() as server:
        with pytest.raises(PolicyError, match="… may not do that"):
            await _ask(server)
        with pytest.raises(ConfigError, match=r"refuses the key of OPENAI_API_KEY \(401\)") as caught:
            await EndpointPolicy(_endpoint(server), "replica-0", "another").warm_up()
    assert "another" not in str(caught.value)


async def test_a_start_says_what_is_wrong() -> None:
    server = ChatServer(models=("big", "small"))
    with server.running(), pytest.raises(ConfigError, match=r"model=served: http://.* has big, small"):
        await _ask(server)
    with pytest.raises(ConfigError, match="no server answers at http://127"):
        await _ask(server)


async def test_a_redirect_is_not_followed() -> None:
    with ChatServer().running() as elsewhere:
        moved = (307, {}, {"location": f"{elsewhere.url}/chat/completions"})
        with ChatServer(lambda n, body: moved).running() as server, pytest.raises(PolicyError):
            await _ask(server)
        assert not elsewhere.bodies, "the gate has looked at the first address only"


async def test_a_cancelled_request_is_not_waited_for() -> None:
    with ChatServer(lambda n, body: refusal(429, "later", retry_after="50")).running() as server:
        policy = EndpointPolicy(_endpoint(server), "replica-0", _SECRET)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(policy.generate(_request()), 0.5)


def test_a_key_is_wanted_for_servers_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(ConfigError, match="set MY_KEY in the environment"):
        read_key(EndpointConfig(key_env="MY_KEY"))
    assert read_key(EndpointConfig(base_url="http://localhost:1/v1", key_env="MY_KEY"))
    monkeypatch.setenv("MY_KEY", _SECRET)
    assert read_key(EndpointConfig(key_env="MY_KEY")) == _SECRET


def test_what_a_server_does_not_count_has_no_price() -> None:
    assert cost_usd(Generation("a", "stop"), _PRICES) is None
    assert cost_usd(Generation("a", "stop", prompt_tokens=1000, completion_tokens=0), _PRICES) == 0.002

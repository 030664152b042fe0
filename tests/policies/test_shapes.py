"""What a model asks of GPUs, by hand."""

import pytest

from medgym_ray.config import ModelConfig
from medgym_ray.errors import ConfigError
from medgym_ray.policies.shapes import SHAPES, engine_of, kv_tokens, ranks_of


def _model(name: str, **fields: object) -> ModelConfig:
    return ModelConfig(name=name, kind="vllm", path="x", **fields)  # type: ignore[arg-type]


def test_qwen7b_by_hand() -> None:
    shape = SHAPES["qwen7b"]
    assert shape.kv_bytes == 57_344
    assert shape.weights_bytes == 15.24e9
    assert kv_tokens(shape, 1) == int((80e9 * 0.9 - 2e9 - 15.24e9) / 57_344)
    engine = engine_of(_model("qwen7b"), 1, context_tokens=2000)
    assert engine.step_ms == pytest.approx(15.24 / 3.35 + 3)
    assert engine.prefill_tokens_s == pytest.approx(989e12 * 0.5 / (2 * 7.62e9))
    assert engine.sequence_ms == pytest.approx(2000 * 57_344 / 3.35e9 + 2 * 7.62e12 / (989e12 * 0.5))


def test_two_gpus_read_and_multiply_twice_as_fast() -> None:
    one, two = (engine_of(_model("llama8b"), ranks, 1000) for ranks in (1, 2))
    assert two.step_ms - 3 == pytest.approx((one.step_ms - 3) / 2)
    assert two.sequence_ms == pytest.approx(one.sequence_ms / 2)
    assert two.prefill_tokens_s == pytest.approx(one.prefill_tokens_s * 2)
    assert two.kv_tokens > 2 * one.kv_tokens


@pytest.mark.parametrize(
    ("name", "ranks"), [("qwen7b", 1), ("llama8b", 1), ("qwen14b", 1), ("qwen32b", 2), ("llama70b", 4)]
)
def test_a_replica_takes_the_gpus_that_its_memory_needs(name: str, ranks: int) -> None:
    assert ranks_of(_model(name)) == ranks


def test_what_the_user_insists_on_is_the_least() -> None:
    assert ranks_of(_model("qwen7b", tensor_parallel_size=4)) == 4


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (_model("nomodel"), "model=nomodel: its shape is not known here; one of gemma4b, "),
        (_model("smollm2", gpus=0), "model=smollm2 runs on CPUs, whose speed is not known here"),
        (_model("llama70b", max_model_len=1_000_000), "model=llama70b: 8 GPUs of 80 GB do not hold 4 sequences"),
    ],
)
def test_what_cannot_be_planned_is_one_line(model: ModelConfig, told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace(".", r"\.")) as raised:
        ranks_of(model)
    assert "\n" not in str(raised.value)

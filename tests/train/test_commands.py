"""`python -m medgym_ray.train` and `…score` as they are typed; what cannot be used is one line and leaves nothing."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medgym_ray import score
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.stored import open_run
from medgym_ray.train.config import (
    BaseConfig,
    GrpoConfig,
    LengthConfig,
    LoraConfig,
    OptimizerConfig,
    OutputConfig,
    TrainConfig,
    check,
)
from tests.train.exports import messages, store_run
from tests.typed import typed


@pytest.mark.parametrize(
    ("module", "arguments", "told"),
    [
        ("train", "output.dir=out model.path=m data=d", "no value for recipe; add recipe=NAME with one of: dpo, grpo,"),
        ("train", "recipe=stf output.dir=out model.path=m data=d", "no recipe called 'stf' (did you mean 'sft'?)"),
        ("train", "recipe=sft output.dir=out model.path=m", "recipe=sft needs data=DIR"),
        ("train", "recipe=sft output.dir=out data=d", "no value for model.path"),
        ("score", "run=nowhere model.path=m output.file=s.parquet", "run=nowhere: no run is there"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path: Path, module: str, arguments: str, told: str) -> None:
    ended = typed(tmp_path, module, *arguments.split())
    assert ended.returncode == 2, ended.stderr
    (line,) = ended.stderr.splitlines()
    assert told in line
    assert list(tmp_path.iterdir()) == []


def _config(recipe: str = "sft", data: str | None = "d", **given: object) -> TrainConfig:
    config = TrainConfig(recipe=recipe, data=data, model=BaseConfig("m"), output=OutputConfig("out"))
    config.optimizer = OptimizerConfig(learning_rate=1e-5)
    for name, value in given.items():
        setattr(config, name, value)
    return config


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (_config("ppo"), "no recipe called 'ppo'"),
        (_config("grpo"), "reads no data"),
        (_config("grpo", None), "needs grpo.family=NAME"),
        (_config("grpo", None, grpo=GrpoConfig(family="f", rollouts=1)), "grpo.rollouts=1"),
        (_config("grpo", None, grpo=GrpoConfig(family="f", rollouts=3)), "batch=8 is no multiple of grpo.rollouts=3"),
        (_config("grpo", None, grpo=GrpoConfig(family="f", validation=1.0)), "grpo.validation=1.0"),
        (_config(precision="half"), "precision=half: one of auto, float32, bfloat16"),
        (_config(length=LengthConfig(longer="squeeze")), "length.longer=squeeze: one of drop, cut"),
        (_config(length=LengthConfig(max_tokens=0)), "length.max_tokens=0: it must be above 0"),
        (_config(lora=LoraConfig(merge=True)), "say lora.r=16"),
        (_config(optimizer=OptimizerConfig(1e-5, batch=8, micro_batch=3)), "is no multiple of optimizer.micro_batch=3"),
        (_config(optimizer=OptimizerConfig(0.0)), "optimizer.learning_rate=0.0: it must be above 0"),
        (_config(optimizer=OptimizerConfig(1e-5, warmup=1.0)), "optimizer.warmup=1.0: a share"),
        (_config(optimizer=OptimizerConfig(1e-5, schedule="cosin")), "optimizer.schedule=cosin: one of"),
    ],
)
def test_settings_that_cannot_be_meant_are_named(config: TrainConfig, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        check(config)


def test_scores_come_batch_by_batch_and_in_order(tmp_path: Path) -> None:
    conversations = [messages(f"q{n}", "a" * (n % 7)) for n in range(700)]
    stored = open_run(str(store_run(tmp_path / "run", conversations, shard_bytes=20000)))
    assert len(stored.entries()) > 1
    seen: list[int] = []

    def lengths(batch: score.Conversations) -> Sequence[float]:
        seen.append(len(batch))
        return [len(conversation[-1]["content"]) / 10 for conversation in batch]

    assert score.write_scores(tmp_path / "s.parquet", score.scored(stored, lengths)) == 700
    assert len(seen) >= 3
    assert max(seen) <= 256
    table = pq.read_table(tmp_path / "s.parquet")
    assert table["trajectory_id"].to_pylist() == [f"{n:032}" for n in range(700)]
    assert table["score"].to_pylist() == [(n % 7) / 10 for n in range(700)]


def test_scores_are_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def broken() -> object:
        yield pa.record_batch([pa.array(["a"]), pa.array([0.5])], names=["trajectory_id", "score"])
        raise StorageError("shard gone")

    with pytest.raises(StorageError, match="shard gone"):
        score.write_scores(tmp_path / "s.parquet", broken())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []

"""A base model of a few thousand parameters, and trainings of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medgym_ray.train.config import BaseConfig, LoraConfig, OptimizerConfig, OutputConfig, TrainConfig
from tests.policies.tiny import write_model


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its directory."""
    folder = tmp_path_factory.mktemp("base")
    write_model(folder, seed=1)
    return folder


@pytest.fixture
def settings(base: Path, tmp_path: Path) -> Callable[..., TrainConfig]:
    """A configuration of few, large steps; what is given replaces fields of it."""

    def made(recipe: str, data: Path | None, out: str = "out", **given: Any) -> TrainConfig:
        lora = LoraConfig(**given.pop("lora", {}))
        steps = {"learning_rate": 0.01, "max_steps": 20, "batch": 4, "micro_batch": 2, "schedule": "constant"}
        steps |= {"warmup": 0.0} | given.pop("optimizer", {})
        return TrainConfig(
            recipe=recipe,
            data=str(data) if data else None,
            model=BaseConfig(path=str(base)),
            lora=lora,
            optimizer=OptimizerConfig(**steps),
            output=OutputConfig(dir=str(tmp_path / out), checkpoint_steps=5, log_steps=1),
            **given,
        )

    return made

"""A training from its configuration to weights in a directory, begun or gone on with."""

import dataclasses
import importlib
import importlib.util
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

import medgym_ray
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.identity import flat
from medgym_ray.train.config import TrainConfig, check
from medgym_ray.train.directory import TRAIN_FILE, TrainingDirectory, nothing_left, open_directory

_PACKAGES = ("accelerate", "datasets", "peft", "torch", "transformers", "trl")
_NOT_IDENTITY = ("data", "model.path", "output.")


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training has made."""

    path: Path
    """For `model.path`, or for `model.lora` where it is an adapter."""
    adapter: bool
    figures: Mapping[str, float]
    """What was measured on held-out data."""


def require_packages() -> None:
    """Raises ConfigError where something is not installed that recipes are made of."""
    lacking = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        raise ConfigError(f"not installed here: {', '.join(lacking)}; run `pip install 'medgym-ray[train]'`")


def train(config: TrainConfig, told: Console | None = None) -> Trained:
    """Trains, or goes on where the same training was interrupted; a finished one is given back as it is.

    `told` hears of progress. Raises ConfigError where it could not start, PolicyError, StorageError.
    """
    check(config)
    require_packages()
    from medgym_ray.train.data import data_digest
    from medgym_ray.train.weights import device, digest, open_base

    told = told or Console(quiet=True)
    on = device(config.precision)
    base = open_base(config.model.path)
    sources = {"model": {"path": str(config.model.path), "sha256": digest(base.path)}}
    if config.data:
        sources["data"] = {"path": str(Path(config.data).expanduser().absolute()), "sha256": data_digest(config.data)}
    directory = open_directory(config.output.dir, _identity(config, sources))
    with nothing_left(directory):
        if (result := directory.result()) is not None:
            directory.tidy()
            told.print(f"{result} is there already, trained by the same settings", markup=False)
            return Trained(result, result.name == "adapter", _figures(result))
        return _train(config, sources, directory, base, on, told)


def _train(
    config: TrainConfig,
    sources: Mapping[str, Mapping[str, str]],
    directory: TrainingDirectory,
    base: Any,
    on: Any,
    told: Console,
) -> Trained:
    import huggingface_hub.constants
    import transformers

    from medgym_ray.train.session import Recipe, Session
    from medgym_ray.train.weights import save

    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True  # TRL tells its makers of every trainer
    transformers.set_seed(config.seed)  # adapters and heads are new: what they begin with is drawn
    provenance = {
        "settings": dataclasses.asdict(config),
        "sources": {name: dict(source) for name, source in sources.items()},
        "device": on.kind,
        "versions": {
            "medgym_ray": medgym_ray.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
    }
    directory.begin(provenance)
    recipe: Recipe = importlib.import_module(f"medgym_ray.train.{config.recipe}").train
    outcome = recipe(Session(config, base, on, directory, told))
    adapter = bool(config.lora.r) and not config.lora.merge
    measured = {
        "data": dict(outcome.data),
        "figures": outcome.figures,
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    path = directory.finish(
        "adapter" if adapter else "model",
        lambda folder: save(outcome.model, base, folder, merge=config.lora.merge),
        provenance | measured,
    )
    return Trained(path, adapter, outcome.figures)


def _identity(config: TrainConfig, sources: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What makes two trainings the same: settings, and the contents of data and weights, wherever they lie."""
    settings = flat(dataclasses.asdict(config))
    kept = {key: value for key, value in settings.items() if not key.startswith(_NOT_IDENTITY)}
    return kept | {f"{name}.sha256": source["sha256"] for name, source in sources.items()}


def _figures(result: Path) -> dict[str, float]:
    try:
        return dict(yaml.safe_load((result / TRAIN_FILE).read_text(encoding="utf-8"))["figures"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise StorageError(f"{result / TRAIN_FILE}: cannot be read; remove {result.parent} and train again") from error

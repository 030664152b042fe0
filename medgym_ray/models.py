"""The models that have a configuration, and the GPUs they need: `python -m medgym_ray.models [gpu_gb=80]`."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import yaml
from rich.console import Console
from rich.table import Column, Table

from medgym_ray import cli
from medgym_ray.config import ModelConfig
from medgym_ray.errors import ConfigError
from medgym_ray.paths import conf_dir
from medgym_ray.policies.shapes import MEMORY_GB, SHAPES, kv_tokens, ranks_of

_KILO, _MILLION = 1e3, 1e6
_COLUMNS = ("billions", "GB", "KB", "context", "GPUs", "M")


@dataclass
class ModelsConfig:
    """Which GPUs there are."""

    gpu_gb: float = MEMORY_GB
    """Memory of one GPU."""


def run(config: ModelsConfig) -> int:
    """Prints the table."""
    if not config.gpu_gb > 0:
        raise ConfigError(f"gpu_gb={config.gpu_gb:g}: must be above 0")
    title = f"Models on GPUs of {config.gpu_gb:g} GB, in bfloat16, by arithmetic"
    table = Table(Column("+model=", no_wrap=True), *_COLUMNS, Column("weights from", overflow="fold"), title=title)
    for model in configured_models():
        table.add_row(model.name, *_needs(model, config.gpu_gb), model.path or "")
    console = Console()
    console.print(table)
    console.print("KB: of the KV cache, per token; M: tokens that a replica's KV cache holds, in millions")
    console.print("model.path=DIR takes weights of the same shape from a directory; smollm2 runs on CPUs")
    return 0


def configured_models() -> Iterator[ModelConfig]:
    """Every model of conf/model that an engine runs."""
    for path in sorted((conf_dir() / "model").glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        node: dict[str, Any] = content.get("model", content)  # a file of the global package has more than a model
        if node.get("kind") == "vllm":
            known = {f.name for f in fields(ModelConfig)}
            yield ModelConfig(**{key: value for key, value in node.items() if key in known})


def _needs(model: ModelConfig, gpu_gb: float) -> tuple[str, ...]:
    shape = SHAPES.get(model.name)
    if shape is None or not model.gpus:
        return ("", "", "", f"{model.max_model_len:,}", "none", "")
    known = (
        f"{shape.billions:.1f}",
        f"{shape.weights_bytes / 1e9:.0f}",
        f"{shape.kv_bytes / _KILO:.0f}",
        f"{model.max_model_len:,}",
    )
    try:
        ranks = ranks_of(model, gpu_gb)
    except ConfigError:
        return (*known, "more than 8", "")
    return (*known, str(ranks), f"{kv_tokens(shape, ranks, memory_gb=gpu_gb) / _MILLION:.2f}")


def main() -> None:
    """The command."""
    cli.main("models", ModelsConfig, run)


if __name__ == "__main__":
    main()

"""Trains on an export, or on episodes: `python -m medgym_ray.train recipe=NAME data=DIR model.path=DIR output.dir=DIR`.

Exit code 0: the weights are there; 1: a failure of ours; 2: a command that cannot be used; 130: interrupted, the same
command goes on from the last checkpoint.
"""

import os

from rich.console import Console

from medgym_ray import cli
from medgym_ray.train.config import TrainConfig
from medgym_ray.train.training import train


def run(config: TrainConfig) -> int:
    """Trains once; returns the exit code. Raises what `train` raises."""
    trained = train(config, Console(stderr=True, highlight=False, soft_wrap=True))
    figures = "; ".join(f"{name} {value:g}" for name, value in trained.figures.items()) or "nothing measured"
    key = "model.lora" if trained.adapter else "model.path"
    print(f"{trained.path}: {figures}; use it as {key}={trained.path}")  # noqa: T201 - the result of the command
    return 0


def main() -> None:
    """The command."""
    for library in ("TRANSFORMERS_VERBOSITY", "DATASETS_VERBOSITY"):
        os.environ.setdefault(library, "error")
    for bars in ("HF_HUB_DISABLE_PROGRESS_BARS", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(bars, "1")
    cli.main("train", TrainConfig, run)


if __name__ == "__main__":
    main()

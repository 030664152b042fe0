"""Runs episodes → trajectories: `python -m medgym_ray.generate [+model=NAME] [tasks.root=DIR] …` (see README)."""

from medgym_ray import cli
from medgym_ray.config import GenerateConfig
from medgym_ray.generate.command import run


def main() -> None:
    """The command."""
    cli.main("generate", GenerateConfig, run)


if __name__ == "__main__":
    main()

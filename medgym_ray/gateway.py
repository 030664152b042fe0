"""Rollouts that agents of others play: `python -m medgym_ray.gateway +model=NAME …` (see docs/gateway.md)."""

from pathlib import Path

from medgym_ray import cli, privacy
from medgym_ray.config import GatewayConfig
from medgym_ray.generate import command
from medgym_ray.tasks.registry import make_family, wanted_families
from medgym_ray.validation import validate_gateway


def run(config: GatewayConfig) -> int:
    """A run whose rollouts others play. Returns the exit code."""
    validate_gateway(config)
    config.cluster.executors = 1
    # Whoever reaches the address is shown the tasks.
    restricted = [name for name in wanted_families(config.tasks) if make_family(name, config.tasks).restricted]
    privacy.check([privacy.Destination("gateway.host", f"http://{config.gateway.host}")], restricted, config.privacy)
    if config.gateway.folder is not None:
        config.gateway.folder = str(Path(config.gateway.folder).expanduser().absolute())
    return command.run(config)


def main() -> None:
    """The command."""
    cli.main("gateway", GatewayConfig, run)


if __name__ == "__main__":
    main()

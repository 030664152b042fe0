"""The commands as their own `main()` declares them: configuration, schema, switches and aliases."""

import importlib
import inspect
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from medgym_ray import cli
from medgym_ray.paths import conf_dir

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Command:
    """One `python -m medgym_ray.NAME`."""

    name: str
    module: str
    config_name: str
    schema: type[Any]
    switches: Sequence[str] = ()
    aliases: Mapping[str, str] | None = None

    @property
    def usage(self) -> str:
        """What `--help` says first; empty where Hydra's own help is shown."""
        content = yaml.safe_load((conf_dir() / f"{self.config_name}.yaml").read_text(encoding="utf-8"))
        header = content.get("hydra", {}).get("help", {}).get("header")
        return str(header).strip() if header else ""

    @property
    def summary(self) -> str:
        """The module's docstring."""
        return inspect.getdoc(importlib.import_module(self.module)) or ""


def commands() -> list[Command]:
    """Every command of `[project.scripts]`, by name."""
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    return sorted((_declared(entry) for entry in scripts.values()), key=lambda command: command.name)


def _declared(entry: str) -> Command:
    name, _, function = entry.partition(":")
    module = importlib.import_module(name)
    with mock.patch.object(cli, "main") as shell:  # main() does nothing but declare itself to it
        getattr(module, function)()
    return Command(_short(name), name, *_arguments(*shell.call_args.args, **shell.call_args.kwargs))


def _arguments(
    config_name: str, schema: type[Any], _run: object, switches: Sequence[str] = (), aliases: Any = None
) -> tuple[Any, ...]:
    return config_name, schema, switches, aliases


def _short(module: str) -> str:
    return module.removeprefix("medgym_ray.").removesuffix(".__main__")

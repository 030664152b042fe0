"""The shell of every command: Hydra's composition, one-line errors, exit codes.

Exit code 0: done; 1: some work could not be done; 2: a command or configuration that cannot be used (one line);
130: interrupted.
"""

import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

import medgym_ray
from medgym_ray.cli import completion, helptext
from medgym_ray.cli.arguments import Command, read
from medgym_ray.cli.composition import VERSION_BASE, ConfigT, composed, load, offer
from medgym_ray.cli.wording import explain
from medgym_ray.errors import ConfigError, MedgymError
from medgym_ray.paths import conf_dir

__all__ = ["composed", "main", "quoted"]

_TRACEBACKS = "MEDGYM_TRACEBACK"
"""Set in the environment, an error that nobody foresaw is shown with its traceback."""


def main(
    config_name: str,
    schema: type[ConfigT],
    run: Callable[[ConfigT], int],
    switches: Sequence[str] = (),
    aliases: Mapping[str, str] | None = None,
) -> None:
    """Composes `conf/<config_name>.yaml`, loads it as `schema`, runs, and exits with what `run` returns.

    `switches` and `aliases` are those of `Command`. In a multirun every job runs; the exit code is the highest of
    theirs.
    """
    command = Command(config_name, schema, switches, aliases or {})
    offer(config_name, schema)
    try:
        typed = read(command, sys.argv[1:])
        shown = None
        if typed.version:
            shown = f"medgym-ray {medgym_ray.__version__}"
        elif typed.help:
            shown = helptext.text(command, typed.overrides)
        elif typed.completion:
            shown = completion.answer(command, typed.overrides)
    except ConfigError as error:
        sys.exit(_complain(error))
    if shown is not None:
        sys.stdout.write(shown and f"{shown}\n")
        sys.exit(0)
    sys.argv[1:] = [*typed.flags, *typed.overrides]
    # Hydra then raises instead of printing an error of several lines and exiting with 1.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    codes: list[int] = []

    def job(tree: DictConfig) -> None:
        try:
            codes.append(run(load(tree, schema)))
        except Exception as error:
            if os.environ.get(_TRACEBACKS):
                raise
            codes.append(_complain(error))
            if HydraConfig.get().mode is not RunMode.MULTIRUN:
                sys.exit(codes[-1])

    try:
        hydra.main(config_path=str(conf_dir()), config_name=config_name, **VERSION_BASE)(job)()
    except (HydraException, OmegaConfBaseException) as error:
        sys.exit(_complain(ConfigError(explain(error))))
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(max(codes, default=0))


def quoted(word: str) -> str:
    """A value that Hydra reads as this very text, whatever is in it; plain paths and packages stay as they are."""
    if re.fullmatch(r"(/|package:)[\w./+-]*", word, re.ASCII):
        return word
    escaped = re.sub(r"(\\*)('|$)", lambda end: end[1] * 2 + ("\\'" if end[2] else ""), word)
    return f"'{escaped}'"


def _complain(error: Exception) -> int:
    line = " ".join(str(error).split())
    if not isinstance(error, MedgymError):
        line = f"{type(error).__name__}: {line[:300]} (a defect: {_TRACEBACKS}=1 shows where)"
    print(f"medgym_ray: {line}", file=sys.stderr)  # noqa: T201 - the one place where an error meets the user
    return error.exit_code if isinstance(error, MedgymError) else 1

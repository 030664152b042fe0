"""The shell of every command: Hydra's composition, one-line errors, exit codes.

Exit code 0: done; 1: some work could not be done; 2: a command or configuration that cannot be used (one line);
130: interrupted; 141: who read its output has left (`… | head`), as a program does that knows nothing of pipes.
"""

import os
import re
import select
import signal
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
from medgym_ray.cli.arguments import Command, Typed, read
from medgym_ray.cli.composition import VERSION_BASE, ConfigT, composed, load, offer
from medgym_ray.cli.wording import explain
from medgym_ray.errors import ConfigError, MedgymError
from medgym_ray.paths import conf_dir

__all__ = ["composed", "main", "quoted"]

_TRACEBACKS = "MEDGYM_TRACEBACK"
"""Set in the environment, an error that nobody foresaw is shown with its traceback."""
_READER_LEFT = 128 + signal.SIGPIPE


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
        code = _executed(command, run)
        sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_left():
            raise
        # Python flushes once more at its exit, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _READER_LEFT
    sys.exit(code)


def _executed(command: Command, run: Callable[[ConfigT], int]) -> int:
    try:
        typed = read(command, sys.argv[1:])
        shown = _shown(command, typed)
    except ConfigError as error:
        return _complain(error)
    if shown is not None:
        sys.stdout.write(shown and f"{shown}\n")
        return 0
    sys.argv[1:] = [*typed.flags, *typed.overrides]
    # Hydra then raises instead of printing an error of several lines and exiting with 1.
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    codes: list[int] = []

    def job(tree: DictConfig) -> None:
        try:
            codes.append(run(load(tree, command.schema)))
        except Exception as error:
            if os.environ.get(_TRACEBACKS) or (isinstance(error, BrokenPipeError) and _reader_left()):
                raise
            codes.append(_complain(error))
            if HydraConfig.get().mode is not RunMode.MULTIRUN:
                sys.exit(codes[-1])

    try:
        hydra.main(config_path=str(conf_dir()), config_name=command.name, **VERSION_BASE)(job)()
    except (HydraException, OmegaConfBaseException) as error:
        return _complain(ConfigError(explain(error)))
    except KeyboardInterrupt:
        return 130
    return max(codes, default=0)


def _shown(command: Command, typed: Typed) -> str | None:
    """What a command answers without running; None where it is to run."""
    if typed.version:
        return f"medgym-ray {medgym_ray.__version__}"
    if typed.help:
        return helptext.text(command, typed.overrides)
    return completion.answer(command, typed.overrides) if typed.completion else None


def _reader_left() -> bool:
    """Whether standard output is a pipe that nobody reads any more."""
    output = select.poll()
    output.register(sys.stdout.fileno(), 0)  # errors are always told
    return any(event & select.POLLERR for _, event in output.poll(0))


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

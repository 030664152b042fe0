#!/opt/venv/bin/python
"""`pip` as a cell finds it: installs what the run's configuration allows, and says in one line why it does no more.

What is allowed lies as wheels, the resolver's work done, in a directory that the host mounts. The real pip lies where
no import finds it and does what is left: it installs for the rest of the episode, behind all that is there already.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

WHEELS = "/opt/wheels"
ALLOWED = "allowed.json"
INSTALLER = "/opt/venv/installer"
PREFIX = "/work/.packages"
_REFUSED = 1
_OFFLINE = {"download", "index", "search", "wheel"}
_COMMANDS = "cache check completion config debug freeze hash help inspect install list lock show uninstall"
# Often typed, and without a meaning here.
_FLAGS = """-v --verbose -U --upgrade -I --ignore-installed -y --yes --user --pre --no-cache-dir --no-input --no-deps
--force-reinstall --prefer-binary --no-index --no-build-isolation --no-compile --no-color --break-system-packages
--disable-pip-version-check --no-warn-script-location --no-warn-conflicts --no-python-version-warning"""
_OPTIONS = """-i --index-url --extra-index-url -f --find-links --trusted-host --timeout --default-timeout --retries
--progress-bar --root-user-action --upgrade-strategy --only-binary"""


class _Refused(Exception):
    """Why pip does nothing."""


class _UsageError(Exception):
    """An option that is not known."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = next((argument for argument in given if argument in _OFFLINE or argument in _COMMANDS.split()), None)
    try:
        if command == "install":
            given.remove(command)
            return _install(given)
        if command in _OFFLINE:
            raise _Refused(f"pip {command} is off in this sandbox: there is no network")
        return _real_pip(given)
    except _Refused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return _REFUSED


def _install(arguments: Sequence[str]) -> int:
    allowed = _allowed()
    try:
        options = _parser().parse_intermixed_args(list(arguments))
        wanted = [*options.names, *(line for path in options.files for line in _lines_of(path))]
    except (_UsageError, OSError) as error:
        raise _refusal(str(error), allowed) from None
    if not wanted:
        raise _refusal("no NAME is given", allowed)
    if not Path(INSTALLER).is_dir():
        raise _refusal("the Python environment has no installer", allowed)
    missing = [text for text in wanted if _is_missing(text, allowed)]
    if not missing:
        if not options.quiet:
            sys.stdout.write(f"Requirement already satisfied: {' '.join(wanted)}\n")
        return 0
    line = ["install", "--isolated", "--no-index", "--find-links", WHEELS, "--prefix", PREFIX, "--no-cache-dir"]
    line += ["--disable-pip-version-check", "--no-warn-script-location", "--no-warn-conflicts"]
    return _real_pip([*line, *["-q"] * options.quiet, "--", *missing])


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("names", nargs="*")
    parser.add_argument("-r", "--requirement", dest="files", action="append", default=[])
    parser.add_argument("-q", "--quiet", action="count", default=0)
    parser.add_argument(*_FLAGS.split(), dest="flags", action="count")
    parser.add_argument(*_OPTIONS.split(), dest="options", action="append")
    return parser


def _lines_of(path: str) -> Iterator[str]:
    for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines():
        text = line.partition(" #")[0].strip()
        if text and not text.startswith(("#", "-")):
            yield text


def _allowed() -> dict[str, str] | None:
    """Versions by normalised name; None where nothing was allowed."""
    try:
        versions: dict[str, str] = json.loads(Path(WHEELS, ALLOWED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return versions


def _is_missing(text: str, allowed: dict[str, str] | None) -> bool:
    """Whether `text` has to be installed; _Refused where it may not be."""
    requirements, utils = (_of_pip(f"pip._vendor.packaging.{name}") for name in ("requirements", "utils"))
    try:
        asked = requirements.Requirement(text)
    except requirements.InvalidRequirement:
        asked = None
    if asked is None or asked.url:
        raise _refusal(f"'{text}' is no NAME or NAME==VERSION", allowed)
    if asked.marker is not None and not asked.marker.evaluate():
        return False
    here = _version_here(asked.name)
    version = here or (allowed or {}).get(utils.canonicalize_name(asked.name))
    if version is None:
        raise _refusal(f"{asked.name} cannot be installed", allowed)
    if not asked.specifier.contains(version, prereleases=True):
        raise _refusal(f"{text} cannot be installed, only {asked.name}=={version}", allowed)
    return here is None or (bool(asked.extras) and allowed is not None)


def _refusal(what: str, allowed: dict[str, str] | None) -> _Refused:
    if allowed is None:
        return _Refused(f"pip install is off in this sandbox: {what}; 'pip list' shows what is there")
    names = ", ".join(f"{name}=={version}" for name, version in sorted(allowed.items())) or "nothing"
    return _Refused(f"pip install: {what}; allowed in this sandbox: {names}")


def _version_here(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return None


def _of_pip(module: str) -> Any:
    """A module of the real pip, which has the name of this one."""
    if INSTALLER not in sys.path:
        sys.path.insert(0, INSTALLER)
        sys.modules.pop("pip", None)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError:
        raise _Refused("pip does not work in this sandbox: the Python environment has no installer") from None


def _real_pip(arguments: Sequence[str]) -> int:
    os.environ["PIP_CONFIG_FILE"] = os.devnull
    status: int = _of_pip("pip._internal.cli.main").main(list(arguments))
    return status


if __name__ == "__main__":
    sys.exit(main())

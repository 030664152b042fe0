"""What is typed behind a command: flags, which are Hydra's and few of ours, and KEY=VALUE."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from medgym_ray.cli.wording import did_you_mean
from medgym_ray.errors import ConfigError

_GROUPS_WITH_DEFAULT = ("model", "tasks", "sandbox", "sampling", "cluster", "output", "agent", "recipe")


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and how it may be typed."""

    name: str
    """Of its file in `conf`, and of its module in `medgym_ray`."""
    schema: type[Any]
    switches: Sequence[str] = ()
    """Keys that may be typed as `--key` for `key=true`."""
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Other spellings of keys: `from`, a word of Python's, can be no field."""

    def keys(self) -> list[str]:
        """Of the first level, as they are typed."""
        typed = {key: alias for alias, key in self.aliases.items()}
        return [typed.get(field.name, field.name) for field in dataclasses.fields(self.schema)]


@dataclass(frozen=True, slots=True)
class Typed:
    """A command line, read."""

    flags: list[str]
    """With their values, as they were typed; none of the command's own switches."""
    overrides: list[str]
    help: bool
    version: bool
    completion: bool


def read(command: Command, arguments: Sequence[str]) -> Typed:
    """Raises ConfigError for a flag that there is not, and for a word that is no KEY=VALUE."""
    found, rest = _parser(command).parse_known_args(list(arguments))
    switched = [f"{key}=true" for key in command.switches if getattr(found, key)]
    for word in rest:
        _check(word, command)
    typed = {f"--{key}" for key in command.switches} | set(rest)
    overrides = plain_groups([*(_spelled(word, command.aliases) for word in rest), *switched])
    flags = [argument for argument in arguments if argument not in typed]
    return Typed(flags, overrides, found.help, found.version, found.shell_completion)


def plain_groups(arguments: Sequence[str]) -> list[str]:
    """`+model=X` and `model=X` mean the same: the group always has a default to replace."""
    plus = tuple(f"+{group}=" for group in _GROUPS_WITH_DEFAULT)
    return [a[1:] if a.startswith(plus) else a for a in arguments]


def offered_flags(command: Command) -> list[str]:
    """The long ones that a user may want."""
    return ["--help", "--version", "--cfg", "--multirun", *(f"--{key}" for key in command.switches)]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message.removeprefix('argument ')}; --help shows what can be typed")


def _parser(command: Command) -> argparse.ArgumentParser:
    """Of flags alone, wherever they stand; Hydra reads their values again."""
    parser = _Parser(add_help=False, allow_abbrev=False)
    for flag in ("--help -h", "--version", "--hydra-help", "--resolve", "--run -r", "--multirun -m"):
        parser.add_argument(*flag.split(), action="store_true")
    parser.add_argument("--shell-completion", "-sc", action="store_true")
    parser.add_argument("--cfg", "-c", choices=("job", "hydra", "all"))
    parser.add_argument("--info", "-i", nargs="?")
    for flag in ("--package -p", "--config-path -cp", "--config-name -cn", "--config-dir -cd", "--experimental-rerun"):
        parser.add_argument(*flag.split())
    for key in command.switches:
        parser.add_argument(f"--{key}", action="store_true")
    return parser


def _check(word: str, command: Command) -> None:
    key, equals, _ = word.partition("=")
    if word.startswith("-"):
        close = did_you_mean(key, offered_flags(command)) if key.startswith("--") else ""
        plain = key.lstrip("-")
        keys = f"{word}: keys take no dashes; type {word.lstrip('-') if equals else f'{plain}=VALUE'}"
        raise ConfigError(f"no flag called '{key}'{close}; --help lists them" if close or len(plain) < 2 else keys)
    if not equals and not word.startswith(("~", "[")):
        raise ConfigError(f"'{word}' is not KEY=VALUE{did_you_mean(word, command.keys())}; --help lists the keys")


def _spelled(argument: str, aliases: Mapping[str, str]) -> str:
    key, equals, value = argument.partition("=")
    return f"{aliases[key]}={value}" if equals and key in aliases else argument

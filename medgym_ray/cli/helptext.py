"""What `--help` says of a command: usage and examples from its file in `conf`, choices, keys, flags, exit codes."""

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import OmegaConf

from medgym_ray.cli.arguments import Command
from medgym_ray.cli.composition import choices, composing, names, tree

_WIDTH = 110

_END = """\
Flags
  --help             this text; with overrides, as they would have it
  --version          the version
  --cfg job          prints the configuration and ends
  --multirun, -m     runs KEY=A,B,… one after the other
  --shell-completion install=bash|zsh|fish
                     prints what lets that shell complete every medgym-… command

Exit codes
  0 done; 1 some of the work could not be done; 2 a command that cannot be used, in one line; 130 interrupted"""


def text(command: Command, overrides: Sequence[str]) -> str:
    """The help of a command whose schema has been offered. Raises ConfigError for overrides that cannot be used."""
    with composing(command.name):
        config = tree(command.name, overrides)
        known = {group: (default, names(group)) for group, default in choices(command.name).items()}
        header = str(config.hydra.help.header).strip()
    plain = OmegaConf.to_container(config, resolve=False)
    assert isinstance(plain, dict)
    plain.pop("hydra", None)
    spelled = {key: alias for alias, key in command.aliases.items()}
    keys = {spelled.get(str(key), str(key)): value for key, value in plain.items()}
    parts = [header]
    if groups := {group: (default, options) for group, (default, options) in known.items() if len(options) > 1}:
        parts.append("\n".join(["Choices (GROUP=NAME)", *_choices(groups)]))
    parts.append("\n".join(["Keys and their defaults (KEY=VALUE; null is unset, ??? has to be given)", *_keys(keys)]))
    return "\n\n".join([*parts, _END])


def _choices(groups: dict[str, tuple[str, list[str]]]) -> Iterator[str]:
    wide = max(map(len, groups)) + 1
    for group, (default, known) in groups.items():
        others = [name for name in known if name != default]
        told = ", ".join(others if default == "???" else [f"{default} (default)", *others])
        start = f"  {group:<{wide}}"
        yield from textwrap.wrap(told, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


def _keys(keys: dict[str, Any]) -> Iterator[str]:
    for key, value in keys.items():
        # Non-breaking, so that a value with spaces stays in one piece.
        words = [word.replace(" ", "\0") for word in _settings(key, value)]
        lines = textwrap.wrap(
            " ".join(words),
            _WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        yield from (line.replace("\0", " ") for line in lines)


def _settings(key: str, value: Any) -> Iterator[str]:
    """As they would be typed."""
    if isinstance(value, dict) and value:
        for inner, below in value.items():
            yield from _settings(f"{key}.{inner}", below)
    else:
        yield f"{key}={_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_shown, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)

"""Completion in shells: `medgym-… --shell-completion install=SHELL` prints a script, which asks back on each tab.

Hydra knows what can be typed next; its own scripts know one command each and take `=` from the word breaks of the
whole shell.
"""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, get_args, get_type_hints

from hydra.core.global_hydra import GlobalHydra
from hydra.plugins.completion_plugin import DefaultCompletionPlugin
from omegaconf import OmegaConf

from medgym_ray.cli.arguments import Command, offered_flags, plain_groups
from medgym_ray.cli.composition import choices, composing, settled, tree
from medgym_ray.errors import ConfigError

_BASH = r"""
_medgym_complete() {
    local line=${COMP_LINE:0:COMP_POINT} IFS=$'\n' index
    local word=${line##*[[:space:]]}
    COMPREPLY=($(COMP_LINE=$line "${COMP_WORDS[0]}" --shell-completion query=bash 2>/dev/null))
    # Readline's word begins behind the last break: what stands before it must not be typed again.
    if [[ $COMP_WORDBREAKS == *=* ]]; then
        local typed=${word%"${word##*=}"}
        for index in "${!COMPREPLY[@]}"; do COMPREPLY[index]=${COMPREPLY[index]#"$typed"}; done
    fi
    [[ ${COMPREPLY[0]} != *[=./] ]] || compopt -o nospace 2>/dev/null
}
complete -F _medgym_complete COMMANDS
"""

_ZSH = r"""
_medgym_complete() {
    local -a replies
    local -x COMP_LINE="${words[1,CURRENT-1]} $PREFIX"
    replies=(${(f)"$("${(Q)words[1]}" --shell-completion query=zsh 2>/dev/null)"})
    compadd -Q -S '' -a replies
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _medgym_complete COMMANDS
"""

_FISH = r"""
function _medgym_complete
    set -l words (commandline -cpo)
    COMP_LINE=(commandline -cp) $words[1] --shell-completion query=fish 2>/dev/null
end
for command in COMMANDS
    complete -c $command -f -a '(_medgym_complete)'
end
"""

_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def answer(command: Command, words: Sequence[str]) -> str:
    """Of `install=SHELL` the script, of `query=SHELL` what may stand at the end of the line in `COMP_LINE`, a line
    each. Raises ConfigError for anything else.
    """
    action, _, shell = words[0].partition("=") if len(words) == 1 else ("", "", "")
    asked: dict[str, Callable[[], str]] = {
        "install": lambda: _SCRIPTS[shell].replace("COMMANDS", " ".join(_commands())).strip(),
        "query": lambda: "\n".join(suggestions(command, os.environ.get("COMP_LINE", ""))),
    }
    if action not in asked or shell not in _SCRIPTS:
        raise ConfigError(f"type --shell-completion install=SHELL with one of: {', '.join(_SCRIPTS)}")
    return asked[action]()


def suggestions(command: Command, line: str) -> list[str]:
    """Whole words that may stand in the place of the last of a command line, which begins with the command's name."""
    words = _split(line)[1:]
    word = words.pop() if words and not line.endswith((" ", "\t")) else ""
    if word.startswith("-"):
        return [flag for flag in offered_flags(command) if flag.startswith(word)]
    plus, word = ("+", word[1:]) if word.startswith("+") else ("", word)
    settings = plain_groups([setting for setting in words if not setting.startswith("-")])
    try:
        with composing(command.name):
            known = _settings(command, settings, word)
    except ConfigError:
        return []  # what was typed before cannot be used
    return sorted(f"{plus}{setting}" for setting in known)


def _settings(command: Command, settings: Sequence[str], word: str) -> list[str]:
    config = tree(command.name, settings)
    groups = choices(command.name)
    key, equals, value = word.partition("=")
    name = command.aliases.get(key, key)
    # Nearly all texts that have no value yet are paths.
    if equals and key not in groups and _is_text(command.schema, name) and OmegaConf.select(config, name) is None:
        return [f"{key}={path}" for path in _paths(value)]
    loader = GlobalHydra.instance().config_loader()
    foreign = {*loader.list_groups(""), "hydra."} - set(groups)
    # A first key is asked for whole, since it may have another spelling.
    asked = name + equals + value if "." in word or equals else ""
    found = [s for s in _Hydra(loader).ask(command.name, settings, asked) if s.partition("=")[0] not in foreign]
    # Hydra ends a list's key with a dot, as a node's.
    lists = {s for s in found if s.endswith(".") and not OmegaConf.is_dict(OmegaConf.select(config, s[:-1]))}
    spelled = {f"{key}{end}": f"{alias}{end}" for alias, key in command.aliases.items() for end in "=."}
    told = (spelled.get(s, s) for s in (f"{s[:-1]}=" if s in lists else s for s in found))
    return [s for s in told if s.startswith(word)]


def _is_text(schema: Any, key: str) -> bool:
    """Whether a dotted key takes texts; false where there is no such key."""
    for name in key.split("."):
        schema = get_type_hints(schema).get(name) if is_dataclass(schema) else None
    return schema is str or str in get_args(schema)


class _Hydra(DefaultCompletionPlugin):
    """Hydra's own suggestions, which a plugin for a shell inherits."""

    def ask(self, config_name: str, words: Sequence[str], word: str) -> list[str]:
        return self._query(config_name, " ".join([*settled(config_name, words), word]))


def _paths(start: str) -> list[str]:
    """Files and folders whose path begins so; hidden ones only where asked for. Folders end with a slash."""
    folder, _, name = start.rpartition("/")
    where = f"{folder}/" if "/" in start else ""
    try:
        found = [
            (path.name, path.is_dir()) for path in Path(where).expanduser().iterdir() if path.name.startswith(name)
        ]
    except (OSError, RuntimeError):  # no such folder, no such user
        return []
    return [f"{where}{n}{'/' if is_dir else ''}" for n, is_dir in sorted(found) if name or not n.startswith(".")]


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quote that is still open
        return line.split()


def _commands() -> list[str]:
    """Every command of this project that is installed."""
    scripts = entry_points(group="console_scripts")
    return sorted({script.name for script in scripts if script.value.split(".")[0] == "medgym_ray"})

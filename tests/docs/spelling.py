"""Usage lines as commands that can be composed: choices taken apart, placeholders filled in."""

import re
import shlex
from collections.abc import Iterator

_NUMBER = {"N", "K", "T", "S", "P", "WIDTH"}
_NAMES = {"model": "oracle", "tasks": "npowerai", "sandbox": "namespace", "recipe": "sft"}
"""What stands for NAME or FAMILY where a group is chosen."""
_PLACEHOLDER = re.compile(r"[A-Z_]+|[A-Z]{2,}[/.\w]*|…")


def alternatives(line: str) -> Iterator[list[str]]:
    """The arguments that a usage line allows, as words: all that must be said, then with each option by itself."""
    must, options = _split(line)
    yield [choice for word in shlex.split(must) for choice in _choices(word)[:1]]
    for word in shlex.split(must):
        for choice in _choices(word)[1:]:
            yield [choice if w == word else _choices(w)[0] for w in shlex.split(must)]
    for option in options:
        for word in shlex.split(option):
            for choice in _choices(word):
                yield [*(_choices(w)[0] for w in shlex.split(must)), choice]


def _split(line: str) -> tuple[str, list[str]]:
    """What stands outside of brackets that begin a word, and what stands within them."""
    must, options, depth, at = "", [""], 0, 0
    starts: list[bool] = []
    while at < len(line):
        character = line[at]
        if character == "[":
            opens = at == 0 or line[at - 1] in " "
            starts.append(opens)
            depth += opens
            if opens:
                options.append("")
                at += 1
                continue
        elif character == "]" and starts and starts.pop():
            depth -= 1
            at += 1
            continue
        if depth:
            options[-1] += character
        else:
            must += character
        at += 1
    return must, [option for option in options if option.strip()]


def _choices(word: str) -> list[str]:
    """`key=a|b` as `key=a` and `key=b`; a bare `|` or `…` is nothing."""
    if word in ("|", "…", "KEY=VALUE", "-"):
        return [""]
    key, equals, value = word.partition("=")
    if not equals or value.startswith(("[", "{", '"')):
        return [_filled(word)]
    return [_filled(f"{key}={choice}") for choice in value.split("|")]


def _filled(word: str) -> str:
    """Placeholders by what the key takes."""
    key, equals, value = word.partition("=")
    if not equals:
        return word
    name = key.lstrip("+")
    if value in _NUMBER:
        return f"{key}=1"
    if value in ("NAME", "FAMILY") and name in _NAMES:
        return f"{key}={_NAMES[name]}"
    if value in ("…", "[…]"):
        return f"{key}={'[]' if '[' in value else 'x'}"
    return word if not any(c in value for c in "…") else f"{key}=x"

"""JSON objects in the midst of a reply."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from medgym_ray.actions import Repeated

_MAX_BROKEN = 1000
"""Starts of objects that lead nowhere: more of them are noise, and each costs a look at the whole reply."""
_START = re.compile(r'</?think>|\{(?=\s*")')


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    return fields if len(fields) == len(pairs) else Repeated(fields)


# strict=False: models break lines inside JSON strings; nothing else can be meant by it.
_DECODER = json.JSONDecoder(strict=False, object_pairs_hook=_object)


@dataclass(frozen=True, slots=True)
class Found:
    """The objects that have the key, outside of thoughts, and what is wrong with the first that is no valid JSON.

    Where one is broken, what stands inside it may be part of its text: then none of the others can be meant for sure.
    """

    objects: list[dict[str, Any]]
    broken: str | None


def find(text: str, key: str) -> Found:
    """Looks through a reply."""
    begins = re.compile(rf'\{{\s*"{key}"\s*:')
    objects: list[dict[str, Any]] = []
    broken: str | None = None
    dead_ends = at = 0
    while (start := _START.search(text, at)) is not None:
        at = start.end()
        if start[0] == "</think>":  # the template opened the thought: all of it so far was one
            objects, broken = [], None
            continue
        if start[0] == "<think>":
            end = text.find("</think>", at)
            at = len(text) if end == -1 else end + len("</think>")
            continue
        try:
            value, at = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError) as error:
            if broken is None and begins.match(text, start.start()):
                broken = f"the action is not valid JSON: {problem(error)}"
            dead_ends += 1
            if dead_ends == _MAX_BROKEN:
                return Found([], broken or "too many broken JSON objects in one reply")
            continue
        if isinstance(value, dict) and key in value:
            objects.append(value)
    return Found(objects, broken)


def read(text: str) -> Any:
    """One JSON value and nothing else. Raises ValueError or RecursionError."""
    value, end = _DECODER.raw_decode(text, len(text) - len(text.lstrip()))
    if text[end:].strip():
        raise json.JSONDecodeError("Extra data", text, end)
    return value


def problem(error: Exception) -> str:
    """What was wrong, and where."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} (line {error.lineno} column {error.colno} of the reply)"
    return "nested too deep" if isinstance(error, RecursionError) else str(error)


def different(values: Collection[Any]) -> int:
    """How many of them differ; as text, for 1, 1.0 and true are not the same."""
    return len({json.dumps(value, sort_keys=True) for value in values})

"""The tools that a chat template listed to the agent, which its messages do not repeat."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from medgym_ray.formats.registry import FORMATS
from medgym_ray.tasks.registry import make_family


@dataclass(frozen=True, slots=True)
class _Told:
    """How an agent of one format hears of its tools: beside rules that do not name them, or in words."""

    beside: str
    in_words: str
    tools: str


def listed_tools(family: str, agent_format: str, messages: Sequence[Mapping[str, str]]) -> str | None:
    """JSON for the column `tools`; None where the messages say all that the agent was told.

    Raises ConfigError where another package's family is not installed.
    """
    told = _told(family, agent_format)
    if told is None:
        return None
    system = messages[0]["content"]
    return told.tools if told.beside in system and told.in_words not in system else None


def tools_column(batch: pa.RecordBatch) -> pa.Array:
    """As `listed_tools`, for trajectories with their columns `family`, `agent_format` and `messages`."""
    names = zip(batch.column("family").to_pylist(), batch.column("agent_format").to_pylist(), strict=True)
    messages = batch.column("messages")
    found = [listed_tools(*each, messages[row].as_py()) if _told(*each) else None for row, each in enumerate(names)]
    return pa.array(found, pa.string())


@functools.cache
def _told(family: str, agent_format: str) -> _Told | None:
    """None for a format without tools."""
    if agent_format not in FORMATS or not FORMATS[agent_format].beside_tools:
        return None
    language, actions = FORMATS[agent_format], make_family(family).actions
    return _Told(language.beside_tools, language.rules(actions), json.dumps(language.tools(actions)))

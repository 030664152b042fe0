"""Policies that need no engine: `oracle` says what the gold program says, `replay` what was said before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from medgym_ray.actions import Action
from medgym_ray.errors import ConfigError
from medgym_ray.formats.base import AgentFormat
from medgym_ray.policies.base import Engine, Generation, GenerationRequest, RepliesExhausted

ANY_TASK = "*"


class ScriptedPolicy:
    """Replies from a list, one a turn, whatever it is asked."""

    def __init__(self, replies: Sequence[str], replica: str) -> None:
        self._replies = replies
        self._replica = replica

    async def generate(self, request: GenerationRequest) -> Generation:
        """The reply of that turn; raises RepliesExhausted after the last."""
        if request.turn >= len(self._replies):
            raise RepliesExhausted(f"{self._replica} has {len(self._replies)} replies for {request.task_id}")
        return Generation(text=self._replies[request.turn], finish_reason="stop", replica=self._replica)


def oracle_policy(actions: Sequence[Action], spoken: AgentFormat) -> ScriptedPolicy:
    """Speaks a family's gold actions in the agent's language."""
    return ScriptedPolicy([spoken.render(action) for action in actions], "oracle")


def read_replies(path: Path) -> dict[str, list[str]]:
    """Recorded replies by task id; `*` stands for every task that has no line of its own.

    One JSON object a line: `{"task_id": ID or "*", "replies": ["…", …]}`. Raises ConfigError naming file and line.
    """
    recorded: dict[str, list[str]] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # splitlines() also breaks at U+2028 inside a text
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"model.path={path}: {getattr(error, 'strerror', None) or error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            task_id, replies = entry["task_id"], entry["replies"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ConfigError(f'{path}:{number}: not of the form {{"task_id": …, "replies": […]}} ({error})') from error
        if (
            not isinstance(task_id, str)
            or not isinstance(replies, list)
            or not all(isinstance(r, str) for r in replies)
        ):
            raise ConfigError(f'{path}:{number}: "task_id" must be text and "replies" a list of texts')
        if any("\ud800" <= character <= "\udfff" for reply in replies for character in reply):
            raise ConfigError(f"{path}:{number}: a reply holds half of a surrogate pair, which no record can keep")
        if task_id in recorded:
            raise ConfigError(f"{path}:{number}: a second line for {task_id}; keep one")
        recorded[task_id] = replies
    if not recorded:
        raise ConfigError(f"model.path={path}: no recorded replies in it")
    return recorded


def replay_policy(recorded: Mapping[str, Sequence[str]], task_id: str) -> ScriptedPolicy:
    """Repeats what was recorded for this task, else for every task."""
    return ScriptedPolicy(recorded.get(task_id, recorded.get(ANY_TASK, ())), "replay")


class HostedReplay(Engine):
    """Recorded replies in the place of an engine: the way to it, its loss and its replacement are the real ones."""

    def __init__(self, path: Path, replica: str) -> None:
        """Raises ConfigError."""
        self._recorded = read_replies(path)
        self._replica = replica

    async def generate(self, request: GenerationRequest) -> Generation:
        """The reply of that turn; raises RepliesExhausted after the last."""
        return replace(await replay_policy(self._recorded, request.task_id).generate(request), replica=self._replica)

"""The oracle that makes mistakes: it sends a wrong program first, sees the real error, and repairs it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from random import Random

from medgym_ray.actions import Action, ActionKind
from medgym_ray.formats.base import AgentFormat
from medgym_ray.policies.base import Generation, GenerationRequest, RepliesExhausted
from medgym_ray.policies.mistakes import Mistake, mistakes

_ELSEWHERE = re.compile(r"https?://|urllib|requests|http\.client|socket")
"""Marks of a program that may change what lies outside of it: its wrong version must not even start."""
_BEFORE = ("I write the program and run it.", "Let me try this.", "I run this first and look at what it says.")
_DEBUG = ("That failed; I look at the line where it did.", "I rerun it to see the values at the failing line.")
_MOST_ERROR = 300


def with_mistakes(
    actions: Sequence[Action], allowed: Collection[ActionKind], rate: float, seed: int, max_turns: int
) -> list[Action]:
    """The actions, before each of whose programs there stands, with probability `rate`, a wrong version of it.

    The first mistake of all is one that fails for certain. Never more actions than `max_turns` (unless there were
    before); a wrong version is never submitted. The same seed makes the same mistakes.
    """
    random = Random(seed)
    spare = max_turns - len(actions)
    spoken: list[Action] = []
    first = True
    for action in actions:
        mistake = None
        if random.random() < rate and spare > 0 and ActionKind.CODE_EXECUTION in allowed:
            mistake = _mistake(action, random, loud=first)
        if mistake is None:
            spoken.append(action)
            continue
        attempt = [Action(ActionKind.CODE_EXECUTION, {"code": mistake.code}, random.choice(_BEFORE))]
        if mistake.loud and ActionKind.DEBUGGING in allowed and spare > 1 and random.random() < 0.5:
            attempt.append(Action(ActionKind.DEBUGGING, {"code": mistake.code}, random.choice(_DEBUG)))
        spoken += [*attempt, replace(action, thought=f"{mistake.lesson} {action.thought}".rstrip())]
        spare -= len(attempt)
        first = False
    return spoken


def _mistake(action: Action, random: Random, *, loud: bool) -> Mistake | None:
    code = action.arguments.get("code")
    if action.kind not in (ActionKind.CODE_EXECUTION, ActionKind.SUBMIT) or not isinstance(code, str):
        return None
    starts = _ELSEWHERE.search(code) is None
    return next(mistakes(code, random, loud=loud, starts=starts), None)


class NoisyOracle:
    """Speaks actions one a turn; what it hands to `debugging` is the error it has just seen."""

    def __init__(self, actions: Sequence[Action], spoken: AgentFormat) -> None:
        self._actions, self._spoken = actions, spoken

    async def generate(self, request: GenerationRequest) -> Generation:
        """The reply of that turn; raises RepliesExhausted after the last."""
        if request.turn >= len(self._actions):
            raise RepliesExhausted(f"the oracle has {len(self._actions)} actions for {request.task_id}")
        action = self._actions[request.turn]
        if action.kind is ActionKind.DEBUGGING and request.messages:
            seen = request.messages[-1].content.rstrip().rpartition("\n")[2][:_MOST_ERROR]
            action = replace(action, arguments={**action.arguments, "error_msg": seen})
        return Generation(text=self._spoken.render(action), finish_reason="stop", replica="oracle")

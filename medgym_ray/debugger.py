"""Who explains a program that failed: a model, in place of the rules. The tracer's facts stand either way.

It is asked in a conversation of its own, which is no part of the agent's: the agent sees the answer as an observation.
What it is shown is the program, what came of it and what the agent says of it; neither the task nor its gold.
"""

from dataclasses import dataclass, replace
from typing import Protocol

from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest, Policy, Sampling
from medgym_ray.policies.timed import TimedPolicy
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.prompts import cell_observation
from medgym_ray.sandboxes.base import CellResult
from medgym_ray.tasks.base import Message

_MAX_TOKENS = 256
_RULES = """You explain why a Python program failed. You get the program, what came of it under a tracer, and the \
error as its author saw it. Say in a few sentences what the cause is, by the values that are shown, and what to \
change. Do not write the whole program anew."""


@dataclass(frozen=True, slots=True)
class FailedProgram:
    """What a debugger is shown."""

    code: str
    result: CellResult
    """Under the tracer."""
    error_msg: str
    """As the agent tells it; may be empty."""


class Debugger(Protocol):
    """Of one rollout."""

    async def explain(self, program: FailedProgram, request: GenerationRequest) -> Generation | None:
        """Its words; None where there was no time for any, or no room. `request` says for whom and until when.

        Raises PolicyError.
        """
        ...

    def cut(self) -> None:
        """It is waited for no more."""
        ...


class ModelDebugger:
    """A policy that is asked."""

    def __init__(self, policy: Policy, template: ChatTemplate | None = None, sampling: Sampling | None = None) -> None:
        """`template`: for a policy that takes token ids. `sampling`: how it samples, unless as the request says."""
        self._policy, self._template, self._sampling = TimedPolicy(policy), template, sampling

    async def explain(self, program: FailedProgram, request: GenerationRequest) -> Generation | None:
        """See Debugger."""
        messages = _conversation(program)
        asked = replace(
            request,
            messages=messages,
            prompt_token_ids=self._template.prompt(messages) if self._template else None,
            sampling=replace(self._sampling or request.sampling, max_tokens=_MAX_TOKENS),
        )
        try:
            return await self._policy.generate(asked)
        except ContextFull:
            return None

    def cut(self) -> None:
        """See Debugger."""
        self._policy.cut()


def _conversation(program: FailedProgram) -> list[Message]:
    parts = [f"The program:\n{program.code}", f"What came of it:\n{cell_observation(program.result)}"]
    parts += [f"Its author says:\n{program.error_msg}"] if program.error_msg.strip() else []
    return [Message("system", _RULES), Message("user", "\n\n".join(parts))]

"""What a policy is: messages or token ids in, one reply out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from medgym_ray.tasks.base import Message


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a policy samples. `max_tokens` bounds one reply."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 2048


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One turn to generate: a pure function of what stands here, so that any replica can answer it.

    Policies that take tokens get `prompt_token_ids`; those that take only text get `messages`. `session_id` is the
    trajectory's id (routing and prefix cache), `turn` the zero-based turn, `deadline_s` the seconds that are left.
    """

    session_id: str
    task_id: str
    turn: int
    sampling: Sampling
    seed: int
    deadline_s: float
    messages: Sequence[Message] = ()
    prompt_token_ids: Sequence[int] | None = None
    words: str | None = None
    """What a simulated engine is to say, in the time that saying it takes."""


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """An engine's own word on how busy it is.

    Requests that run and that wait, the share of its KV cache in use, and how often since its start it had to take a
    running request's cache away.
    """

    running: int
    waiting: int
    kv_share: float
    preemptions: int = 0


@dataclass(frozen=True, slots=True)
class Generation:
    """One reply. `token_ids` and `logprobs` have equal lengths, or both are None (text-only policies).

    `finish_reason` is `stop` or `length` (the reply or the context hit its bound). Times in milliseconds.
    """

    text: str
    finish_reason: str
    token_ids: list[int] | None = None
    logprobs: list[float] | None = None
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    policy_version: str = "0"
    replica: str = "local"
    generate_ms: float = 0.0
    queue_ms: float = 0.0
    load: EngineLoad | None = None
    """Of the engine, when it replied."""


class ContextFull(Exception):
    """The conversation no longer fits the policy's context; never truncated silently."""


class RepliesExhausted(Exception):
    """A scripted policy has nothing more to say."""


class Policy(Protocol):
    """Something that replies. Raises PolicyError where the engine or endpoint failed, ContextFull where it is full."""

    async def generate(self, request: GenerationRequest) -> Generation:
        """One reply to one request."""
        ...


class Engine(Policy, Protocol):
    """A policy that lives in a replica of its own. It may die, and holds what must be given back."""

    async def check_health(self) -> None:
        """Raises EngineDead where it is."""
        ...

    def close(self) -> None:
        """Ends what it has started."""
        ...

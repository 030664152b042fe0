"""What a policy is: messages or token ids in, one reply out."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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
    stop: Sequence[str] = ()
    """Texts with which a reply ends."""
    schema: Mapping[str, Any] | None = None
    """JSON schema that the reply is to follow, where the engine can see to it."""
    words: str | None = None
    """What a simulated engine is to say, in the time that saying it takes."""


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """An engine's own word on how busy it is.

    Requests that run and that wait, the share of its KV cache in use, how often since its start it had to take a
    running request's cache away, and the tokens that it has generated since, for whomever.
    """

    running: int
    waiting: int
    kv_share: float
    preemptions: int = 0
    generated: int = 0


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
    prompt_token_ids: list[int] | None = None
    """What a server that was given messages made of them, where it tells."""
    cost_usd: float | None = None
    """Where it has a price."""


class ContextFull(Exception):
    """The conversation no longer fits the policy's context; never truncated silently."""


class RepliesExhausted(Exception):
    """A scripted policy has nothing more to say."""


class Policy(Protocol):
    """Something that replies. Raises PolicyError where the engine or endpoint failed, ContextFull where it is full."""

    @abstractmethod
    async def generate(self, request: GenerationRequest) -> Generation:
        """One reply to one request."""
        ...


class Engine(Policy, Protocol):
    """A policy that lives in a replica of its own. It may die, and hold what must be given back.

    Implementations subclass it explicitly and inherit the defaults given here: of one that can't die and holds nothing.
    Another package's is called with the `ModelConfig` and the replica's name.
    """

    takes_tokens: bool = False
    """Whether it reads `prompt_token_ids`, of the tokenizer at `model.path`, and not `messages`."""

    async def warm_up(self) -> None:
        """Does beforehand what would hold up its first request. Raises PolicyError, EngineDead."""
        return

    async def check_health(self) -> None:
        """Raises EngineDead where it is."""
        return

    def close(self) -> None:
        """Ends what it has started."""
        return

"""Exact token bookkeeping: a conversation is what was sampled, token for token, and never tokenised twice.

A transcript is a list of segments. The first is the rendered prompt; after it, replies as the engine sampled them
alternate with the chat template's delta for each observation. So the prompt of turn k+1 starts with every token of
turn k, and `loss_mask` is 1 exactly on what the policy generated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from medgym_ray.errors import PolicyError
from medgym_ray.policies.base import Generation
from medgym_ray.tasks.base import Message

_REPLY = "\u2042reply\u2042"
_QUESTION = Message("user", "question")


class Tokenizer(Protocol):
    """What is used of a Hugging Face tokenizer."""

    def apply_chat_template(self, conversation: list[dict[str, str]], **kwargs: Any) -> Any:
        """Renders a conversation."""
        ...

    def encode(self, text: str, **kwargs: Any) -> list[int]:
        """Text to token ids."""
        ...

    @property
    def all_special_ids(self) -> list[int]:
        """Ids that stand for no text: end of turn, end of sequence, …"""
        ...


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of tokens that was either sampled (`logprobs` aligned) or given (None)."""

    token_ids: list[int]
    logprobs: list[float] | None = None


class ChatTemplate:
    """A model's chat template as token ids: the first prompt, and the delta of each observation."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.special_ids = frozenset(tokenizer.all_special_ids)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The conversation up to where the policy replies."""
        return self._encode(self._render(messages, reply=True))

    def conversation(self, messages: Sequence[Message]) -> list[int]:
        """The finished conversation, rendered and tokenised as a whole (for the drift check)."""
        return self._encode(self._render(messages, reply=False))

    def delta(self, observation: str) -> list[int]:
        """From the end of a reply's text to where the policy replies again: end of turn, observation, header.

        Raises PolicyError where the template does not keep a reply's text as it is.
        """
        messages = [_QUESTION, Message("assistant", _REPLY), Message("user", observation)]
        _, found, after = self._render(messages, reply=True).partition(_REPLY)
        if not found:
            raise PolicyError("the chat template changes the text of replies: token-exact conversations are impossible")
        return self._encode(after)

    def _render(self, messages: Sequence[Message], *, reply: bool) -> str:
        plain = [{"role": m.role, "content": m.content} for m in messages]
        return str(self._tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=reply))

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))


class TokenTranscript:
    """The token ids of one episode, grown turn by turn."""

    def __init__(self, template: ChatTemplate, messages: Sequence[Message]) -> None:
        self._template = template
        self._messages = list(messages)
        self.segments = [Segment(template.prompt(messages))]
        self.append_only = True

    @property
    def prompt_token_ids(self) -> list[int]:
        """The first prompt."""
        return self.segments[0].token_ids

    def next_prompt(self) -> list[int]:
        """Every token so far: what the engine is asked to continue."""
        return [token for segment in self.segments for token in segment.token_ids]

    def add_reply(self, generation: Generation) -> None:
        """Keeps a reply as it was sampled. Raises PolicyError where ids and logprobs do not align."""
        ids, logprobs = generation.token_ids, generation.logprobs
        if ids is None or logprobs is None or len(ids) != len(logprobs):
            raise PolicyError("the engine returned a reply without aligned token ids and logprobs")
        self.segments.append(Segment(ids, logprobs))
        self._messages.append(Message("assistant", generation.text))

    def add_observation(self, observation: str) -> None:
        """Appends the template's delta; an end-of-turn token that the policy sampled itself is not repeated."""
        before = self.next_prompt()
        delta = self._template.delta(observation)
        sampled = self.segments[-1].token_ids
        if sampled and delta and sampled[-1] == delta[0] and delta[0] in self._template.special_ids:
            delta = delta[1:]
        self.segments.append(Segment(delta))
        self._messages.append(Message("user", observation))
        self.append_only = self.append_only and self.next_prompt()[: len(before)] == before

    def loss_mask(self) -> list[int]:
        """1 exactly on sampled tokens."""
        return [int(s.logprobs is not None) for s in self.segments for _ in s.token_ids]

    def logprobs(self) -> list[float]:
        """Aligned with the tokens; 0 where nothing was sampled."""
        return [p for s in self.segments for p in (s.logprobs or [0.0] * len(s.token_ids))]

    def retokenize_match(self) -> bool:
        """Whether tokenising the finished text anew gives the same ids: False warns against training on text alone."""
        ids = self.next_prompt()
        # Where no reply followed, the tokens end in the header of the one that was asked for.
        finished = self._messages[-1].role == "assistant"
        render = self._template.conversation if finished else self._template.prompt
        return render(self._messages)[: len(ids)] == ids

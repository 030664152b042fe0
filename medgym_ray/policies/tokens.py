"""Exact token bookkeeping: a conversation is what was sampled, token for token, and never tokenised twice.

A transcript is a list of segments. The first is the rendered prompt; after it, replies as the engine sampled them
alternate with the chat template's delta for each observation. So the prompt of turn k+1 starts with every token of
turn k, and `loss_mask` is 1 exactly on what the policy generated. Only where thoughts are to be stripped is a
conversation rendered anew, and then it says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from medgym_ray.errors import PolicyError
from medgym_ray.policies.base import Generation
from medgym_ray.tasks.base import Message, Role

_REPLY = "\u2042reply\u2042"
_QUESTION = Message("user", "question")
_HEARD = "(heard)"
"""Without a character that a template would write as JSON does."""
_CALL = "000000000"


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


Tools = Sequence[Mapping[str, Any]]


class ChatTemplate:
    """A model's chat template as token ids: the first prompt, and the delta of each observation."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.special_ids = frozenset(tokenizer.all_special_ids)

    def prompt(self, messages: Sequence[Message], tools: Tools = ()) -> list[int]:
        """The conversation up to where the policy replies."""
        return self._encode(self._render(messages, tools, reply=True))

    def conversation(self, messages: Sequence[Message], tools: Tools = ()) -> list[int]:
        """The finished conversation, rendered and tokenised as a whole (for the drift check)."""
        return self._encode(self._render(messages, tools, reply=False))

    def delta(self, *observations: Message) -> list[int]:
        """From the end of a reply's text to where the policy replies again: end of turn, observations, header.

        Raises PolicyError where the template does not keep a reply's text as it is.
        """
        return self._encode(self._after_reply(*observations, reply=True))

    def reply(self, text: str) -> list[int]:
        """A reply of that text, as a policy that ends its turn would have sampled it.

        Raises PolicyError where no special token ends a reply, so that nobody could learn to stop.
        """
        ending = self._encode(self._after_reply(reply=False))[:1]
        if not ending or ending[0] not in self.special_ids:
            raise PolicyError("the chat template ends replies with no special token: nobody could learn to stop")
        return self._encode(text) + ending

    def _after_reply(self, *observations: Message, reply: bool) -> str:
        messages = [_QUESTION, Message("assistant", _REPLY), *observations]
        _, found, after = self._render(messages, reply=reply).partition(_REPLY)
        if not found:
            raise PolicyError("the chat template changes the text of replies: token-exact conversations are impossible")
        return after

    def lists(self, tools: Tools) -> bool:
        """Whether it tells the model of tools; many templates pass them over in silence."""
        return bool(tools) and self._render([_QUESTION], tools, reply=True) != self._render([_QUESTION], reply=True)

    def has_role(self, role: Role) -> bool:
        """Whether a message of that role can follow a reply, and is heard."""
        messages = [_QUESTION, Message("assistant", _REPLY), Message(role, _HEARD)]
        try:
            return _HEARD in self._render(messages, reply=True)
        except Exception:  # whatever the template's code raises: it knows no such role
            return False

    def _render(self, messages: Sequence[Message], tools: Tools = (), *, reply: bool) -> str:
        given = {"tools": list(tools)} if tools else {}
        plain = [_plain(message) for message in messages]
        return str(self._tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=reply, **given))

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))


def _plain(message: Message) -> dict[str, str]:
    plain = {"role": message.role, "content": message.content}
    # Some templates (Mistral's) want to know which call is answered: there is one at a time.
    return plain | {"name": "sandbox", "tool_call_id": _CALL} if message.role == "tool" else plain


class TokenTranscript:
    """The token ids of one episode, grown turn by turn."""

    def __init__(
        self, template: ChatTemplate, messages: Sequence[Message], tools: Tools = (), *, strip_thoughts: bool = False
    ) -> None:
        """`strip_thoughts`: earlier replies are shown to the policy without what it thought, as some models expect;
        then a conversation is not one growing sequence of tokens any more."""
        self._template, self._tools, self._strips = template, tools, strip_thoughts
        self._messages = list(messages)
        self.segments = [Segment(template.prompt(messages, tools))]
        self.first_prompt = self.segments[0].token_ids
        self.append_only = True

    def next_prompt(self) -> list[int]:
        """Every token so far: what the engine is asked to continue."""
        return _joined(self.segments)

    def add_reply(self, generation: Generation) -> None:
        """Keeps a reply as it was sampled. Raises PolicyError where ids and logprobs do not align."""
        ids, logprobs = generation.token_ids, generation.logprobs
        if ids is None or logprobs is None or len(ids) != len(logprobs):
            raise PolicyError("the engine returned a reply without aligned token ids and logprobs")
        self.segments.append(Segment(ids, logprobs))
        self._messages.append(Message("assistant", generation.text))

    def add_observation(self, *observations: Message) -> None:
        """Appends the template's delta; an end-of-turn token that the policy sampled itself is not repeated."""
        reply = self._messages[-1]
        if self._strips and (shown := without_thoughts(reply.content)) != reply.content:
            self._messages[-1:] = [Message("assistant", shown), *observations]
            self.segments = [Segment(self._template.prompt(self._messages, self._tools))]
            self.append_only = False
            return
        delta = self._template.delta(*observations)
        sampled = self.segments[-1].token_ids
        if sampled and delta and sampled[-1] == delta[0] and delta[0] in self._template.special_ids:
            delta = delta[1:]
        self.segments.append(Segment(delta))
        self._messages += observations

    def loss_mask(self) -> list[int]:
        """1 exactly on sampled tokens."""
        return _mask(self.segments)

    def logprobs(self) -> list[float]:
        """Aligned with the tokens; 0 where nothing was sampled."""
        return _aligned(self.segments)

    def retokenize_match(self) -> bool:
        """Whether tokenising the finished text anew gives the same ids: False warns against training on text alone."""
        ids = self.next_prompt()
        # Where no reply followed, the tokens end in the header of the one that was asked for.
        finished = self._messages[-1].role == "assistant"
        render = self._template.conversation if finished else self._template.prompt
        return render(self._messages, self._tools)[: len(ids)] == ids


class ServedTranscript:
    """The token ids of an episode whose policy is given messages and tells what they were to it, turn by turn.

    The server tokenises the conversation anew each time: `append_only` says whether that made one growing sequence.
    """

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.first_prompt: list[int] = []
        self.append_only = True
        self._lacking = False

    @property
    def complete(self) -> bool:
        """Whether the ids and log-probabilities of every turn are here."""
        return bool(self.segments) and not self._lacking

    def add_reply(self, generation: Generation) -> None:
        """Keeps a turn. One without token ids or log-probabilities leaves a transcript that is not `complete`."""
        prompt, ids, logprobs = generation.prompt_token_ids, generation.token_ids, generation.logprobs
        if prompt is None or ids is None or logprobs is None:
            self._lacking = True
            return
        so_far = self.next_prompt()
        if prompt[: len(so_far)] == so_far:
            given = prompt[len(so_far) :]
        else:
            given, self.segments, self.append_only = prompt, [], False
        self.first_prompt = self.first_prompt or prompt
        self.segments += [Segment(given), Segment(ids, logprobs)]

    def next_prompt(self) -> list[int]:
        """Every token so far."""
        return _joined(self.segments)

    def loss_mask(self) -> list[int]:
        """1 exactly on sampled tokens."""
        return _mask(self.segments)

    def logprobs(self) -> list[float]:
        """Aligned with the tokens; 0 where nothing was sampled."""
        return _aligned(self.segments)

    def retokenize_match(self) -> bool:
        """Whether what was sampled came back as the same ids: the server has tokenised every reply but the last."""
        return self.append_only


def _joined(segments: Sequence[Segment]) -> list[int]:
    return [token for segment in segments for token in segment.token_ids]


def _mask(segments: Sequence[Segment]) -> list[int]:
    return [int(s.logprobs is not None) for s in segments for _ in s.token_ids]


def _aligned(segments: Sequence[Segment]) -> list[float]:
    return [p for s in segments for p in (s.logprobs or [0.0] * len(s.token_ids))]


def without_thoughts(reply: str) -> str:
    """What a reply says after its last thought; a thought without an end is all of it."""
    spoken = reply.rpartition("</think>")[2]
    return spoken.partition("<think>")[0].lstrip("\n")

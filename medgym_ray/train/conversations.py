"""A stored conversation as the tokens that a policy would see and say in an episode, and which of them it said.

The same bookkeeping as in an episode: the opening is rendered, each reply is its text and the token that ends a turn,
each observation is the chat template's delta. So what is trained is what is sampled, observations carry no loss, and no
template needs marks for generation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medgym_ray.errors import ConfigError, PolicyError
from medgym_ray.policies.base import Generation
from medgym_ray.policies.tokens import ChatTemplate, TokenTranscript, Tools
from medgym_ray.tasks.base import Message

IGNORED = -100
"""The label of a token without loss."""
Stored = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Tokens:
    """`mask` is 1 exactly on what the policy said; equal lengths."""

    ids: list[int]
    mask: list[int]

    def labels(self) -> list[int]:
        """The ids, where there is a loss."""
        return [token if said else IGNORED for token, said in zip(self.ids, self.mask, strict=True)]


def tools_of(row: Mapping[str, Any]) -> Tools:
    """Those that the chat template listed to the agent: a column of JSON, null where its rules named them."""
    return json.loads(row["tools"]) if row.get("tools") else ()


def conversation(template: ChatTemplate, stored: Sequence[Stored], tools: Tools = ()) -> Tokens:
    """The whole of it, to its last reply. Raises ConfigError where it cannot be told who said what."""
    messages = _heard(template, stored)
    opening = _opening(messages)
    try:
        transcript = TokenTranscript(template, messages[:opening], tools)
        for place, message in enumerate(messages[opening:], start=opening):
            if message.role != "assistant":
                continue
            if place > opening:
                transcript.add_observation(*_between(messages, place))
            ids = template.reply(message.content)
            transcript.add_reply(Generation(message.content, "stop", ids, [0.0] * len(ids)))
    except PolicyError as error:
        raise ConfigError(str(error)) from error
    return Tokens(transcript.next_prompt(), transcript.loss_mask())


def continuation(template: ChatTemplate, prompt: Sequence[Stored], said: Sequence[Stored], tools: Tools = ()) -> Tokens:
    """A conversation of which only what follows `prompt` counts as said. Raises ConfigError."""
    whole = conversation(template, [*prompt, *said], tools)
    before = sum(message["role"] == "assistant" for message in prompt)
    mask, replies, previous = [], 0, 0
    for now in whole.mask:
        replies += now > previous
        previous = now
        mask.append(int(now and replies > before))
    return Tokens(whole.ids, mask)


def _heard(template: ChatTemplate, stored: Iterable[Stored]) -> list[Message]:
    """As in an episode, an observation comes from the user where the model knows no tools."""
    knows_tools = template.has_role("tool")
    messages = []
    for message in stored:
        role = message["role"]
        if role not in ("system", "user", "assistant", "tool"):
            raise ConfigError(f"a message of the role {role!r}: system, user, assistant and tool are known")
        messages.append(Message("user" if role == "tool" and not knows_tools else role, message["content"]))  # type: ignore[arg-type]
    return messages


def _opening(messages: Sequence[Message]) -> int:
    first = next((place for place, message in enumerate(messages) if message.role == "assistant"), None)
    if not first:
        raise ConfigError("a conversation without a reply" if first is None else "a conversation without a question")
    return first


def _between(messages: Sequence[Message], place: int) -> Sequence[Message]:
    before = max(at for at in range(place) if messages[at].role == "assistant")
    return messages[before + 1 : place]

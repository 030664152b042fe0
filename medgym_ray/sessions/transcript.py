"""The token ids of a conversation that somebody else keeps."""

from collections.abc import Sequence

from medgym_ray.policies.tokens import ChatTemplate, Segment, TokenTranscript
from medgym_ray.tasks.base import Message


class ForeignTranscript(TokenTranscript):
    """Grows where an agent adds to what was said, and says so where it begins anew or rewrites."""

    def __init__(self, template: ChatTemplate, messages: Sequence[Message]) -> None:
        super().__init__(template, messages)

    def ask(self, messages: Sequence[Message]) -> None:
        """What the policy is to reply to now. Raises PolicyError where the template cannot keep replies as they are."""
        waits = self.segments[-1].logprobs is None  # for a reply that did not come
        if waits and list(messages) == self._messages:
            return
        heard = messages[len(self._messages) :]
        grows = not waits and list(messages[: len(self._messages)]) == self._messages and bool(heard)
        if grows and all(message.role != "assistant" for message in heard):
            self.add_observation(*heard)
            return
        self.append_only = False
        self._messages = list(messages)
        self.segments = [Segment(self._template.prompt(messages))]

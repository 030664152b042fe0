"""What an agent's language is: its rules for the prompt, reading a reply as one action, writing an action as a reply.

Reading is lenient about what surrounds an action and never guesses one: whatever cannot be read is answered with a
precise error that the agent sees, costs a turn and is recorded.
"""

from collections.abc import Collection
from typing import Any, Protocol

from medgym_ray.actions import Action, ActionKind, ParseError
from medgym_ray.tasks.base import Role


class AgentFormat(Protocol):
    """One of them."""

    name: str
    observer: Role
    """Who tells the agent what became of its action."""

    stop: tuple[str, ...]
    """After which a reply says nothing more."""

    beside_tools: str
    """The rules where the chat template lists `tools` by itself."""

    def rules(self, actions: Collection[ActionKind]) -> str:
        """How to act, for the system message."""
        ...

    def tools(self, actions: Collection[ActionKind], /) -> list[dict[str, Any]]:
        """What the model's chat template is to list; nothing where `rules` say it all."""
        ...

    def parse(self, reply: str, allowed: Collection[ActionKind]) -> Action | ParseError:
        """Reads a reply. Never raises."""
        ...

    def render(self, action: Action) -> str:
        """The reply that `parse` reads as this action."""
        ...

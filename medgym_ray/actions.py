"""What the agent says ↔ what we do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ActionKind(StrEnum):
    """The paper's four actions, and the explicit end of an episode."""

    REQUEST_INFO = "request_info"
    TERMINAL = "terminal"
    CODE_EXECUTION = "code_execution"
    DEBUGGING = "debugging"
    SUBMIT = "submit"


@dataclass(frozen=True, slots=True)
class Action:
    """One action with its arguments (JSON values), as the agent asked for it."""

    kind: ActionKind
    arguments: Mapping[str, Any] = field(default_factory=dict)

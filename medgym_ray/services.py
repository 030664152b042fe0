"""A service of an episode's own: what its cells reach at http://localhost:8080 though a sandbox has no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Response:
    """What a service answers."""

    status: int
    body: bytes = b""
    content_type: str = "application/fhir+json"


class Service(Protocol):
    """Made for one episode, so that nothing one agent writes is seen by another."""

    async def handle(self, method: str, target: str, body: bytes) -> Response:
        """Answers one request; `target` is the path with its query. Never raises for what a cell may send."""
        ...

    def log(self) -> Sequence[Mapping[str, Any]]:
        """The writes it has accepted so far, as JSON values, in their order: what a score may count."""
        ...

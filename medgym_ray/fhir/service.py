"""The FHIR server of one episode."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from medgym_ray.fhir.capabilities import capability_statement
from medgym_ray.fhir.interactions import Interaction, parse_interaction
from medgym_ray.fhir.outcomes import BASE_URL, Refused, json_response, searchset
from medgym_ray.fhir.search import OFFSET, parse_search
from medgym_ray.fhir.store import BaseStore, EpisodeStore, patient_of
from medgym_ray.fhir.validation import accept
from medgym_ray.services import Response, Service

MAX_WRITES = 50
"""No task needs more than two; a store is not a place to fill the host's memory."""


class FhirService(Service):
    """Answers from a base store that is shared and never changes, and from what this episode has created."""

    def __init__(self, base: BaseStore) -> None:
        self._store = EpisodeStore(base)
        self._log: list[Mapping[str, Any]] = []

    async def handle(self, method: str, target: str, body: bytes) -> Response:
        """Answers one request: capabilities, search, read or create."""
        try:
            interaction = parse_interaction(method, target)
            match interaction.name:
                case "capabilities":
                    return json_response(200, capability_statement())
                case "search":
                    # In a thread: a costly search must not hold up the other episodes of this process.
                    return json_response(200, await asyncio.to_thread(self._search, interaction))
                case "read":
                    return json_response(200, self._read(interaction))
                case "create":
                    return json_response(201, self._create(interaction, body))
        except Refused as refused:
            return refused.response()

    def log(self) -> Sequence[Mapping[str, Any]]:
        """The accepted creates: `method`, `path` and the `resource` as it is stored."""
        return tuple(self._log)

    def _search(self, interaction: Interaction) -> dict[str, Any]:
        search = parse_search(interaction.kind, interaction.query)
        page, total = search.run(self._store)
        following = search.offset + search.count
        next_url = None
        if search.count and following < total:
            kept = [pair for pair in interaction.query if pair[0] != OFFSET]
            next_url = _url(interaction.kind, [*kept, (OFFSET, str(following))])
        return searchset(page, total, _url(interaction.kind, interaction.query), next_url)

    def _read(self, interaction: Interaction) -> Mapping[str, Any]:
        found = self._store.read(interaction.kind, interaction.identity)
        if found is None:
            raise Refused(404, "not-found", f"no {interaction.kind} has the id {interaction.identity}")
        return found

    def _create(self, interaction: Interaction, body: bytes) -> Mapping[str, Any]:
        if len(self._log) >= MAX_WRITES:
            raise Refused(429, "throttled", f"no more than {MAX_WRITES} resources can be created")
        resource = accept(interaction.kind, body)
        patient = patient_of(resource) or ""
        if self._store.read("Patient", patient) is None:
            raise Refused(422, "not-found", f"subject: no Patient has the id {patient[:100]}")
        created = self._store.create(resource)
        self._log.append({"method": "POST", "path": f"/fhir/{interaction.kind}", "resource": created})
        return created


def _url(kind: str, query: Sequence[tuple[str, str]]) -> str:
    return f"{BASE_URL}/{kind}" + (f"?{urlencode(query)}" if query else "")

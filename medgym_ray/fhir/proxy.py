"""A real FHIR server in the place of ours: it answers what is read; what is written stays with the episode."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from medgym_ray.errors import SandboxError
from medgym_ray.fhir.interactions import parse_interaction
from medgym_ray.fhir.outcomes import BASE_URL, Refused, json_response
from medgym_ray.fhir.service import MAX_WRITES
from medgym_ray.fhir.store import BaseStore, EpisodeStore, patient_of
from medgym_ray.fhir.validation import accept
from medgym_ray.services import Response, Service

_RETRIES = 2
_TIMEOUT_S = 20.0


class FhirProxy(Service):
    """Passes on reads to the server at `base_url`, and checks, keeps and logs creates itself.

    Creates reach the server only with `forward_writes`: by default many episodes can share one server and none sees
    another's orders. A create that was not forwarded can be read back by its id and is not found by a search.
    """

    def __init__(self, base_url: str, *, forward_writes: bool = False) -> None:
        self._base_url = base_url.rstrip("/")
        self._forward_writes = forward_writes
        self._own = EpisodeStore(BaseStore())
        self._log: list[Mapping[str, Any]] = []

    async def handle(self, method: str, target: str, body: bytes) -> Response:
        """Answers one request. Raises SandboxError where the server does not answer: no agent is to blame for that."""
        try:
            if method == "GET" and target.startswith("/fhir?"):  # some servers' links to the next page
                return await self._forwarded("GET", target)
            interaction = parse_interaction(method, target)
            if interaction.name == "create":
                return await self._create(interaction.kind, target, body)
            if interaction.name == "read" and (own := self._own.read(interaction.kind, interaction.identity)):
                return json_response(200, own)
            return await self._forwarded("GET", target)
        except Refused as refused:
            return refused.response()

    def log(self) -> Sequence[Mapping[str, Any]]:
        """The accepted creates: `method`, `path` and the `resource`."""
        return tuple(self._log)

    async def _create(self, kind: str, target: str, body: bytes) -> Response:
        if len(self._log) >= MAX_WRITES:
            raise Refused(429, "throttled", f"no more than {MAX_WRITES} resources can be created")
        resource = accept(kind, body)
        patient = patient_of(resource)
        if (await self._forwarded("GET", f"/fhir/Patient/{patient}")).status != 200:
            raise Refused(422, "not-found", f"subject: no Patient has the id {patient}")
        if self._forward_writes:
            response = await self._forwarded("POST", target, json.dumps(resource).encode())
            if response.status not in {200, 201}:
                return response
        else:
            resource = dict(self._own.create(resource))
            response = json_response(201, resource)
        self._log.append({"method": "POST", "path": f"/fhir/{kind}", "resource": resource})
        return response

    async def _forwarded(self, method: str, target: str, body: bytes = b"") -> Response:
        """The server's answer, its links led back to us."""
        url = self._base_url + target.removeprefix("/fhir")
        headers = {"accept": "application/fhir+json"}
        if body:
            headers["content-type"] = "application/fhir+json"
        transport = httpx.AsyncHTTPTransport(retries=_RETRIES)  # of connecting alone: nothing is sent twice
        try:
            async with httpx.AsyncClient(transport=transport, timeout=_TIMEOUT_S) as client:
                answer = await client.request(method, url, content=body, headers=headers)
        except httpx.InvalidURL as error:
            raise Refused(400, "invalid", f"the address cannot be used: {error}") from None
        except httpx.HTTPError as error:
            problem = str(error) or type(error).__name__
            raise SandboxError(f"the FHIR server at {self._base_url} does not answer: {problem}") from error
        text = answer.content.replace(self._base_url.encode(), BASE_URL.encode())
        return Response(answer.status_code, text, answer.headers.get("content-type", "application/fhir+json"))

"""What the server says: JSON responses, and refusals as an OperationOutcome."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from medgym_ray.services import Response

BASE_URL = "http://localhost:8080/fhir"
"""Where cells reach the server; links in its bundles begin with it."""


class Refused(Exception):
    """A request that cannot be served: the HTTP status, FHIR's issue code, and what is wrong, one text per issue."""

    def __init__(self, status: int, code: str, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.status = status
        self.code = code
        self.problems = problems

    def response(self) -> Response:
        """The refusal as the client sees it."""
        issues = [{"severity": "error", "code": self.code, "diagnostics": problem} for problem in self.problems]
        return json_response(self.status, {"resourceType": "OperationOutcome", "issue": issues})


def json_response(status: int, resource: Mapping[str, Any]) -> Response:
    """A resource as the body of a response."""
    return Response(status, json.dumps(resource, separators=(",", ":")).encode())


def searchset(
    resources: Iterable[Mapping[str, Any]], total: int, self_url: str, next_url: str | None
) -> dict[str, Any]:
    """One page of a search's matches."""
    links = [{"relation": "self", "url": self_url}]
    if next_url:
        links.append({"relation": "next", "url": next_url})
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    entries = [
        {
            "fullUrl": f"{BASE_URL}/{resource['resourceType']}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    if entries:  # FHIR knows no empty arrays
        bundle["entry"] = entries
    return bundle

"""The server's description of itself."""

from typing import Any

from medgym_ray.fhir.outcomes import BASE_URL
from medgym_ray.fhir.parameters import CREATABLE, PARAMETERS


def capability_statement() -> dict[str, Any]:
    """A CapabilityStatement: types, interactions and search parameters."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2023-11-13",
        "kind": "instance",
        "implementation": {"description": "An electronic health record for one task", "url": BASE_URL},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": [_described(kind) for kind in PARAMETERS]}],
    }


def _described(kind: str) -> dict[str, Any]:
    codes = ["read", "search-type", *(["create"] if kind in CREATABLE else [])]
    return {
        "type": kind,
        "interaction": [{"code": code} for code in codes],
        "searchParam": [{"name": name, "type": parameter.kind} for name, parameter in PARAMETERS[kind].items()],
    }

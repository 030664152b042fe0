"""A small chart to search in, and a way to ask the service."""

import asyncio
import json
from typing import Any

import pytest

from medgym_ray.fhir.service import FhirService
from medgym_ray.fhir.store import BaseStore

PATIENTS = [
    {
        "resourceType": "Patient",
        "id": "A1",
        "identifier": [{"system": "urn:mrn", "value": "A1"}],
        "name": [{"family": "Núñez de León", "given": ["Ana", "María"]}],
        "gender": "female",
        "birthDate": "1960-02-29",
        "telecom": [{"system": "phone", "value": "555-0100"}],
        "address": [{"line": ["7 Oak Road"], "city": "Lynton", "state": "VT", "postalCode": "05401"}],
    },
    {
        "resourceType": "Patient",
        "id": "B2",
        "identifier": [{"system": "urn:mrn", "value": "B2"}],
        "name": [{"family": "Nunn", "given": ["Bert"]}],
        "gender": "male",
        "birthDate": "1971-05-03",
    },
]


def lab(identity: str, patient: str, code: str, at: str, value: float) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "category": [{"coding": [{"system": "urn:category", "code": "laboratory"}]}],
        "code": {"coding": [{"system": "urn:lab", "code": code}], "text": code},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": at,
        "valueQuantity": {"value": value, "unit": "mg/dL"},
    }


OTHERS: list[dict[str, Any]] = [
    lab("o1", "A1", "MG", "2023-11-13T08:00:00+00:00", 1.7),
    lab("o2", "A1", "MG", "2023-11-12T23:30:00-05:00", 1.9),  # 04:30 on the 13th in UTC
    lab("o3", "A1", "MG", "2023-11-01T08:00:00+00:00", 2.1),
    lab("o4", "A1", "K", "2023-11-13T09:00:00+00:00", 3.9),
    lab("o5", "B2", "MG", "2023-11-13T09:00:00+00:00", 2.5),
    {
        "resourceType": "Procedure",
        "id": "p1",
        "status": "completed",
        "code": {"coding": [{"code": "93000"}]},
        "subject": {"reference": "Patient/A1"},
        "performedPeriod": {"start": "2023-03-01", "end": "2023-03-04"},
    },
    {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "category": [{"text": "Community"}],
        "medicationCodeableConcept": {"text": "apixaban"},
        "subject": {"reference": "Patient/A1"},
        "authoredOn": "2023-01-15",
    },
]


class Client:
    """Asks one episode's service."""

    def __init__(self) -> None:
        self.service = FhirService(BaseStore([*PATIENTS, *OTHERS]))

    def ask(self, method: str, target: str, body: Any = b"") -> tuple[int, dict[str, Any]]:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = asyncio.run(self.service.handle(method, target, sent))
        assert response.content_type == "application/fhir+json"
        return response.status, json.loads(response.body)

    def found(self, query: str) -> list[str]:
        status, bundle = self.ask("GET", f"/fhir/{query}")
        assert status == 200, bundle
        assert bundle["resourceType"] == "Bundle"
        return [entry["resource"]["id"] for entry in bundle.get("entry", [])]


@pytest.fixture
def client() -> Client:
    return Client()

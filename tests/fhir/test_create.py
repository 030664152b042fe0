"""What may be created, what is refused and how, and that nobody else sees it."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgym_ray.errors import TaskError
from medgym_ray.fhir.service import MAX_WRITES, FhirService
from medgym_ray.fhir.store import BaseStore, patient_id
from medgym_ray.fhir.validation import MAX_BODY
from tests.fhir.conftest import PATIENTS, Client

READING = {
    "resourceType": "Observation",
    "status": "final",
    "category": [{"coding": [{"code": "vital-signs"}]}],
    "code": {"text": "BP"},
    "subject": {"reference": "Patient/A1"},
    "effectiveDateTime": "2023-11-13T10:15:00+00:00",
    "valueString": "121/79 mmHg",
}
REFERRAL = {
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "code": {"coding": [{"code": "1"}]},
    "subject": {"reference": "Patient/A1"},
}


def without(name: str) -> dict[str, Any]:
    return {field: value for field, value in READING.items() if field != name}


def test_what_is_created_can_be_read_found_and_is_logged(client: Client) -> None:
    status, created = client.ask("POST", "/fhir/Observation", READING)
    assert (status, created["valueString"]) == (201, "121/79 mmHg")
    assert client.ask("GET", f"/fhir/Observation/{created['id']}") == (200, created)
    assert client.found("Observation?patient=A1&code=BP") == [created["id"]]
    assert client.found("Observation?patient=B2&code=BP") == []
    assert client.service.log() == ({"method": "POST", "path": "/fhir/Observation", "resource": created},)
    assert Client().found("Observation?code=BP") == []


def test_the_shared_store_is_never_changed() -> None:
    base = BaseStore(PATIENTS)
    before = json.dumps(list(base.all("Patient")))
    one, other = FhirService(base), FhirService(base)
    sent = json.dumps({**READING, "id": "A1", "resourceType": "Observation"}).encode()
    assert asyncio.run(one.handle("POST", "/fhir/Observation", sent)).status == 201
    assert json.dumps(list(base.all("Patient"))) == before
    assert list(base.all("Observation")) == []
    assert b'"total":0' in asyncio.run(other.handle("GET", "/fhir/Observation", b"")).body
    assert not other.log()


def test_a_note_may_be_one_object(client: Client) -> None:
    status, created = client.ask("POST", "/fhir/ServiceRequest", {**REFERRAL, "note": {"text": "soon"}})
    assert (status, created["note"]) == (201, [{"text": "soon"}])


@pytest.mark.parametrize(
    ("target", "body", "status", "complaint"),
    [
        ("Observation", b"{", 400, "the body cannot be read"),
        ("Observation", b"[1]", 400, "the body is no JSON object"),
        ("Observation", b"\xff\xfe", 400, "the body cannot be read"),
        ("Observation", b'{"a": NaN}', 400, "the body cannot be read: NaN is no JSON"),
        ("Observation", b'{"a": "\\ud800"}', 400, "the body cannot be read"),
        ("Observation", b'{"a": 1e999}', 400, "the body cannot be read: a number is too large"),
        ("Observation", b"[" * 50_000, 400, "the body cannot be read"),
        ("Observation", b'{"a": ' + b"[" * 60 + b"]" * 60 + b"}", 400, "the body cannot be read: nested more than"),
        ("Observation", b" " * (MAX_BODY + 1), 413, "the body has more than"),
        ("Observation", REFERRAL, 400, '"resourceType" must be "Observation"'),
        ("Observation", {**READING, "colour": "red"}, 422, "colour: Extra inputs are not permitted"),
        ("Observation", {**READING, "status": "finale"}, 422, "status: 'finale' is none of registered"),
        ("Observation", {**READING, "status": None}, 400, "the body cannot be read: FHIR has no null"),
        ("Observation", without("status"), 422, "status"),
        ("Observation", without("code"), 422, "code"),
        ("Observation", {**READING, "effectiveDateTime": "yesterday"}, 422, "effectiveDateTime"),
        ("Observation", without("subject"), 422, '"subject" must be a reference to a patient'),
        ("Observation", {**READING, "subject": {"reference": "Group/A1"}}, 422, '"subject" must be a reference'),
        ("Observation", {**READING, "subject": {"reference": "Patient/C3"}}, 422, "subject: no Patient has the id C3"),
        ("ServiceRequest", {**REFERRAL, "priority": "high"}, 422, "priority: 'high' is none of routine"),
        ("ServiceRequest", {**REFERRAL, "note": "soon"}, 422, "note"),
        ("Patient", PATIENTS[0], 405, "Patient cannot be created here"),
        ("Bundle", {}, 404, "no resource type 'Bundle'"),
        ("Observation/o1", READING, 405, "POST is not supported for /fhir/Observation/o1"),
    ],
)
def test_what_is_refused(client: Client, target: str, body: Any, status: int, complaint: str) -> None:
    got, outcome = client.ask("POST", f"/fhir/{target}", body)
    assert (got, outcome["resourceType"]) == (status, "OperationOutcome")
    assert outcome["issue"][0]["diagnostics"].startswith(complaint)
    assert not client.service.log()


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/fhir/Patient/C3", 404),
        ("GET", "/fhir/Patient/..", 404),
        ("GET", "/fhir/Patient/A1/_history", 404),
        ("GET", "/fhir/Practitioner", 404),
        ("GET", "/fhir", 404),
        ("GET", "/other", 404),
        ("GET", "/fhirs/Patient", 404),
        ("GET", "/fhir/Patient?" + "x" * 9000, 414),
        ("PUT", "/fhir/Patient/A1", 405),
        ("DELETE", "/fhir/Patient/A1", 405),
        ("PATCH", "/fhir/Observation/o1", 405),
        ("POST", "/fhir/metadata", 404),
    ],
)
def test_what_is_not_there_or_not_allowed(client: Client, method: str, target: str, status: int) -> None:
    got, outcome = client.ask(method, target)
    assert (got, outcome["resourceType"]) == (status, "OperationOutcome")


def test_head_and_trailing_slashes_read(client: Client) -> None:
    assert client.ask("HEAD", "/fhir/Patient/A1")[0] == 200
    assert client.ask("GET", "/fhir/Patient/")[0] == 200


def test_writes_are_limited(client: Client) -> None:
    for _ in range(MAX_WRITES):
        assert client.ask("POST", "/fhir/Observation", READING)[0] == 201
    assert client.ask("POST", "/fhir/Observation", READING)[0] == 429
    assert len(client.service.log()) == MAX_WRITES


def test_patient_ids() -> None:
    for reference in ("A1", "Patient/A1", "http://x.org/fhir/Patient/A1", "/Patient/A1"):
        assert patient_id(reference) == "A1"
    for reference in ("", "Group/A1", "Patient/", "Patient/..", "Patient/a b", "Patient/A1/_history/2", "MyPatient/A1"):
        assert patient_id(reference) is None, reference


def test_a_store_takes_only_resources() -> None:
    for resources in ([{"id": "1"}], [{"resourceType": "Patient"}], PATIENTS[:1] * 2):
        with pytest.raises(TaskError):
            BaseStore(resources)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
_FIELDS = ("status", "code", "subject", "category", "effectiveDateTime", "valueQuantity", "note", "component", "text")


@settings(max_examples=150)
@given(
    st.sampled_from(["GET", "POST", "HEAD", "PUT", ""]) | st.text(max_size=9),
    st.sampled_from(["/fhir/Observation", "/fhir/Patient?", "/fhir/Observation?date=", "/fhir/", "//", ""]),
    st.text(max_size=60),
    st.binary(max_size=100) | _JSON.map(lambda value: json.dumps(value).encode()),
)
def test_no_request_raises(method: str, start: str, rest: str, body: bytes) -> None:
    response = asyncio.run(Client().service.handle(method, start + rest, body))
    assert 200 <= response.status < 500
    json.loads(response.body)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON, max_size=4))
def test_no_resource_raises(fields: dict[str, Any]) -> None:
    service = Client().service
    sent = json.dumps({**READING, **fields}).encode()
    response = asyncio.run(service.handle("POST", "/fhir/Observation", sent))
    assert response.status in {201, 400, 422}
    assert len(service.log()) == (response.status == 201)
    json.dumps(list(service.log()), ensure_ascii=False, allow_nan=False).encode()

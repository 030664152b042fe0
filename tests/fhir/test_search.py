"""What a search finds, in which order, and page by page."""

import json
from urllib.parse import urlsplit

import pytest

from medgym_ray.fhir.dates import matches, span
from tests.fhir.conftest import Client


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("Patient", "A1 B2"),
        ("Patient?name=nu", "A1 B2"),
        ("Patient?name=Ana%20Nunez", "A1"),
        ("Patient?name=bert&name=nunn", "B2"),
        ("Patient?family=NUNN", "B2"),
        ("Patient?family=leon", "A1"),
        ("Patient?family=ez", ""),
        ("Patient?family:contains=ez", "A1"),
        ("Patient?given:exact=Bert", "B2"),
        ("Patient?given:exact=bert", ""),
        ("Patient?given=Ana,Bert", "A1 B2"),
        ("Patient?birthdate=1960-02-29", "A1"),
        ("Patient?birthdate=1960", "A1"),
        ("Patient?birthdate=ge1960-01-01&birthdate=lt1971", "A1"),
        ("Patient?identifier=A1", "A1"),
        ("Patient?identifier=urn:mrn|A1", "A1"),
        ("Patient?identifier=urn:other|A1", ""),
        ("Patient?identifier=urn:mrn|", "A1 B2"),
        ("Patient?gender=female", "A1"),
        ("Patient?legal-sex=male", "B2"),
        ("Patient?address=oak", "A1"),
        ("Patient?address-city=lyn&address-state=VT&address-postalcode=05401", "A1"),
        ("Patient?telecom=555-0100", "A1"),
        ("Patient?_id=B2", "B2"),
        ("Observation?patient=A1&code=MG", "o1 o2 o3"),
        ("Observation?patient=Patient/A1&code=mg", "o1 o2 o3"),
        ("Observation?subject:Patient=http://localhost:8080/fhir/Patient/B2", "o5"),
        ("Observation?patient=A1,B2&code=urn:lab|MG", "o1 o2 o3 o5"),
        ("Observation?patient=nobody", ""),
        ("Observation?patient=Group/A1", ""),
        ("Observation?code=MG,K&patient=A1&_sort=date", "o3 o2 o1 o4"),
        ("Observation?code=MG&patient=A1&_sort=-date", "o1 o2 o3"),
        ("Observation?_sort=code,-date", "o4 o5 o1 o2 o3"),
        ("Observation?category=vital-signs", ""),
        ("Observation?patient=A1&date=2023-11-13", "o1 o2 o4"),
        ("Observation?patient=A1&date=ge2023-11-13T04:30:00Z&code=MG", "o1 o2"),
        ("Observation?patient=A1&date=gt2023-11-13T04:30:00Z&code=MG", "o1"),
        ("Observation?patient=A1&date=ge2023-11-12T10:15:00+00:00&code=MG", "o1 o2"),
        ("Observation?patient=A1&date=ge2023-11-12T10:15:00%2B00:00&code=MG", "o1 o2"),
        ("Observation?patient=A1&date=lt2023-11-13&code=MG", "o3"),
        ("Observation?patient=A1&date=le2023-11-13&code=MG", "o1 o2 o3"),
        ("Observation?patient=A1&date=ne2023-11-01&code=MG", "o1 o2"),
        ("Procedure?patient=A1&date=ge2023-03-03", "p1"),
        ("Procedure?patient=A1&date=ge2023-03-05", ""),
        ("Procedure?code=93000", "p1"),
        ("MedicationRequest?patient=A1&category=community&date=2023-01", "m1"),
        ("MedicationRequest?patient=A1&status=stopped", ""),
        ("Condition?patient=A1&category=problem-list-item", ""),
        ("Patient?_format=json&_pretty=true", "A1 B2"),
    ],
)
def test_matches(client: Client, query: str, expected: str) -> None:
    assert client.found(query) == expected.split()


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("Patient?shoe=44", "unknown search parameter 'shoe' for Patient: Patient knows name, family"),
        ("Patient?name:soundslike=x", "the modifier :soundslike is not supported for 'name'"),
        ("Patient?name=", "the search parameter 'name' has no value"),
        ("Observation?date=yesterday", "date=yesterday: not a date"),
        ("Observation?date=ge2023-13-01", "date=ge2023-13-01: not a date"),
        ("Observation?_sort=size", "_sort=size: Observation knows"),
        ("Observation?_count=many", "_count=many: not a whole number"),
        ("Observation?_format=xml", "_format=xml: this server speaks JSON only"),
        ("Observation?code=" + ",".join("abc" * 20), "more than 40 values are searched for"),
        ("Observation?" + "&".join(["code=MG"] * 65), "more than 64 search parameters"),
    ],
)
def test_a_search_that_cannot_be_made_says_why(client: Client, query: str, complaint: str) -> None:
    status, outcome = client.ask("GET", f"/fhir/{query}")
    assert (status, outcome["resourceType"]) == (400, "OperationOutcome")
    assert outcome["issue"][0]["diagnostics"].startswith(complaint)


def test_pages_lead_to_all_matches_once(client: Client) -> None:
    target, seen = "/fhir/Observation?patient=A1&_count=2&_sort=date", []
    while target:
        status, bundle = client.ask("GET", target)
        assert (status, bundle["total"]) == (200, 4)
        seen.append([entry["resource"]["id"] for entry in bundle["entry"]])
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        assert links["self"].startswith("http://localhost:8080/fhir/Observation?patient=A1")
        address = urlsplit(links.get("next", ""))
        target = f"{address.path}?{address.query}" if address.path else ""
    assert seen == [["o3", "o2"], ["o1", "o4"]]
    assert "entry" not in client.ask("GET", "/fhir/Observation?_count=0")[1]
    assert "entry" not in client.ask("GET", "/fhir/Observation?_offset=9")[1]


def test_spans_of_every_precision() -> None:
    for text, start, end in (
        ("2023", "2023-01-01T00:00:00+00:00", "2024-01-01T00:00:00+00:00"),
        ("2023-12", "2023-12-01T00:00:00+00:00", "2024-01-01T00:00:00+00:00"),
        ("2024-02", "2024-02-01T00:00:00+00:00", "2024-03-01T00:00:00+00:00"),
        ("2024-02-29", "2024-02-29T00:00:00+00:00", "2024-03-01T00:00:00+00:00"),
        ("2023-11-13T10:15", "2023-11-13T10:15:00+00:00", "2023-11-13T10:16:00+00:00"),
        ("2023-11-13T10:15:30.5-02:00", "2023-11-13T10:15:30-02:00", "2023-11-13T10:15:31-02:00"),
    ):
        found = span(text)
        assert found is not None
        assert [one.isoformat() for one in found] == [start, end]
    for text in ("", "9999", "9999-12-31", "0000", "2023-02-30", "2023-11-13T10", "2023-11-13T10:15:00+99:00", "٢٠٢٣"):
        assert span(text) is None, text


def test_prefixes() -> None:
    day, month = span("2023-11-13"), span("2023-11")
    assert day
    assert month
    assert [prefix for prefix in ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb") if matches(day, prefix, month)] == [
        *("eq", "ge", "le"),
    ]
    earlier = span("2023-10-31")
    assert earlier
    assert matches(earlier, "eb", month)
    assert matches(month, "sa", earlier)


def test_capabilities_name_what_can_be_done(client: Client) -> None:
    status, statement = client.ask("GET", "/fhir/metadata")
    assert (status, statement["resourceType"]) == (200, "CapabilityStatement")
    described = {one["type"]: one for one in statement["rest"][0]["resource"]}
    assert {"code": "create"} in described["Observation"]["interaction"]
    assert {"code": "create"} not in described["Patient"]["interaction"]
    assert {"name": "birthdate", "type": "date"} in described["Patient"]["searchParam"]
    assert json.dumps(statement)

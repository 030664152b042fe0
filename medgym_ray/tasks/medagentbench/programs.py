"""Programs that work on the record over HTTP: the gold one, its honest variants, and those with one fault.

Each sets `orders`, the resources to create, and `value`, the answer; a variant changes these before they are handed in.
"""

from collections.abc import Mapping
from typing import Final

from medgym_ray.fhir.outcomes import BASE_URL
from medgym_ray.tasks.medagentbench.orders import LOINC, NDC, SNOMED
from medgym_ray.tasks.medagentbench.problem import NEXT_MORNING, NOW, Kind, Problem

_HEAD: Final = f'''\
import json
from datetime import datetime, timedelta
from urllib.parse import urlencode
from urllib.request import Request, urlopen

BASE = "{BASE_URL}"
NOW = datetime.fromisoformat("{NOW.isoformat()}")


def search(kind, **query):
    url, found = f"{{BASE}}/{{kind}}?{{urlencode(query)}}", []
    while url:
        bundle = json.load(urlopen(url))
        found += [entry["resource"] for entry in bundle.get("entry", [])]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    return found
'''

_CREATE: Final = """

def create(resource):
    body = json.dumps(resource).encode()
    headers = {"Content-Type": "application/fhir+json"}
    return json.load(urlopen(Request(f"{BASE}/{resource['resourceType']}", body, headers)))

"""

_RESULTS: Final = """\
results = [
    (datetime.fromisoformat(one["effectiveDateTime"]), one["valueQuantity"]["value"], one["effectiveDateTime"])
    for one in search("Observation", patient={mrn!r}, code={code!r}, _sort="date")
]
"""
_RECENT: Final = """\
recent = [one for one in results if one[0] >= NOW - timedelta(hours=24)]
"""
_PATIENTS: Final = """\
patients = search("Patient", birthdate={birth_date!r})
"""
_PATIENT: Final = """\
patients = search("Patient", identifier={mrn!r})
"""
_LOOK_UP: Final[Mapping[Kind, str]] = {
    "patient_lookup": _PATIENTS,
    "patient_age": _PATIENT,
    "blood_pressure_entry": _PATIENT,
    "referral": _PATIENT,
    "magnesium_recent": _RESULTS + _RECENT,
    "magnesium_replacement": _RESULTS + _RECENT,
    "glucose_mean": _RESULTS + _RECENT,
    "glucose_latest": _RESULTS,
    "potassium_replacement": _RESULTS,
    "a1c_follow_up": _RESULTS,
}
_LOOK: Final = """\
print(len({found}), "found", *{found}, sep="\\n")
"""

_DRUG: Final = """\
def drug(route, **dosage):
    return {{
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {{"coding": [{{"system": "{system}", "code": {ndc!r}}}]}},
        "subject": {{"reference": {subject!r}}},
        "authoredOn": NOW.isoformat(),
        "dosageInstruction": [{{"route": {{"text": route}}, "doseAndRate": [dosage]}}],
    }}


"""
_TEST: Final = """\
test = {{
    "resourceType": "ServiceRequest",
    "status": "active",
    "intent": "order",
    "priority": "stat",
    "code": {{"coding": [{{"system": "{system}", "code": {code!r}}}]}},
    "subject": {{"reference": {subject!r}}},
    "authoredOn": NOW.isoformat(),
{more}}}
"""

_WORK: Final[Mapping[Kind, str]] = {
    "patient_lookup": """\
named = [
    one["id"] for one in patients
    if any(" ".join([*name["given"], name["family"]]) == {name!r} for name in one["name"])
]
orders = []
value = named[0] if named else "Patient not found"
""",
    "patient_age": """\
born = datetime.fromisoformat(patients[0]["birthDate"])
orders = []
value = NOW.year - born.year - ((NOW.month, NOW.day) < (born.month, born.day))
""",
    "blood_pressure_entry": """\
vital_signs = {{
    "system": "http://hl7.org/fhir/observation-category", "code": "vital-signs", "display": "Vital Signs"
}}
orders = [{{
    "resourceType": "Observation",
    "status": "final",
    "category": [{{"coding": [vital_signs]}}],
    "code": {{"text": {flowsheet!r}}},
    "subject": {{"reference": {subject!r}}},
    "effectiveDateTime": NOW.isoformat(),
    "valueString": {value!r},
}}]
value = "entered"
""",
    "magnesium_recent": """\
orders = []
value = recent[-1][1] if recent else -1
""",
    "magnesium_replacement": """\
value = recent[-1][1] if recent else -1
grams, hours = next((row[1], row[2]) for row in {doses!r} if max(value, 0) >= row[0])
order = drug("IV", doseQuantity={{"value": grams, "unit": "g"}}, rateQuantity={{"value": hours, "unit": "h"}})
orders = [order] if recent and value <= {low_up_to!r} else []
""",
    "glucose_mean": """\
orders = []
value = sum(one[1] for one in recent) / len(recent) if recent else -1
""",
    "glucose_latest": """\
orders = []
value = results[-1][1] if results else -1
""",
    "referral": """\
orders = [test]
value = "referred"
""",
    "potassium_replacement": """\
value = results[-1][1] if results else -1
dose = round(({goal!r} - value) / 0.1 * {dose_per_tenth!r}, 1)
order = drug("oral", doseQuantity={{"value": dose, "unit": "mEq"}})
orders = [order, test] if results and value < {goal!r} else []
""",
    "a1c_follow_up": """\
value = [results[-1][1], results[-1][2]] if results else [-1]
orders = [] if results and results[-1][0] >= NOW.replace(year=NOW.year - 1) else [test]
""",
}

_HAND_IN: Final = """\
for order in orders:
    create(order)
answer = {answer}
"""


def look(problem: Problem) -> str:
    """Prints what the record holds for this problem."""
    look_up = _look_up(problem)
    return _HEAD + "\n\n" + look_up + _LOOK.format(found="results" if "results" in look_up else "patients")


def work(problem: Problem, change: str = "", answer: str = "value", create: str = _CREATE) -> str:
    """Looks up, decides, creates the orders and sets the answer; `change` is run before the last two."""
    facts, subject = problem.parameters, f"Patient/{problem.mrn}"
    parts = [_HEAD, create, "\n"]
    if "ndc" in facts:
        parts.append(_DRUG.format(system=NDC, ndc=facts["ndc"], subject=subject))
    parts.append(_look_up(problem))
    if "loinc" in facts or "snomed" in facts:
        parts.append(_service_request(problem))
    parts.append(_WORK[problem.kind].format(subject=subject, **facts))
    return "".join(parts) + change + _HAND_IN.format(answer=answer)


def _look_up(problem: Problem) -> str:
    return _LOOK_UP[problem.kind].format(mrn=problem.mrn, **problem.parameters)


def _service_request(problem: Problem) -> str:
    facts, more = problem.parameters, ""
    if problem.kind == "potassium_replacement":
        more = f'    "occurrenceDateTime": "{NEXT_MORNING.isoformat()}",\n'
    if problem.kind == "referral":
        more = f'    "note": [{{"text": {facts["note"]!r}}}],\n'
    system, code = (SNOMED, facts["snomed"]) if "snomed" in facts else (LOINC, facts["loinc"])
    return _TEST.format(system=system, code=code, subject=f"Patient/{problem.mrn}", more=more)

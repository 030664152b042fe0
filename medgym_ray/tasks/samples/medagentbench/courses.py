"""Courses of measurements, and the rest of a chart, as FHIR resources."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any, Final, NamedTuple

from medgym_ray.tasks.medagentbench.problem import NOW

_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"
_LABS: Final = "http://hospital.example.org/labs"
_EASTERN: Final = timezone(timedelta(hours=-5))


class Lab(NamedTuple):
    """What a code means, and the usual values as tenths of its unit."""

    display: str
    unit: str
    low: int
    high: int
    step: int


LABS: Final = {
    "MG": Lab("Magnesium", "mg/dL", 12, 30, 1),
    "K": Lab("Potassium", "mmol/L", 29, 55, 1),
    "GLU": Lab("Glucose, capillary", "mg/dL", 640, 2900, 10),
    "A1C": Lab("Haemoglobin A1c", "%", 47, 118, 1),
}


class Point(NamedTuple):
    """One measurement."""

    at: datetime
    value: float


def draw_values(rng: random.Random, code: str, count: int, latest: float | None = None) -> list[float]:
    """Different usual values of a laboratory code; the last of them is given, if it matters."""
    lab = LABS[code]
    taken = None if latest is None else round(latest * 10)
    tenths = [value for value in range(lab.low, lab.high, lab.step) if value != taken]
    values = [_tidy(value / 10) for value in rng.sample(tenths, count)]
    return values if latest is None or not values else [*values[:-1], _tidy(latest)]


def course(rng: random.Random, code: str, recent: int, older: int, latest: float | None = None) -> list[Point]:
    """Measurements before the last 24 hours and within them, oldest first.

    The latest of the older ones lies only minutes before the last 24 hours begin.
    """
    hours = sorted([*(rng.uniform(24.05, 24.6) for _ in range(min(older, 1))), *_spread(rng, 30, 1400, older - 1)])
    hours = [*reversed(hours), *sorted(_spread(rng, 0.3, 23.9, recent), reverse=True)]
    return _points([timedelta(hours=ago) for ago in hours], draw_values(rng, code, len(hours), latest))


def yearly_course(rng: random.Random, code: str, latest_days: float | None, older: int) -> list[Point]:
    """A latest measurement so many days ago, and older ones each about four months before."""
    if latest_days is None:
        return []
    days = [latest_days + 120 * (number + rng.uniform(0.2, 0.9)) for number in range(older, 0, -1)]
    ages = [timedelta(days=ago) for ago in (*days, latest_days)]
    return _points(ages, draw_values(rng, code, len(ages)))


def observations(patient: str, code: str, points: Sequence[Point], rng: random.Random) -> list[dict[str, Any]]:
    """A course as laboratory Observations, without ids."""
    lab = LABS[code]
    return [
        {
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [{"system": _CATEGORY, "code": "laboratory"}]}],
            "code": {"coding": [{"system": _LABS, "code": code, "display": lab.display}], "text": code},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": spelled(point.at, rng),
            "valueQuantity": {"value": point.value, "unit": lab.unit},
        }
        for point in points
    ]


def spelled(at: datetime, rng: random.Random) -> str:
    """A time as the server has it: some of its sources write another zone, so that texts do not sort."""
    return (at.astimezone(_EASTERN) if rng.random() < 0.15 else at).isoformat()


def blood_pressures(patient: str, rng: random.Random) -> list[dict[str, Any]]:
    """Two entries of a flowsheet."""
    return [
        {
            "resourceType": "Observation",
            "status": "final",
            "category": [{"coding": [{"system": _CATEGORY, "code": "vital-signs"}]}],
            "code": {"text": "BP"},
            "subject": {"reference": f"Patient/{patient}"},
            "effectiveDateTime": (NOW - timedelta(hours=ago, minutes=rng.randrange(60))).isoformat(),
            "valueString": f"{rng.randrange(98, 172)}/{rng.randrange(56, 97)} mmHg",
        }
        for ago in (rng.randrange(2, 20), rng.randrange(30, 300))
    ]


_PROBLEMS: Final = (
    ("I10", "Essential hypertension"),
    ("E11.9", "Type 2 diabetes mellitus"),
    ("N18.3", "Chronic kidney disease, stage 3"),
    ("J44.9", "Chronic obstructive pulmonary disease"),
    ("I50.9", "Heart failure"),
)
_DRUGS: Final = (
    "lisinopril 10 mg tablet",
    "metformin 500 mg tablet",
    "furosemide 40 mg tablet",
    "apixaban 5 mg tablet",
)
_PROCEDURES: Final = (("93000", "Electrocardiogram"), ("71046", "Chest radiograph"), ("45378", "Colonoscopy"))


def background(patient: str, rng: random.Random) -> list[dict[str, Any]]:
    """A problem, a drug and a procedure, without ids."""
    subject = {"reference": f"Patient/{patient}"}
    earlier = [(NOW - timedelta(days=rng.randrange(30, 2000))).isoformat() for _ in range(3)]
    code, problem = rng.choice(_PROBLEMS)
    cpt, procedure = rng.choice(_PROCEDURES)
    return [
        {
            "resourceType": "Condition",
            "clinicalStatus": {
                "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
            },
            "category": [{"coding": [{"code": "problem-list-item"}]}],
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}], "text": problem},
            "subject": subject,
            "recordedDate": earlier[0],
        },
        {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "category": [{"coding": [{"code": "community"}], "text": "Community"}],
            "medicationCodeableConcept": {"text": rng.choice(_DRUGS)},
            "subject": subject,
            "authoredOn": earlier[1],
        },
        {
            "resourceType": "Procedure",
            "status": "completed",
            "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": cpt}], "text": procedure},
            "subject": subject,
            "performedDateTime": earlier[2],
        },
    ]


def _spread(rng: random.Random, low: float, high: float, count: int) -> list[float]:
    """Numbers from equal parts of a range, so that no two are close."""
    if count <= 0:
        return []
    width = (high - low) / count
    return [low + width * (part + rng.uniform(0.1, 0.9)) for part in range(count)]


def _points(ages: Sequence[timedelta], values: Sequence[float]) -> list[Point]:
    points = [
        Point((NOW - age).replace(second=0, microsecond=0), value) for age, value in zip(ages, values, strict=True)
    ]
    if any(first.at >= second.at for first, second in pairwise(points)):
        raise RuntimeError("two measurements of one course are not in order")
    return points


def _tidy(value: float) -> float:
    """Whole numbers as integers, as laboratories write them."""
    return int(value) if value == int(value) else value

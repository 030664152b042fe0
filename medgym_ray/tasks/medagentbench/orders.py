"""What must have been created, and whether a resource is that.

An order names only what counts. A resource may say more (a display, a requester, a category) but not the contrary: FHIR
marks the elements that can turn a resource's meaning as modifiers, and those may not be there.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any, Final

from medgym_ray.fhir.dates import span
from medgym_ray.fhir.store import patient_of
from medgym_ray.scoring import canonical
from medgym_ray.tasks.medagentbench.problem import NEXT_MORNING, NOW

Order = Mapping[str, Any]
"""A JSON object: `type`, `patient`, and what else its type is checked for."""

NDC: Final = "http://hl7.org/fhir/sid/ndc"
LOINC: Final = "http://loinc.org"
SNOMED: Final = "http://snomed.info/sct"
VITAL_SIGNS: Final = "vital-signs"
_CATEGORY_SYSTEMS: Final = frozenset(
    {"http://hl7.org/fhir/observation-category", "http://terminology.hl7.org/CodeSystem/observation-category"}
)
_DOSE_TOLERANCE: Final = 0.1
_ROUTES: Final = {"iv": {"iv", "intravenous"}, "oral": {"oral", "po", "by mouth"}}
_UNITS: Final = {"g": {"g", "gram", "grams"}, "mEq": {"meq"}, "h": {"h", "hr", "hour", "hours"}}
_MODIFIERS: Final = ("doNotPerform", "modifierExtension", "implicitRules", "dataAbsentReason")


def vital_sign(patient: str, flowsheet: str, value: str) -> Order:
    """A measured vital sign, now."""
    return {"type": "Observation", "patient": patient, "flowsheet": flowsheet, "value": value}


def medication_order(patient: str, ndc: str, route: str, dose: float, unit: str, hours: float | None) -> Order:
    """A drug by its NDC, given once, over some hours where that matters."""
    order = {"type": "MedicationRequest", "patient": patient, "code": [NDC, ndc], "route": route, "dose": dose}
    return {**order, "unit": unit, "hours": hours}


def lab_order(patient: str, loinc: str, *, next_morning: bool) -> Order:
    """A laboratory test, at 8 o'clock tomorrow or without a time."""
    due = NEXT_MORNING.isoformat() if next_morning else None
    return {"type": "ServiceRequest", "patient": patient, "code": [LOINC, loinc], "due": due, "note": None}


def referral(patient: str, snomed: str, note: str) -> Order:
    """A referral with a text."""
    return {"type": "ServiceRequest", "patient": patient, "code": [SNOMED, snomed], "due": None, "note": note}


def mismatch(resources: Sequence[Mapping[str, Any]], orders: Sequence[Order]) -> str | None:
    """Why the resources are not the orders, in whatever sequence; None where they are."""
    if len(resources) > len(orders):
        return "too_many_writes" if orders else "unexpected_write"
    if len(resources) < len(orders):
        return "missing_write"
    faults = [
        next(filter(None, map(_fault, arranged, orders)), None) for arranged in permutations(resources)
    ]  # never more than two orders
    return None if None in faults else faults[0]


def _fault(resource: Mapping[str, Any], order: Order) -> str | None:
    """The first thing in which a resource is not the order."""
    if resource.get("resourceType") != order["type"]:
        return "wrong_type"
    if patient_of(resource) != order["patient"]:
        return "wrong_patient"
    if any(resource.get(name) for name in _MODIFIERS):
        return "wrong_modifier"
    return _FAULTS[order["type"]](resource, order)


def _observation_fault(resource: Mapping[str, Any], order: Order) -> str | None:
    categories = [coding for one in _objects(resource.get("category")) for coding in _objects(one.get("coding"))]
    is_vital = [(one.get("system") in _CATEGORY_SYSTEMS, one.get("code")) for one in categories]
    checks = {
        "wrong_category": is_vital == [(True, VITAL_SIGNS)],
        "wrong_code": _text(_object(resource.get("code")).get("text")) == _text(order["flowsheet"]),
        "wrong_time": _is_at(resource.get("effectiveDateTime"), NOW),
        "wrong_status": resource.get("status") == "final",
        "wrong_value": _text(resource.get("valueString")) == _text(order["value"]),
    }
    return _first_failed(checks)


def _medication_fault(resource: Mapping[str, Any], order: Order) -> str | None:
    instructions = _objects(resource.get("dosageInstruction"))
    rates = [rate for one in instructions for rate in _objects(one.get("doseAndRate"))]
    if len(instructions) != 1 or len(rates) != 1:
        return "wrong_dosage"
    dose, rate = _object(rates[0].get("doseQuantity")), _object(rates[0].get("rateQuantity"))
    route = _text(_object(instructions[0].get("route")).get("text"))
    checks = {
        "wrong_code": _has_code(resource.get("medicationCodeableConcept"), order["code"]),
        "wrong_time": _is_at(resource.get("authoredOn"), NOW),
        "wrong_status": (resource.get("status"), resource.get("intent")) == ("active", "order"),
        "wrong_route": route in _ROUTES[order["route"]],
        "wrong_dose": _is_quantity(dose, order["dose"], order["unit"], _DOSE_TOLERANCE),
        "wrong_rate": order["hours"] is None or _is_quantity(rate, order["hours"], "h", 0.0),
    }
    return _first_failed(checks)


def _service_fault(resource: Mapping[str, Any], order: Order) -> str | None:
    notes = " ".join(_text(note.get("text")) for note in _objects(resource.get("note")))
    checks = {
        "wrong_code": _has_code(resource.get("code"), order["code"]),
        "wrong_time": _is_at(resource.get("authoredOn"), NOW),
        "wrong_status": (resource.get("status"), resource.get("intent")) == ("active", "order"),
        "wrong_priority": resource.get("priority") == "stat",
        "wrong_due_time": order["due"] is None
        or _is_at(resource.get("occurrenceDateTime"), datetime.fromisoformat(order["due"])),
        "wrong_note": order["note"] is None or _text(order["note"]) in notes,
    }
    return _first_failed(checks)


_FAULTS: Final[Mapping[str, Callable[[Mapping[str, Any], Order], str | None]]] = {
    "Observation": _observation_fault,
    "MedicationRequest": _medication_fault,
    "ServiceRequest": _service_fault,
}


def _first_failed(checks: Mapping[str, bool]) -> str | None:
    return next((name for name, passed in checks.items() if not passed), None)


def _has_code(concept: Any, code: Sequence[str]) -> bool:
    """Whether a concept has that code, and no other of the same system."""
    system, wanted = code
    codings = _objects(_object(concept).get("coding"))
    return {one.get("code") for one in codings if one.get("system") == system} == {wanted}


def _is_quantity(quantity: Mapping[str, Any], value: float, unit: str, tolerance: float) -> bool:
    stated = canonical.number(quantity.get("value"))
    units = _text(quantity.get("unit") or quantity.get("code"))
    # As floats: 3.5 − 3.2 of a program is not 0.3 exactly.
    is_close = stated is not None and abs(float(stated) - value) <= tolerance + 1e-9
    return is_close and units in _UNITS[unit]


def _is_at(spelled: Any, at: datetime) -> bool:
    """Whether a dateTime with seconds names that instant."""
    named = span(spelled) if isinstance(spelled, str) else None
    return named is not None and named.start == at and named.end - named.start <= timedelta(minutes=1)


def _text(value: Any) -> str:
    """Case and spacing do not count."""
    return " ".join(canonical.text(value).split())


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []

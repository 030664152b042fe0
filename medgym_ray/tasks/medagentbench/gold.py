"""The true outcome of a problem: the answer, and the resources that must be created."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from medgym_ray.fhir.store import Resource
from medgym_ray.tasks.medagentbench.chart import Chart
from medgym_ray.tasks.medagentbench.orders import Order, lab_order, medication_order, referral, vital_sign
from medgym_ray.tasks.medagentbench.problem import DAY_AGO, NOW, YEAR_AGO, Kind, Problem

NOT_FOUND: Final = "Patient not found"
NONE_MEASURED: Final = -1


@dataclass(frozen=True, slots=True)
class Gold:
    """`answer` is None where only what was created counts."""

    answer: Any
    orders: Sequence[Order]


class Measurement(NamedTuple):
    """A numeric observation; `spelled` is its time as the server has it."""

    at: datetime
    value: float
    spelled: str


def solve(problem: Problem, chart: Chart | None) -> Gold:
    """The gold of a problem. Raises ValueError where the chart cannot give it; some types need no chart."""
    if problem.kind == "blood_pressure_entry":
        facts = problem.parameters
        return Gold(None, [vital_sign(problem.mrn, facts["flowsheet"], facts["value"])])
    if problem.kind == "referral":
        return Gold(None, [referral(problem.mrn, problem.parameters["snomed"], problem.parameters["note"])])
    if chart is None:
        raise ValueError("no chart comes with these records: set tasks.medagentbench.fhir_base")
    if problem.kind == "patient_lookup":
        return Gold(_record_number(problem, chart), [])
    patient = chart.patient(problem.mrn)
    if patient is None:
        raise ValueError(f"the server has no patient {problem.mrn}")
    if problem.kind == "patient_age":
        return Gold(_age(patient), [])
    return _MEASURED[problem.kind](problem, _measurements(problem, chart))


def order_due(problem: Problem, value: float | None) -> bool:
    """Whether a level asks for a replacement; only for the two types that replace."""
    if value is None:
        return False
    if problem.kind == "magnesium_replacement":
        return value <= float(problem.parameters["low_up_to"])
    return value < float(problem.parameters["goal"])


def _record_number(problem: Problem, chart: Chart) -> str:
    """Exactly one patient must have the name and the date of birth."""
    words = problem.parameters["name"].casefold().split()
    found = [patient for patient in chart.born_on(problem.parameters["birth_date"]) if _names(patient) >= set(words)]
    if len(found) > 1:
        raise ValueError("several patients have that name and date of birth")
    return _mrn(found[0]) if found else NOT_FOUND


def _names(patient: Resource) -> set[str]:
    names = patient.get("name", [])
    words = (word for name in names for word in (name.get("family", ""), *name.get("given", [])))
    return {part for word in words for part in word.casefold().split()}


def _mrn(patient: Resource) -> str:
    """The identifier that is marked as the medical record number, else the only one."""
    identifiers = patient.get("identifier", [])
    marked = [
        one["value"]
        for one in identifiers
        if "MR" in [coding.get("code") for coding in one.get("type", {}).get("coding", [])]
    ]
    return str((marked or [one["value"] for one in identifiers])[0])


def _age(patient: Resource) -> int:
    born = datetime.fromisoformat(str(patient.get("birthDate", "")))
    return NOW.year - born.year - ((NOW.month, NOW.day) < (born.month, born.day))


def _measurements(problem: Problem, chart: Chart) -> list[Measurement]:
    """With a value, oldest first. Raises ValueError where two values of one time leave the latest open."""
    found = [
        Measurement(_instant(one["effectiveDateTime"]), one["valueQuantity"]["value"], one["effectiveDateTime"])
        for one in chart.observations(problem.mrn, problem.parameters["code"])
        if "value" in one.get("valueQuantity", {}) and "effectiveDateTime" in one
    ]
    found.sort()
    if len(found) > 1 and found[-1].at == found[-2].at and found[-1].value != found[-2].value:
        raise ValueError("two values were measured at the latest time")
    return found


def _instant(spelled: str) -> datetime:
    at = datetime.fromisoformat(spelled)
    return at if at.tzinfo else at.replace(tzinfo=NOW.tzinfo)


def _latest(found: Sequence[Measurement]) -> float | None:
    return found[-1].value if found else None


def _of_last_day(found: Sequence[Measurement]) -> list[Measurement]:
    return [one for one in found if one.at >= DAY_AGO]


def _magnesium_recent(problem: Problem, found: Sequence[Measurement]) -> Gold:  # noqa: ARG001
    value = _latest(_of_last_day(found))
    return Gold(NONE_MEASURED if value is None else value, [])


def _magnesium_replacement(problem: Problem, found: Sequence[Measurement]) -> Gold:
    value = _latest(_of_last_day(found))
    if value is None or not order_due(problem, value):
        return Gold(NONE_MEASURED if value is None else value, [])
    _, grams, hours = next(row for row in problem.parameters["doses"] if value >= row[0])
    return Gold(value, [medication_order(problem.mrn, problem.parameters["ndc"], "iv", grams, "g", hours)])


def _glucose_mean(problem: Problem, found: Sequence[Measurement]) -> Gold:  # noqa: ARG001
    recent = [one.value for one in _of_last_day(found)]
    return Gold(math.fsum(recent) / len(recent) if recent else NONE_MEASURED, [])


def _glucose_latest(problem: Problem, found: Sequence[Measurement]) -> Gold:  # noqa: ARG001
    value = _latest(found)
    return Gold(NONE_MEASURED if value is None else value, [])


def _potassium_replacement(problem: Problem, found: Sequence[Measurement]) -> Gold:
    value = _latest(found)
    if value is None or not order_due(problem, value):
        return Gold(NONE_MEASURED if value is None else value, [])
    facts = problem.parameters
    below = Decimal(str(facts["goal"])) - Decimal(str(value))
    dose = float(below * 10 * Decimal(str(facts["dose_per_tenth"])))
    replacement = medication_order(problem.mrn, facts["ndc"], "oral", dose, "mEq", None)
    return Gold(value, [replacement, lab_order(problem.mrn, facts["loinc"], next_morning=True)])


def _a1c_follow_up(problem: Problem, found: Sequence[Measurement]) -> Gold:
    due = not found or found[-1].at < YEAR_AGO
    orders = [lab_order(problem.mrn, problem.parameters["loinc"], next_morning=False)] if due else []
    return Gold([found[-1].value, found[-1].spelled] if found else [NONE_MEASURED], orders)


_MEASURED: Final[Mapping[Kind, Callable[[Problem, Sequence[Measurement]], Gold]]] = {
    "magnesium_recent": _magnesium_recent,
    "magnesium_replacement": _magnesium_replacement,
    "glucose_mean": _glucose_mean,
    "glucose_latest": _glucose_latest,
    "potassium_replacement": _potassium_replacement,
    "a1c_follow_up": _a1c_follow_up,
}

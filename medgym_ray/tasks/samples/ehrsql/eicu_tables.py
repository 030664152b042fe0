"""The synthetic hospital written as the 10 tables of an eICU-like database."""

import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from medgym_ray.tasks.samples.ehrsql import clinic
from medgym_ray.tasks.samples.ehrsql.course import Person, Stay, UnitStay
from medgym_ray.tasks.samples.ehrsql.database import Row, Value

SCHEMA: Final[Mapping[str, str]] = {
    "patient": (
        "uniquepid varchar(10), patienthealthsystemstayid int, patientunitstayid int, gender varchar(25), "
        "age varchar(10), ethnicity varchar(50), hospitalid int, wardid int, admissionheight numeric, "
        "admissionweight numeric, dischargeweight numeric, hospitaladmittime timestamp(0), "
        "hospitaladmitsource varchar(30), unitadmittime timestamp(0), unitdischargetime timestamp(0), "
        "hospitaldischargetime timestamp(0), hospitaldischargestatus varchar(10)"
    ),
    "diagnosis": (
        "diagnosisid int, patientunitstayid int, diagnosisname varchar(200), diagnosistime timestamp(0), "
        "icd9code varchar(100)"
    ),
    "treatment": "treatmentid int, patientunitstayid int, treatmentname varchar(200), treatmenttime timestamp(0)",
    "lab": "labid int, patientunitstayid int, labname varchar(256), labresult numeric, labresulttime timestamp(0)",
    "medication": (
        "medicationid int, patientunitstayid int, drugname varchar(220), dosage varchar(60), "
        "routeadmin varchar(120), drugstarttime timestamp(0), drugstoptime timestamp(0)"
    ),
    "cost": (
        "costid int, uniquepid varchar(10), patienthealthsystemstayid int, eventtype varchar(20), eventid int, "
        "chargetime timestamp(0), cost double"
    ),
    "allergy": (
        "allergyid int, patientunitstayid int, drugname varchar(255), allergyname varchar(255), "
        "allergytime timestamp(0)"
    ),
    "intakeoutput": (
        "intakeoutputid int, patientunitstayid int, cellpath varchar(500), celllabel varchar(255), "
        "cellvaluenumeric numeric, intakeoutputtime timestamp(0)"
    ),
    "microlab": (
        "microlabid int, patientunitstayid int, culturesite varchar(255), organism varchar(255), "
        "culturetakentime timestamp(0)"
    ),
    "vitalperiodic": (
        "vitalperiodicid bigint, patientunitstayid int, temperature numeric, sao2 int, heartrate int, "
        "respiration int, systemicsystolic int, systemicdiastolic int, systemicmean int, observationtime timestamp(0)"
    ),
}

_SEXES: Final = {"f": "female", "m": "male"}
_PRICES: Final = {"diagnosis": (40, 400), "treatment": (60, 2500), "lab": (6, 80), "medication": (4, 150)}
_NO_GROWTH: Final = "no growth"
_FOOD: Final = {"latex", "peanut"}
"""What is no drug among the allergens."""
_VITALS: Final = ("temperature", "sao2", "heart rate", "respiration", "systolic bp", "diastolic bp", "mean bp")
"""In the order of the columns."""

_Span = tuple[datetime, datetime]
_Event = TypeVar("_Event", bound=tuple[Any, ...])


def tables(rng: random.Random, people: list[Person]) -> dict[str, list[Row]]:
    """The rows of every table; a visit without a stay in a unit is not in such a database."""
    return _Writer(rng).write(people)


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._rows: dict[str, list[Row]] = {table: [] for table in SCHEMA}
        self._people = [f"{site:03}-{number}" for site in range(2, 12) for number in rng.sample(range(1000, 9999), 60)]
        rng.shuffle(self._people)
        self._ids = rng.sample(range(300_000, 999_999), 6000)
        self._prices: dict[tuple[str, str], float] = {}

    def write(self, people: list[Person]) -> dict[str, list[Row]]:
        for person in people:
            name, hospital = self._people.pop(), self._rng.randint(60, 75)
            for stay in person.stays:
                if stay.units:
                    self._visit(name, hospital, person, stay)
        charges = sorted(self._rows["cost"], key=lambda row: str(row[5]))
        self._rows["cost"] = [(number, *row[1:]) for number, row in enumerate(charges, start=1)]
        return self._rows

    def _add(self, table: str, *values: Value) -> int:
        number = len(self._rows[table]) + 1
        self._rows[table].append((number, *values))
        return number

    def _visit(self, name: str, hospital: int, person: Person, stay: Stay) -> None:
        """Each stay in a unit is a row of `patient`; it holds what happened since the end of the one before."""
        visit, before = self._ids.pop(), stay.start
        status = None if stay.end is None else "expired" if stay.destination == "died" else "alive"
        for place, unit in enumerate(stay.units):
            unit_stay, is_last = self._ids.pop(), place == len(stay.units) - 1
            left = round(stay.weight + self._rng.uniform(-3, 3), 1) if unit.end else None
            self._rows["patient"].append(
                (
                    *(name, visit, unit_stay, _SEXES[person.sex], str(stay.age), person.ethnicity, hospital),
                    *(clinic.UNITS[unit.unit], person.height, stay.weight, left, stay.start, stay.source, unit.start),
                    *(unit.end, stay.end, status),
                )
            )
            span = (before, stay.until if is_last else unit.end or stay.until)
            self._charged(_Charges(self, name, visit), unit_stay, stay, span)
            self._uncharged(unit_stay, stay, unit, span)
            before = span[1]

    def _charged(self, charges: "_Charges", unit_stay: int, stay: Stay, span: _Span) -> None:
        for at, diagnosis in _during(span, stay.diagnoses):
            number = self._add("diagnosis", unit_stay, f"{diagnosis.system}|{diagnosis.name}", at, diagnosis.code)
            charges.add("diagnosis", number, diagnosis.code, at)
        for at, procedure in _during(span, stay.procedures):
            number = self._add("treatment", unit_stay, f"{procedure.system}|{procedure.name}", at)
            charges.add("treatment", number, procedure.code, at)
        for at, lab, value in _during(span, stay.labs):
            number = self._add("lab", unit_stay, lab.name, value, at)
            charges.add("lab", number, lab.name, at)
        for at, order in _during(span, [(order.start, order) for order in stay.orders]):
            dosage = f"{order.dose} {order.drug.unit}"
            number = self._add("medication", unit_stay, order.drug.name, dosage, order.route, at, order.end)
            charges.add("medication", number, order.drug.name, at)

    def _uncharged(self, unit_stay: int, stay: Stay, unit: UnitStay, span: _Span) -> None:
        for at, allergen in _during(span, stay.allergies):
            self._add("allergy", unit_stay, None if allergen in _FOOD else allergen, allergen, at)
        for at, specimen, organism in _during(span, stay.cultures):
            self._add("microlab", unit_stay, specimen, organism or _NO_GROWTH, at)
        for at, vitals in unit.vitals:
            self._add("vitalperiodic", unit_stay, *(vitals[vital] for vital in _VITALS), at)
        for side, fluids in (("intake", unit.intakes), ("output", unit.outputs)):
            for at, fluid, amount in fluids:
                self._add("intakeoutput", unit_stay, f"fluids|{side}|{fluid}", fluid, amount, at)

    def charge(self, name: str, visit: int, event: str, number: int, what: str, at: datetime) -> None:
        """One price for each thing, and sometimes a surcharge."""
        price = self._prices.setdefault((event, what), round(self._rng.uniform(*_PRICES[event]), 2))
        cost = round(price * self._rng.choice((1, 1, 1.1, 1.25)), 2)
        self._add("cost", name, visit, event, number, at + timedelta(minutes=self._rng.randint(5, 240)), cost)


class _Charges:
    """The charges of one visit."""

    def __init__(self, writer: _Writer, name: str, visit: int) -> None:
        self._writer, self._name, self._visit = writer, name, visit

    def add(self, event: str, number: int, what: str, at: datetime) -> None:
        self._writer.charge(self._name, self._visit, event, number, what, at)


def _during(span: _Span, events: Iterable[_Event]) -> Iterator[_Event]:
    """The events, whose first item is their time, from a time on and before another."""
    return (event for event in events if span[0] <= event[0] < span[1])

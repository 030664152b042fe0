"""The synthetic hospital written as the 17 tables of a MIMIC-III-like database."""

import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from medgym_ray.tasks.samples.ehrsql import clinic
from medgym_ray.tasks.samples.ehrsql.course import Person, Stay, UnitStay
from medgym_ray.tasks.samples.ehrsql.database import Row, Value

SCHEMA: Final[Mapping[str, str]] = {
    "PATIENTS": "ROW_ID int, SUBJECT_ID int, GENDER varchar(5), DOB timestamp(0), DOD timestamp(0)",
    "ADMISSIONS": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, ADMITTIME timestamp(0), DISCHTIME timestamp(0), "
        "ADMISSION_TYPE varchar(50), ADMISSION_LOCATION varchar(50), DISCHARGE_LOCATION varchar(50), "
        "INSURANCE varchar(255), LANGUAGE varchar(10), MARITAL_STATUS varchar(50), ETHNICITY varchar(200), AGE int"
    ),
    "D_ICD_DIAGNOSES": "ROW_ID int, ICD9_CODE varchar(10), SHORT_TITLE varchar(50), LONG_TITLE varchar(255)",
    "D_ICD_PROCEDURES": "ROW_ID int, ICD9_CODE varchar(10), SHORT_TITLE varchar(50), LONG_TITLE varchar(255)",
    "D_LABITEMS": "ROW_ID int, ITEMID int, LABEL varchar(200)",
    "D_ITEMS": "ROW_ID int, ITEMID int, LABEL varchar(200), LINKSTO varchar(50)",
    "DIAGNOSES_ICD": "ROW_ID int, SUBJECT_ID int, HADM_ID int, ICD9_CODE varchar(10), CHARTTIME timestamp(0)",
    "PROCEDURES_ICD": "ROW_ID int, SUBJECT_ID int, HADM_ID int, ICD9_CODE varchar(10), CHARTTIME timestamp(0)",
    "LABEVENTS": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, ITEMID int, CHARTTIME timestamp(0), VALUENUM double, "
        "VALUEUOM varchar(20)"
    ),
    "PRESCRIPTIONS": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, STARTDATE timestamp(0), ENDDATE timestamp(0), DRUG varchar(100), "
        "DOSE_VAL_RX varchar(120), DOSE_UNIT_RX varchar(120), ROUTE varchar(120)"
    ),
    "COST": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, EVENT_TYPE varchar(20), EVENT_ID int, CHARGETIME timestamp(0), "
        "COST double"
    ),
    "CHARTEVENTS": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, ICUSTAY_ID int, ITEMID int, CHARTTIME timestamp(0), "
        "VALUENUM double, VALUEUOM varchar(50)"
    ),
    "INPUTEVENTS_CV": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, ICUSTAY_ID int, CHARTTIME timestamp(0), ITEMID int, AMOUNT double"
    ),
    "OUTPUTEVENTS": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, ICUSTAY_ID int, CHARTTIME timestamp(0), ITEMID int, VALUE double"
    ),
    "MICROBIOLOGYEVENTS": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, CHARTTIME timestamp(0), SPEC_TYPE_DESC varchar(100), "
        "ORG_NAME varchar(100)"
    ),
    "ICUSTAYS": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, ICUSTAY_ID int, FIRST_CAREUNIT varchar(20), "
        "LAST_CAREUNIT varchar(20), FIRST_WARDID smallint, LAST_WARDID smallint, INTIME timestamp(0), "
        "OUTTIME timestamp(0)"
    ),
    "TRANSFERS": (
        "ROW_ID int, SUBJECT_ID int, HADM_ID int, ICUSTAY_ID int, EVENTTYPE varchar(20), CAREUNIT varchar(20), "
        "WARDID smallint, INTIME timestamp(0), OUTTIME timestamp(0)"
    ),
}

_WEIGHT: Final = "body weight"
_PRICES: Final = {
    "diagnoses_icd": (40, 400),
    "procedures_icd": (150, 4000),
    "labevents": (6, 80),
    "prescriptions": (4, 150),
}
_ITEMS: Final = (
    *((vital.name, "chartevents") for vital in clinic.VITALS),
    (_WEIGHT, "chartevents"),
    *((fluid.name, "inputevents_cv") for fluid in clinic.INTAKES),
    *((fluid.name, "outputevents") for fluid in clinic.OUTPUTS),
)


def tables(rng: random.Random, people: list[Person]) -> dict[str, list[Row]]:
    """The rows of every table, ids and prices drawn anew."""
    return _Writer(rng).write(people)


class _Writer:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._rows: dict[str, list[Row]] = {table: [] for table in SCHEMA}
        self._subjects = rng.sample(range(10_000, 99_999), 2000)
        self._visits = rng.sample(range(100_000, 199_999), 4000)
        self._stays = rng.sample(range(200_000, 299_999), 4000)
        self._lab_items = dict(
            zip((lab.name for lab in clinic.LABS), rng.sample(range(50_800, 51_600), len(clinic.LABS)), strict=True)
        )
        labels = [label for label, _ in _ITEMS]
        self._items = dict(zip(labels, sorted(rng.sample(range(220_000, 229_000), len(labels))), strict=True))
        self._prices: dict[tuple[str, str], float] = {}

    def write(self, people: list[Person]) -> dict[str, list[Row]]:
        for place, (code, name, title, _) in enumerate(clinic.DIAGNOSES):
            self._rows["D_ICD_DIAGNOSES"].append((place + 1, code, name, title))
        for place, (code, name, title, _) in enumerate(clinic.PROCEDURES):
            self._rows["D_ICD_PROCEDURES"].append((place + 1, code, name, title))
        for lab, item in self._lab_items.items():
            self._add("D_LABITEMS", item, lab)
        for label, table in _ITEMS:
            self._add("D_ITEMS", self._items[label], label, table)
        for person in people:
            subject = self._subjects.pop()
            self._add("PATIENTS", subject, person.sex, person.birth, person.death)
            for stay in person.stays:
                self._visit(subject, person, stay)
        self._book()
        return self._rows

    def _add(self, table: str, *values: Value) -> int:
        row_id = len(self._rows[table]) + 1
        self._rows[table].append((row_id, *values))
        return row_id

    def _book(self) -> None:
        """Charges are booked in the order of time."""
        ordered = sorted(self._rows["COST"], key=lambda row: str(row[5]))
        self._rows["COST"] = [(number, *row[1:]) for number, row in enumerate(ordered, start=1)]

    def _charge(self, subject: int, visit: int, event: str, row_id: int, what: str, at: datetime) -> None:
        """One price for each thing, and sometimes a surcharge."""
        price = self._prices.setdefault((event, what), round(self._rng.uniform(*_PRICES[event]), 2))
        cost = round(price * self._rng.choice((1, 1, 1.1, 1.25)), 2)
        self._add("COST", subject, visit, event, row_id, at + timedelta(minutes=self._rng.randint(5, 240)), cost)

    def _visit(self, subject: int, person: Person, stay: Stay) -> None:
        visit = self._visits.pop()
        self._add(
            "ADMISSIONS",
            *(subject, visit, stay.start, stay.end, stay.kind, stay.source, stay.destination, stay.insurance),
            *(person.language, stay.marital, person.ethnicity, stay.age),
        )
        for at, diagnosis in stay.diagnoses:
            row_id = self._add("DIAGNOSES_ICD", subject, visit, diagnosis.code, at)
            self._charge(subject, visit, "diagnoses_icd", row_id, diagnosis.code, at)
        for at, procedure in stay.procedures:
            row_id = self._add("PROCEDURES_ICD", subject, visit, procedure.code, at)
            self._charge(subject, visit, "procedures_icd", row_id, procedure.code, at)
        for at, lab, value in stay.labs:
            row_id = self._add("LABEVENTS", subject, visit, self._lab_items[lab.name], at, float(value), lab.unit)
            self._charge(subject, visit, "labevents", row_id, lab.name, at)
        for order in stay.orders:
            drug = order.drug
            dosed = (drug.name, order.dose, drug.unit, order.route)
            row_id = self._add("PRESCRIPTIONS", subject, visit, order.start, order.end, *dosed)
            self._charge(subject, visit, "prescriptions", row_id, drug.name, order.start)
        for at, specimen, organism in stay.cultures:
            self._add("MICROBIOLOGYEVENTS", subject, visit, at, specimen, organism)
        self._moves(subject, visit, stay)

    def _moves(self, subject: int, visit: int, stay: Stay) -> None:
        """Transfers between wards and units, without a gap, and what happens in the units."""
        places: list[tuple[datetime, int | None, str | None, int]] = []
        ward = self._rng.choice(clinic.WARDS)
        places.append((stay.start, None, None, ward))
        for unit in stay.units:
            icu_stay = self._stays.pop()
            number = clinic.UNITS[unit.unit]
            places.append((unit.start, icu_stay, unit.unit, number))
            self._add("ICUSTAYS", subject, visit, icu_stay, *[unit.unit] * 2, *[number] * 2, unit.start, unit.end)
            self._unit_events(subject, visit, icu_stay, stay, unit)
            if unit.end:
                places.append((unit.end, None, None, self._rng.choice(clinic.WARDS)))
        ends: list[datetime | None] = [start for start, *_ in places[1:]]
        for place, ((start, icu_stay_id, name, number), end) in enumerate(zip(places, [*ends, stay.end], strict=True)):
            event = "admit" if place == 0 else "transfer"
            self._add("TRANSFERS", subject, visit, icu_stay_id, event, name, number, start, end)
        if stay.end:
            self._add("TRANSFERS", subject, visit, None, "discharge", None, None, stay.end, None)

    def _unit_events(self, subject: int, visit: int, icu_stay: int, stay: Stay, unit: UnitStay) -> None:
        where = (subject, visit, icu_stay)
        units = defaultdict(lambda: "kg", {vital.name: vital.unit for vital in clinic.VITALS})
        for number, (at, vitals) in enumerate(unit.vitals):
            measured = {**vitals, **({_WEIGHT: stay.weight} if number == 0 else {})}
            for label, value in measured.items():
                self._add("CHARTEVENTS", *where, self._items[label], at, float(value), units[label])
        for at, fluid, amount in unit.intakes:
            self._add("INPUTEVENTS_CV", *where, at, self._items[fluid], float(amount))
        for at, fluid, amount in unit.outputs:
            self._add("OUTPUTEVENTS", *where, at, self._items[fluid], float(amount))

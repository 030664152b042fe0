"""Synthetic admissions: who, when, and what the tables hold of each entity."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from medgym_ray.tasks.ehrcon.notes import STYLES
from medgym_ray.tasks.samples.ehrcon import vocabulary
from medgym_ray.tasks.samples.ehrcon.vocabulary import Coded, Drug, Fluid, Measure

CHARTED: Final = {
    "LABEVENTS": 9,
    "CHARTEVENTS": 6,
    "INPUTEVENTS_CV": 3,
    "OUTPUTEVENTS": 3,
    "PRESCRIPTIONS": 7,
    "DIAGNOSES_ICD": 5,
    "PROCEDURES_ICD": 3,
    "MICROBIOLOGYEVENTS": 3,
}
"""Entities of an admission, by table."""
_ROUTES: Final = ("PO", "IV", "SC", "IM", "PR", "NG")
_MINUTE: Final = timedelta(minutes=1)


@dataclass(slots=True)
class Row:
    """A row of a table: what a statement may state of it. It gets its ROW_ID when all rows are there."""

    values: dict[str, Any]
    row_id: int = 0


@dataclass(frozen=True, slots=True)
class Entity:
    """What is charted of one thing in one admission, as the tables and as the note name it."""

    table: str
    name: str
    spoken: str
    rows: Sequence[Row]
    others: Mapping[str, Sequence[Any]]
    """Values that a wrong statement may state, by column; of times there are always others."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A stay with one note. `window` is the time that the note speaks of."""

    subject: int
    hadm: int
    style: str
    admitted: datetime
    discharged: datetime
    written: datetime
    window: tuple[datetime, datetime]
    entities: list[Entity] = field(default_factory=list)

    def days(self) -> list[date]:
        """From admission to the note."""
        first = self.admitted.date()
        return [first + timedelta(days=number) for number in range((self.written.date() - first).days + 1)]


def draw(rng: random.Random, style: str, subject: int, hadm: int) -> Admission:
    """An admission with all that is charted in it."""
    midnight = datetime(rng.randint(2110, 2189), rng.randint(1, 12), rng.randint(1, 28))  # noqa: DTZ001
    admitted = midnight + timedelta(minutes=rng.randrange(60, 1200))
    length = rng.randint(5, 8)
    discharged = midnight + timedelta(days=length, minutes=rng.randrange(840, 1080))
    noted = midnight + timedelta(days=length if style == "discharge" else rng.randint(2, length - 1))
    window, written = {
        "discharge": ((admitted + timedelta(hours=1), noted + timedelta(hours=11)), noted + timedelta(hours=13)),
        "nursing": ((noted + timedelta(hours=7), noted + timedelta(hours=18, minutes=40)), noted + timedelta(hours=19)),
        "physician": (
            (noted - timedelta(days=1), noted + timedelta(hours=11)),
            noted + timedelta(hours=11, minutes=30),
        ),
    }[style]
    admission = Admission(subject, hadm, style, admitted, discharged, written, window)
    admission.entities.extend(_entities(rng, admission))
    return admission


def _entities(rng: random.Random, admission: Admission) -> list[Entity]:
    place = STYLES.index(admission.style)

    def some(table: str, of: Sequence[Any]) -> list[Any]:
        return rng.sample(of, CHARTED[table])

    return [
        *(_measure(rng, admission, "LABEVENTS", lab, place) for lab in some("LABEVENTS", vocabulary.LABS)),
        *(_measure(rng, admission, "CHARTEVENTS", vital, place) for vital in some("CHARTEVENTS", vocabulary.VITALS)),
        *(
            _fluid(rng, admission, "INPUTEVENTS_CV", "AMOUNT", fluid, place)
            for fluid in some("INPUTEVENTS_CV", vocabulary.INTAKE)
        ),
        *(
            _fluid(rng, admission, "OUTPUTEVENTS", "VALUE", fluid, place)
            for fluid in some("OUTPUTEVENTS", vocabulary.OUTPUT)
        ),
        *(_drug(rng, admission, drug, place) for drug in some("PRESCRIPTIONS", vocabulary.DRUGS)),
        *(_coded(rng, admission, "DIAGNOSES_ICD", item, 1) for item in some("DIAGNOSES_ICD", vocabulary.DIAGNOSES)),
        *(_coded(rng, admission, "PROCEDURES_ICD", item, 3) for item in some("PROCEDURES_ICD", vocabulary.PROCEDURES)),
        *(_culture(rng, admission, *specimen) for specimen in some("MICROBIOLOGYEVENTS", vocabulary.SPECIMENS)),
    ]


def _measure(rng: random.Random, admission: Admission, table: str, item: Measure, place: int) -> Entity:
    step = 10**-item.decimals
    count = round((item.high - item.low) / step) + 1
    grid = [_rounded(item.low + number * step, item.decimals) for number in range(count)]
    times = _times(rng, admission, rng.randint(5, 6))
    values = rng.sample(grid, len(times))
    rows = [
        Row({"CHARTTIME": when, "VALUENUM": value, "VALUEUOM": item.unit})
        for when, value in zip(times, values, strict=True)
    ]
    return Entity(table, item.label, item.names[place], rows, {"VALUENUM": grid, "VALUEUOM": [item.wrong_unit]})


def _fluid(rng: random.Random, admission: Admission, table: str, column: str, item: Fluid, place: int) -> Entity:
    grid = list(range(item.low, item.high + 1, item.step))
    times = _times(rng, admission, rng.randint(5, 6))
    values = rng.sample(grid, len(times))
    rows = [Row({"CHARTTIME": when, column: value}) for when, value in zip(times, values, strict=True)]
    return Entity(table, item.label, item.names[place], rows, {column: grid})


def _drug(rng: random.Random, admission: Admission, item: Drug, place: int) -> Entity:
    starts = sorted(rng.sample(admission.days(), min(3, len(admission.days()))))
    doses = rng.sample(item.doses, len(starts))
    rows = [
        Row(
            {
                "STARTDATE": datetime.combine(start, time()),
                "DOSE_VAL_RX": dose,
                "DOSE_UNIT_RX": item.unit,
                "ROUTE": rng.choice(item.routes),
            }
        )
        for start, dose in zip(starts, doses, strict=True)
    ]
    others = {"DOSE_VAL_RX": item.doses, "DOSE_UNIT_RX": [item.wrong_unit], "ROUTE": _ROUTES}
    return Entity("PRESCRIPTIONS", item.label, item.names[place], rows, others)


def _coded(rng: random.Random, admission: Admission, table: str, item: Coded, most: int) -> Entity:
    times = _times(rng, admission, rng.randint(min(2, most), most))
    rows = [Row({"ICD9_CODE": item.code, "CHARTTIME": when}) for when in times]
    return Entity(table, item.label, item.phrase, rows, {"ICD9_CODE": [item.other]})


def _culture(rng: random.Random, admission: Admission, name: str, spoken: str) -> Entity:
    times = _times(rng, admission, 4)
    grown = rng.sample(vocabulary.ORGANISMS, len(times))
    rows = [Row({"CHARTTIME": when, "ORG_NAME": grew}) for when, grew in zip(times, grown, strict=True)]
    return Entity("MICROBIOLOGYEVENTS", name, spoken, rows, {"ORG_NAME": vocabulary.ORGANISMS})


def _times(rng: random.Random, admission: Admission, count: int) -> list[datetime]:
    """Distinct minutes of the stay, at least two thirds of them (and one) in the note's window."""
    start, end = admission.window
    inside = set(rng.sample(range((end - start) // _MINUTE), max(1, count * 2 // 3)))
    times = {start + minute * _MINUTE for minute in inside}
    first = admission.admitted + timedelta(hours=1)
    span = (admission.discharged - first) // _MINUTE
    while len(times) < count:
        times.add(first + rng.randrange(span) * _MINUTE)
    return sorted(times)


def _rounded(value: float, decimals: int) -> float:
    return round(value, decimals) if decimals else round(value)

"""The courses of synthetic patients through a hospital from 2100 to 2105, before they are written as tables."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from medgym_ray.tasks.samples.ehrsql import clinic

NOW: Final = datetime(2105, 12, 31, 23, 59)  # noqa: DTZ001 - the tables know no zones
_FIRST_DAY: Final = datetime(2100, 1, 4)  # noqa: DTZ001
_CURRENT_SHARE: Final = 0.1
_GAP_DAYS: Final = 24

_T = TypeVar("_T")


@dataclass(slots=True)
class Order:
    """A drug ordered for a time."""

    drug: clinic.Drug
    dose: str
    route: str
    start: datetime
    end: datetime | None


@dataclass(slots=True)
class UnitStay:
    """A time in an intensive care unit."""

    unit: str
    start: datetime
    end: datetime | None
    vitals: list[tuple[datetime, dict[str, float]]] = field(default_factory=list)
    intakes: list[tuple[datetime, str, float]] = field(default_factory=list)
    outputs: list[tuple[datetime, str, float]] = field(default_factory=list)


@dataclass(slots=True)
class Stay:
    """A hospital visit; `end` is None while the patient is there."""

    start: datetime
    end: datetime | None
    kind: str
    source: str
    destination: str | None
    insurance: str
    marital: str
    age: int
    weight: float
    units: list[UnitStay] = field(default_factory=list)
    diagnoses: list[tuple[datetime, clinic.Diagnosis]] = field(default_factory=list)
    procedures: list[tuple[datetime, clinic.Procedure]] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    labs: list[tuple[datetime, clinic.Measure, float]] = field(default_factory=list)
    cultures: list[tuple[datetime, str, str | None]] = field(default_factory=list)
    allergies: list[tuple[datetime, str]] = field(default_factory=list)

    @property
    def until(self) -> datetime:
        """Its end, or now."""
        return self.end or NOW


@dataclass(slots=True)
class Person:
    """A patient with all visits, the first one first."""

    sex: str
    birth: datetime
    death: datetime | None
    ethnicity: str
    language: str
    height: float
    stays: list[Stay]


class Times:
    """Draws points in time, none twice: so that the first, the last and the order of events are never in doubt."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._taken: set[datetime] = set()

    def between(self, start: datetime, end: datetime) -> datetime:
        """A whole minute from `start` on and before `end`, if the minutes suffice."""
        minutes = max(1, int((end - start).total_seconds()) // 60)
        at = start + timedelta(minutes=self._rng.randrange(minutes))
        while at in self._taken:
            at = at - timedelta(seconds=17)
        self._taken.add(at)
        return at


def patients(rng: random.Random, number: int) -> list[Person]:
    """So many patients, a tenth of whom are in hospital now."""
    current = set(rng.sample(range(number), round(number * _CURRENT_SHARE)))
    return [_person(rng, index in current) for index in range(number)]


def _person(rng: random.Random, current: bool) -> Person:
    starts = _starts(rng, current)
    birth = starts[0].replace(hour=0, minute=0) - timedelta(days=rng.randint(19 * 366, 88 * 365))
    insurance, marital = rng.choice(clinic.INSURANCES), rng.choice(clinic.MARITAL)
    weight = round(rng.uniform(48, 118), 1)
    stays: list[Stay] = []
    times = Times(rng)
    for index, start in enumerate(starts):
        is_current = current and index == len(starts) - 1
        end = None if is_current else start + timedelta(minutes=rng.randint(2 * 1440, 13 * 1440))
        age = start.year - birth.year - ((start.month, start.day) < (birth.month, birth.day))
        stays.append(
            Stay(
                start,
                end,
                rng.choice(clinic.ADMISSION_KINDS),
                rng.choice(clinic.SOURCES),
                None if is_current else rng.choice(clinic.DESTINATIONS),
                insurance if rng.random() < 0.8 else rng.choice(clinic.INSURANCES),
                marital if rng.random() < 0.85 else rng.choice(clinic.MARITAL),
                age,
                round(weight + rng.uniform(-4, 4), 1),
            )
        )
        _fill(rng, times, stays[-1])
    return Person(
        rng.choice("fm"),
        birth,
        None if current else _death(rng, stays[-1]),
        rng.choice(clinic.ETHNICITIES),
        rng.choice(clinic.LANGUAGES),
        round(rng.uniform(150, 195), 1),
        stays,
    )


def _starts(rng: random.Random, current: bool) -> list[datetime]:
    days = (NOW - _FIRST_DAY).days - 20
    chosen: list[int] = []
    for _ in range(rng.choice((1, 1, 2, 2, 3)) - current):
        day = rng.randrange(days - (_GAP_DAYS if current else 0))
        if all(abs(day - other) > _GAP_DAYS for other in chosen):
            chosen.append(day)
    starts = [_FIRST_DAY + timedelta(days=day, minutes=rng.randrange(1440)) for day in sorted(chosen)]
    if current:
        starts.append(NOW - timedelta(minutes=rng.randint(2 * 1440, 12 * 1440)))
    return starts


def _death(rng: random.Random, last: Stay) -> datetime | None:
    draw = rng.random()
    if draw < 0.1:
        last.destination = "died"
        return last.end
    if draw < 0.2:
        day = last.until.replace(hour=0, minute=0, second=0) + timedelta(days=rng.randint(5, 400))
        return day if day < NOW else None
    return None


def _fill(rng: random.Random, times: Times, stay: Stay) -> None:
    """Everything that happens in a visit."""
    start, end = stay.start, stay.until

    def several(low: int, high: int) -> list[datetime]:
        return sorted(times.between(start, end) for _ in range(rng.randint(low, high)))

    def different(choices: Sequence[_T], when: Sequence[datetime]) -> list[tuple[datetime, _T]]:
        return list(zip(when, rng.sample(choices, len(when)), strict=True))

    stay.diagnoses = different(clinic.DIAGNOSES, several(2, 5))
    stay.procedures = [(at, rng.choice(clinic.PROCEDURES)) for at in several(0, 4)]
    for at in several(3, 7):
        drug = rng.choice(clinic.DRUGS)
        stop = at + timedelta(minutes=rng.randint(300, 4000))
        ended = None if stay.end is None and stop > NOW else min(stop, end)
        stay.orders.append(Order(drug, rng.choice(drug.doses), rng.choice(drug.routes), at, ended))
    measured = rng.sample(clinic.LABS, 5)
    for at in several(2, 4):
        stay.labs += [(at, lab, _value(rng, lab)) for lab in rng.sample(measured, 3)]
    for at in several(0, 3):
        organism = rng.choice(clinic.ORGANISMS) if rng.random() < 0.55 else None
        stay.cultures.append((at, rng.choice(clinic.SPECIMENS), organism))
    stay.allergies = different(clinic.ALLERGENS, several(0, 2))
    if rng.random() < 0.75:
        _intensive_care(rng, times, stay)


def _intensive_care(rng: random.Random, times: Times, stay: Stay) -> None:
    minutes = int((stay.until - stay.start).total_seconds()) // 60
    begin = stay.start + timedelta(minutes=rng.randint(60, minutes // 3))
    parts = rng.choice((1, 1, 1, 2))
    for part in range(parts):
        stop: datetime | None = begin + timedelta(minutes=rng.randint(minutes // 6, minutes // 4))
        if stay.end is None and part == parts - 1 and rng.random() < 0.6:
            stop = None
        unit = UnitStay(rng.choice(tuple(clinic.UNITS)), begin, stop)
        end = stop or NOW
        for at in sorted(times.between(begin, end) for _ in range(rng.randint(3, 5))):
            unit.vitals.append((at, {vital.name: _value(rng, vital) for vital in clinic.VITALS}))
        for fluids, into in ((clinic.INTAKES, unit.intakes), (clinic.OUTPUTS, unit.outputs)):
            used = rng.sample(fluids, 2)
            for at in sorted(times.between(begin, end) for _ in range(rng.randint(3, 6))):
                fluid = rng.choice(used)
                into.append((at, fluid.name, _value(rng, fluid)))
        stay.units.append(unit)
        begin = end + timedelta(minutes=rng.randint(200, 700))
        if stop is None or begin + timedelta(minutes=minutes // 4) >= stay.until:
            return


def _value(rng: random.Random, measure: clinic.Measure) -> float:
    value = rng.uniform(measure.low, measure.high)
    return round(value, measure.decimals) if measure.decimals else round(value)

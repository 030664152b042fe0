"""The tasks: for each type what is measured, how it is asked, and the answer that follows from how it was placed."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final

from medgym_ray.tasks.medagentbench.problem import DAY_AGO, NOW, Kind
from medgym_ray.tasks.samples.medagentbench import phrases
from medgym_ray.tasks.samples.medagentbench.courses import Point, course, yearly_course
from medgym_ray.tasks.samples.medagentbench.patients import Person, strangers_name

_NOW: Final = f"It is now {NOW.isoformat()}."


@dataclass(frozen=True, slots=True)
class Case:
    """One task and the course that it needs in its patient's chart. `answer` is None where there is none to give."""

    instruction: str
    context: str
    parameters: Mapping[str, Any]
    answer: Any
    mrn: str
    courses: Mapping[str, Sequence[Point]] = field(default_factory=dict)


Maker = Callable[[random.Random, int, Person, Sequence[Person]], Case]
"""Of the number-th case of a type about a person, among everybody."""


def _patient_lookup(rng: random.Random, number: int, person: Person, everybody: Sequence[Person]) -> Case:
    name, answer = person.name, person.mrn
    if number == 4:  # somebody was born that day, but nobody of that name
        name, answer = strangers_name(rng, everybody), phrases.NOT_FOUND
    born = person.birth_date.isoformat()
    return Case(
        rng.choice(phrases.LOOKUP).format(name=name, born=born, none=phrases.NOT_FOUND),
        "",
        {"name": name, "birth_date": born},
        answer,
        answer,
    )


def _patient_age(rng: random.Random, number: int, person: Person, everybody: Sequence[Person]) -> Case:  # noqa: ARG001
    born = person.birth_date
    # A year is complete on the birthday, which one in two has yet to come to.
    age = NOW.year - born.year - (0 if (born.month, born.day) <= (NOW.month, NOW.day) else 1)
    return Case(rng.choice(phrases.AGE).format(mrn=person.mrn), f"{_NOW} Count completed years.", {}, age, person.mrn)


def _blood_pressure(rng: random.Random, number: int, person: Person, everybody: Sequence[Person]) -> Case:  # noqa: ARG001
    value = f"{rng.randrange(104, 179)}/{rng.randrange(54, 92)} mmHg"
    flowsheet = rng.choice(("NIBP", "ABP", "BP_SIT"))
    return Case(
        rng.choice(phrases.BLOOD_PRESSURE).format(mrn=person.mrn, value=value),
        f"{_NOW} The flowsheet for this reading is {flowsheet}.",
        {"flowsheet": flowsheet, "value": value},
        None,
        person.mrn,
    )


def _magnesium_recent(rng: random.Random, number: int, person: Person, everybody: Sequence[Person]) -> Case:  # noqa: ARG001
    points = course(rng, "MG", recent=(2, 1, 3, 0, 4, 2, 1, 3, 2)[number], older=3)
    recent = [point.value for point in points if point.at >= DAY_AGO]
    return Case(
        rng.choice(phrases.MAGNESIUM).format(mrn=person.mrn),
        f"{_NOW} Magnesium results have the code MG. {phrases.NOTHING_RECENT}",
        {"code": "MG"},
        recent[-1] if recent else -1,
        person.mrn,
        {"MG": points},
    )


def _magnesium_replacement(
    rng: random.Random,
    number: int,
    person: Person,
    everybody: Sequence[Person],  # noqa: ARG001
) -> Case:
    protocol = phrases.MAGNESIUM_PROTOCOLS[number % 2]
    # Every band of both protocols, about half of it low; none of the levels is one that the protocol prints.
    latest = (1.6, 0.8, 2.1, 1.3, 2.6, None, 1.2, 1.7, 2.2)[number]
    # Where nothing is recent, the latest of all is low and must not be taken for it.
    points = course(rng, "MG", recent=0 if latest is None else 2, older=2, latest=latest or 1.3)
    return Case(
        rng.choice(phrases.MAGNESIUM_ORDER).format(mrn=person.mrn),
        f"{_NOW} Magnesium results have the code MG. {protocol.text}",
        {
            "code": "MG",
            "ndc": protocol.ndc,
            "low_up_to": protocol.low_up_to,
            "doses": [list(row) for row in protocol.doses],
        },
        -1 if latest is None else points[-1].value,
        person.mrn,
        {"MG": points},
    )


def _glucose_mean(rng: random.Random, number: int, person: Person, everybody: Sequence[Person]) -> Case:  # noqa: ARG001
    points = course(rng, "GLU", recent=(3, 6, 2, 0, 7, 4, 5, 3, 6)[number], older=3)
    recent = [point.value for point in points if point.at >= DAY_AGO]
    return Case(
        rng.choice(phrases.GLUCOSE_MEAN).format(mrn=person.mrn),
        f"{_NOW} Capillary glucose has the code GLU. {phrases.NOTHING_RECENT}",
        {"code": "GLU"},
        fmean(recent) if recent else -1,
        person.mrn,
        {"GLU": points},
    )


def _glucose_latest(rng: random.Random, number: int, person: Person, everybody: Sequence[Person]) -> Case:  # noqa: ARG001
    points = course(rng, "GLU", recent=(0, 4, 2, 0, 5, 3, 1, 0, 4)[number], older=4)
    return Case(
        rng.choice(phrases.GLUCOSE_LATEST).format(mrn=person.mrn),
        f"{_NOW} Capillary glucose has the code GLU.",
        {"code": "GLU"},
        points[-1].value,
        person.mrn,
        {"GLU": points},
    )


def _referral(rng: random.Random, number: int, person: Person, everybody: Sequence[Person]) -> Case:
    del everybody
    service, snomed, note = phrases.REFERRALS[number]
    return Case(
        rng.choice(phrases.REFERRAL).format(mrn=person.mrn, service=service, note=note),
        f"{_NOW} The SNOMED CT code to be used for a referral to {service} is {snomed}.",
        {"snomed": snomed, "note": note},
        None,
        person.mrn,
    )


def _potassium_replacement(
    rng: random.Random,
    number: int,
    person: Person,
    everybody: Sequence[Person],  # noqa: ARG001
) -> Case:
    goal, per_tenth, ndc = phrases.POTASSIUM_PROTOCOLS[number % 3]
    offset = (-0.3, 0.4, -0.7, 0.3, -0.1, 1.1, -0.5, 0.1, -0.4)[number]
    points = course(rng, "K", recent=rng.choice((0, 2)), older=4, latest=round(goal + offset, 1))
    return Case(
        rng.choice(phrases.POTASSIUM_ORDER).format(mrn=person.mrn),
        f"{_NOW} "
        + phrases.POTASSIUM_DOSING.format(goal=goal, per_tenth=per_tenth, ndc=ndc, loinc=phrases.POTASSIUM_LOINC),
        {"code": "K", "ndc": ndc, "goal": goal, "dose_per_tenth": per_tenth, "loinc": phrases.POTASSIUM_LOINC},
        points[-1].value,
        person.mrn,
        {"K": points},
    )


def _a1c_follow_up(rng: random.Random, number: int, person: Person, everybody: Sequence[Person]) -> Case:  # noqa: ARG001
    days = (500.3, 80.4, None, 364.8, 365.2, 12.5, 730.6, 200.1, 400.9)[number]
    points = yearly_course(rng, "A1C", days, older=2)
    return Case(
        rng.choice(phrases.A1C).format(mrn=person.mrn),
        f"{_NOW} HbA1c results have the code A1C. The LOINC code for ordering the test is {phrases.A1C_LOINC}.",
        {"code": "A1C", "loinc": phrases.A1C_LOINC},
        [points[-1].value, points[-1].at.isoformat()] if points else [-1],
        person.mrn,
        {"A1C": points},
    )


MAKERS: Final[Mapping[Kind, Maker]] = {
    "patient_lookup": _patient_lookup,
    "patient_age": _patient_age,
    "blood_pressure_entry": _blood_pressure,
    "magnesium_recent": _magnesium_recent,
    "magnesium_replacement": _magnesium_replacement,
    "glucose_mean": _glucose_mean,
    "glucose_latest": _glucose_latest,
    "referral": _referral,
    "potassium_replacement": _potassium_replacement,
    "a1c_follow_up": _a1c_follow_up,
}


def other_courses(rng: random.Random) -> dict[str, Sequence[Point]]:
    """What a chart holds of the codes that no task of its patient asks for."""
    return {
        "MG": course(rng, "MG", recent=rng.choice((0, 1, 2)), older=2),
        "K": course(rng, "K", recent=rng.choice((0, 1, 2)), older=3),
        "GLU": course(rng, "GLU", recent=rng.choice((0, 2, 4)), older=3),
        "A1C": yearly_course(rng, "A1C", rng.randrange(20, 900) + 0.3, older=1),
    }

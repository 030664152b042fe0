"""Drawing a patient for a case: the entities as the benchmark writes them, and a note that states them in prose."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from medgym_ray.tasks.medcalcbench.entities import UNITS
from medgym_ray.tasks.medcalcbench.risks import CAPRINI_FINDINGS, PREVIOUS_CLOTS
from medgym_ray.tasks.samples.medcalcbench.draws import Case, Finding, Graded, Measured
from medgym_ray.tasks.samples.medcalcbench.phrases import CHATTER, FINDINGS, GRADES, NOUNS, OLD_VALUE, UNIT_TEXT

_PAO2 = "Partial pressure of oxygen (PaO₂) for Apache II"
_COMPLAINTS = (
    "came to the outpatient clinic for review",
    "was brought in by ambulance",
    "was admitted to the general ward overnight",
    "was seen by the on-call team",
    "was referred by the family doctor",
)
_STEROIDS = {
    "Betamethasone IV": (1, 9),
    "Cortisone PO": (20, 260),
    "Dexamethasone PO": (1, 12),
    "Hydrocortisone IV": (20, 260),
    "MethylPrednisoLONE PO": (4, 60),
    "PrednisoLONE PO": (5, 70),
    "PredniSONE PO": (5, 70),
    "Triamcinolone IV": (4, 50),
}
_OPIOIDS = {
    "Codeine": (15, 60),
    "HYDROcodone": (5, 20),
    "HYDROmorphone": (2, 8),
    "Methadone": (5, 20),
    "Morphine": (10, 60),
    "OxyCODONE": (5, 30),
    "OxyMORphone": (5, 20),
    "Tapentadol": (50, 100),
    "TraMADol": (50, 100),
}


@dataclass(slots=True)
class Draft:
    """A drawn patient on the way to a record."""

    entities: dict[str, Any] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    exam: list[tuple[str, str]] = field(default_factory=list)
    """(noun, value with unit)."""
    labs: list[tuple[str, str]] = field(default_factory=list)
    question: str = ""


def draw(rng: random.Random, case: Case) -> tuple[dict[str, Any], str, str]:
    """Entities, note and question."""
    draft = Draft(question=case.question)
    sex, age = rng.choice(case.sexes), rng.randint(*case.ages)
    if case.uses_sex:
        draft.entities["sex"] = sex
    if case.uses_age:
        draft.entities["age"] = [age, "years"]
    for spec in case.draws:
        match spec:
            case Measured():
                _measure(rng, draft, spec)
            case Finding(entity):
                present = rng.random() < 0.45
                draft.entities[entity] = present
                draft.history.append(FINDINGS[entity][0 if present else 1])
            case Graded(entity, phrases):
                stated = rng.choice(list(GRADES[phrases]))
                draft.entities[entity] = stated
                draft.history.append(GRADES[phrases][stated])
            case _:
                _SPECIALS[spec.kind](rng, draft)
    return draft.entities, _note(rng, draft, sex, age), draft.question


def _measure(rng: random.Random, draft: Draft, spec: Measured) -> None:
    unit, digits = rng.choice(spec.units)
    value = rng.uniform(spec.low, spec.high)
    section, nouns = NOUNS[spec.entity]
    noun = rng.choice(nouns)
    rows = draft.exam if section == "exam" else draft.labs
    shown = _stated(spec.entity, value, unit, digits)
    draft.entities[spec.entity] = [shown, unit] if unit else shown
    rows.append((noun, _with_unit(shown, unit)))
    if section == "labs" and rng.random() < 0.15:
        earlier = _stated(spec.entity, rng.uniform(spec.low, spec.high), unit, digits)
        sentence = rng.choice(OLD_VALUE).format(
            year=rng.randint(2012, 2019), noun=noun, value=_with_unit(earlier, unit)
        )
        draft.history.append(sentence)


def _stated(entity: str, value: float, unit: str, digits: int) -> float:
    """A value of the reference unit in the unit it is stated in, rounded as a chart would."""
    if unit:
        value = UNITS[entity][unit].undo(value)
    return float(round(value, digits))


def _with_unit(value: float, unit: str) -> str:
    figure = f"{value:,.0f}" if value == int(value) else f"{value:,}"
    return figure + UNIT_TEXT.get(unit, f" {unit}" if unit else "")


def _drinks(rng: random.Random, draft: Draft) -> None:
    number = rng.choice((0, 2, 3, 5, 9, 12, 16, 21))
    draft.entities["Number of Alcoholic Drinks Per Week"] = number
    draft.history.append(f"Alcohol amounts to {number} drinks a week." if number else "No alcohol is drunk.")


def _pressor(rng: random.Random, draft: Draft) -> None:
    drug = rng.choice(("DOPamine", "DOBUTamine", "EPINEPHrine", "norEPINEPHrine", None))
    if drug is None:
        draft.history.append("No vasopressor is running.")
        return
    dose = round(rng.uniform(2, 18), 1) if drug in {"DOPamine", "DOBUTamine"} else round(rng.uniform(0.03, 0.3), 2)
    draft.entities[drug] = [dose, "mcg/kg/min"]
    draft.history.append(f"{drug.capitalize()} runs at {dose} mcg/kg/min, as the only vasoactive drug.")


def _oxygenation(rng: random.Random, draft: Draft) -> None:
    """What APACHE II asks for: a gradient from an inspired fraction of one half, below it a pressure."""
    _measure(rng, draft, Measured("FiO₂", 24, 90, (("%", 0),)))
    if draft.entities["FiO₂"][0] < 50:
        _measure(rng, draft, Measured(_PAO2, 44, 92, (("mm hg", 0),)))
        return
    gradient = rng.randint(130, 560)
    draft.entities["A-a gradient"] = gradient
    draft.labs.append(("alveolar-arterial oxygen gradient", f"{gradient} mm Hg"))


def _clotting(rng: random.Random, draft: Draft) -> None:
    """The body mass index and a part of Caprini's list: nobody goes through all of it."""
    index = round(rng.uniform(18.6, 34.8), 1)
    draft.entities["Body Mass Index (BMI)"] = [index, "kg/m^2"]
    draft.exam.append(("body mass index", f"{index} kg/m²"))
    for entity in rng.sample((*CAPRINI_FINDINGS, *PREVIOUS_CLOTS), 9):
        draft.entities[entity] = rng.random() < 0.45
        draft.history.append(FINDINGS[entity][0 if draft.entities[entity] else 1])


def _steroid(rng: random.Random, draft: Draft) -> None:
    drug, target = rng.sample(sorted(_STEROIDS), 2)
    dose = float(rng.randint(*_STEROIDS[drug]))
    draft.entities["input steroid"] = [drug, dose, "mg"]
    draft.entities["target steroid"] = target
    draft.history.append(f"The steroid so far is {_spoken(drug)}, {dose:.0f} mg a day.")
    draft.question = (
        f"Which daily dose of {_spoken(target)}, in mg, has the same glucocorticoid effect as the patient's present "
        "steroid, by the usual table of equivalent doses?"
    )


def _opioids(rng: random.Random, draft: Draft) -> None:
    for drug in rng.sample(sorted(_OPIOIDS), rng.randint(2, 3)):
        dose, times = 5 * rng.randint(*(max(bound // 5, 1) for bound in _OPIOIDS[drug])), rng.randint(1, 4)
        draft.entities[f"{drug} Dose"] = [dose, "mg"]
        draft.entities[f"{drug} Dose Per Day"] = [times, "per day"]
        often = {1: "once", 2: "twice", 3: "three times", 4: "four times"}[times]
        draft.history.append(f"{drug.capitalize()} {dose} mg is taken {often} daily.")


def _cycle(rng: random.Random, draft: Draft) -> None:
    start, length = _last_period(rng), rng.choice((21, 23, 24, 25, 26, 27, 29, 30, 31, 33, 35))
    draft.entities["cycle length"] = length
    draft.entities["Last menstrual date"] = f"{start:%m/%d/%Y}"
    draft.history.append(f"The last menstrual period began on {_long_date(start)}; cycles run {length} days.")


def _visit(rng: random.Random, draft: Draft) -> None:
    start = _last_period(rng)
    today = start + timedelta(days=rng.randint(30, 275))
    draft.entities["Current Date"] = f"{today:%m/%d/%Y}"
    draft.entities["Last menstrual date"] = f"{start:%m/%d/%Y}"
    draft.history.append(f"The last menstrual period began on {_long_date(start)}.")
    draft.history.append(f"Today's visit takes place on {_long_date(today)}.")


_SPECIALS: dict[str, Callable[[random.Random, Draft], None]] = {
    "drinks": _drinks,
    "pressor": _pressor,
    "oxygenation": _oxygenation,
    "clotting": _clotting,
    "steroid": _steroid,
    "opioids": _opioids,
    "cycle": _cycle,
    "visit": _visit,
}


def _last_period(rng: random.Random) -> date:
    return date(2008, 1, 1) + timedelta(days=rng.randrange(6200))


def _long_date(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _spoken(steroid: str) -> str:
    name, route = steroid.lower().split()
    return f"{name} {'by mouth' if route == 'po' else 'intravenously'}"


def _note(rng: random.Random, draft: Draft, sex: str, age: int) -> str:
    history = draft.history + [_chatter(rng, line) for line in rng.sample(CHATTER, rng.randint(2, 4))]
    for part in (history, draft.exam, draft.labs):
        rng.shuffle(part)
    return rng.choice((_narrative, _sections, _letter, _handover))(rng, draft, history, _person(sex, age))


def _chatter(rng: random.Random, line: str) -> str:
    return line.format(
        tsh=round(rng.uniform(0.6, 4.1), 2),
        ferritin=rng.randint(22, 290),
        magnesium=round(rng.uniform(1.6, 2.4), 1),
        vitamin=rng.randint(14, 61),
        shoe=rng.randint(36, 46),
        year=rng.randint(2009, 2021),
        bay=rng.randint(1, 18),
        ldh=rng.randint(120, 390),
    )


def _person(sex: str, age: int) -> str:
    noun = {"Male": "boy", "Female": "girl"}[sex] if age < 16 else {"Male": "man", "Female": "woman"}[sex]
    return f"{age}-year-old {noun}"


def _an(person: str) -> str:
    return ("An " if person.startswith(("8", "11-", "18-")) else "A ") + person


def _sentences(rows: list[tuple[str, str]]) -> list[str]:
    return [f"{noun[0].upper()}{noun[1:]} was {value}." for noun, value in rows]


def _line(rows: list[tuple[str, str]]) -> str:
    return "; ".join(f"{noun} {value}" for noun, value in rows) or "not recorded"


def _narrative(rng: random.Random, draft: Draft, history: list[str], person: str) -> str:
    opening = f"{_an(person)} {rng.choice(_COMPLAINTS)}."
    return " ".join([opening, *history, *_sentences(draft.exam), *_sentences(draft.labs)])


def _sections(rng: random.Random, draft: Draft, history: list[str], person: str) -> str:
    return (
        f"PRESENTATION\n{_an(person)} {rng.choice(_COMPLAINTS)}.\n\nBACKGROUND\n{' '.join(history)}\n\n"
        f"EXAMINATION\n{_line(draft.exam)}\n\nLABORATORY\n{_line(draft.labs)}"
    )


def _letter(rng: random.Random, draft: Draft, history: list[str], person: str) -> str:
    half = len(history) // 2
    second = [*_sentences(draft.labs), *_sentences(draft.exam), *history[half:]]
    return (
        f"Dear colleague,\n\nthank you for your interest in this {person}, who {rng.choice(_COMPLAINTS)}. "
        f"{' '.join(history[:half])}\n\n{' '.join(second)}\n\nWith kind regards"
    )


def _handover(_: random.Random, draft: Draft, history: list[str], person: str) -> str:
    rows = [f"- {noun}: {value}" for noun, value in (*draft.exam, *draft.labs)]
    return "\n".join([f"Handover: {person}.", *(f"- {line}" for line in history[::-1]), *rows])

"""The text of a note: own sentences for each style and kind of statement."""

import random
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from medgym_ray.tasks.samples.ehrcon.admissions import Admission
from medgym_ray.tasks.samples.ehrcon.statements import Mention, Statement

_ROUTES: Final = {
    "PO": ("PO", "by mouth"),
    "IV": ("IV", "intravenously"),
    "SC": ("SC", "subcutaneously"),
    "IM": ("IM", "intramuscularly"),
    "PR": ("PR", "rectally"),
    "NG": ("NG", "by nasogastric tube"),
}
_MEASURED: Final = (
    ("{name} was {value} {when}.", "{name} {value} {when}.", "We recorded {name} {value} {when}."),
    ("{name} was {value} {when} as well.", "Then {name} {value} {when}.", "A further {name}: {value} {when}."),
)
_SENTENCES: Final[Mapping[str, tuple[Sequence[str], Sequence[str]]]] = {
    "LABEVENTS": _MEASURED,
    "CHARTEVENTS": _MEASURED,
    "INPUTEVENTS_CV": (
        ("{value} mL of {name} in {when}.", "{name}: {value} mL {when}.", "Received {name} {value} mL {when}."),
        ("Another {value} mL of {name} {when}.", "{name} also {value} mL {when}."),
    ),
    "OUTPUTEVENTS": (
        ("{name} {value} mL {when}.", "{name}: {value} mL emptied {when}.", "Measured {name} of {value} mL {when}."),
        ("{name} also {value} mL {when}.", "Further {name} of {value} mL {when}."),
    ),
    "PRESCRIPTIONS": (
        ("{name} {dose}, started {day}.", "Ordered {name} {dose} {day}.", "{name} {dose}, first day {day}."),
        ("Another order for {name} {dose} began {day}.", "{name} {dose} was written {day}."),
    ),
    "DIAGNOSES_ICD": (
        ("{name}, coded as ICD-9 {code} {when}.", "{name} (ICD-9 {code}), put on the list {when}."),
        ("{name} again as ICD-9 {code} {when}.",),
    ),
    "PROCEDURES_ICD": (
        ("{name} was done {when} (ICD-9 {code}).", "{name}, ICD-9 {code}, performed {when}."),
        ("Another {name} {when} (ICD-9 {code}).", "{name} was repeated {when}, ICD-9 {code}."),
    ),
    "MICROBIOLOGYEVENTS": (
        ("{name} taken {when} grew {organism}.", "{organism} grew in the {name} taken {when}."),
        ("{name} taken {when} grew {organism}.",),
    ),
}
_HEADINGS: Final = {
    "LABEVENTS": "Laboratory",
    "CHARTEVENTS": "Vital signs",
    "INPUTEVENTS_CV": "Intake",
    "OUTPUTEVENTS": "Output",
    "PRESCRIPTIONS": "Medications",
    "DIAGNOSES_ICD": "Diagnoses",
    "PROCEDURES_ICD": "Procedures",
    "MICROBIOLOGYEVENTS": "Microbiology",
}
_TITLES: Final = {
    "discharge": "DISCHARGE SUMMARY\nAdmitted: {admitted}\nDischarged: {written}\n",
    "nursing": "NURSING NOTE, day shift 07:00 to 19:00\nDate: {written} (all clock times below are of this day)\n",
    "physician": (
        "PHYSICIAN PROGRESS NOTE\nDate: {written} (today)\nAdmitted: {admitted}, which counts as hospital day 1\n"
    ),
}
_OPENINGS: Final = {
    "discharge": (
        "The stay was prolonged but without a second crisis; the patient goes home with a walking frame.",
        "After a slow start the patient improved from day to day and is discharged in good spirits.",
        "The family was informed of the course and agrees with the plan set out below.",
    ),
    "nursing": (
        "Patient awake, follows commands, turned every two hours, skin intact.",
        "Drowsy in the morning, later sat in the chair for an hour; daughter visited.",
        "Anxious at times, settles when spoken to; lines and dressings dry.",
    ),
    "physician": (
        "No complaints this morning, slept well, appetite returning.",
        "Remains tired but breathes more easily than before; no new pain.",
        "Seen on rounds with the team; examination unchanged but for fewer crackles.",
    ),
}
_CLOSINGS: Final = {
    "discharge": (
        "Follow-up with the family doctor within two weeks.",
        "The clinic will call about the next appointment.",
    ),
    "nursing": ("Call bell within reach; report given to the night shift.", "Plan: continue as ordered."),
    "physician": ("Plan: continue present care and review tomorrow.", "Plan: mobilise, reduce lines, talk to family."),
}


def compose(rng: random.Random, admission: Admission, mentions: Sequence[Mention]) -> str:
    """A note that makes these statements, by section."""
    admitted, written = admission.admitted.date(), admission.written.date()
    parts = [_TITLES[admission.style].format(admitted=admitted, written=written)]
    parts.append(rng.choice(_OPENINGS[admission.style]) + "\n")
    for table, heading in _HEADINGS.items():
        lines = [_line(rng, admission, said) for said in mentions if said.entity.table == table]
        if lines:
            rng.shuffle(lines)
            parts.append("\n".join((f"{heading}:", *lines, "")))
    parts.append(rng.choice(_CLOSINGS[admission.style]))
    return "\n".join(parts)


def _line(rng: random.Random, admission: Admission, said: Mention) -> str:
    first, further = _SENTENCES[said.entity.table]
    sentences = [
        rng.choice(further if number else first).format(
            name=said.entity.spoken, **_spoken(rng, admission, said.entity.table, statement)
        )
        for number, statement in enumerate(said.statements)
    ]
    return "- " + " ".join(sentences)


def _spoken(rng: random.Random, admission: Admission, table: str, stated: Statement) -> dict[str, Any]:
    """What a sentence needs, in the words of a note."""
    words: dict[str, Any] = {}
    if "CHARTTIME" in stated:
        words["when"] = _when(rng, admission, datetime.fromisoformat(stated["CHARTTIME"]))
    if "STARTDATE" in stated:
        words["day"] = _day(rng, admission, date.fromisoformat(stated["STARTDATE"]))
        unit = {"UNIT": "units"}.get(stated["DOSE_UNIT_RX"], stated["DOSE_UNIT_RX"])
        route = f" {rng.choice(_ROUTES[stated['ROUTE']])}" if "ROUTE" in stated else ""
        words["dose"] = f"{stated['DOSE_VAL_RX']} {unit}{route}"
    for column in ("AMOUNT", "VALUE"):
        words |= {"value": stated[column]} if column in stated else {}
    if "VALUENUM" in stated:
        words["value"] = f"{stated['VALUENUM']} {stated.get('VALUEUOM', '')}".rstrip()
    if "ICD9_CODE" in stated:
        digits = 3 if table == "DIAGNOSES_ICD" else 2
        code = stated["ICD9_CODE"]
        words["code"] = f"{code[:digits]}.{code[digits:]}" if code[digits:] else code
    if "ORG_NAME" in stated:
        words["organism"] = stated["ORG_NAME"].capitalize()
    return words


def _when(rng: random.Random, admission: Admission, moment: datetime) -> str:
    clock = f"{moment:%H:%M}"
    match admission.style:
        case "nursing":
            return f"at {rng.choice((clock, clock.replace(':', '')))}"
        case "physician":
            day = "today" if moment.date() == admission.written.date() else "yesterday"
            return rng.choice((f"{day} at {clock}", f"at {clock} {day}"))
        case _:
            return f"at {clock} {_date(rng, moment.date())}"


def _day(rng: random.Random, admission: Admission, day: date) -> str:
    if admission.style == "physician":
        return f"on hospital day {(day - admission.admitted.date()).days + 1}"
    return _date(rng, day)


def _date(rng: random.Random, day: date) -> str:
    return rng.choice((f"on {day}", f"on {day.day} {_MONTHS[day.month - 1]} {day.year}"))


_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
"""Not by strftime, which speaks the language of the machine."""

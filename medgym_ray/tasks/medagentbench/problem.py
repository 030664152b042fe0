"""What a task asks for: its type, and the facts that its text states."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, get_args

Kind = Literal[
    "patient_lookup",
    "patient_age",
    "blood_pressure_entry",
    "magnesium_recent",
    "magnesium_replacement",
    "glucose_mean",
    "glucose_latest",
    "referral",
    "potassium_replacement",
    "a1c_follow_up",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""In the benchmark's order: the number in `task<k>_<n>` is the position, from 1."""

NOW: Final = datetime.fromisoformat("2023-11-13T10:15:00+00:00")
DAY_AGO: Final = NOW - timedelta(hours=24)
YEAR_AGO: Final = NOW.replace(year=NOW.year - 1)
NEXT_MORNING: Final = (NOW + timedelta(days=1)).replace(hour=8, minute=0)

_TASK_ID: Final = re.compile(r"task(\d{1,2})_(\d{1,6})", re.ASCII)
_PARAMETERS: Final[Mapping[Kind, Mapping[str, type]]] = {
    "patient_lookup": {"name": str, "birth_date": str},
    "patient_age": {},
    "blood_pressure_entry": {"flowsheet": str, "value": str},
    "magnesium_recent": {"code": str},
    "magnesium_replacement": {"code": str, "ndc": str, "low_up_to": float, "doses": list},
    "glucose_mean": {"code": str},
    "glucose_latest": {"code": str},
    "referral": {"snomed": str, "note": str},
    "potassium_replacement": {"code": str, "ndc": str, "goal": float, "dose_per_tenth": float, "loinc": str},
    "a1c_follow_up": {"code": str, "loinc": str},
}


@dataclass(frozen=True, slots=True)
class Problem:
    """A task's type and facts. `doses` of magnesium are [from this level on, grams, hours], the highest level first."""

    kind: Kind
    mrn: str
    """Of the patient concerned; empty where finding it is the task."""
    parameters: Mapping[str, Any]


def kind_of(task_id: str) -> Kind | None:
    """The type that an id of the form `task<k>_<n>` names."""
    found = _TASK_ID.fullmatch(task_id)
    return KINDS[int(found[1]) - 1] if found and 1 <= int(found[1]) <= len(KINDS) else None


def from_parameters(kind: Kind, mrn: str, parameters: Mapping[str, Any]) -> Problem:
    """A problem whose facts stand beside its text. Raises ValueError where they are not those of its type."""
    expected = _PARAMETERS[kind]
    if parameters.keys() != expected.keys():
        raise ValueError(f"parameters are {sorted(parameters)}, not {sorted(expected)}")
    for name, of in expected.items():
        accepted = (int, float) if of is float else of
        if isinstance(parameters[name], bool) or not isinstance(parameters[name], accepted):
            raise ValueError(f"parameter {name} is a {type(parameters[name]).__name__}")
    if "doses" in parameters:
        _require_doses(parameters["doses"])
    if "goal" in parameters and not (parameters["goal"] > 0 and parameters["dose_per_tenth"] > 0):
        raise ValueError("goal and dose_per_tenth must be above zero")
    return Problem(kind, "" if kind == "patient_lookup" else mrn, parameters)


def from_text(kind: Kind, mrn: str, instruction: str, context: str) -> Problem:
    """A problem of the original's wording, which is one fixed sentence per type. Raises ValueError."""
    parameters = _READERS[kind](f"{instruction}\n{context}")
    return from_parameters(kind, mrn, parameters)


def _require_doses(doses: list[Any]) -> None:
    for row in doses:
        if not (isinstance(row, list) and len(row) == 3 and all(isinstance(cell, int | float) for cell in row)):
            raise ValueError("parameter doses is no list of [level, grams, hours]")
    levels = [row[0] for row in doses]
    if not levels or levels != sorted(levels, reverse=True) or levels[-1] != 0:
        raise ValueError("parameter doses must fall from level to level, down to 0")


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.DOTALL)
    if found is None:
        raise ValueError(f"the text does not say what {pattern!r} looks for")
    return found[1].strip()


def _magnesium_doses(text: str) -> dict[str, Any]:
    pattern = r"magnesium (<?)([\d.]+)(?: to <?([\d.]+))? mg/dL\):\s*IV: ([\d.]+) g over ([\d.]+) hour"
    rows = re.findall(pattern, text)
    if not rows:
        raise ValueError("the text states no magnesium doses")
    doses = [[0.0 if below else float(low), float(grams), float(hours)] for below, low, _, grams, hours in rows]
    return {"low_up_to": float(rows[0][2]), "doses": doses}


_CODE: Final = r'The code for [^"]{1,40} is "(\w+)"'
_NDC: Final = r"The NDC for [^.]{1,60} is ([\d-]+)"
_READERS: Final[Mapping[Kind, Callable[[str], dict[str, Any]]]] = {
    "patient_lookup": lambda text: {
        "name": _found(r"with name (.+?) and DOB of", text),
        "birth_date": _found(r"DOB of (\d{4}-\d\d-\d\d)", text),
    },
    "patient_age": lambda _: {},
    "blood_pressure_entry": lambda text: {
        "flowsheet": _found(r"flowsheet ID for blood pressure is (\w+)", text),
        "value": _found(r'it is "([^"]+)"', text),
    },
    "magnesium_recent": lambda text: {"code": _found(_CODE, text)},
    "magnesium_replacement": lambda text: {
        "code": _found(_CODE, text),
        "ndc": _found(_NDC, text),
        **_magnesium_doses(text),
    },
    "glucose_mean": lambda text: {"code": _found(_CODE, text)},
    "glucose_latest": lambda text: {"code": _found(_CODE, text)},
    "referral": lambda text: {
        "snomed": _found(r"The SNOMED code for [^.]{1,60} is (\d+)", text),
        "note": _found(r'free text of the referral, "([^"]+)"', text),
    },
    "potassium_replacement": lambda text: {
        "code": _found(_CODE, text),
        "ndc": _found(_NDC, text),
        "goal": float(_found(r"goal of ([\d.]+) serum level", text)),
        "dose_per_tenth": float(_found(r"for every 0\.1 mEq/L.{1,40} below threshold, order ([\d.]+) mEq", text)),
        "loinc": _found(r"The LOINC code for [^.]{1,60} is ([\d-]+)", text),
    },
    "a1c_follow_up": lambda text: {
        "code": _found(_CODE, text),
        "loinc": _found(r"The LOINC code for [^:]{1,60} is: ([\d-]+)", text),
    },
}

"""Reading a record's "Relevant Entities" into the arguments of a calculator, strictly.

The entities are a Python literal: quantities as [number, unit], findings as booleans, grades as text. What can't be
read for certain raises EntityError, and the oracle then hands in the gold instead of a program.
"""

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import EllipsisType
from typing import Any, Final

Entities = Mapping[str, Any]


class EntityError(ValueError):
    """An entity is missing, or not written in a way that is known for certain."""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call, and the expression that says in a program how it follows from the note."""

    value: Any
    expression: str


Reader = Callable[[Entities], Argument]


@dataclass(frozen=True, slots=True)
class Conversion:
    """To the reference unit: (value − subtract) · multiply / divide.

    Division is kept apart because 35 · 0.1 lies above 3.5 and 35 / 10 does not, and scores have thresholds.
    """

    multiply: float = 1
    divide: float = 1
    subtract: float = 0

    def apply(self, value: float) -> float:
        """In the same order of operations as `expression`, so that both give the same float."""
        return (value - self.subtract) * self.multiply / self.divide

    def undo(self, value: float) -> float:
        """From the reference unit."""
        return value * self.divide / self.multiply + self.subtract

    def expression(self, value: float) -> str:
        """The conversion as Python source, without what changes nothing."""
        source = f"({value!r} - {self.subtract!r})" if self.subtract else repr(value)
        source += f" * {self.multiply!r}" if self.multiply != 1 else ""
        return source + (f" / {self.divide!r}" if self.divide != 1 else "")


_SAME: Final = Conversion()
_ION: Final = {"mEq/L": _SAME, "mmol/L": _SAME}
_RATE: Final = {"beats per minute": _SAME}
_PRESSURE: Final = {"mm Hg": _SAME, "mm hg": _SAME}
_PRESSOR: Final = {"mcg/kg/min": _SAME}
_CREATININE: Final = {"mg/dL": _SAME, "µmol/L": Conversion(divide=88.4)}
_CHOLESTEROL: Final = {"mg/dL": _SAME, "mmol/L": Conversion(38.67)}
_FAHRENHEIT: Final = Conversion(5, 9, subtract=32)

UNITS: Final[Mapping[str, Mapping[str, Conversion]]] = {
    "age": {
        "years": _SAME,
        "months": Conversion(divide=12),
        "weeks": Conversion(7, 365.25),
        "days": Conversion(divide=365.25),
    },
    "weight": {"kg": _SAME, "lbs": Conversion(0.45359237), "g": Conversion(divide=1000)},
    "height": {"cm": _SAME, "m": Conversion(100), "in": Conversion(2.54), "ft": Conversion(30.48)},
    "Body Mass Index (BMI)": {"kg/m^2": _SAME, "kg/m²": _SAME},
    "creatinine": _CREATININE,
    "Pre-operative creatinine": _CREATININE,
    "Urine creatinine": _CREATININE,
    "Albumin": {"g/dL": _SAME, "g/L": Conversion(divide=10)},
    "Calcium": {"mg/dL": _SAME, "mmol/L": Conversion(4.008)},
    "Bilirubin": {"mg/dL": _SAME, "µmol/L": Conversion(divide=17.1)},
    "Glucose": {"mg/dL": _SAME, "mmol/L": Conversion(18.016)},
    "Blood Urea Nitrogen (BUN)": {"mg/dL": _SAME, "mmol/L": Conversion(2.8014)},
    "Insulin": {"µIU/mL": _SAME, "pmol/L": Conversion(divide=6)},
    "Hemoglobin": {"g/dL": _SAME, "g/L": Conversion(divide=10)},
    "Sodium": _ION,
    "Potassium": _ION,
    "Urine sodium": _ION,
    "Chloride": _ION,
    "Bicarbonate": _ION,
    "Total cholesterol": _CHOLESTEROL,
    "high-density lipoprotein cholesterol": _CHOLESTEROL,
    "Triglycerides": {"mg/dL": _SAME, "mmol/L": Conversion(88.57)},
    "Alanine aminotransferase": {"U/L": _SAME},
    "Aspartate aminotransferase": {"U/L": _SAME},
    "Platelet count": {"µL": _SAME},
    "White blood cell count": {"µL": _SAME},
    "Heart Rate or Pulse": _RATE,
    "respiratory rate": {"breaths per minute": _SAME},
    "QT interval": {"msec": _SAME, "ms": _SAME},
    "Systolic Blood Pressure": _PRESSURE,
    "Diastolic Blood Pressure": _PRESSURE,
    "PaCO₂": _PRESSURE,
    "Partial pressure of oxygen (PaO₂) for Apache II": _PRESSURE,
    "FiO₂": {"%": _SAME},
    "Hematocrit": {"%": _SAME},
    "Urine Output": {"mL/day": _SAME},
    "DOPamine": _PRESSOR,
    "DOBUTamine": _PRESSOR,
    "EPINEPHrine": _PRESSOR,
    "norEPINEPHrine": _PRESSOR,
    "O₂ saturation percentage": {"%": _SAME},
    "Temperature": {
        "degrees celsius": _SAME,
        "degrees celsisus": _SAME,  # as the benchmark spells it, now and then
        "degrees fahrenheit": _FAHRENHEIT,
        "degrees fahreinheit": _FAHRENHEIT,
    },
}
"""By entity: what its units are worth in the unit that comes first, which is the one that the calculators take."""


def parse(literal: str) -> Entities:
    """The entities of a record. Raises EntityError."""
    try:
        value = ast.literal_eval(literal)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise EntityError(f"not a Python literal ({error})") from error
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise EntityError("not a dictionary by name")
    return value


def quantity(entity: str, default: float | EllipsisType | None = ...) -> Reader:
    """A measured value in the calculator's unit; without a default it must be there."""

    def read(entities: Entities) -> Argument:
        if entity not in entities and default is not ...:
            return _literal(default)
        stated = entities.get(entity)
        if not isinstance(stated, list | tuple) or len(stated) != 2 or stated[1] not in UNITS[entity]:
            raise EntityError(f"{entity}: no value with a known unit")
        value, conversion = _finite(entity, stated[0]), UNITS[entity][stated[1]]
        return Argument(conversion.apply(value), conversion.expression(value))

    return read


def plain_number(entity: str) -> Reader:
    """A value without a unit (INR, days, drinks)."""

    def read(entities: Entities) -> Argument:
        return _literal(_finite(entity, entities.get(entity)))

    return read


def any_of(*names: str) -> Reader:
    """Whether at least one finding is there; one that is not mentioned is absent, as upstream has it."""

    def read(entities: Entities) -> Argument:
        return _literal(any(table_of(*names)(entities).value.values()))

    return read


def count_of(*names: str) -> Reader:
    """How many of the findings are there."""

    def read(entities: Entities) -> Argument:
        return _literal(sum(_finding(entities, entity) for entity in names))

    return read


def table_of(*names: str) -> Reader:
    """The findings by name."""

    def read(entities: Entities) -> Argument:
        return _literal({entity: _finding(entities, entity) for entity in names})

    return read


def sex_is(spelled: str) -> Reader:
    """Whether the patient's sex is the one named."""

    def read(entities: Entities) -> Argument:
        if entities.get("sex") not in {"Male", "Female"}:
            raise EntityError("sex: neither Male nor Female")
        return _literal(entities["sex"] == spelled)

    return read


def renamed(names: Mapping[str, str]) -> Reader:
    """The findings by names of ours, which the calculator knows."""

    def read(entities: Entities) -> Argument:
        return _literal({ours: _finding(entities, entity) for entity, ours in names.items()})

    return read


def grade(entity: str, points: Mapping[str, int], default: int | None = None) -> Reader:
    """The points of a finding that is graded in words; with a default, it may be missing or false."""

    def read(entities: Entities) -> Argument:
        stated = entities.get(entity, False)
        found = points.get(stated) if isinstance(stated, str) else default if stated is False else None
        if found is None:
            raise EntityError(f"{entity}: no known grade")
        return _literal(found)

    return read


def equals(entity: str, wanted: str) -> Reader:
    """Whether a text is the one named; absent, it is not."""

    def read(entities: Entities) -> Argument:
        return _literal(entities.get(entity) == wanted)

    return read


def words(entity: str) -> Reader:
    """A text as it stands."""

    def read(entities: Entities) -> Argument:
        if not isinstance(entities.get(entity), str):
            raise EntityError(f"{entity}: no text")
        return _literal(entities[entity])

    return read


def item(entity: str, index: int) -> Reader:
    """One item of an entity that is a list."""

    def read(entities: Entities) -> Argument:
        stated = entities.get(entity)
        if not isinstance(stated, list | tuple) or len(stated) <= index:
            raise EntityError(f"{entity}: no item {index}")
        return _literal(stated[index])

    return read


def daily_doses(entities: Entities) -> Argument:
    """Dose times doses per day by drug, from pairs of entities "<drug> Dose" and "<drug> Dose Per Day".

    The benchmark writes the strength of a fentanyl patch in mg although it is in µg per hour; the number is meant.
    """
    doses = {}
    for entity in entities:
        if not entity.endswith(" Dose"):
            continue
        drug, dose, per_day = entity.removesuffix(" Dose"), entities[entity], entities.get(f"{entity} Per Day")
        unit = "µg" if "buccal" in drug else "mg"
        if not isinstance(dose, list | tuple) or not isinstance(per_day, list | tuple) or list(dose[1:]) != [unit]:
            raise EntityError(f"{entity}: no dose in {unit} with its number per day")
        doses[drug] = (_finite(entity, dose[0]), _finite(entity, per_day[0]))
    source = ", ".join(f"{drug!r}: {dose!r} * {times!r}" for drug, (dose, times) in doses.items())
    return Argument({drug: dose * times for drug, (dose, times) in doses.items()}, f"{{{source}}}")


def _literal(value: Any) -> Argument:
    return Argument(value, repr(value))


def _finding(entities: Entities, entity: str) -> bool:
    stated = entities.get(entity, False)
    if not isinstance(stated, bool):
        raise EntityError(f"{entity}: neither true nor false")
    return stated


def _finite(entity: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise EntityError(f"{entity}: no finite number")
    return value

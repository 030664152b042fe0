"""What a case is made of: the kinds of facts that can be drawn for a patient, and the ranges that cases share."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Measured:
    """A value drawn between bounds in the calculator's unit, and stated in one of `units` with so many decimals."""

    entity: str
    low: float
    high: float
    units: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Present or absent."""

    entity: str


@dataclass(frozen=True, slots=True)
class Graded:
    """One of the grades that `phrases` has sentences for."""

    entity: str
    phrases: str


@dataclass(frozen=True, slots=True)
class Special:
    """Facts that are drawn by a function of their own (dates, doses, drinks); see `medcalcbench_notes`."""

    kind: str


Draw = Measured | Finding | Graded | Special


@dataclass(frozen=True, slots=True)
class Case:
    """One calculator of the sample."""

    question: str
    draws: tuple[Draw, ...]
    ages: tuple[int, int] = (19, 90)
    uses_age: bool = False
    uses_sex: bool = False
    sexes: tuple[str, ...] = ("Male", "Female")


def findings(*entities: str) -> tuple[Finding, ...]:
    """Several findings."""
    return tuple(map(Finding, entities))


KG: Final = (("kg", 1), ("kg", 1), ("lbs", 1))
CM: Final = (("cm", 0), ("m", 2), ("in", 1))
ION: Final = (("mEq/L", 0), ("mmol/L", 0), ("mmol/L", 1))
PRESSURE: Final = (("mm hg", 0),)
WEIGHT: Final = Measured("weight", 41, 138, KG)
HEIGHT: Final = Measured("height", 146, 197, CM)
CREATININE: Final = Measured("creatinine", 0.5, 5.5, (("mg/dL", 2), ("µmol/L", 0)))
HEART_RATE: Final = Measured("Heart Rate or Pulse", 45, 135, (("beats per minute", 0),))
RESPIRATION: Final = Measured("respiratory rate", 11, 36, (("breaths per minute", 0),))
SYSTOLIC: Final = Measured("Systolic Blood Pressure", 78, 178, PRESSURE)
DIASTOLIC: Final = Measured("Diastolic Blood Pressure", 44, 76, PRESSURE)
TEMPERATURE: Final = Measured("Temperature", 35.2, 40.1, (("degrees celsius", 1), ("degrees fahrenheit", 1)))
SODIUM: Final = Measured("Sodium", 121, 158, ION)
GAP: Final = (
    Measured("Sodium", 128, 152, ION),
    Measured("Chloride", 86, 112, ION),
    Measured("Bicarbonate", 7, 33, ION),
)
ALBUMIN: Final = Measured("Albumin", 1.6, 4.6, (("g/dL", 1), ("g/L", 0)))
BILIRUBIN: Final = Measured("Bilirubin", 0.6, 9.0, (("mg/dL", 1), ("µmol/L", 0)))
GLUCOSE: Final = (("mg/dL", 0), ("mmol/L", 1))
BUN: Final = Measured("Blood Urea Nitrogen (BUN)", 8, 88, (("mg/dL", 0), ("mmol/L", 1)))
INR: Final = Measured("international normalized ratio", 0.9, 3.4, (("", 1),))
LIPID: Final = (("mg/dL", 0), ("mmol/L", 2))
QT: Final = (HEART_RATE, Measured("QT interval", 290, 520, (("msec", 0),)))

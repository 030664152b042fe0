"""The second route to APACHE II and Caprini: what each step away from the normal adds, in order of the steps."""

from collections.abc import Callable, Mapping
from typing import Final

from medgym_ray.tasks.samples.medcalcbench.conditions import Condition, Table, at_least, present, says
from medgym_ray.tasks.samples.medcalcbench.routes import E, celsius, mg_dl, value_of

_Measure = Callable[[E], float]


def _steps(measure: _Measure, falling: Mapping[float, int], rising: Mapping[float, int]) -> Table:
    """Points for each bound that the value lies below, and for each that it reaches."""

    def below(bound: float) -> Condition:
        return lambda e: measure(e) < bound

    def reached(bound: float) -> Condition:
        return lambda e: measure(e) >= bound

    return (
        *((points, below(bound)) for bound, points in falling.items()),
        *((points, reached(bound)) for bound, points in rising.items()),
    )


def _value(entity: str) -> _Measure:
    return lambda e: value_of(e, entity)


def _mean_pressure(e: E) -> float:
    pulse = value_of(e, "Systolic Blood Pressure") - value_of(e, "Diastolic Blood Pressure")
    return value_of(e, "Diastolic Blood Pressure") + pulse / 3


def _gradient(e: E) -> float:
    """The alveolar-arterial gradient where it counts, else none at all."""
    return float(e["A-a gradient"]) if value_of(e, "FiO₂") >= 50 else 0.0


def _oxygen_lack(e: E) -> float:
    """How far the arterial pressure of oxygen is from 100, where it counts."""
    entity = "Partial pressure of oxygen (PaO₂) for Apache II"
    return 100 - value_of(e, entity) if value_of(e, "FiO₂") < 50 else 0.0


def _renal(e: E) -> float:
    return mg_dl(e, "creatinine")


def _again(condition: Condition, table: Table) -> Table:
    """The points once more where the condition holds."""

    def both(other: Condition) -> Condition:
        return lambda e: condition(e) and other(e)

    return tuple((points, both(holds)) for points, holds in table)


def _stated(*entities: str) -> Condition:
    """At least one is stated as present; Caprini's long list is not gone through in every note."""
    return lambda e: any(e.get(entity, False) for entity in entities)


_CREATININE: Final = _steps(_renal, {0.6: 2}, {1.5: 2, 2: 1, 3.5: 1})
_APACHE_II: Final[Table] = (
    *_steps(celsius, {36: 1, 34: 1, 32: 1, 30: 1}, {38.5: 1, 39: 2, 41: 1}),
    *_steps(_mean_pressure, {70: 2, 50: 2}, {110: 2, 130: 1, 160: 1}),
    *_steps(_value("Heart Rate or Pulse"), {70: 2, 55: 1, 40: 1}, {110: 2, 140: 1, 180: 1}),
    *_steps(_value("respiratory rate"), {12: 1, 10: 1, 6: 2}, {25: 1, 35: 2, 50: 1}),
    *_steps(_gradient, {}, {200: 2, 350: 1, 500: 1}),
    *_steps(_oxygen_lack, {}, {30: 1, 40: 2, 45.5: 1}),
    *_steps(lambda e: float(e["pH"]), {7.33: 2, 7.25: 1, 7.15: 1}, {7.5: 1, 7.6: 2, 7.7: 1}),
    *_steps(_value("Sodium"), {130: 2, 120: 1, 111: 1}, {150: 1, 155: 1, 160: 1, 180: 1}),
    *_steps(_value("Potassium"), {3.5: 1, 3: 1, 2.5: 2}, {5.5: 1, 6: 2, 7: 1}),
    *_CREATININE,
    *_again(present("Acute renal failure"), _CREATININE),
    *_steps(_value("Hematocrit"), {30: 2, 20: 2}, {46: 1, 50: 1, 60: 2}),
    *_steps(_value("White blood cell count"), {3_000: 2, 1_000: 2}, {15_000: 1, 20_000: 1, 40_000: 2}),
    *_steps(lambda e: float(e["Glasgow Coma Score"]), dict.fromkeys(range(4, 16), 1), {}),
    *_steps(_value("age"), {}, {45: 2, 55: 1, 65: 2, 75: 1}),
    *_again(
        present("History of severe organ failure or immunocompromise"),
        ((2, says("Surgery Type", "Elective")), (5, says("Surgery Type", "Nonoperative", "Emergency"))),
    ),
)
_CAPRINI: Final[Table] = (
    (1, at_least("age", 41)),
    (1, at_least("age", 61)),
    (1, at_least("age", 75)),
    (1, lambda e: value_of(e, "Body Mass Index (BMI)") > 25),
    (1, says("Surgery Type", "minor")),
    (2, says("Surgery Type", "major", "laparoscopic", "arthroscopic")),
    (5, says("Surgery Type", "elective major lower extremity arthroplasty")),
    (1, says("Mobility", "on bed rest")),
    (2, says("Mobility", "confined to bed >72 hours")),
    (1, _stated("Major Surgery in the last month")),
    (1, _stated("Congestive Heart Failure in the last month")),
    (1, _stated("Sepsis in the last month")),
    (1, _stated("Pneumonia in the last month")),
    (1, _stated("Varicose veins")),
    (1, _stated("Current swollen legs")),
    (1, _stated("History of inflammatory bowel disease")),
    (1, _stated("Acute Myocardial infarction")),
    (1, _stated("Chronic Obstructive Pulmonary Disease")),
    (2, _stated("Immobilizing plaster cast in the last month")),
    (2, _stated("Current central venous access")),
    (2, _stated("Present or previous malignancy")),
    (3, _stated("Previously documented Deep Vein Thrombosis", "Previously Documented Pulmonary Embolism")),
    (3, _stated("Family history of thrombosis")),
    (3, _stated("Positive Factor V Leiden")),
    (3, _stated("Positive prothrombin 20210A")),
    (3, _stated("Elevated serum homocysteine")),
    (3, _stated("Positive lupus anticoagulant")),
    (3, _stated("Elevated anticardiolipin antibody")),
    (3, _stated("Heparin-induced thrombocytopenia")),
    (3, _stated("Other congenital or acquired thrombophilia")),
    (5, _stated("Hip, pelvis, or leg fracture in the last month")),
    (5, _stated("Stroke in the last month")),
    (5, _stated("Multiple trauma in the last month")),
    (5, _stated("Acute spinal cord injury causing paralysis in the last month")),
)

RISK_TABLES: Final[Mapping[int, Table]] = {28: _APACHE_II, 36: _CAPRINI}
"""By calculator number."""

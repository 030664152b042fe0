"""APACHE II, Caprini and Framingham against cases worked out by hand from the published tables."""

from typing import Any

import pytest

from medgym_ray.tasks.medcalcbench.catalogue import CALCULATORS
from medgym_ray.tasks.medcalcbench.formulas import FORMULAS
from medgym_ray.tasks.medcalcbench.risks import CAPRINI_FINDINGS
from medgym_ray.tasks.samples.medcalcbench.cases import CASES

NORMAL: dict[str, Any] = {
    "Temperature": [37.0, "degrees celsius"],
    "Systolic Blood Pressure": [120, "mm Hg"],
    "Diastolic Blood Pressure": [75, "mm Hg"],
    "Heart Rate or Pulse": [80, "beats per minute"],
    "respiratory rate": [16, "breaths per minute"],
    "FiO₂": [21, "%"],
    "Partial pressure of oxygen (PaO₂) for Apache II": [92, "mm Hg"],
    "pH": 7.4,
    "Sodium": [140, "mEq/L"],
    "Potassium": [4.2, "mEq/L"],
    "creatinine": [0.9, "mg/dL"],
    "Hematocrit": [42, "%"],
    "White blood cell count": [8000, "µL"],
    "Glasgow Coma Score": 15,
    "age": [30, "years"],
}
FAILED = "History of severe organ failure or immunocompromise"
PAO2 = "Partial pressure of oxygen (PaO₂) for Apache II"


def test_every_calculator_is_a_program_with_sample_tasks() -> None:
    assert set(FORMULAS) == set(CASES) == {calculator.number for calculator in CALCULATORS}


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({}, 0),
        ({"Temperature": [38.4, "degrees celsius"]}, 0),
        ({"Temperature": [38.5, "degrees celsius"]}, 1),
        ({"Temperature": [41.0, "degrees celsius"]}, 4),
        ({"Temperature": [29.9, "degrees celsius"]}, 4),
        ({"Diastolic Blood Pressure": [44, "mm Hg"]}, 2),
        ({"Heart Rate or Pulse": [69, "beats per minute"]}, 2),
        ({"Heart Rate or Pulse": [39, "beats per minute"]}, 4),
        ({"Heart Rate or Pulse": [140, "beats per minute"]}, 3),
        ({"respiratory rate": [5, "breaths per minute"]}, 4),
        ({"respiratory rate": [25, "breaths per minute"]}, 1),
        ({PAO2: [70, "mm Hg"]}, 1),
        ({PAO2: [60, "mm Hg"]}, 3),
        ({PAO2: [54, "mm Hg"]}, 4),
        ({"FiO₂": [50, "%"], "A-a gradient": 199}, 0),
        ({"FiO₂": [50, "%"], "A-a gradient": 349}, 2),
        ({"FiO₂": [50, "%"], "A-a gradient": 500}, 4),
        ({"pH": 7.32}, 2),
        ({"pH": 7.5}, 1),
        ({"Sodium": [110, "mEq/L"]}, 4),
        ({"Sodium": [155, "mEq/L"]}, 2),
        ({"Potassium": [2.4, "mmol/L"]}, 4),
        ({"Potassium": [5.5, "mmol/L"]}, 1),
        ({"creatinine": [0.5, "mg/dL"]}, 2),
        ({"creatinine": [2.0, "mg/dL"]}, 3),
        ({"creatinine": [2.0, "mg/dL"], "Acute renal failure": True}, 6),
        ({"Hematocrit": [46, "%"]}, 1),
        ({"White blood cell count": [2900, "µL"]}, 2),
        ({"Glasgow Coma Score": 3}, 12),
        ({"age": [44, "years"]}, 0),
        ({"age": [75, "years"]}, 6),
        ({FAILED: True}, 5),
        ({FAILED: True, "Surgery Type": "Elective"}, 2),
        ({"Surgery Type": "Emergency"}, 0),
    ],
)
def test_apache_ii(changes: dict[str, Any], points: int) -> None:
    assert FORMULAS[28].compute({**NORMAL, **changes}) == points


def test_apache_ii_needs_the_measure_of_oxygen_that_counts() -> None:
    with pytest.raises(ValueError, match="gradient"):
        FORMULAS[28].compute({**NORMAL, "FiO₂": [60, "%"]})
    with pytest.raises(ValueError, match="pressure"):
        FORMULAS[28].compute({name: value for name, value in NORMAL.items() if name != PAO2})


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({}, 0),
        ({"age": [40, "years"]}, 0),
        ({"age": [41, "years"]}, 1),
        ({"age": [75, "years"]}, 3),
        ({"Body Mass Index (BMI)": [25.1, "kg/m^2"]}, 1),
        ({"Surgery Type": "elective major lower extremity arthroplasty"}, 5),
        ({"Mobility": "confined to bed >72 hours"}, 2),
        ({"Previously documented Deep Vein Thrombosis": True, "Previously Documented Pulmonary Embolism": True}, 3),
        ({"Stroke in the last month": True, "Varicose veins": True, "Present or previous malignancy": True}, 8),
        (dict.fromkeys(CAPRINI_FINDINGS, True), 9 * 1 + 3 * 2 + 8 * 3 + 4 * 5),
    ],
)
def test_caprini(changes: dict[str, Any], points: int) -> None:
    patient = {"age": [30, "years"], "Body Mass Index (BMI)": [22.0, "kg/m^2"]}
    assert FORMULAS[36].compute({**patient, **changes}) == points


def test_framingham_risk_moves_as_published() -> None:
    patient = {
        "age": [55, "years"],
        "sex": "Male",
        "Total cholesterol": [213, "mg/dL"],
        "high-density lipoprotein cholesterol": [50, "mg/dL"],
        "Systolic Blood Pressure": [120, "mm Hg"],
    }
    risk = FORMULAS[46].compute(patient)
    assert risk == pytest.approx(6.5085, abs=1e-3)
    assert FORMULAS[46].compute({**patient, "sex": "Female"}) == pytest.approx(1.2097, abs=1e-3)
    for worse in ({"Smoker": True}, {"Blood pressure being treated with medicines": True}, {"age": [56, "years"]}):
        assert FORMULAS[46].compute({**patient, **worse}) > risk
    for sex, cap in (("Male", 70), ("Female", 78)):
        old = [FORMULAS[46].function(cap + 1, sex == "Male", 213, 50, 120, False, smoker) for smoker in (True, False)]
        at_cap = [FORMULAS[46].function(cap, sex == "Male", 213, 50, 120, False, smoker) for smoker in (True, False)]
        assert old[0] > at_cap[0]
        assert old[1] > at_cap[1]

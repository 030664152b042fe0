"""The second route to the sample's scores: tables of (points, condition), written independently of the calculators."""

from collections.abc import Mapping
from typing import Any, Final

from medgym_ray.tasks.samples.medcalcbench.conditions import (
    Condition,
    Table,
    always,
    at_least,
    over,
    present,
    says,
    under,
)
from medgym_ray.tasks.samples.medcalcbench.routes import E, celsius, grams_dl, is_woman, mg_dl, value_of
from medgym_ray.tasks.samples.medcalcbench.tables_risks import RISK_TABLES

_PSI = 29
"""Its points begin with the years of age."""


def _urea_nitrogen_from(bound: float) -> Condition:
    return lambda e: mg_dl(e, "Blood Urea Nitrogen (BUN)") >= bound


def _risk_factors(e: E) -> int:
    risks = ("Hypertension history", "hypercholesterolemia", "Diabetes mellitus criteria for CCI rule", "obesity")
    return sum(e[r] for r in (*risks, "smoking", "parent or sibling with Cardiovascular disease before age 65"))


def _hemoglobin_under(bound: float, woman: bool) -> Condition:
    return lambda e: is_woman(e) is woman and grams_dl(e, "Hemoglobin") < bound


def _oxygenation(e: E) -> float:
    return 100 * value_of(e, "Partial pressure of oxygen (PaO₂) for Apache II") / value_of(e, "FiO₂")


def _pressor(e: E) -> str:
    """The step of the one vasoactive drug that the sample gives, or nothing."""
    if "DOBUTamine" in e:
        return "weak"
    if "DOPamine" in e:
        dose = value_of(e, "DOPamine")
        return "weak" if dose <= 5 else "strong" if dose <= 15 else "strongest"
    doses = [value_of(e, drug) for drug in ("EPINEPHrine", "norEPINEPHrine") if drug in e]
    return "" if not doses else "strong" if doses[0] <= 0.1 else "strongest"


def _renal(e: E, creatinine: float, urine: float) -> bool:
    return mg_dl(e, "creatinine") >= creatinine or value_of(e, "Urine Output") < urine


TABLES: Final[Mapping[int, Table]] = {
    4: (
        (1, present("Congestive Heart Faliure")),
        (1, present("Hypertension history")),
        (1, at_least("age", 65)),
        (1, at_least("age", 75)),
        (1, present("Diabetes history")),
        (2, present("Stroke", "Transient Ischemic Attacks History", "Thromboembolism history")),
        (1, present("Vascular disease history")),
        (1, says("sex", "Female")),
    ),
    8: (
        (3, present("Clinical signs and symptoms of Deep Vein Thrombosis")),
        (3, present("Pulmonary Embolism is #1 diagnosis OR equally likely")),
        (1.5, over("Heart Rate or Pulse", 100)),
        (1.5, present("Immobilization for at least 3 days", "Surgery in the previous 4 weeks")),
        (1.5, present("Previously Documented Pulmonary Embolism", "Previously documented Deep Vein Thrombosis")),
        (1, present("Hemoptysis")),
        (1, present("Malignancy with treatment within 6 months or palliative")),
    ),
    15: (
        (5, always),
        (1, lambda e: mg_dl(e, "Bilirubin") >= 2),
        (1, lambda e: mg_dl(e, "Bilirubin") > 3),
        (1, lambda e: grams_dl(e, "Albumin") <= 3.5),
        (1, lambda e: grams_dl(e, "Albumin") < 2.8),
        (1, lambda e: e["international normalized ratio"] >= 1.7),
        (1, lambda e: e["international normalized ratio"] > 2.3),
        (1, says("Ascites", "slight", "moderate")),
        (1, says("Ascites", "moderate")),
        (1, says("Encephalopathy", "Grade 1-2", "Grade 3-4")),
        (1, says("Encephalopathy", "Grade 3-4")),
    ),
    16: (
        (1, present("Active cancer")),
        (1, present("Bedridden recently >3 days or major surgery within 12 weeks")),
        (1, present("Calf swelling >3 centimeters compared to the other leg")),
        (1, present("Collateral (nonvaricose) superficial veins present")),
        (1, present("Entire Leg Swollen")),
        (1, present("Localized tenderness along the deep venous system")),
        (1, present("Pitting edema, confined to symptomatic leg")),
        (1, present("Paralysis, paresis, or recent plaster immobilization of the lower extremity")),
        (1, present("Previously documented Deep Vein Thrombosis")),
        (-2, present("Alternative diagnosis to Deep Vein Thrombosis as likely or more likely")),
    ),
    17: (
        (1, present("Elevated-risk surgery")),
        (1, present("History of ischemic heart disease")),
        (1, present("Congestive Heart Failure criteria for the Cardiac Risk Index rule")),
        (1, present("History of cerebrovascular disease")),
        (1, present("Pre-operative treatment with insulin")),
        (1, lambda e: mg_dl(e, "Pre-operative creatinine") > 2),
    ),
    18: (
        (1, says("Suspicion History", "Moderately suspicious")),
        (2, says("Suspicion History", "Highly suspicious")),
        (1, says("Electrocardiogram Test", "Non-specific repolarization disturbance")),
        (2, says("Electrocardiogram Test", "Significant ST deviation")),
        (1, at_least("age", 45)),
        (1, at_least("age", 65)),
        (1, lambda e: _risk_factors(e) > 0 or e["atherosclerotic disease"]),
        (1, lambda e: _risk_factors(e) > 2 or e["atherosclerotic disease"]),
        (1, says("Initial troponin", "between the normal limit or up to three times the normal limit")),
        (2, says("Initial troponin", "greater than three times normal limit")),
    ),
    20: (
        (1, lambda e: 3 <= value_of(e, "age") <= 14),
        (-1, at_least("age", 45)),
        (1, lambda e: celsius(e) > 38),
        (1, present("Exudate or swelling on tonsils")),
        (1, present("Tender/swollen anterior cervical lymph nodes")),
        (1, present("Cough Absent")),
    ),
    21: (
        (3, always),
        (1, says("Best eye response", "eye opening to pain")),
        (2, says("Best eye response", "eye opening to verbal command")),
        (3, says("Best eye response", "eyes open spontaneously")),
        (1, says("Best verbal response", "incomprehensible sounds")),
        (2, says("Best verbal response", "inappropriate words")),
        (3, says("Best verbal response", "confused")),
        (4, says("Best verbal response", "oriented")),
        (1, says("Best motor response", "extension to pain")),
        (2, says("Best motor response", "flexion to pain")),
        (3, says("Best motor response", "withdrawal from pain")),
        (4, says("Best motor response", "localizes pain")),
        (5, says("Best motor response", "obeys commands")),
    ),
    25: (
        (1, present("Hypertension history")),
        (1, present("Renal disease criteria for the HAS-BLED rule")),
        (1, present("Liver disease criteria for the HAS-BLED rule")),
        (1, present("Stroke")),
        (1, present("Prior major bleeding or predisposition to bleeding")),
        (1, present("Labile international normalized ratio")),
        (1, over("age", 65)),
        (1, present("Medication usage predisposing to bleeding")),
        (1, lambda e: e["Number of Alcoholic Drinks Per Week"] > 7),
    ),
    27: (
        (2, _urea_nitrogen_from(18.2)),
        (1, _urea_nitrogen_from(22.4)),
        (1, _urea_nitrogen_from(28)),
        (2, _urea_nitrogen_from(70)),
        (1, _hemoglobin_under(12, woman=True)),
        (5, _hemoglobin_under(10, woman=True)),
        (1, _hemoglobin_under(13, woman=False)),
        (2, _hemoglobin_under(12, woman=False)),
        (3, _hemoglobin_under(10, woman=False)),
        (1, under("Systolic Blood Pressure", 110)),
        (1, under("Systolic Blood Pressure", 100)),
        (1, under("Systolic Blood Pressure", 90)),
        (1, at_least("Heart Rate or Pulse", 100)),
        (1, present("Melena present")),
        (2, present("Recent syncope")),
        (2, present("Hepatic disease history")),
        (2, present("Cardiac failure present")),
    ),
    29: (
        (-10, says("sex", "Female")),
        (10, present("Nursing home resident")),
        (30, present("Neoplastic disease")),
        (20, present("Liver disease severity")),
        (10, present("Congestive Heart Faliure")),
        (10, present("Cerebrovascular disease history")),
        (10, present("Renal disease")),
        (20, present("Altered mental status")),
        (20, at_least("respiratory rate", 30)),
        (20, under("Systolic Blood Pressure", 90)),
        (15, lambda e: not 35 <= celsius(e) < 40),
        (10, at_least("Heart Rate or Pulse", 125)),
        (30, lambda e: e["pH"] < 7.35),
        (20, _urea_nitrogen_from(30)),
        (20, under("Sodium", 130)),
        (10, lambda e: mg_dl(e, "Glucose") >= 250),
        (10, under("Hematocrit", 30)),
        (10, under("Partial pressure of oxygen (PaO₂) for Apache II", 60)),
        (10, present("Pleural effusion on x-ray")),
    ),
    32: (
        (1, at_least("age", 50)),
        (1, at_least("age", 60)),
        (1, at_least("age", 70)),
        (1, at_least("age", 80)),
        (1, present("Myocardial infarction")),
        (1, present("Congestive Heart Faliure")),
        (1, present("Peripheral vascular disease")),
        (1, present("Cerebrovascular Accident", "Transient Ischemic Attacks History")),
        (1, present("Dementia")),
        (1, present("Chronic Obstructive Pulmonary Disease")),
        (1, present("Connective tissue disease")),
        (1, present("Peptic ulcer disease")),
        (1, says("Liver disease severity", "Mild")),
        (3, says("Liver disease severity", "Moderate to Severe")),
        (1, says("Diabetes mellitus criteria for CCI rule", "Uncomplicated")),
        (2, says("Diabetes mellitus criteria for CCI rule", "End-organ damage")),
        (2, present("Hemiplegia")),
        (2, present("Moderate to severe Chronic Kidney Disease")),
        (2, present("Leukemia")),
        (2, present("Lymphoma")),
        (2, says("Solid tumor", "Localized")),
        (6, says("Solid tumor", "Metastatic")),
        (6, present("AIDS")),
    ),
    33: (
        (1, present("Fever in past 24 hours")),
        (1, present("Absence of cough or coryza")),
        (1, present("Symptom onset ≤3 days")),
        (1, present("Purulent tonsils")),
        (1, present("Severe tonsil inflammation")),
    ),
    45: (
        (1, present("Confusion")),
        (1, lambda e: mg_dl(e, "Blood Urea Nitrogen (BUN)") > 19),
        (1, at_least("respiratory rate", 30)),
        (1, lambda e: value_of(e, "Systolic Blood Pressure") < 90 or value_of(e, "Diastolic Blood Pressure") <= 60),
        (1, at_least("age", 65)),
    ),
    48: (
        (1, at_least("age", 50)),
        (1, at_least("Heart Rate or Pulse", 100)),
        (1, under("O₂ saturation percentage", 95)),
        (1, present("Unilateral Leg Swelling")),
        (1, present("Hemoptysis")),
        (1, present("Recent surgery or trauma")),
        (1, present("Previously Documented Pulmonary Embolism")),
        (1, present("Hormone use")),
    ),
    43: (
        (1, lambda e: _oxygenation(e) < 400),
        (1, lambda e: _oxygenation(e) < 300),
        (1, lambda e: _oxygenation(e) < 200 and e["On mechanical ventilation"]),
        (1, lambda e: _oxygenation(e) < 100 and e["On mechanical ventilation"]),
        (1, under("Platelet count", 150_000)),
        (1, under("Platelet count", 100_000)),
        (1, under("Platelet count", 50_000)),
        (1, under("Platelet count", 20_000)),
        (1, lambda e: mg_dl(e, "Bilirubin") >= 1.2),
        (1, lambda e: mg_dl(e, "Bilirubin") >= 2),
        (1, lambda e: mg_dl(e, "Bilirubin") >= 6),
        (1, lambda e: mg_dl(e, "Bilirubin") >= 12),
        (1, lambda e: e["Hypotension"] or bool(_pressor(e))),
        (1, lambda e: bool(_pressor(e))),
        (1, lambda e: _pressor(e) in {"strong", "strongest"}),
        (1, lambda e: _pressor(e) == "strongest"),
        (1, lambda e: e["Glasgow Coma Score"] <= 14),
        (1, lambda e: e["Glasgow Coma Score"] <= 12),
        (1, lambda e: e["Glasgow Coma Score"] <= 9),
        (1, lambda e: e["Glasgow Coma Score"] <= 5),
        (1, lambda e: _renal(e, 1.2, 500)),
        (1, lambda e: _renal(e, 2.0, 500)),
        (1, lambda e: _renal(e, 3.5, 500)),
        (1, lambda e: _renal(e, 5.0, 200)),
    ),
    51: (
        (1, lambda e: not 36 <= celsius(e) <= 38),
        (1, over("Heart Rate or Pulse", 90)),
        (1, over("respiratory rate", 20)),
        (1, lambda e: not 4 <= value_of(e, "White blood cell count") / 1000 <= 12),
    ),
    **RISK_TABLES,
}
"""By calculator number."""


def points(number: int, entities: Mapping[str, Any]) -> float:
    """The score of a calculator, summed down its table."""
    years = value_of(entities, "age") if number == _PSI else 0
    return years + sum(value for value, holds in TABLES[number] if holds(entities))

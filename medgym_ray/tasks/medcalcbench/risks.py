"""The scores of a whole patient's risk: function and arguments, by calculator number."""

from typing import Final

from medgym_ray.tasks.medcalcbench.binding import Formula
from medgym_ray.tasks.medcalcbench.calculators import scores_risk
from medgym_ray.tasks.medcalcbench.entities import (
    Argument,
    Entities,
    Reader,
    any_of,
    grade,
    plain_number,
    quantity,
    renamed,
    sex_is,
)

CAPRINI_FINDINGS: Final = {
    "Major Surgery in the last month": "major surgery",
    "Congestive Heart Failure in the last month": "heart failure",
    "Sepsis in the last month": "sepsis",
    "Pneumonia in the last month": "pneumonia",
    "Immobilizing plaster cast in the last month": "plaster cast",
    "Hip, pelvis, or leg fracture in the last month": "fracture",
    "Stroke in the last month": "stroke",
    "Multiple trauma in the last month": "multiple trauma",
    "Acute spinal cord injury causing paralysis in the last month": "spinal cord injury",
    "Varicose veins": "varicose veins",
    "Current swollen legs": "swollen legs",
    "Current central venous access": "central venous access",
    "Family history of thrombosis": "family history",
    "Positive Factor V Leiden": "factor V Leiden",
    "Positive prothrombin 20210A": "prothrombin 20210A",
    "Elevated serum homocysteine": "homocysteine",
    "Positive lupus anticoagulant": "lupus anticoagulant",
    "Elevated anticardiolipin antibody": "anticardiolipin antibody",
    "Heparin-induced thrombocytopenia": "heparin-induced thrombocytopenia",
    "Other congenital or acquired thrombophilia": "other thrombophilia",
    "History of inflammatory bowel disease": "inflammatory bowel disease",
    "Acute Myocardial infarction": "infarction",
    "Chronic Obstructive Pulmonary Disease": "lung disease",
    "Present or previous malignancy": "malignancy",
}
PREVIOUS_CLOTS: Final = ("Previously documented Deep Vein Thrombosis", "Previously Documented Pulmonary Embolism")

_AGE: Final = quantity("age")
_SYSTOLIC: Final = quantity("Systolic Blood Pressure")


def _if_stated(entity: str) -> Reader:
    """A value without a unit, or None."""

    def read(entities: Entities) -> Argument:
        return plain_number(entity)(entities) if entity in entities else Argument(None, "None")

    return read


RISKS: Final = {
    28: Formula(
        scores_risk.apache_ii,
        {
            "temperature_c": quantity("Temperature"),
            "systolic_mm_hg": _SYSTOLIC,
            "diastolic_mm_hg": quantity("Diastolic Blood Pressure"),
            "heart_rate": quantity("Heart Rate or Pulse"),
            "respiratory_rate": quantity("respiratory rate"),
            "fio2_percent": quantity("FiO₂"),
            "aa_gradient_mm_hg": _if_stated("A-a gradient"),
            "pao2_mm_hg": quantity("Partial pressure of oxygen (PaO₂) for Apache II", None),
            "ph": plain_number("pH"),
            "sodium_meq_l": quantity("Sodium"),
            "potassium_meq_l": quantity("Potassium"),
            "creatinine_mg_dl": quantity("creatinine"),
            "acute_renal_failure": any_of("Acute renal failure"),
            "hematocrit_percent": quantity("Hematocrit"),
            "white_cells_per_ul": quantity("White blood cell count"),
            "coma_score": plain_number("Glasgow Coma Score"),
            "age": _AGE,
            "failing_organs": any_of("History of severe organ failure or immunocompromise"),
            "points_if_failing": grade("Surgery Type", {"Nonoperative": 5, "Elective": 2, "Emergency": 5}, 5),
        },
    ),
    36: Formula(
        scores_risk.caprini,
        {
            "age": _AGE,
            "bmi": quantity("Body Mass Index (BMI)"),
            "surgery": grade(
                "Surgery Type",
                {
                    "none": 0,
                    "minor": 1,
                    "major": 2,
                    "laparoscopic": 2,
                    "arthroscopic": 2,
                    "elective major lower extremity arthroplasty": 5,
                },
                0,
            ),
            "mobility": grade("Mobility", {"normal": 0, "on bed rest": 1, "confined to bed >72 hours": 2}, 0),
            "previous_clot": any_of(*PREVIOUS_CLOTS),
            "findings": renamed(CAPRINI_FINDINGS),
        },
    ),
    46: Formula(
        scores_risk.framingham_risk,
        {
            "age": _AGE,
            "male": sex_is("Male"),
            "cholesterol_mg_dl": quantity("Total cholesterol"),
            "hdl_mg_dl": quantity("high-density lipoprotein cholesterol"),
            "systolic_mm_hg": _SYSTOLIC,
            "treated": any_of("Blood pressure being treated with medicines"),
            "smoker": any_of("Smoker"),
        },
    ),
}

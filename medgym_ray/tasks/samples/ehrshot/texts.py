"""What the sample's tasks say, in our own words."""

from collections.abc import Mapping
from typing import Final

DESCRIPTIONS: Final[Mapping[str, str]] = {
    "guo_los": (
        "Each row is an admission, seen at the end of its first day. Will the patient stay in hospital for a week or "
        "longer?"
    ),
    "guo_readmission": (
        "Each row is a hospital visit, seen at its prediction time. Will the patient be admitted again within a month "
        "after the discharge?"
    ),
    "guo_icu": (
        "Each row is an admission, seen at the end of its first day. Will the patient be moved to intensive care later "
        "in the same visit?"
    ),
    "lab_thrombocytopenia": (
        "A platelet count is about to come back from the laboratory. Will it be low, and in which grade?"
    ),
    "lab_hyperkalemia": (
        "A potassium value is about to come back from the laboratory. Will it be too high, and in which grade?"
    ),
    "lab_hypoglycemia": (
        "A glucose value is about to come back from the laboratory. Will it be too low, and in which grade?"
    ),
    "lab_hyponatremia": (
        "A sodium value is about to come back from the laboratory. Will it be too low, and in which grade?"
    ),
    "lab_anemia": (
        "A haemoglobin value is about to come back from the laboratory. Will it be too low, and in which grade?"
    ),
    "new_hypertension": "Will high blood pressure be diagnosed in this patient for the first time in the coming year?",
    "new_hyperlipidemia": "Will raised blood lipids be found in this patient for the first time in the coming year?",
    "new_pancan": "Will cancer of the pancreas be diagnosed in this patient for the first time in the coming year?",
    "new_celiac": "Will coeliac disease be diagnosed in this patient for the first time in the coming year?",
    "new_lupus": "Will lupus be diagnosed in this patient for the first time in the coming year?",
    "new_acutemi": "Will this patient have a first heart attack in the coming year?",
    "chexpert": (
        "A chest X-ray will be reported a day after the prediction time. Which of fourteen findings will the report "
        "state?"
    ),
}

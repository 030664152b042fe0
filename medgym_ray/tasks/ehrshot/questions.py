"""The fifteen tasks: what their labels hold, and how good a prediction solves them."""

from collections.abc import Mapping
from typing import Final

from medgym_ray.tasks.prediction.problem import Classes, KeyColumn, Keys, Problem, bits, flag, grade

OPERATIONAL: Final = ("guo_los", "guo_readmission", "guo_icu")
LABS: Final = ("lab_thrombocytopenia", "lab_hyperkalemia", "lab_hypoglycemia", "lab_hyponatremia", "lab_anemia")
DIAGNOSES: Final = (
    "new_hypertension",
    "new_hyperlipidemia",
    "new_pancan",
    "new_celiac",
    "new_lupus",
    "new_acutemi",
)
IMAGING: Final = "chexpert"
TASKS: Final = (*OPERATIONAL, *LABS, *DIAGNOSES, IMAGING)

FINDINGS: Final = (
    "no_finding",
    "enlarged_cardiomediastinum",
    "cardiomegaly",
    "lung_lesion",
    "lung_opacity",
    "edema",
    "consolidation",
    "pneumonia",
    "atelectasis",
    "pneumothorax",
    "pleural_effusion",
    "pleural_other",
    "fracture",
    "support_devices",
)
"""In the order of the bits of a label, from 8192 down to 1."""

KEYS: Final = Keys((KeyColumn("patient_id"), KeyColumn("prediction_time", is_time=True)))
_THRESHOLDS: Mapping[tuple[str, ...], float] = {OPERATIONAL: 0.7, LABS: 0.7, DIAGNOSES: 0.65, (IMAGING,): 0.65}
"""Below what published models reach on such tasks, and above what chance reaches on so many rows."""


def problem(task_name: str) -> Problem:
    """The problem of a task."""
    threshold = next(threshold for names, threshold in _THRESHOLDS.items() if task_name in names)
    return Problem(KEYS, "value", _classes(task_name), threshold)


def describe(task_name: str) -> tuple[str, str, str]:
    """What labels, probabilities and metric are, for the prompt."""
    if task_name == IMAGING:
        places = ", ".join(f"{name} {2 ** (13 - at)}" for at, name in enumerate(FINDINGS))
        return (
            f"The column value is the sum of the numbers of the findings present: {places}.",
            "Each of these columns is the probability that the finding of that name is present.",
            "the mean over the 14 findings of the AUROC (area under the ROC curve)",
        )
    if task_name in LABS:
        return (
            "The column value grades the result: 0 normal, 1 mild, 2 moderate, 3 severe.",
            "The column probability is the probability that the result is not normal (value 1, 2 or 3).",
            "AUROC (area under the ROC curve)",
        )
    return (
        "The column value is 1 where the event comes about, else 0.",
        "The column probability is the probability that value is 1.",
        "AUROC (area under the ROC curve)",
    )


def _classes(task_name: str) -> Classes:
    if task_name == IMAGING:
        return bits(FINDINGS)
    return grade(4) if task_name in LABS else flag()

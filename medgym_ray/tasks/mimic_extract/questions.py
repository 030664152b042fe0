"""The six tasks: whose rows they have, what their labels hold, and how good a prediction solves them."""

from collections.abc import Mapping
from typing import Final

from medgym_ray.tasks.prediction.problem import KeyColumn, Keys, Problem, flag, one_of

CATEGORIES: Final[Mapping[str, str]] = {
    "mort_icu": "mortality",
    "mort_hosp": "mortality",
    "los_3": "length_of_stay",
    "los_7": "length_of_stay",
    "vasopressor": "intervention",
    "ventilation": "intervention",
}
"""Of each task."""

STAYS: Final = "mortality_los"
WINDOWS: Final = "vasopressor_ventilation"
FOLDERS: Final = (STAYS, WINDOWS)
HOURS: Final = 24
"""Of each stay that are shown. More would tell how long it was."""
WINDOW_HOURS: Final = 6
_STAY_KEYS: Final = Keys((KeyColumn("subject_id"), KeyColumn("hadm_id")))
_WINDOW_KEYS: Final = Keys((KeyColumn("subject_id"), KeyColumn("6_hour_window_id")))
_STATUSES: Final = 4
_SHARE: Final = 0.5
"""Of what the record's baseline gains over chance: it saw the whole stay."""


def folder(task_name: str) -> str:
    """Where a task's features and labels lie."""
    return WINDOWS if CATEGORIES[task_name] == "intervention" else STAYS


def problem(task_name: str, baseline: float) -> Problem:
    """The problem of a task whose baseline reaches that AUROC."""
    threshold = round(0.5 + _SHARE * (baseline - 0.5), 3)
    if folder(task_name) == WINDOWS:
        return Problem(_WINDOW_KEYS, "intervention_category", one_of(_STATUSES), threshold)
    return Problem(_STAY_KEYS, task_name, flag(), threshold)


def describe(task_name: str) -> tuple[str, str, str]:
    """What labels, probabilities and metric are, for the prompt."""
    if folder(task_name) == WINDOWS:
        return (
            "The column intervention_category is the status in the period to predict, coded as 0, 1, 2 or 3: without "
            "the intervention, with it throughout, begun within it, or ended within it. A row is a window of "
            f"{WINDOW_HOURS} hours: window w holds the hours {WINDOW_HOURS}w to {WINDOW_HOURS}w + {WINDOW_HOURS - 1} "
            "of the stay, which are the ones to predict from.",
            "The column probability_k is the probability of the status that is coded as k; a row need not add up to 1.",
            "the mean over the four statuses of the one-versus-rest AUROC (area under the ROC curve)",
        )
    return (
        f"The column {task_name} is 1 where it comes true, else 0.",
        f"The column probability is the probability that {task_name} is 1.",
        "AUROC (area under the ROC curve)",
    )

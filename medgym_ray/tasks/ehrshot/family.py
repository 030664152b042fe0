"""The family: its records, its files, and the program that reads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.tasks.base import Split
from medgym_ray.tasks.ehrshot.features import PARTS, features
from medgym_ray.tasks.ehrshot.questions import FINDINGS, IMAGING, LABS, TASKS, describe, problem
from medgym_ray.tasks.prediction.family import PredictionFamily
from medgym_ray.tasks.prediction.labels import Labels, read_labels
from medgym_ray.tasks.prediction.problem import Problem

_FEATURES = """\
The record of each patient up to a time is given as one precomputed vector. The directories /data/ehrshot/clmbr_train, \
clmbr_val and clmbr_test hold three arrays each, for numpy.load: data_matrix.npy (one vector a row), patient_ids.npy \
and labeling_time.npy (whose the row is and up to when it looks; join them with patient_id and prediction_time)."""

_DATA = """\
import numpy as np
import pandas as pd

def vectors(part, rows):
    folder = f"/data/ehrshot/clmbr_{part}"
    times = pd.to_datetime(pd.Series(np.load(f"{folder}/labeling_time.npy"))).astype("datetime64[ns]")
    index = pd.MultiIndex.from_arrays([np.load(f"{folder}/patient_ids.npy"), times])
    wanted = [rows["patient_id"], pd.to_datetime(rows["prediction_time"]).astype("datetime64[ns]")]
    places = index.get_indexer(pd.MultiIndex.from_arrays(wanted))
    return np.load(f"{folder}/data_matrix.npy", mmap_mode="r")[places].astype("float64")

labels = {part: pd.read_csv(f"{part}_labels.csv") for part in PARTS}
keys = pd.read_csv("GRADED_keys.csv")
X = np.vstack([vectors(part, rows) for part, rows in labels.items()])
X_new = vectors("GRADED", keys)
values = np.concatenate([rows["value"] for rows in labels.values()]).astype(int)
"""
_TARGETS = {
    "flag": 'columns, Y = ["probability"], (values == 1)[:, None].astype(int)\n',
    "grade": 'columns, Y = ["probability"], (values >= 1)[:, None].astype(int)\n',
    "bits": f"columns = {list(FINDINGS)!r}\nY = values[:, None] >> np.arange(len(columns) - 1, -1, -1) & 1\n",
}


class EHRShot(PredictionFamily):
    """Predictions for patients of one hospital: operations, laboratory results, new diagnoses, chest X-rays."""

    name = "ehrshot"
    licence = "stanford-ehrshot"
    categories = TASKS
    scorer_version = "ehrshot-1"
    paper_sizes: Mapping[Split, int] = {"train": 15, "test": 15}

    def task_file(self, split: Split) -> str:  # noqa: ARG002
        """Both splits have the same tasks and differ in the rows to predict."""
        return "task.jsonl"

    def complaint(self, fields: Mapping[str, Any]) -> str | None:
        """Only the fifteen tasks have labels whose meaning is known."""
        return None if fields["task_name"] in TASKS else f"unknown task_name {fields['task_name']!r}"

    def category(self, fields: Mapping[str, Any]) -> str:
        """Each task is its own."""
        return str(fields["task_name"])

    def problem(self, inputs: Mapping[str, Any]) -> Problem:
        """See `questions`."""
        return problem(inputs["task_name"])

    def labels(self, root: Path, inputs: Mapping[str, Any], part: str) -> Labels:
        """All labels of a part."""
        name = inputs["task_name"]
        return read_labels(root / self.name / name / f"{part}_labels.csv", problem(name))

    def tables(self, root: Path) -> Mapping[str, Path]:
        """The vectors; labels are given to each task alone. Raises ConfigError where they are missing or broken."""
        try:
            return {f"/data/ehrshot/clmbr_{part}": features(root / self.name, part) for part in PARTS}
        except TaskError as error:
            raise ConfigError(f"family {self.name}: {error}") from error

    def describe_features(self, inputs: Mapping[str, Any]) -> str:  # noqa: ARG002
        """The same for all tasks."""
        return _FEATURES

    def describe_labels(self, inputs: Mapping[str, Any]) -> tuple[str, str, str]:
        """See `questions`."""
        return describe(inputs["task_name"])

    def data_program(self, inputs: Mapping[str, Any], graded: str) -> str:
        """Joins vectors and labels by patient and time."""
        name = inputs["task_name"]
        kind = "bits" if name == IMAGING else "grade" if name in LABS else "flag"
        parts = ("train", "val") if graded == "test" else ("train",)
        return _DATA.replace("GRADED", graded).replace("PARTS", repr(parts)) + _TARGETS[kind]

"""The family: its records, its files, and the programs that read them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.tasks.base import Split
from medgym_ray.tasks.mimic_extract import features, questions
from medgym_ray.tasks.mimic_extract.programs import data_program
from medgym_ray.tasks.prediction.family import PredictionFamily
from medgym_ray.tasks.prediction.labels import Labels, read_labels
from medgym_ray.tasks.prediction.problem import Problem

_WHERE = "/data/mimic_extract"
_LAB = f"""\
Each stay in intensive care is given by hourly measurements of its first {questions.HOURS} hours. The directories \
{_WHERE}/FOLDER/X_lab_train, X_lab_val and X_lab_test hold values.npy (for numpy.load: stay, hour, column), stays.csv \
(the {", ".join(features.STAY)} of each stay, in the order of values.npy) and columns.csv (what was measured and which \
statistic of the hour it is, in the order of the columns)."""
_STATIC = f"""\
 {_WHERE}/FOLDER/X_static_train.csv, X_static_val.csv and X_static_test.csv hold what is known of the patients on \
arrival."""


class MimicExtract(PredictionFamily):
    """Predictions for stays in intensive care, from their first day."""

    name = "mimic_extract"
    licence = "physionet-1.5.0"
    categories = tuple(dict.fromkeys(questions.CATEGORIES.values()))
    scorer_version = "mimic_extract-1"
    revealed_by = frozenset({"ehr_seqsql", "ehrcon", "mimic_iii", "treqs"})
    paper_sizes: Mapping[Split, int] = {"train": 3, "test": 3}

    def task_file(self, split: Split) -> str:
        """Each split has tasks of its own."""
        return f"{split}_tasks.jsonl"

    def complaint(self, fields: Mapping[str, Any]) -> str | None:
        """What the six tasks need beside a name."""
        name = fields["task_name"]
        if name not in questions.CATEGORIES:
            return f"unknown task_name {name!r}"
        directory = fields.get("feature_label_directory")
        if not isinstance(directory, str) or directory.removeprefix("./").rstrip("/") != questions.folder(name):
            return f"feature_label_directory of {name} must be ./{questions.folder(name)}"
        performance = fields.get("performance")
        baseline = performance.get("AUC") if isinstance(performance, dict) else None
        if isinstance(baseline, bool) or not isinstance(baseline, int | float) or not 0.5 < baseline <= 1:
            return "field performance has no AUC between 0.5 and 1"
        return None

    def category(self, fields: Mapping[str, Any]) -> str:
        """Mortality, length of stay or intervention."""
        return questions.CATEGORIES[fields["task_name"]]

    def problem(self, inputs: Mapping[str, Any]) -> Problem:
        """See `questions`."""
        return questions.problem(inputs["task_name"], inputs["performance"]["AUC"])

    def labels(self, root: Path, inputs: Mapping[str, Any], part: str) -> Labels:
        """The labels of the stays and windows that have features."""
        name = inputs["task_name"]
        home = root / self.name / questions.folder(name)
        read = read_labels(home / f"{part}_{name}_labels.csv", self.problem(inputs))
        known = features.subjects(features.lab(home, part))
        windows = questions.HOURS // questions.WINDOW_HOURS if questions.folder(name) == questions.WINDOWS else None
        kept = {
            key: value
            for key, value in read.values.items()
            if key[0] in known and (windows is None or key[1] in range(windows))
        }
        return replace(read, values=kept)

    def tables(self, root: Path) -> Mapping[str, Path]:
        """The features; labels are given to each task alone. Raises ConfigError where they are missing or broken."""
        home = root / self.name
        try:
            found = {
                f"{_WHERE}/{folder}/X_lab_{part}": features.lab(home / folder, part)
                for folder in questions.FOLDERS
                for part in features.PARTS
            }
            windows = questions.WINDOWS
            for part in features.PARTS:
                found[f"{_WHERE}/{windows}/X_static_{part}.csv"] = features.static(home / windows, part)
        except TaskError as error:
            raise ConfigError(f"family {self.name}: {error}") from error
        return found

    def describe_features(self, inputs: Mapping[str, Any]) -> str:
        """Hourly measurements; for the interventions also the patients."""
        folder = questions.folder(inputs["task_name"])
        return (_LAB + (_STATIC if folder == questions.WINDOWS else "")).replace("FOLDER", folder)

    def describe_labels(self, inputs: Mapping[str, Any]) -> tuple[str, str, str]:
        """See `questions`."""
        return questions.describe(inputs["task_name"])

    def data_program(self, inputs: Mapping[str, Any], graded: str) -> str:
        """Summarises the hours of each row; see `programs`."""
        return data_program(inputs["task_name"], graded)

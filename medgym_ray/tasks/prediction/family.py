"""What the prediction families have in common: what is shown, what is kept back, and how a file is graded."""

import asyncio
import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medgym_ray.actions import Action, ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task, Workspace
from medgym_ray.tasks.prediction import programs
from medgym_ray.tasks.prediction.labels import Labels, write_keys, write_labels
from medgym_ray.tasks.prediction.problem import Problem
from medgym_ray.tasks.prediction.scoring import is_decided, score_file
from medgym_ray.tasks.records import Record, read_jsonl

PREDICTIONS = "predictions.csv"
_GRADED: Mapping[Split, str] = {"test": "test", "train": "val"}
"""The rows to predict: a training run must not learn from the labels that the test is graded by."""
_SHOWN: Mapping[Split, tuple[str, ...]] = {"test": ("train", "val"), "train": ("train",)}

_PROMPT = """\
{description}

{features}

In the working directory lie the labels of the rows to learn from ({labelled}, columns {label_columns}) and the rows \
to predict ({keys}, columns {key_columns}; their features are those called {graded}). {labels}

Write the file predictions.csv into the working directory: CSV in UTF-8 with a header line and the columns \
{key_columns}, {columns}. {probabilities} Every row of {keys} must stand there exactly once, in any order, with \
probabilities from 0 to 1; further columns do not matter. A file with a missing, additional or repeated row, or with a \
value that is no such number, earns nothing.

The file is graded by {metric} on the hidden labels: the reward is twice the AUROC less 1, and the task counts as \
solved from an AUROC of {threshold} on. Hand it in by submitting a program that writes the file, or any program once \
it lies there; the variable `answer` is not needed for this task."""


class PredictionFamily(Family):
    """A family whose submission is a file of probabilities. A family of its kind says what its rows and labels are."""

    restricted = True
    actions = frozenset({ActionKind.TERMINAL, ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT})
    collects = (PREDICTIONS,)

    def __init__(self) -> None:
        # By the hash of the task's sources; there are at most 15 tasks, of 70,000 rows.
        self._graded: dict[str, Labels] = {}
        self._files: dict[str, Mapping[str, bytes]] = {}

    @abstractmethod
    def task_file(self, split: Split) -> str:
        """The name of the file that lists the tasks."""

    @abstractmethod
    def complaint(self, fields: Mapping[str, Any]) -> str | None:
        """What keeps a record from being a task of this family."""

    @abstractmethod
    def category(self, fields: Mapping[str, Any]) -> str:
        """The category of a sound record."""

    @abstractmethod
    def problem(self, inputs: Mapping[str, Any]) -> Problem:
        """What the record asks for."""

    @abstractmethod
    def labels(self, root: Path, inputs: Mapping[str, Any], part: str) -> Labels:
        """The labels of a part (train, val or test). Raises TaskError."""

    @abstractmethod
    def describe_features(self, inputs: Mapping[str, Any]) -> str:
        """Where the features lie in the sandbox and what they are, for the prompt."""

    @abstractmethod
    def describe_labels(self, inputs: Mapping[str, Any]) -> tuple[str, str, str]:
        """What the labels, the probabilities and the metric are, for the prompt."""

    @abstractmethod
    def data_program(self, inputs: Mapping[str, Any], graded: str) -> str:
        """Python that reads the data as an agent may: see `programs`."""

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """The tasks of a split: `test` is graded on the test rows, `train` on the validation rows."""
        seen: set[str] = set()
        for record in read_jsonl(root / self.name / self.task_file(split), report):
            why = _complaint(record.fields) or self.complaint(record.fields)
            if why is None and record.fields["task_name"] in seen:
                why = f"a second task {record.fields['task_name']}"
            if why is not None:
                report.record_broken(record.path, record.line, why)
                continue
            seen.add(record.fields["task_name"])
            task = self._task(root, split, record, report)
            if task is not None:
                yield task

    def _task(self, root: Path, split: Split, record: Record, report: LoadReport) -> Task | None:
        """The task, every label file that it needs having been read once."""
        task_id = f"{self.name}/{_GRADED[split]}-{record.fields['task_name']}"
        inputs = {name: value for name, value in record.fields.items() if name != "task_id"}
        try:
            parts = {part: self.labels(root, inputs, part) for part in (*_SHOWN[split], _GRADED[split])}
        except TaskError as error:
            report.task_dropped(task_id, str(error))
            return None
        for part, labels in parts.items():
            if labels.contradictory:
                report.task_dropped(f"{task_id}#{part}", f"{labels.contradictory} rows have two different labels")
        if not is_decided(parts[_GRADED[split]].values, self.problem(inputs).classes):
            report.task_dropped(task_id, "the rows to predict all have the same label")
            return None
        gold = {"root": str(root.absolute()), "sha256": parts[_GRADED[split]].sha256}
        source = hashlib.sha256("".join([record.sha256, *(labels.sha256 for labels in parts.values())]).encode())
        return Task(task_id, self.name, self.category(inputs), split, inputs, gold, source.hexdigest())

    def prepare(self, task: Task) -> Workspace:
        """The labels to learn from, and the keys of the rows to predict. Raises TaskError."""
        if task.source_sha256 not in self._files:
            problem, graded = self.problem(task.inputs), _GRADED[task.split]
            files = {
                f"{part}_labels.csv": write_labels(self._labels(task, part).values, problem)
                for part in _SHOWN[task.split]
            }
            files[f"{graded}_keys.csv"] = write_keys(self._labels(task, graded).values, problem)
            self._files[task.source_sha256] = files
        return Workspace(self._files[task.source_sha256])

    def _labels(self, task: Task, part: str) -> Labels:
        return self.labels(Path(task.gold["root"]), task.inputs, part)

    def prompt(self, task: Task) -> str:
        """The task, its files, and the exact form of the file to hand in."""
        problem, graded = self.problem(task.inputs), _GRADED[task.split]
        labels, probabilities, metric = self.describe_labels(task.inputs)
        return _PROMPT.format(
            description=str(task.inputs["task_description"]).strip(),
            features=self.describe_features(task.inputs),
            labelled=" and ".join(f"{part}_labels.csv" for part in _SHOWN[task.split]),
            label_columns=", ".join((*problem.keys.names, problem.value)),
            keys=f"{graded}_keys.csv",
            key_columns=", ".join(problem.keys.names),
            columns=", ".join(problem.classes.columns),
            graded=graded,
            labels=labels,
            probabilities=probabilities,
            metric=metric,
            threshold=problem.threshold,
        )

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:  # noqa: ARG002
        """Grades predictions.csv as the program left it; no code is run. Raises TaskError for labels that changed."""
        if not submission.ran:
            return Score(0.0, False, "did_not_run", 0.0)
        return await asyncio.to_thread(self._score, task, submission.files.get(PREDICTIONS))

    def _score(self, task: Task, data: bytes | None) -> Score:
        if task.source_sha256 not in self._graded:
            labels = self._labels(task, _GRADED[task.split])
            if labels.sha256 != task.gold["sha256"]:
                raise TaskError(f"{task.task_id}: its labels have changed since the tasks were loaded")
            self._graded[task.source_sha256] = labels
        return score_file(data, self.problem(task.inputs), self._graded[task.source_sha256].values)

    def oracle(self, task: Task) -> list[Action]:
        """Looks at the data, chooses a logistic regression on rows held out, and submits its predictions."""
        return programs.oracle(self.data_program(task.inputs, _GRADED[task.split]), f"/data/{self.name}")

    def honest(self, task: Task) -> Mapping[str, str]:
        """The same predictions written in other ways, and other models."""
        return programs.honest(self.data_program(task.inputs, _GRADED[task.split]), self.problem(task.inputs))

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """Good predictions in a file that is not what was asked for."""
        return programs.near_misses(self.data_program(task.inputs, _GRADED[task.split]), self.problem(task.inputs))

    def cheats(self, task: Task) -> list[str]:
        """Files that predict nothing, and looks for the hidden labels."""
        return programs.cheats(self.problem(task.inputs), _GRADED[task.split])


def _complaint(fields: Mapping[str, Any]) -> str | None:
    for name in ("task_name", "task_description"):
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            return f"field {name} is missing or no text"
    return None

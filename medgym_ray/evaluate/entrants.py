"""The runs that are set side by side: each with its label, its rollouts, and what became of each of its tasks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

import numpy as np
import pandas as pd

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.evaluate.estimators import best_at_k
from medgym_ray.evaluate.rollouts import TASK, Rollouts, read_rollouts
from medgym_ray.store.layout import RUN_FILE
from medgym_ray.store.stored import StoredRun


@dataclass(frozen=True, slots=True)
class OurFailures:
    """Attempts that failed through a fault of ours; they are in no rate."""

    attempts: Mapping[str, int]
    """By class of error."""
    lost: int
    """Rollouts of which no attempt succeeded."""


@dataclass(frozen=True)
class Entrant:
    """One run under its label."""

    label: str
    model: str
    stored: StoredRun
    rollouts: Rollouts
    failures: OurFailures
    scored: bool
    """A verifier has scored its rollouts."""

    @cached_property
    def tasks(self) -> pd.DataFrame:
        """One row for each task, sorted by its names, which are the index.

        `rollouts` and `successes` count; measures are means over the task's rollouts, nan where none has a value. With
        a verifier's scores `best` is best@k for k = 1 … its rollouts.
        """
        groups = self.rollouts.frame.groupby(TASK, observed=True, sort=False)
        counts = groups.agg(
            rollouts=("success", "size"),
            successes=("success", "sum"),
            restricted=("restricted", "max"),
            data=("data", "first"),
            scorer_version=("scorer_version", "first"),
        )
        table = counts.join(groups[self.rollouts.measures].mean())
        names = table.index.to_frame(index=False).astype(str)
        table.index = pd.MultiIndex.from_frame(names)
        if self.scored:
            best = {
                task: best_at_k(group["score"].to_numpy(), group["success"].to_numpy(), len(group))
                for task, group in groups
            }
            table["best"] = [best[task] for task in table.index]
        return table.sort_index()


def read_entrants(
    runs: Sequence[StoredRun], labels: Sequence[str], scores: Mapping[str, float] | None = None
) -> list[Entrant]:
    """Reads the runs; `labels` are empty (the models' names), or one for each. Raises ConfigError."""
    models = [_model(run) for run in runs]
    named = _checked(labels, runs) if labels else _labels(runs, models)
    entrants = []
    for run, label, model in zip(runs, named, models, strict=True):
        rollouts = read_rollouts(run, scores)
        scored = scores is not None and _scored(label, rollouts.frame)
        entrants.append(Entrant(label, model, run, rollouts, _failures(run, rollouts.frame), scored))
    if scores is not None and not any(entrant.scored for entrant in entrants):
        raise ConfigError("verifier: it has a score for no trajectory of these runs; give the file made from them")
    return _alike(entrants)


def _model(run: StoredRun) -> str:
    try:
        return str(run.config["model"]["name"])
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{run.root}/{RUN_FILE}: not the configuration of a run ({error})") from error


def _checked(labels: Sequence[str], runs: Sequence[StoredRun]) -> list[str]:
    if len(labels) != len(runs):
        raise ConfigError(f"labels: {len(labels)} for {len(runs)} runs; give one for each, in the same order")
    if any(not label.strip() for label in labels):
        raise ConfigError("labels: one is empty; give one for each run")
    if len(set(labels)) != len(labels):
        twice = next(label for label, count in Counter(labels).items() if count > 1)
        raise ConfigError(f"labels: '{twice}' is given twice; they tell the runs apart")
    return list(labels)


def _labels(runs: Sequence[StoredRun], models: Sequence[str]) -> list[str]:
    """The model; with the directory's name where another run has the same, and a number where that is not enough."""
    many = Counter(models)
    named = [
        model if many[model] == 1 else f"{model} ({PurePosixPath(str(run.root)).name})"
        for run, model in zip(runs, models, strict=True)
    ]
    again = Counter(named)
    seen: Counter[str] = Counter()
    labels = []
    for name in named:
        seen[name] += 1
        labels.append(name if again[name] == 1 else f"{name} #{seen[name]}")
    return labels


def _scored(label: str, frame: pd.DataFrame) -> bool:
    """Whether the verifier has scored this run: all of it or nothing."""
    without = int(frame["score"].isna().sum())
    if without in (0, len(frame)):
        return without == 0
    task = frame.loc[frame["score"].isna(), "task_id"].iloc[0]
    raise ConfigError(
        f"verifier: no score for {without} of {len(frame)} trajectories of {label}, the first of task {task}; score all"
    )


def _failures(run: StoredRun, frame: pd.DataFrame) -> OurFailures:
    attempts: Counter[str] = Counter()
    failed: set[tuple[str, int]] = set()
    try:
        for batch in run.failures():
            columns = batch.select(["error_class", "task_id", "rollout_index"]).to_pydict()
            attempts.update(columns["error_class"])
            failed.update(zip(columns["task_id"], columns["rollout_index"], strict=True))
    except StorageError as error:
        raise ConfigError(str(error)) from error
    if failed:
        failed -= set(zip(frame["task_id"].astype(str), frame["rollout_index"], strict=True))
    return OurFailures(dict(sorted(attempts.items())), len(failed))


def _alike(entrants: Sequence[Entrant]) -> list[Entrant]:
    """Every end and flag that one of them has is a measure of all: where it never occurs, its share is 0."""
    shares = sorted({name for entrant in entrants for name in entrant.rollouts.measures if ":" in name})
    for entrant in entrants:
        frame = entrant.rollouts.frame
        for name in shares:
            if name not in frame.columns:
                frame[name] = np.zeros(len(frame))
    return list(entrants)

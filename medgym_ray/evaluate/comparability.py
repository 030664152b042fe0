"""What a reader has to know before comparing the figures: what is missing, and in what the runs are not alike."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.evaluate.entrants import Entrant
from medgym_ray.evaluate.estimates import common_tasks
from medgym_ray.events import RunEnded, RunStarted, parsed
from medgym_ray.store.layout import EVENTS, logs
from medgym_ray.store.lines import read_lines
from medgym_ray.store.run import read_dropped

_SHOWN = 5
"""Tasks, settings and families that are named; the rest is counted."""
_VALUE = 40
"""Characters of a setting's value."""
_EXPECTED_TO_DIFFER = ("model.", "tasks.families", "tasks.hub", "tasks.root", "sandbox.python", "sandbox.wheelhouse")
"""The runs are there to compare models, tasks are told apart by themselves, and paths say nothing."""


def notes(entrants: Sequence[Entrant]) -> list[str]:
    """One sentence each. Raises ConfigError for a run whose files cannot be read."""
    return [*reservations(entrants), *_restricted(entrants)]


def reservations(entrants: Sequence[Entrant]) -> list[str]:
    """Those on the figures, and not on the files of an evaluation. Raises ConfigError as `notes`."""
    found: list[str] = []
    try:
        for entrant in entrants:
            found += _of_run(entrant)
    except StorageError as error:
        raise ConfigError(str(error)) from error
    baseline = entrants[0]
    for entrant in entrants[1:]:
        found += _tasks_apart(entrant, baseline)
    found += [*_settings_apart(entrants), *_versions_apart(entrants)]
    return found


def _of_run(entrant: Entrant) -> Iterator[str]:
    label = entrant.label
    counts = entrant.tasks["rollouts"]
    fewest, most = int(counts.min()), int(counts.max())
    adaptive = _sampling(entrant, "pairs") is not None
    if fewest != most:
        yield f"{label}: tasks have {fewest} to {most} rollouts; pass@k of all tasks is told for k ≤ {fewest}."
    if adaptive:
        yield (
            f"{label} was sampled adaptively (sampling.pairs): how many rollouts a task got depends on how they ended, "
            "which biases its success and pass@k."
        )
    yield from _missing(entrant, adaptive)
    if entrant.failures.lost:
        yield f"{label}: {entrant.failures.lost} rollouts were lost through failures of ours; they are in no figure."
    if entrant.rollouts.repeated:
        yield f"{label}: {entrant.rollouts.repeated} rows repeat a rollout of a task; the first of each counts."
    if logs(entrant.stored.root):
        yield f"{label}: rows in the log of its unfinished run are left out; the run's own command brings them in."


def _missing(entrant: Entrant, adaptive: bool) -> Iterator[str]:
    """By what the last command of the run asked for, which may be more than run.yaml says; else by run.yaml."""
    dropped = len(read_dropped(entrant.stored.root))
    if dropped:
        yield f"{entrant.label}: {dropped} tasks were dropped, for their gold cannot be trusted (dropped.jsonl)."
    if adaptive:
        return
    started: RunStarted | None = None
    settled = 0
    for event in parsed(read_lines(entrant.stored.root, EVENTS)):
        if isinstance(event, RunStarted):
            started, settled = event, 0
        elif isinstance(event, RunEnded):
            settled = event.dropped
    tasks, rollouts = len(entrant.tasks), int(_sampling(entrant, "rollouts") or 1)
    if started is not None:
        tasks, rollouts = started.tasks, started.rollouts
    there, asked = len(entrant.rollouts.frame), tasks * rollouts - settled
    if there < asked:
        short = tasks - int((entrant.tasks["rollouts"] >= rollouts).sum()) - settled // rollouts
        yield (
            f"{entrant.label} is incomplete: {there} of {asked} trajectories are there; {short} of {tasks} tasks have "
            f"fewer than {rollouts} rollouts."
        )


def _sampling(entrant: Entrant, key: str) -> Any:
    sampling = entrant.stored.config.get("sampling")
    return sampling.get(key) if isinstance(sampling, Mapping) else None


def _tasks_apart(entrant: Entrant, baseline: Entrant) -> Iterator[str]:
    a, b = entrant.tasks, baseline.tasks
    for mine, its, label, other in (
        (a, b, entrant.label, baseline.label),
        (b, a, baseline.label, entrant.label),
    ):
        only = mine.loc[mine.index.difference(its.index, sort=True)]
        if len(only):
            yield f"{len(only)} of {len(mine)} tasks of {label} are not in {other}: {_named(only)}."
    changed = len(a.index.intersection(b.index)) - len(common_tasks(entrant, baseline))
    if changed:
        yield (
            f"{changed} tasks have the same id in {entrant.label} and {baseline.label}, but another record: they are "
            "not compared."
        )


def _named(tasks: pd.DataFrame) -> str:
    """Tasks of restricted families are counted, not named."""
    open_tasks = tasks[~tasks["restricted"].astype(bool)]
    names = [str(task) for _, _, task in open_tasks.index]
    parts = [", ".join(names[:_SHOWN])] if names else []
    parts += [f"{len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    closed = tasks[tasks["restricted"].astype(bool)]
    parts += [f"{count} of {family}" for family, count in closed.groupby(level="family").size().items()]
    return ", ".join(parts)


def _settings_apart(entrants: Sequence[Entrant]) -> Iterator[str]:
    identities = [entrant.stored.identity for entrant in entrants]
    apart = []
    for key in sorted({key for identity in identities for key in identity}):
        values = [_short(identity.get(key)) for identity in identities]
        if len(set(values)) > 1 and not key.startswith(_EXPECTED_TO_DIFFER):
            apart.append(f"{key} ({', '.join(f'{e.label}: {v}' for e, v in zip(entrants, values, strict=True))})")
    if apart:
        more = f"; and {len(apart) - _SHOWN} more" if len(apart) > _SHOWN else ""
        yield f"The runs differ in more than the model: {'; '.join(apart[:_SHOWN])}{more}."


def _short(value: object) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}…"


def _versions_apart(entrants: Sequence[Entrant]) -> Iterator[str]:
    schemas = {version for entrant in entrants for version in entrant.rollouts.schema_versions}
    if len(schemas) > 1:
        yield f"The records are of several versions of the schema: {', '.join(sorted(schemas))}."
    scorers: dict[str, set[str]] = {}
    for entrant in entrants:
        pairs = entrant.rollouts.frame[["family", "scorer_version"]].drop_duplicates().astype(str)
        for family, version in pairs.itertuples(index=False):
            scorers.setdefault(family, set()).add(version)
    mixed = [
        f"{family} ({', '.join(sorted(versions))})" for family, versions in sorted(scorers.items()) if len(versions) > 1
    ]
    if mixed:
        yield f"Scored by several versions of a scorer: {', '.join(mixed)}; medgym_ray.rescore scores them alike."


def _restricted(entrants: Sequence[Entrant]) -> Iterator[str]:
    families: set[str] = set()
    for entrant in entrants:
        frame = entrant.rollouts.frame
        families |= set(frame.loc[frame["restricted"].astype(bool), "family"].astype(str))
    if families:
        yield (
            f"Restricted: {', '.join(sorted(families))}. per_task.parquet names single tasks of them and may not be "
            "made public."
        )

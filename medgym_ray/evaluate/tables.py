"""An evaluation as tables: Markdown for people, a terminal's table, Parquet for programs."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
from rich.table import Table
from rich.text import Text

from medgym_ray.evaluate.entrants import Entrant
from medgym_ray.evaluate.estimates import (
    ALL,
    BEST,
    COST,
    OVER_FAMILIES,
    PASS,
    REWARD,
    SUCCESS,
    TOTAL_COST,
    Estimate,
    Figures,
)
from medgym_ray.evaluate.intervals import WILSON, Resampling
from medgym_ray.evaluate.reference import LABEL
from medgym_ray.evaluate.rollouts import ENDED, FLAG

_NONE = "–"
_AGREED = "†"
_NARROW = 20
"""Tasks below which a reader is warned."""
_ESCAPES = str.maketrans({**{mark: f"\\{mark}" for mark in "\\|*`"}, "&": "&amp;", "<": "&lt;", ">": "&gt;"})
_IN_TERMINAL = 7
"""Columns that a terminal has room for."""
_PER_ROLLOUT = {
    "turns": "turns",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
    "wall_s": "seconds",
    "parse_errors": "unreadable replies",
}

ESTIMATES = pa.schema(
    [
        ("run", pa.string()),
        ("against", pa.string()),
        ("family", pa.string()),
        ("metric", pa.string()),
        ("k", pa.int32()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("interval", pa.string()),
        ("n_tasks", pa.int64()),
        ("n_rollouts", pa.int64()),
        ("source", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that is told of some runs. The first is the one that the others are compared with."""

    entrants: Sequence[Entrant]
    figures: Figures
    published: Sequence[Estimate]
    notes: Sequence[str]
    resampling: Resampling
    version: str

    @property
    def labels(self) -> list[str]:
        """Of the runs, in their order."""
        return [entrant.label for entrant in self.entrants]


def estimates_table(evaluation: Evaluation) -> pa.Table:
    """Every figure, one a row; published ones among them."""
    rows = [dataclasses.asdict(e) for e in (*evaluation.figures.estimates, *evaluation.published)]
    return pa.Table.from_pylist(rows, schema=ESTIMATES)


def per_task_table(evaluation: Evaluation) -> pa.Table:
    """One row for each task of each run: its rollouts and the means of its measures. Rows may be `restricted`."""
    frames = []
    for entrant in evaluation.entrants:
        tasks = entrant.tasks.drop(columns=["data", "best"], errors="ignore").reset_index()
        tasks.insert(0, "run", entrant.label)
        counts = {"rollouts": "int64", "successes": "int64", "restricted": "bool", "scorer_version": "str"}
        frames.append(tasks.astype(counts))
    return pa.Table.from_pandas(pd.concat(frames, ignore_index=True), preserve_index=False).replace_schema_metadata()


def markdown(evaluation: Evaluation) -> str:
    """The report."""
    resampling = evaluation.resampling
    head = (
        f"medgym_ray {evaluation.version}. Success is the mean over tasks of the share of a task’s rollouts that "
        f"succeed. In brackets: {resampling.confidence:.0%} intervals, from {resampling.resamples:,} draws of tasks, "
        f"each with all its rollouts (seed {resampling.seed}). {_AGREED}: all tasks agree, or there is one; the "
        "interval is Wilson’s for as many tasks."
    )
    parts = ["# Evaluation", head, "## All tasks", markdown_table(*_overall(evaluation))]
    parts += ["\n".join(f"- {_safe(note)}" for note in evaluation.notes)] if evaluation.notes else []
    if len(evaluation.entrants) > 1:
        parts += ["## Differences", markdown_table(*_differences(evaluation)), _DIFFERENCES]
    parts += ["## Success by family", markdown_table(*_by_family(evaluation)), *_narrow(evaluation)]
    parts += ["## Reward by family", markdown_table(*_rewards(evaluation)), _REWARDS]
    parts += ["## pass@k", markdown_table(*_at_k(evaluation)), _AT_K]
    parts += ["## How rollouts ended", markdown_table(*_ends(evaluation)), _ENDS]
    parts += ["## Flags", markdown_table(*_flags(evaluation))] if evaluation.figures.metrics(FLAG) else []
    return "\n\n".join(parts) + "\n"


_DIFFERENCES = "Over the tasks that both runs have, task by task: an interval without 0 is a difference."
_REWARDS = "The mean true reward, and what the original’s own rule would have paid for the same rollouts."
_AT_K = (
    "pass@k: the chance that of k rollouts of a task at least one succeeds, 1 − C(n−c, k)/C(n, k), in the mean over "
    "tasks, as far as every task has k rollouts. best@k: that the one which the verifier scores highest does."
)
_ENDS = (
    "Shares of rollouts, in the mean over tasks. `failed`: attempts that failed through a fault of ours (engine, "
    "sandbox, storage) and were tried again; they are in no share."
)


def terminal(evaluation: Evaluation) -> Table:
    """The table of all tasks."""
    header, rows = _overall(evaluation)
    table = Table()
    for name in header[:_IN_TERMINAL]:
        table.add_column(Text(name))
    for row in rows:
        table.add_row(*(Text(cell) for cell in row[:_IN_TERMINAL]))
    return table


Rows = tuple[list[str], list[list[str]]]


def _overall(evaluation: Evaluation) -> Rows:
    figures = evaluation.figures
    dollars = bool(figures.metrics(COST))
    header = ["run", "tasks", "rollouts", "success", "mean of families", "reward", "by the paper’s rule"]
    header += [*_PER_ROLLOUT.values(), *(["$ a rollout", "$ in all"] if dollars else [])]
    rows = []
    for label in evaluation.labels:
        success = figures.get(label, ALL, SUCCESS)
        cells = [label, *((str(success.n_tasks), str(success.n_rollouts)) if success else (_NONE, _NONE))]
        cells += [_percent(success), _percent(figures.get(label, ALL, SUCCESS + OVER_FAMILIES))]
        cells += [_share(figures.get(label, ALL, name)) for name in (REWARD, "reward_paper")]
        cells += [_number(figures.get(label, ALL, name)) for name in _PER_ROLLOUT]
        cells += [_money(figures.get(label, ALL, name)) for name in (COST, TOTAL_COST)] if dollars else []
        rows.append(cells)
    return header, rows


def _differences(evaluation: Evaluation) -> Rows:
    baseline = evaluation.labels[0]
    header = ["run", "family", "tasks", "success", "reward"]
    rows = []
    for label in evaluation.labels[1:]:
        name = f"{label} − {baseline}"
        for family in (ALL, *evaluation.figures.families()):
            success, reward = (
                evaluation.figures.get(label, family, metric, against=baseline) for metric in (SUCCESS, REWARD)
            )
            if success is not None:
                rows.append([name, family, str(success.n_tasks), _percent(success, "+"), _share(reward, "+")])
        if evaluation.figures.get(label, ALL, SUCCESS, against=baseline) is None:
            rows.append([name, ALL, "0", _NONE, _NONE])
    return header, rows


def _by_family(evaluation: Evaluation) -> Rows:
    published = sorted({(e.run, str(e.source)) for e in evaluation.published})
    values = {(e.run, e.source, e.family): e.value for e in evaluation.published}
    header = ["family", *evaluation.labels, *(f"{model}, {LABEL}: {source}" for model, source in published)]
    rows = []
    families = {*evaluation.figures.families(), *(e.family for e in evaluation.published)} - {ALL}
    for family in (*sorted(families), ALL):
        cells = [family]
        for label in evaluation.labels:
            success = evaluation.figures.get(label, family, SUCCESS)
            cells.append(f"{_percent(success)} n={success.n_tasks}" if success else _NONE)
        found = [values.get((model, source, family)) for model, source in published]
        rows.append(cells + [_NONE if value is None else f"{value:.1%}" for value in found])
    return header, rows


def _narrow(evaluation: Evaluation) -> list[str]:
    few = [
        family
        for family in evaluation.figures.families()
        if any(
            e is not None and e.n_tasks < _NARROW
            for e in (evaluation.figures.get(label, family, SUCCESS) for label in evaluation.labels)
        )
    ]
    return [f"Fewer than {_NARROW} tasks, so that the interval is a rough one: {_safe(', '.join(few))}."] if few else []


def _rewards(evaluation: Evaluation) -> Rows:
    rows = []
    for family in (*evaluation.figures.families(), ALL):
        cells = [family]
        for label in evaluation.labels:
            true, paper = (evaluation.figures.get(label, family, name) for name in (REWARD, "reward_paper"))
            cells.append(f"{_plain(true)} / {_plain(paper)}" if true else _NONE)
        rows.append(cells)
    return ["family", *(f"{label}: true / paper" for label in evaluation.labels)], rows


def _at_k(evaluation: Evaluation) -> Rows:
    known = evaluation.figures.ks(PASS)
    shown = [k for k in known if k & (k - 1) == 0 or k == known[-1]]
    rows = []
    for label in evaluation.labels:
        for metric in (PASS, BEST):
            found = [evaluation.figures.get(label, ALL, metric, k) for k in shown]
            if any(found):
                rows.append([label, metric, *map(_percent, found)])
    return ["run", "", *(f"k = {k}" for k in shown)], rows


def _ends(evaluation: Evaluation) -> Rows:
    ends = evaluation.figures.metrics(ENDED)
    failures = sorted({name for entrant in evaluation.entrants for name in entrant.failures.attempts})
    header = ["run", *(end.removeprefix(ENDED) for end in ends), "rollouts lost", *(f"failed: {f}" for f in failures)]
    rows = []
    for entrant in evaluation.entrants:
        shares = [_percent(evaluation.figures.get(entrant.label, ALL, end)) for end in ends]
        ours = [str(entrant.failures.attempts.get(name, 0)) for name in failures]
        rows.append([entrant.label, *shares, str(entrant.failures.lost), *ours])
    return header, rows


def _flags(evaluation: Evaluation) -> Rows:
    flags = evaluation.figures.metrics(FLAG)
    rows = [
        [label, *(_percent(evaluation.figures.get(label, ALL, flag)) for flag in flags)] for label in evaluation.labels
    ]
    return ["run", *(flag.removeprefix(FLAG) for flag in flags)], rows


def _percent(estimate: Estimate | None, sign: str = "") -> str:
    if estimate is None:
        return _NONE
    value = f"{100 * estimate.value:{sign}.1f}%"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{100 * estimate.low:{sign}.1f}, {100 * estimate.high:{sign}.1f}]{_mark(estimate)}"


def _share(estimate: Estimate | None, sign: str = "") -> str:
    if estimate is None:
        return _NONE
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:{sign}.3f}"
    return f"{estimate.value:{sign}.3f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]{_mark(estimate)}"


def _mark(estimate: Estimate) -> str:
    return _AGREED if estimate.interval == WILSON else ""


def _plain(estimate: Estimate | None) -> str:
    return _NONE if estimate is None else f"{estimate.value:.3f}"


def _number(estimate: Estimate | None) -> str:
    if estimate is None:
        return _NONE
    return f"{estimate.value:,.0f}" if abs(estimate.value) >= 100 else f"{estimate.value:.2f}"


def _money(estimate: Estimate | None) -> str:
    return _NONE if estimate is None else f"{estimate.value:,.4f}"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose cells are shown as they are, whatever is in them."""
    lines = [[_safe(cell) for cell in header], ["---"] * len(header), *([_safe(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _safe(text: str) -> str:
    """Names come from others: none may end a cell, become a link or be taken for HTML."""
    return " ".join(text.split()).translate(_ESCAPES).replace("](", "]\\(")

"""Writes `root/mimic_extract/` in the original's layout, the features as arrays and tables instead of pickles."""

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from medgym_ray.tasks.mimic_extract.features import STAY
from medgym_ray.tasks.mimic_extract.questions import CATEGORIES, HOURS, STAYS, WINDOW_HOURS, WINDOWS, folder
from medgym_ray.tasks.samples import planted
from medgym_ray.tasks.samples.mimic_extract.cohort import GROUPS, MEASURES, STATISTICS, Cohort

_STAYS_IN: Final[Mapping[str, int]] = {"train": 480, "val": 200, "test": 300}
_WINDOWS_IN: Final[Mapping[str, int]] = {"train": 180, "val": 80, "test": 110}
_TASKS: Final[Mapping[str, tuple[str, ...]]] = {
    "test": ("mort_icu", "los_7", "ventilation"),
    "train": ("mort_hosp", "los_3", "vasopressor"),
}
_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "mort_icu": "From the first day of a stay in intensive care, predict whether the patient will die during the stay.",
    "mort_hosp": (
        "From the first day of a stay in intensive care, predict whether the patient will die before leaving hospital."
    ),
    "los_3": "From the first day of a stay in intensive care, predict whether it will last longer than three days.",
    "los_7": "From the first day of a stay in intensive care, predict whether it will last longer than a week.",
    "ventilation": (
        "From six hours of a stay in intensive care, predict what becomes of mechanical ventilation in a period of "
        "four hours that begins six hours later."
    ),
    "vasopressor": (
        "From six hours of a stay in intensive care, predict what becomes of vasopressors in a period of four hours "
        "that begins six hours later."
    ),
}
# How level and trend of the measurements (in the order of MEASURES) make for each outcome.
_DEATH: Final = ((1, -3, 1, -2, 4), (0, -2, 1, -1, 3))
_LENGTH: Final = ((2, -1, 3, -3, 1), (1, 0, 2, -2, 1))
_NEED: Final = {"ventilation": (1, 0, 3, -4, 0), "vasopressor": (2, -4, 0, 0, 3)}
_NOISE_PER_CENT: Final = 85


def build(root: Path, seed: int) -> None:
    """Writes features, labels and task files, byte for byte the same for the same seed."""
    home = root / "mimic_extract"
    rng = random.Random(f"mimic_extract/{seed}")
    reached: dict[str, float] = {}
    for place, sizes, first_id in ((STAYS, _STAYS_IN, 20_000), (WINDOWS, _WINDOWS_IN, 60_000)):
        cohort = Cohort(rng, sum(sizes.values()), first_id)
        start = 0
        for part, size in sizes.items():
            _write_features(home / place, part, cohort, slice(start, start + size))
            start += size
        reached |= (_write_stays if place == STAYS else _write_windows)(home / place, cohort, sizes, rng)
    for split, names in _TASKS.items():
        records = [_record(name, reached[name]) for name in names]
        (home / f"{split}_tasks.jsonl").write_text("".join(records), encoding="utf-8", newline="\n")


def _record(name: str, reached: float) -> str:
    fields = {
        "task_name": name,
        "task_description": _DESCRIPTIONS[name],
        "task_category": CATEGORIES[name],
        "feature_label_directory": f"./{folder(name)}",
        "model": "the planted signal itself",
        "performance": {"AUC": reached},
    }
    return json.dumps(fields) + "\n"


def _write_features(home: Path, part: str, cohort: Cohort, rows: slice) -> None:
    lab = home / f"X_lab_{part}"
    planted.write_array(lab / "values.npy", cohort.values()[rows])
    planted.write_csv(lab / "stays.csv", STAY, cohort.stays[rows])
    names = [(measure.name, statistic) for measure in MEASURES for statistic in STATISTICS]
    planted.write_csv(lab / "columns.csv", ("variable", "statistic"), names)
    if home.name == WINDOWS:
        columns = [f"{group}_{value}" for group, values in GROUPS.items() for value in values]
        planted.write_csv(home / f"X_static_{part}.csv", (*STAY, *columns), cohort.static_rows()[rows])


def _write_stays(home: Path, cohort: Cohort, sizes: Mapping[str, int], rng: random.Random) -> dict[str, float]:
    """The labels of deaths and lengths; returns what the signal reaches on the test rows."""
    death, length = (cohort.level @ level + cohort.trend @ trend for level, trend in (_DEATH, _LENGTH))
    dying, staying = (planted.blurred(rng, signal, _NOISE_PER_CENT) for signal in (death, length))
    outcomes = {
        "mort_icu": (death, planted.highest(dying, 150)),
        "mort_hosp": (death, planted.highest(dying, 210)),
        "los_3": (length, planted.highest(staying, 430)),
        "los_7": (length, planted.highest(staying, 160)),
    }
    start = 0
    for part, size in sizes.items():
        for name, (_, truth) in outcomes.items():
            rows = [(*cohort.stays[at][:2], truth[at], "boolean") for at in range(start, start + size)]
            planted.write_csv(home / f"{part}_{name}_labels.csv", (*STAY[:2], name, "label_type"), rows)
        start += size
    tested = slice(start - sizes["test"], start)
    return {name: planted.auroc(signal[tested], truth[tested]) for name, (signal, truth) in outcomes.items()}


def _write_windows(home: Path, cohort: Cohort, sizes: Mapping[str, int], rng: random.Random) -> dict[str, float]:
    """The labels of interventions; returns what the signal reaches on the test rows."""
    import numpy as np

    windows = HOURS // WINDOW_HOURS
    reached: dict[str, float] = {}
    for name, weights in _NEED.items():
        hours = (cohort.course @ np.array(weights)).reshape(cohort.size, windows, WINDOW_HOURS)
        need = hours.sum(axis=2) // WINDOW_HOURS + 60 * cohort.age_group[:, None]
        change: Any = np.repeat(cohort.trend @ np.array(weights), windows).reshape(cohort.size, windows)
        truth = _statuses(planted.blurred(rng, need.ravel(), 40), planted.blurred(rng, change.ravel(), 40))
        first, last = sum(sizes.values()) - sizes["test"], sum(sizes.values())
        tested = slice(first * windows, last * windows)
        scores = [-need - change, need + change, change - need, need - change]
        areas = [planted.auroc(score.ravel()[tested], truth[tested] == status) for status, score in enumerate(scores)]
        reached[name] = round(sum(areas) / len(areas), 4)
        _write_statuses(home, name, cohort, sizes, truth.reshape(-1, windows).tolist())
    return reached


def _statuses(need: Any, change: Any) -> Any:
    """0 without, 1 with the intervention throughout, 2 begun, 3 ended: by who needs it now and how that changes."""
    import numpy as np

    needed = planted.highest(need, 420)
    begun = ~needed & planted.highest(np.where(needed, change.min(), change), 130)
    ended = needed & planted.highest(np.where(needed, -change, (-change).min()), 130)
    return needed + 2 * begun + 2 * ended


def _write_statuses(home: Path, name: str, cohort: Cohort, sizes: Mapping[str, int], truth: list[list[int]]) -> None:
    header = ("subject_id", "6_hour_window_id", "intervention_category", "label_type")
    start = 0
    for part, size in sizes.items():
        rows = [
            (cohort.stays[at][0], window, status, "categorical")
            for at in range(start, start + size)
            for window, status in enumerate(truth[at])
        ]
        planted.write_csv(home / f"{part}_{name}_labels.csv", header, rows)
        start += size

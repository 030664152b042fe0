"""Writes `root/ehrshot/` in the original's layout, the vectors as arrays instead of a pickle."""

import json
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from medgym_ray.tasks.ehrshot.questions import FINDINGS, IMAGING, LABS, OPERATIONAL, TASKS
from medgym_ray.tasks.samples import planted
from medgym_ray.tasks.samples.ehrshot.texts import DESCRIPTIONS

_ROWS: Final[Mapping[str, int]] = {"train": 900, "val": 540, "test": 640}
_LABELLED_PER_CENT: Final = 60
"""Of the rows of each part: every task labels others."""
_WIDTH: Final = 32
_USED: Final = 7
"""Places of a vector that matter to one label."""
_NOISE_PER_CENT: Final = 100
_GRADES_PER_MILLE: Final = (300, 120, 40)
"""Of the labs: mild or worse, moderate or worse, severe."""
_FIRST_DAY: Final = datetime(2011, 3, 1)  # noqa: DTZ001 - the layout has no time zones
_DAYS: Final = 4000


def build(root: Path, seed: int) -> None:
    """Writes the vectors, the task file and the labels, byte for byte the same for the same seed."""
    import numpy as np

    folder = root / "ehrshot"
    rng = random.Random(f"ehrshot/{seed}")
    patients = iter(rng.sample(range(100_000_000, 999_999_999), sum(_ROWS.values())))
    parts: dict[str, _Part] = {}
    for part, size in _ROWS.items():
        made = parts[part] = _Part(rng, [next(patients) for _ in range(size // 2)], size)
        home = folder / f"clmbr_{part}"
        planted.write_array(home / "data_matrix.npy", (made.vectors / planted.DEVIATION).astype(np.float16))
        planted.write_array(home / "patient_ids.npy", np.array(made.patients, np.int64))
        planted.write_array(home / "labeling_time.npy", np.array(made.times, "datetime64[s]"))
    lines = []
    for number, name in enumerate(TASKS):
        lines.append(json.dumps({"task_id": number, "task_name": name, "task_description": DESCRIPTIONS[name]}))
        _write_labels(folder / name, name, parts, rng)
    (folder / "task.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


class _Part:
    """Rows of a part: patients with one or more times each, and whole-number vectors."""

    def __init__(self, rng: random.Random, patients: Sequence[int], size: int) -> None:
        rows = {(patient, _moment(rng)) for patient in patients}
        while len(rows) < size:
            rows.add((rng.choice(patients), _moment(rng)))
        ordered = sorted(rows)
        rng.shuffle(ordered)
        self.patients = [patient for patient, _ in ordered]
        self.times = [time for _, time in ordered]
        self.vectors = planted.bell(rng, size, _WIDTH)


def _moment(rng: random.Random) -> datetime:
    return _FIRST_DAY + timedelta(days=rng.randrange(_DAYS), minutes=rng.randrange(24 * 60))


def _write_labels(folder: Path, name: str, parts: Mapping[str, _Part], rng: random.Random) -> None:
    values, kind = _drawn(name, parts, rng)
    at = 0
    for part, made in parts.items():
        size = len(made.patients)
        labelled = sorted(rng.sample(range(size), size * _LABELLED_PER_CENT // 100))
        rows = [(made.patients[row], values[at + row], kind, made.times[row]) for row in labelled]
        planted.write_csv(folder / f"{part}_labels.csv", ("patient_id", "value", "label_type", "prediction_time"), rows)
        at += size


def _drawn(name: str, parts: Mapping[str, _Part], rng: random.Random) -> tuple[list[Any], str]:
    """A label for each row of all parts, and what kind of label it is."""
    import numpy as np

    vectors = np.concatenate([made.vectors for made in parts.values()])

    def score() -> Any:
        return planted.blurred(rng, vectors @ planted.weights(rng, _WIDTH, _USED), _NOISE_PER_CENT)

    if name in LABS:
        drawn = score()
        return sum(planted.highest(drawn, share).astype(int) for share in _GRADES_PER_MILLE).tolist(), "categorical"
    if name == IMAGING:
        present = [planted.highest(score(), rng.randrange(80, 300)) for _ in FINDINGS[1:]]
        mask = sum(found.astype(int) << place for place, found in enumerate(reversed(present)))
        return np.where(mask == 0, 1 << len(present), mask).tolist(), "categorical"
    share = rng.randrange(240, 320) if name in OPERATIONAL else rng.randrange(200, 260)
    return planted.highest(score(), share).tolist(), "boolean"

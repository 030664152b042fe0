"""The features of a part of the stays: hourly measurements of the first day, and what is known of the patient.

What tells the future is taken out: later hours, stays that ended within the first day (they have nothing left to
predict, and their missing rows would say so), and every column about the patient that is not known on arrival.
"""

import csv
from functools import lru_cache
from pathlib import Path
from typing import Any

from medgym_ray.errors import TaskError
from medgym_ray.tasks.mimic_extract.questions import HOURS
from medgym_ray.tasks.prediction.conversion import converted
from medgym_ray.tasks.prediction.unpickling import read_table

PARTS = ("train", "val", "test")
STAY = ("subject_id", "hadm_id", "icustay_id")
_KNOWN_ON_ARRIVAL = ("gender", "age", "ethnicity", "first care", "first_care")
_LAB_FORM = "lab-1"
_STATIC_FORM = "static-1"


def lab(folder: Path, part: str) -> Path:
    """The directory of hourly measurements: as it lies there, else made of the original's `X_lab_PART.pkl`.

    It holds values.npy (stay, hour, column), stays.csv and columns.csv. Raises TaskError.
    """
    ready, pickled = folder / f"X_lab_{part}", folder / f"X_lab_{part}.pkl"
    return ready if ready.is_dir() else converted(_present(pickled), _LAB_FORM, _convert_lab)


def static(folder: Path, part: str) -> Path:
    """The table of patients: as it lies there, else made of the original's `X_static_PART.pkl`. Raises TaskError."""
    ready, pickled = folder / f"X_static_{part}.csv", folder / f"X_static_{part}.pkl"
    if ready.is_file():
        return ready
    return converted(_present(pickled), _STATIC_FORM, _convert_static) / "static.csv"


@lru_cache(maxsize=8)
def subjects(stays: Path) -> frozenset[int]:
    """The subjects who have features, by the directory of their measurements. Raises TaskError."""
    path = stays / "stays.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return frozenset(int(row["subject_id"]) for row in csv.DictReader(file))
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError):
        raise TaskError(f"{path}: is no table of stays with a subject_id each") from None


def _present(pickled: Path) -> Path:
    if not pickled.is_file():
        raise TaskError(f"{pickled}: no such file")
    return pickled


def _convert_lab(source: Path, target: Path) -> None:
    import numpy as np

    keys, table = _split(source, read_table(source), (*STAY, "hours_in"))
    chosen = (keys["hours_in"] >= 0) & (keys["hours_in"] < HOURS)
    keys, values = {name: column[chosen] for name, column in keys.items()}, table.to_numpy(np.float32)[chosen]
    order = np.lexsort((keys["hours_in"], *(keys[name] for name in reversed(STAY))))
    stays = np.column_stack([keys[name][order] for name in STAY])
    _, starts, counts = np.unique(stays, axis=0, return_index=True, return_counts=True)
    whole = starts[counts == HOURS]
    hours = whole[:, None] + np.arange(HOURS)
    if not (keys["hours_in"][order][hours] == np.arange(HOURS)).all() or (counts > HOURS).any():
        raise TaskError(f"{source}: an hour of a stay stands there twice")
    np.save(target / "values.npy", values[order][hours], allow_pickle=False)
    _write(target / "stays.csv", STAY, stays[whole].tolist())
    names = [name if isinstance(name, tuple) else (name,) for name in table.columns]
    width = max(map(len, names))
    header = ("variable", "statistic")[:width] if width < 3 else [f"level_{at}" for at in range(width)]
    _write(target / "columns.csv", header, [[*name, *[""] * (width - len(name))] for name in names])


def _convert_static(source: Path, target: Path) -> None:
    keys, table = _split(source, read_table(source), STAY)
    kept = [name for name in table.columns if str(name).casefold().startswith(_KNOWN_ON_ARRIVAL)]
    values = table[kept].astype(float).to_numpy()
    rows = [
        [*(int(keys[name][at]) for name in STAY), *(f"{cell:g}" for cell in values[at])] for at in range(len(values))
    ]
    _write(target / "static.csv", [*STAY, *map(str, kept)], rows)


def _split(source: Path, table: Any, names: tuple[str, ...]) -> tuple[dict[str, Any], Any]:
    """The keys of a table's rows, which are levels of its index or columns, and the table without them."""
    import numpy as np

    if not hasattr(table, "columns"):
        raise TaskError(f"{source}: is no table with the keys {', '.join(names)}")
    keys: dict[str, Any] = {}
    try:
        for name in names:
            if name in table.index.names:
                keys[name] = np.asarray(table.index.get_level_values(name)).astype(np.int64)
            else:
                column = next(at for at in table.columns if at == name or (isinstance(at, tuple) and at[0] == name))
                keys[name] = table[column].to_numpy().astype(np.int64)
                table = table.drop(columns=[column])
    except StopIteration:
        raise TaskError(f"{source}: has no column {name}") from None
    except (TypeError, ValueError) as error:
        raise TaskError(f"{source}: its keys are no whole numbers ({error})") from None
    return keys, table


def _write(path: Path, header: Any, rows: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)

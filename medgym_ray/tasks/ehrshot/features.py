"""The vectors of a part of the patients, as a directory of three arrays."""

from pathlib import Path
from typing import Any

from medgym_ray.errors import TaskError
from medgym_ray.tasks.prediction.conversion import converted
from medgym_ray.tasks.prediction.unpickling import read_arrays

PARTS = ("train", "val", "test")
_FORM = "clmbr-1"


def features(folder: Path, part: str) -> Path:
    """The directory of a part: `clmbr_PART` as it lies there, else made of the original's `clmbr_PART.pkl`.

    It holds data_matrix.npy (a row for each vector), patient_ids.npy and labeling_time.npy. Raises TaskError.
    """
    ready, pickled = folder / f"clmbr_{part}", folder / f"clmbr_{part}.pkl"
    if ready.is_dir():
        return ready
    if not pickled.is_file():
        raise TaskError(f"{pickled}: no such file")
    return converted(pickled, _FORM, _convert)


def _convert(source: Path, target: Path) -> None:
    import numpy as np

    held: Any = read_arrays(source)
    try:
        matrix = np.asarray(held["data_matrix"])
        patients = np.asarray(held["patient_ids"]).astype(np.int64)
        times = np.asarray(held["labeling_time"]).astype("datetime64[s]")
    except (KeyError, TypeError, ValueError) as error:
        raise TaskError(f"{source}: is no dictionary of data_matrix, patient_ids and labeling_time ({error})") from None
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not len(matrix) == len(patients) == len(times):
        raise TaskError(f"{source}: data_matrix is no table of numbers with a row for each of the patient_ids")
    if matrix.dtype.itemsize > 4:
        matrix = matrix.astype(np.float32)
    for name, array in (("data_matrix", matrix), ("patient_ids", patients), ("labeling_time", times)):
        np.save(target / f"{name}.npy", array, allow_pickle=False)

"""Reading the data as an agent may: a summary of each row's hours, joined with its label."""

from medgym_ray.tasks.mimic_extract.questions import WINDOWS, folder

_START = """\
import numpy as np
import pandas as pd

HOME = "/data/mimic_extract/FOLDER"
labels = {part: pd.read_csv(f"{part}_labels.csv") for part in PARTS}
keys = pd.read_csv("GRADED_keys.csv")

def measured(part, rows):
    stays = pd.read_csv(f"{HOME}/X_lab_{part}/stays.csv")
    places = pd.Index(stays["subject_id"]).get_indexer(rows["subject_id"])
    return np.load(f"{HOME}/X_lab_{part}/values.npy", mmap_mode="r")[places].astype("float64")

def summary(hours):
    half = hours.shape[1] // 2
    change = hours[:, half:].mean(axis=1) - hours[:, :half].mean(axis=1)
    return np.hstack([hours.mean(axis=1), change])
"""
_STAYS = """
def described(part, rows):
    return summary(measured(part, rows))

columns = ["probability"]
Y = np.concatenate([rows["TASK"] for rows in labels.values()])[:, None].astype(int)
"""
_WINDOWS = """
def described(part, rows):
    first = rows["6_hour_window_id"].to_numpy()[:, None] * 6
    hours = measured(part, rows)[np.arange(len(rows))[:, None], first + np.arange(6)]
    patients = pd.read_csv(f"{HOME}/X_static_{part}.csv").set_index("subject_id").iloc[:, 2:]
    return np.hstack([summary(hours), patients.loc[rows["subject_id"]].to_numpy("float64")])

columns = [f"probability_{status}" for status in range(4)]
statuses = np.concatenate([rows["intervention_category"] for rows in labels.values()])
Y = (statuses[:, None] == np.arange(4)).astype(int)
"""
_END = """
X = np.vstack([described(part, rows) for part, rows in labels.items()])
X_new = described("GRADED", keys)
"""


def data_program(task_name: str, graded: str) -> str:
    """Leaves what `prediction.programs` needs."""
    place = folder(task_name)
    code = _START + (_WINDOWS if place == WINDOWS else _STAYS) + _END
    parts = ("train", "val") if graded == "test" else ("train",)
    return (
        code.replace("FOLDER", place).replace("PARTS", repr(parts)).replace("GRADED", graded).replace("TASK", task_name)
    )

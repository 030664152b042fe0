"""EHRSHOT: the original's pickles, its fifteen questions, and what the agent is told."""

import pickle
import shutil
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from medgym_ray.errors import ConfigError
from medgym_ray.paths import sample_dir
from medgym_ray.tasks.base import LoadReport, Split, Task
from medgym_ray.tasks.ehrshot import EHRShot
from medgym_ray.tasks.ehrshot.questions import FINDINGS, TASKS, problem


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample with pickles where it has arrays: the original's layout."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    home = tmp_path / "ehrshot"
    shutil.copytree(sample_dir() / "ehrshot", home)
    for part in ("train", "val", "test"):
        folder = home / f"clmbr_{part}"
        times = np.load(folder / "labeling_time.npy")
        held = {
            "data_matrix": np.load(folder / "data_matrix.npy").astype(np.float64),
            "patient_ids": np.load(folder / "patient_ids.npy"),
            "labeling_time": np.array([datetime.fromisoformat(str(time)) for time in times], dtype=object),
        }
        (home / f"clmbr_{part}.pkl").write_bytes(pickle.dumps(held))
        shutil.rmtree(folder)
    return tmp_path


def load(split: Split) -> dict[str, Task]:
    return {task.category: task for task in EHRShot().load(sample_dir(), split, LoadReport())}


def test_pickles_become_the_arrays_that_the_sample_has(root: Path) -> None:
    mounts = EHRShot().tables(root)
    assert sorted(mounts) == [f"/data/ehrshot/clmbr_{part}" for part in ("test", "train", "val")]
    for path, folder in mounts.items():
        assert sorted(file.name for file in folder.iterdir()) == [
            "data_matrix.npy",
            "labeling_time.npy",
            "patient_ids.npy",
        ]
        for name in ("data_matrix", "patient_ids", "labeling_time"):
            made = np.load(folder / f"{name}.npy", allow_pickle=False)
            assert np.array_equal(made, np.load(sample_dir() / path.removeprefix("/data/") / f"{name}.npy")), name
        assert np.load(folder / "data_matrix.npy").dtype == np.float32
    assert EHRShot().tables(root) == mounts


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ([1, 2], "is no dictionary of data_matrix"),
        ({"data_matrix": np.zeros((2, 3)), "patient_ids": [1, 2]}, "is no dictionary of data_matrix"),
        ({"data_matrix": np.zeros((2, 3)), "patient_ids": [1], "labeling_time": ["2020-01-01"]}, "a row for each"),
        ({"data_matrix": np.zeros(2), "patient_ids": [1, 2], "labeling_time": ["2020-01-01"] * 2}, "no table"),
        ({"data_matrix": np.zeros((1, 3)), "patient_ids": ["x"], "labeling_time": ["2020-01-01"]}, "is no dictionary"),
    ],
)
def test_pickles_of_something_else_end_the_run_with_one_line(held: object, why: str, root: Path) -> None:
    (root / "ehrshot" / "clmbr_val.pkl").write_bytes(pickle.dumps(held))
    with pytest.raises(ConfigError, match=f"family ehrshot: .*clmbr_val.pkl: .*{why}"):
        EHRShot().tables(root)


def test_missing_vectors_end_the_run_with_one_line(root: Path) -> None:
    (root / "ehrshot" / "clmbr_test.pkl").unlink()
    with pytest.raises(ConfigError, match=r"family ehrshot: .*clmbr_test\.pkl: no such file"):
        EHRShot().tables(root)


def test_every_labelled_row_of_the_sample_has_a_vector() -> None:
    family = EHRShot()
    for part in ("train", "val", "test"):
        folder = sample_dir() / "ehrshot" / f"clmbr_{part}"
        arrays = (np.load(folder / f"{name}.npy").tolist() for name in ("patient_ids", "labeling_time"))
        known = set(zip(*arrays, strict=True))
        for task in load("test").values():
            assert family.labels(sample_dir(), task.inputs, part).values.keys() <= known


def test_no_label_is_all_the_same_or_shared_by_two_tasks() -> None:
    found = [
        tuple(EHRShot().labels(sample_dir(), task.inputs, "test").values.items()) for task in load("test").values()
    ]
    assert len(set(found)) == len(TASKS)
    for labels in found:
        values = [value for _, value in labels]
        assert max(values.count(value) for value in set(values)) < 0.85 * len(values)


def test_findings_are_the_bits_of_a_label_from_the_highest() -> None:
    classes = problem("chexpert").classes
    assert classes.columns == FINDINGS
    assert classes.of(8192) == (True, *[False] * 13)
    assert classes.of(1) == (*[False] * 13, True)
    text = EHRShot().prompt(load("test")["chexpert"])
    assert "no_finding 8192, enlarged_cardiomediastinum 4096" in text
    assert "support_devices 1." in text
    assert "mean over the 14 findings" in text


def test_the_splits_differ_in_the_rows_to_predict() -> None:
    test, train = load("test")["lab_anemia"], load("train")["lab_anemia"]
    assert (test.task_id, train.task_id) == ("ehrshot/test-lab_anemia", "ehrshot/val-lab_anemia")
    assert "the rows to predict (test_keys.csv" in EHRShot().prompt(test)
    assert "learn from (train_labels.csv and val_labels.csv," in EHRShot().prompt(test)
    assert "the rows to predict (val_keys.csv" in EHRShot().prompt(train)
    assert "learn from (train_labels.csv," in EHRShot().prompt(train)
    assert test.source_sha256 != train.source_sha256

"""MIMIC-Extract: the original's pickles as pandas 2 writes them, and nothing in the features that tells the future."""

import base64
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.paths import sample_dir
from medgym_ray.sandboxes.base import Cell, Sandbox
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.tasks.base import LoadReport, Split, Task
from medgym_ray.tasks.mimic_extract import MimicExtract, features

pytestmark = pytest.mark.asyncio(loop_scope="module")
pytest.importorskip("pandas")

STAYS, WINDOWS = "mortality_los", "vasopressor_ventilation"

_PICKLES = """
import pickle
import numpy as np
import pandas as pd

rows = [(s, s + 1, s + 2, hour) for s, hours in ((500, 30), (100, 24), (300, 23), (200, 100)) for hour in range(hours)]
index = pd.MultiIndex.from_tuples(rows[::-1], names=["subject_id", "hadm_id", "icustay_id", "hours_in"])
columns = pd.MultiIndex.from_product([["ph urine", "lactate"], ["count", "mean", "std"]],
                                     names=["LEVEL2", "Aggregation Function"])
values = np.array([[s + hour / 8, hour, 1, 2, 3, 4] for s, _, _, hour in rows[::-1]], float)
lab = pd.DataFrame(values, index=index, columns=columns)
static = pd.DataFrame(
    [[s, s + 1, s + 2, 99.5, True, False, True, 7.5, False] for s in (500, 100)],
    columns=["subject_id", "hadm_id", "icustay_id", "intime", "gender_F", "gender_M", "Age 1.0", "los",
             "First care_CCU"],
)
tables = {"lab": lab, "flat": lab.reset_index(), "static": static, "series": lab.iloc[:, 0], "numbers": lab.to_numpy(),
          "twice": pd.concat([lab, lab.iloc[-1:]])}
answer = {name: pickle.dumps(table, PROTOCOL) for name, table in tables.items()}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    factory = make_factory("namespace", slots=1, run_id="tests")
    await factory.start()
    yield await factory.create()
    await factory.close()


async def pickled(sandbox: Sandbox, protocol: int = 4) -> dict[str, bytes]:
    """Tables as the sandbox's pandas pickles them, which is older than ours."""
    result = await sandbox.run(Cell(_PICKLES.replace("PROTOCOL", str(protocol))))
    assert result.has_answer, result.stderr
    return {name: base64.b64decode(data["value"]) for name, data in result.answer.items()}


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def load(split: Split, root: Path | None = None) -> list[Task]:
    return list(MimicExtract().load(root or sample_dir(), split, LoadReport()))


@pytest.mark.parametrize(("name", "protocol"), [("lab", 2), ("lab", 5), ("flat", 4)])
async def test_the_first_day_of_whole_stays_is_kept(name: str, protocol: int, tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "X_lab_val.pkl").write_bytes((await pickled(sandbox, protocol))[name])
    made = features.lab(tmp_path, "val")
    assert (made / "stays.csv").read_text() == "subject_id,hadm_id,icustay_id\n100,101,102\n200,201,202\n500,501,502\n"
    assert (made / "columns.csv").read_text().splitlines()[:3] == [
        "variable,statistic",
        "ph urine,count",
        "ph urine,mean",
    ]
    values = np.load(made / "values.npy", allow_pickle=False)
    assert (values.shape, values.dtype) == ((3, 24, 6), np.float32)
    assert values[1, :, 0].tolist() == [200 + hour / 8 for hour in range(24)]
    assert values[:, :, 1].tolist() == [list(range(24))] * 3
    assert features.subjects(made) == {100, 200, 500}


async def test_of_the_patients_only_what_is_known_on_arrival_is_kept(tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "X_static_val.pkl").write_bytes((await pickled(sandbox))["static"])
    assert features.static(tmp_path, "val").read_text() == (
        "subject_id,hadm_id,icustay_id,gender_F,gender_M,Age 1.0,First care_CCU\n"
        "500,501,502,1,0,1,0\n100,101,102,1,0,1,0\n"
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("static", "has no column hours_in"),
        ("series", "is no table with the keys"),
        ("numbers", "is no table with the keys"),
        ("twice", "stands there twice"),
    ],
)
async def test_pickles_of_something_else(name: str, why: str, tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "X_lab_val.pkl").write_bytes((await pickled(sandbox))[name])
    with pytest.raises(TaskError, match=rf"X_lab_val\.pkl: .*{why}"):
        features.lab(tmp_path, "val")


async def test_rows_without_features_are_neither_asked_nor_shown(tmp_path: Path) -> None:
    shutil.copytree(sample_dir() / "mimic_extract", tmp_path / "mimic_extract")
    family, (first, _, last) = MimicExtract(), load("test", tmp_path)
    whole = family.labels(tmp_path, first.inputs, "test").values
    for place in (STAYS, WINDOWS):
        folder = tmp_path / "mimic_extract" / place / "X_lab_test"
        lines = (folder / "stays.csv").read_text().splitlines(keepends=True)
        (folder / "stays.csv").write_text("".join([*lines[:1], *lines[3:]]))
    features.subjects.cache_clear()
    assert len(family.labels(tmp_path, first.inputs, "test").values) == len(whole) - 2
    path = tmp_path / "mimic_extract" / WINDOWS / "test_ventilation_labels.csv"
    windows = family.labels(tmp_path, last.inputs, "test").values
    later = next(iter(windows))[0]
    path.write_text(path.read_text() + f"{later},4,1,categorical\n{later},17,1,categorical\n")
    assert family.labels(tmp_path, last.inputs, "test").values == windows
    features.subjects.cache_clear()


async def test_every_stay_of_the_sample_has_the_same_hours() -> None:
    for path, source in MimicExtract().tables(sample_dir()).items():
        if source.is_dir():
            values = np.load(source / "values.npy")
            stays = (source / "stays.csv").read_text().splitlines()[1:]
            assert values.shape == (len(stays), 24, 15), path
            assert np.isfinite(values).all()
        else:
            assert "intime" not in source.read_text()


async def test_categories_and_thresholds() -> None:
    family = MimicExtract()
    assert {"mimic_iii", "treqs"} <= family.revealed_by, "their tables tell who of the same patients died, and when"
    tasks = [*load("test"), *load("train")]
    assert [(task.task_id, task.category) for task in tasks] == [
        ("mimic_extract/test-mort_icu", "mortality"),
        ("mimic_extract/test-los_7", "length_of_stay"),
        ("mimic_extract/test-ventilation", "intervention"),
        ("mimic_extract/val-mort_hosp", "mortality"),
        ("mimic_extract/val-los_3", "length_of_stay"),
        ("mimic_extract/val-vasopressor", "intervention"),
    ]
    for task in tasks:
        baseline = task.inputs["performance"]["AUC"]
        assert family.problem(task.inputs).threshold == round((baseline + 0.5) / 2, 3)
        assert ("X_static_train.csv" in family.prompt(task)) == (task.category == "intervention")
    assert "subject_id, 6_hour_window_id, probability_0, probability_1, probability_2, probability_3" in (
        family.prompt(tasks[2])
    )


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("task_name", "sepsis", "unknown task_name 'sepsis'"),
        ("feature_label_directory", "../../etc", "feature_label_directory of mort_icu must be ./mortality_los"),
        ("feature_label_directory", 3, "feature_label_directory of mort_icu must be ./mortality_los"),
        ("performance", {}, "field performance has no AUC between 0.5 and 1"),
        ("performance", {"AUC": True}, "field performance has no AUC between 0.5 and 1"),
        ("performance", {"AUC": 0.4}, "field performance has no AUC between 0.5 and 1"),
    ],
)
async def test_broken_records_are_named(field: str, value: object, why: str, tmp_path: Path) -> None:
    path = tmp_path / "mimic_extract" / "test_tasks.jsonl"
    shutil.copytree(sample_dir() / "mimic_extract", path.parent)
    record = json.loads(path.read_text().splitlines()[0])
    path.write_text(json.dumps({**record, field: value}) + "\n")
    report = LoadReport()
    assert not list(MimicExtract().load(tmp_path, "test", report))
    assert report.broken == [f"{path}:1: {why}"]


async def test_missing_features_end_the_run_with_one_line(tmp_path: Path) -> None:
    shutil.copytree(sample_dir() / "mimic_extract", tmp_path / "mimic_extract")
    (tmp_path / "mimic_extract" / WINDOWS / "X_static_val.csv").unlink()
    with pytest.raises(ConfigError, match=r"family mimic_extract: .*X_static_val\.pkl: no such file"):
        MimicExtract().tables(tmp_path)

"""BioDSBench without a sandbox: its records, its prompt, what its tests read, and how values travel."""

import ast
import datetime
import json
import re
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from medgym_ray.sandboxes.supervisor import answer
from medgym_ray.tasks.base import LoadReport, Split, Task
from medgym_ray.tasks.biodsbench import BioDSBench, carriage
from medgym_ray.tasks.biodsbench.asserts import assigned, wanted
from medgym_ray.tasks.biodsbench.record import analysis
from medgym_ray.tasks.biodsbench.topics import TOPICS, topic_of
from medgym_ray.tasks.samples import SEED
from medgym_ray.tasks.samples.biodsbench import build

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "data"
ORIGINAL = REPOSITORY.parent / "shared" / "original"
RECORD = {
    "queries": "How many patients? Save it as `n`. See /workdir/data_x.csv.",
    "chat_histories": "[]",
    "dataframes": "`/workdir/data_x.csv`: two rows",
    "reference_codes": "[]",
    "code_histories": "['x = pd.read_csv(\"/workdir/data_x.csv\")']",
    "study_ids": "study",
    "question_ids": "1",
    "test_cases": "assert n == 2",
    "reference_answer": "n = len(x)",
    "cot_instructions": "",
}

family = BioDSBench()


def load(root: Path, split: Split = "test") -> tuple[list[Task], LoadReport]:
    report = LoadReport()
    return list(family.load(root, split, report)), report


def write(root: Path, *records: Any, table: str | None = "data_x.csv") -> Path:
    """A root that holds these records and one table."""
    folder = root / "biodsbench"
    (folder / "data" / "study" / "deep").mkdir(parents=True)
    if table:
        (folder / "data" / "study" / "deep" / table).write_text("ID\n1\n2\n")
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    (folder / "test_tasks.jsonl").write_text("\n".join(lines))
    return root


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return load(SAMPLE)[0]


def test_the_sample_covers_every_category(tasks: list[Task]) -> None:
    train, report = load(SAMPLE, "train")
    assert report == LoadReport()
    assert load(SAMPLE)[1] == LoadReport()
    assert len(TOPICS) == 12
    assert Counter(task.category for task in tasks) == dict.fromkeys(TOPICS, 4)
    assert Counter(task.category for task in train) == dict.fromkeys(TOPICS, 1)
    assert len({task.task_id for task in tasks + train}) == 60
    assert not {task.inputs["query"] for task in tasks} & {task.inputs["query"] for task in train}
    assert not {task.inputs["study"] for task in tasks} & {task.inputs["study"] for task in train}
    assert sum(str(task.inputs["history"]).count("\n") > 2 for task in tasks) >= 12


def test_the_sample_is_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    build(tmp_path, SEED)
    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = {
        path.relative_to(SAMPLE): path.read_bytes() for path in (SAMPLE / "biodsbench").rglob("*") if path.is_file()
    }
    assert made == kept
    assert sum(map(len, kept.values())) < 1_000_000
    build(tmp_path, SEED + 1)
    assert any((tmp_path / path).read_bytes() != data for path, data in kept.items())


def test_no_gold_is_where_the_agent_looks(tasks: list[Task]) -> None:
    for task in tasks:
        seen = family.prompt(task) + json.dumps(dict(task.inputs)) + str(family.prepare(task).files)
        assert "assert" not in seen
        assert task.gold["reference"] not in seen
        numbers = re.findall(r"- -?(\d+\.\d{3,})\)", str(task.gold["tests"]))
        assert not [number for number in numbers if number in seen], task.task_id
    for path in family.tables(SAMPLE).values():
        assert path.suffix == ".csv"


def test_few_variables_serve_all_tasks_so_that_setting_them_blindly_pays_little(tasks: list[Task]) -> None:
    shared = Counter(tuple(task.inputs["results"]) for task in tasks)
    assert {name for names in shared for name in names} == {"result", "table", "pvalue", "curve"}
    # At best one task of each kind, the tests of a kind being all different.
    assert len(shared) <= 0.11 * len(tasks)
    assert len({task.gold["tests"] for task in tasks}) == len(tasks)


def test_the_prompt_says_what_the_task_is(tasks: list[Task]) -> None:
    task = next(task for task in tasks if task.category == "survival_models")
    prompt = family.prompt(task)
    study = f"/data/biodsbench/{task.inputs['study']}"
    assert task.inputs["query"] in prompt
    assert f"{study}/data_clinical_patient.csv" in prompt
    assert "/workdir" not in prompt
    assert str(task.inputs["history"]).strip() in prompt
    assert "look at `pvalue`" in prompt
    assert family.prepare(task).files["history.py"].decode() == task.inputs["history"]
    assert f"{study}/data_sv.csv" in family.tables(SAMPLE)


def test_paths_are_mapped_and_a_long_description_is_cut_for_each_table(tmp_path: Path) -> None:
    tables = ["A Dataframe stored in `/workdir/data_x.csv`. " + "long " * 5000, "A Dataframe stored in here. Short"]
    found = {"dataframes": "\n".join(tables), "chat_histories": "['First load /workdir/data_x.csv']"}
    (task,), _ = load(write(tmp_path, RECORD | found))
    prompt = family.prompt(task)
    assert len(prompt) < 9000
    assert "request_info tells the rest" in prompt
    assert "A Dataframe stored in here. Short" in prompt
    assert "Said before:\nFirst load /data/biodsbench/study/data_x.csv" in prompt
    assert 'read_csv("/data/biodsbench/study/data_x.csv")' in task.inputs["history"]
    assert family.tables(tmp_path)["/data/biodsbench/study/data_x.csv"].exists()
    assert task.category == "descriptive_statistics"


BROKEN = {
    "field 'queries' is missing": {"queries": None},
    "field 'test_cases' is missing": {"test_cases": " "},
    "field 'study_ids' is no identifier": {"study_ids": "../gold"},
    "field 'question_ids' is no identifier": {"question_ids": True},
    "field 'code_histories' is no list of texts": {"code_histories": "[1]"},
    "field 'chat_histories' is no list of texts": {"chat_histories": "["},
    "the history is no Python": {"code_histories": "['1 +']"},
    "the reference program is no Python": {"reference_answer": "1 +"},
    "the tests are no Python": {"test_cases": "assert"},
    "the tests read no variable of the reference program": {"test_cases": "assert m == 2"},
    "unknown category 'x'": {"category": "x"},
}


@pytest.mark.parametrize("why", BROKEN)
def test_a_broken_record_is_named_and_passed_over(why: str, tmp_path: Path) -> None:
    root = write(tmp_path, "no json", RECORD | BROKEN[why], RECORD, RECORD)
    tasks, report = load(root)
    assert [task.task_id for task in tasks] == ["biodsbench/study_1"]
    path = root / "biodsbench" / "test_tasks.jsonl"
    assert report.broken[0].startswith(f"{path}:1: not JSON")
    assert report.broken[1].startswith(f"{path}:2: {why}")
    assert report.broken[2] == f"{path}:4: its study and question were used before"


def test_a_task_without_its_tables_is_dropped(tmp_path: Path) -> None:
    tasks, report = load(write(tmp_path, RECORD, table=None))
    assert not tasks
    assert report.dropped == {
        "biodsbench/study_1": f"{tmp_path}/biodsbench/data/study lacks data_x.csv",
    }


WANTED = {
    "assert abs(p - 0.5) < 1e-8": {"p": []},
    "import x\nassert isinstance(f, x.C)\nassert set(f.values) == {1}": {"f": ["f.values"]},
    "assert k.events.sum() == 3 and k.median_ == 1.5": {"k": ["k.events.sum()", "k.median_"]},
    "assert t['a'].iloc[-1, 0] == 3": {"t": ["t['a'].iloc[-1, 0]"]},
    "assert t.eq(5).all()": {"t": ["t.eq"]},
    "for n in names: assert t.loc[n] > 0": {"names": [], "t": ["t.loc"], "n": []},
    "wanted = {'a': 5}\nassert x['a'] == wanted['a']": {"x": ["x['a']"], "wanted": []},
    "assert all(abs(x[k] - v.real) < np.pi for k, v in y.items())": {"x": [], "k": [], "v": [], "y": ["y.items()"]},
    "def f(a): return a.b\nassert f(x) and pd.NA": {"f": [], "x": [], "a": []},
    "u = t.copy()\nassert len(u) == 2": {"t": ["t.copy()"], "u": []},
}


@pytest.mark.parametrize("tests", WANTED)
def test_what_tests_read_is_found_without_what_they_compare_it_with(tests: str) -> None:
    assert wanted(tests) == WANTED[tests]


def test_names_that_a_program_binds() -> None:
    program = "import os\na = [b for b in 'x']\nc, (d, *e) = 1, (2, 3)\nfor f in a:\n    g += 1\ndef h():\n    i = 1\n"
    assert assigned(program) == {"a", "c", "d", "e", "f", "g"}


VALUES = [
    *(None, True, 3, -1.5, float("inf"), "text", "ü", b"raw", Decimal("1.50")),
    *(datetime.date(2020, 1, 2), datetime.time(3, 4), pd.Timestamp("2020-01-02 03:04:05"), pd.Timedelta(minutes=3)),
    *([1, [2.5, "a"]], (1, 2), {1, 2}, {"a": 1, 2: [3]}, {("a", 1): 2}, [], {}),
    *(np.arange(6).reshape(2, 3), np.array(["a", "b"]), np.array([1.5, np.nan]), np.array([], dtype=float)),
    pd.Series([1, 2], index=["a", "b"], name="n"),
    pd.Series([1.5, None, 2.0]),
    pd.Series(["x", None, "y"], dtype=object),
    pd.Series([True, False]),
    pd.Series(pd.to_datetime(["2020-01-01", None])),
    pd.Index(["a", "b"], name="k"),
    pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", "y"]),
    pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0.5, np.nan]}, index=[7, 8]),
    pd.DataFrame({"a": [1, 2, 2], "b": [3.0, 4.0, 4.0]}).groupby("a").agg(["mean", "size"]),
    pd.DataFrame([[1, 2]], columns=["same", "same"]),
    pd.DataFrame({"a": []}),
    pd.DataFrame({"k": pd.Categorical(["a", "b"])}),
]


def travel(value: Any) -> Any:
    """Through the encoder of the sandbox, as JSON, and back."""
    return carriage.unpack(json.loads(json.dumps(answer.encode(carriage.pack(value)), allow_nan=False)))


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    if not any(kind is pd.Series for kind, _ in answer._COMPOSITES):
        answer.learn_libraries()


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_travel_as_what_they_are(value: Any) -> None:
    back = travel(value)
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(back, value, check_index_type=False, check_column_type=False)
    elif isinstance(value, pd.Series):
        pd.testing.assert_series_equal(back, value, check_index_type=False)
    elif isinstance(value, pd.Index):
        pd.testing.assert_index_equal(back, value)
    elif isinstance(value, np.ndarray):
        assert back.shape == value.shape
        np.testing.assert_array_equal(back, value)
    else:
        assert back == value
        assert isinstance(back, type(value))


def test_numbers_travel_without_what_a_subclass_adds() -> None:
    class Yes(float):
        __eq__ = __lt__ = __le__ = lambda self, other: True  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]

    back = travel([Yes(1.0), np.float64(2.5), np.int64(3)])
    assert [type(item) for item in back] == [float, float, int]
    assert back == [1.0, 2.5, 3]


def test_what_is_no_data_does_not_travel() -> None:
    deep: list[Any] = []
    for _ in range(30):
        deep = [deep]
    for value in (object(), [object()], print, Fraction(1, 2), deep, np.zeros(500_000), pd.Series([object()])):
        with pytest.raises(carriage.NoData):
            carriage.pack(value)


def verdict(tests: str, values: list[list[Any]], folder: Path) -> Any:
    (folder / "cases.json").write_text(json.dumps([{"tests": tests, "values": values}]))
    return carriage.judge(str(folder / "cases.json"))[0]


def test_tests_are_run_on_what_travelled(tmp_path: Path) -> None:
    curve = ["object", "fractions", "Fraction", [["c.events.sum()", 3], ["c.values", ["list", ["a", "b"]]]]]
    tests = "import fractions\nassert isinstance(c, fractions.Fraction) and not isinstance(c, int)\n"
    tests += "assert c.events.sum() == 3 and set(c.values) == {'a', 'b'}\n"
    assert verdict(tests, [["c", curve]], tmp_path) is None
    assert verdict("assert c.other", [["c", curve]], tmp_path)[0] == "AttributeError"
    assert verdict("assert c == c.events.sum()", [["c", curve]], tmp_path)[0] == "AssertionError"
    assert verdict("assert n == 2", [["n", 2]], tmp_path) is None
    assert verdict("assert n == 2", [], tmp_path)[0] == "NameError"
    for forged in (["code", "x"], [], {"$type": "map"}, {}, ["table", 1, 2, 3], ["object"]):
        assert verdict("assert True or n", [["n", forged]], tmp_path) is not None, forged


def test_categories_follow_the_wording() -> None:
    assert topic_of("Run a log-rank test", "", "") == "survival_models"
    assert topic_of("Plot it", "from lifelines import KaplanMeierFitter", "") == "survival_curves"
    assert topic_of("Median age?", "x.median()", "assert m == 3") == "descriptive_statistics"
    assert set(TOPICS) >= {topic_of(word, "", "") for word in ("pivot", "odds ratio", "fusion", "TMB", "oncoprint")}


@pytest.mark.original
def test_the_originals_records_are_read() -> None:
    path = ORIGINAL / "biodsbench" / "test_tasks.jsonl"
    if not path.exists():
        pytest.skip("the original's records do not lie beside the checkout")
    tasks, report = load(ORIGINAL)
    assert not report.broken
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(tasks) + len(report.dropped) == len(records)
    for record in records:
        found = analysis(record)
        assert found.results
        assert "/workdir" not in f"{found.query}{found.description}{found.history}{found.reference}"
        ast.parse(found.history)
    assert all(" lacks data_" in why for why in report.dropped.values())

"""Records in the Hub's layout become a family's own tasks: the same checks, and errors by the Hub's file and row."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import huggingface_hub
import pyarrow
import pyarrow.parquet
import pytest
from huggingface_hub.errors import OfflineModeIsEnabled

from medgym_ray.config import GenerateConfig, TasksConfig
from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.identity import identity, run_key
from medgym_ray.paths import sample_dir
from medgym_ray.tasks import hub
from medgym_ray.tasks.base import LoadReport, Split, Task
from medgym_ray.tasks.biocoder import BioCoder
from medgym_ray.tasks.medcalcbench import MedCalcBench
from medgym_ray.tasks.registry import load_tasks
from medgym_ray.validation import validate_tasks

Record = dict[str, Any]
FAMILY = MedCalcBench()
ONLY_ON_THE_HUB = {
    "Category": "lab test",
    "Output Type": "decimal",
    "Note ID": "note-1",
    "Note Type": "Template",
    "Ground Truth Explanation": "worked out\nin two lines",
}
OWN = {"test": "test_tasks.jsonl", "train": "train_tasks_all.jsonl"}


def records(split: Split = "test") -> list[Record]:
    """Of our sample, with the Hub's further columns."""
    lines = (sample_dir() / "medcalcbench" / OWN[split]).read_text(encoding="utf-8").splitlines()
    return [{**json.loads(line), **ONLY_ON_THE_HUB} for line in lines]


def write_csv(path: Path, rows: Sequence[Record], columns: Sequence[str] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, columns or list(rows[0]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(path: Path, rows: Sequence[Record]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)


def load(source: Path | str | None, split: Split = "test") -> tuple[list[Task], LoadReport]:
    report = LoadReport()
    return list(hub.load(FAMILY, None if source is None else str(source), split, report)), report


def essence(tasks: Sequence[Task]) -> list[Any]:
    """All but the hash of the line, which lacks what the Hub adds and spells numbers as they come."""
    return [(task.task_id, task.category, task.split, dict(task.inputs), dict(task.gold)) for task in tasks]


def own(split: Split) -> list[Task]:
    return list(FAMILY.load(sample_dir(), split, LoadReport()))


@pytest.mark.parametrize("split", ["test", "train"])
def test_both_formats_give_the_tasks_of_the_family_s_own_files(tmp_path: Path, split: Split) -> None:
    rows = records(split)
    write_csv(tmp_path / "csv" / f"{split}_data.csv", rows)
    for shard, part in enumerate((rows[:100], rows[100:])):
        write_parquet(tmp_path / "parquet" / "data" / f"{split}-{shard:05}-of-00002.parquet", part)
    for folder in ("csv", "parquet"):
        tasks, report = load(tmp_path / folder, split)
        assert report == LoadReport()
        assert essence(tasks) == essence(own(split))
        again, _ = load(tmp_path / folder, split)
        assert [task.source_sha256 for task in again] == [task.source_sha256 for task in tasks]


def test_a_broken_row_is_named_by_file_and_row(tmp_path: Path) -> None:
    rows = records()[:8]
    rows[2] = {**rows[2], "Ground Truth Answer": "plenty"}
    rows[5] = {**rows[5], "Calculator ID": 1}
    rows[7] = {**rows[7], "Row Number": rows[0]["Row Number"]}
    path = tmp_path / "test_data.csv"
    write_csv(path, rows)
    tasks, report = load(tmp_path)
    assert len(tasks) == 5
    assert [line.split(":")[1].strip() for line in report.broken] == ["row 3", "row 6", "row 8"]
    assert report.broken[0] == f"{path}: row 3: Ground Truth Answer: no number"
    for shard in range(4):
        write_parquet(
            tmp_path / f"test-{shard}.parquet", [{**row, "Calculator ID": 39} for row in rows[2 * shard :][:2]]
        )
    _, report = load(tmp_path)
    assert f"{tmp_path / 'test-1.parquet'}: row 1: Ground Truth Answer: no number" in report.broken
    assert f"{tmp_path / 'test-3.parquet'}: row 2: Row Number: {rows[0]['Row Number']} a second time" in report.broken


def test_a_row_of_another_length_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "test_data.csv"
    write_csv(path, records()[:3])
    with path.open("a", encoding="utf-8") as text:
        text.write(",".join("x" * 20) + "\r\n4,39\r\n")
    tasks, report = load(tmp_path)
    assert len(tasks) == 3
    assert report.broken == [
        f"{path}: row 4: more cells than the header has columns",
        f"{path}: row 5: Patient Note: no text",
    ]


def test_a_value_that_is_no_json_is_reported(tmp_path: Path) -> None:
    rows = [{**row, "Lower Limit": b"5"} for row in records()[:1]]
    write_parquet(tmp_path / "test-0.parquet", rows)
    tasks, report = load(tmp_path)
    assert tasks == []
    assert "row 1: not to be written as JSON" in report.broken[0]


def test_files_that_cannot_be_used_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=rf"{tmp_path}: no data/test-\*\.parquet or .*test_data\.csv"):
        load(tmp_path)
    path = tmp_path / "test_data.csv"
    write_csv(path, records()[:1], ["Row Number", "Question"])
    with pytest.raises(TaskError, match=rf"{path}: no column Calculator ID, Calculator Name, Patient Note, "):
        load(tmp_path)
    for content in (b"", b"\xff\xfe", b'"Row Number'):
        path.write_bytes(content)
        with pytest.raises(TaskError, match=str(path)):
            load(tmp_path)
    (tmp_path / "test-0.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(TaskError, match=r"test-0\.parquet: "):
        load(tmp_path)


def test_a_source_that_is_neither_folder_nor_hub_id_is_told(tmp_path: Path) -> None:
    for source in (tmp_path / "nowhere", "ncbi", "a/b/c", "ncbi/bench@", "https://example.org/a"):
        with pytest.raises(ConfigError, match="no such directory, and no USER/NAME"):
            load(source)


def test_a_family_without_a_public_layout_is_told() -> None:
    with pytest.raises(
        ConfigError, match=r"biocoder is not public on the Hub .* known here; those that are: medcalcbench"
    ):
        list(hub.load(BioCoder(), None, "test", LoadReport()))


def test_a_hub_id_is_downloaded_at_its_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(tmp_path / "test_data.csv", records()[:4])
    asked: list[tuple[str, Any, bool]] = []

    def download(repository: str, *, repo_type: str, revision: str | None, allow_patterns: list[str]) -> str:
        assert repo_type == "dataset"
        asked.append((repository, revision, "test_data.csv" in allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    for source in (None, "someone/copy", "someone/copy@v1.2"):
        assert len(load(source)[0]) == 4
    usual = hub.LAYOUTS["medcalcbench"].repository
    assert asked == [(usual, None, True), ("someone/copy", None, True), ("someone/copy", "v1.2", True)]


def test_a_failed_download_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: Any, **__: Any) -> str:
        raise OfflineModeIsEnabled("no network\nhere")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(ConfigError, match=r"tasks\.hub=a/b: cannot be downloaded: no network here; a local copy also"):
        load("a/b")


def test_a_run_reads_from_it(tmp_path: Path) -> None:
    write_csv(tmp_path / "test_data.csv", records()[:6])
    found = load_tasks(TasksConfig(source="hub", hub=str(tmp_path), limit=4), 0)
    assert len(found.tasks) == 4
    assert found.absent == []
    with pytest.raises(ConfigError, match=r"family medcalcbench: .*: no data/train-\*\.parquet"):
        load_tasks(TasksConfig(source="hub", hub=str(tmp_path), split="train"), 0)
    with pytest.raises(ConfigError, match=r"is of one family; add tasks\.families=\[NAME\]"):
        load_tasks(TasksConfig(source="hub", hub=str(tmp_path), families=["biocoder", "medcalcbench"]), 0)
    write_csv(tmp_path / "test_data.csv", [{**records()[0], "Row Number": "x"}])
    with pytest.raises(ConfigError, match=rf"no test tasks in {tmp_path} \(1 broken records, the first: .*: row 1: "):
        load_tasks(TasksConfig(source="hub", hub=str(tmp_path)), 0)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (TasksConfig(source="hub", root="data"), "leave out tasks.root"),
        (TasksConfig(hub="a/b"), "tasks.hub=a/b: add tasks.source=hub"),
        (TasksConfig(source="web"), "tasks.source=web: one of all, sample, hub"),
    ],
)
def test_keys_that_contradict_each_other_are_told(config: TasksConfig, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        validate_tasks(config)


def test_a_folder_is_the_same_however_it_is_spelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "copy").mkdir()
    configs = [
        GenerateConfig(tasks=TasksConfig(source="hub", hub=hub_)) for hub_ in ("copy", "./copy/", "a/b", "a/b@1")
    ]
    assert len({run_key(config) for config in configs}) == 3
    assert identity(configs[0])["tasks.hub"] == str(tmp_path / "copy")

"""What a run loads: by name or everything there, in an order fixed by the seed."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from medgym_ray.config import MedAgentBenchConfig, TasksConfig
from medgym_ray.errors import ConfigError
from medgym_ray.paths import sample_dir
from medgym_ray.tasks.registry import FAMILIES, TaskSet, load_tasks, make_family

SMALL = ["biocoder", "medcalcbench"]


def _ids(found: TaskSet) -> list[str]:
    return [task.task_id for task in found.tasks]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One family of those that could be there."""
    shutil.copytree(sample_dir() / "biocoder", tmp_path / "biocoder")
    return tmp_path


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_family_calls_itself_what_it_is_registered_as(name: str) -> None:
    family = make_family(name)
    assert family.name == name
    tasks = load_tasks(TasksConfig(families=[name], limit=3), 0).tasks
    assert 0 < len(tasks) <= 3
    assert all(t.family == name and t.task_id.startswith(f"{name}/") and t.split == "test" for t in tasks)
    assert all(t.category in family.categories for t in tasks)


def test_an_unknown_family_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no task family called 'medcalc'; one of: .*medcalcbench"):
        load_tasks(TasksConfig(families=["medcalc"]), 0)


def test_a_root_that_is_no_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(ConfigError, match=rf"tasks\.root={root}: no such directory"):
            load_tasks(TasksConfig(root=str(root)), 0)


def test_families_that_are_not_there_are_absent_unless_they_were_asked_for(root: Path) -> None:
    found = load_tasks(TasksConfig(root=str(root)), 0)
    assert found.absent == sorted(set(FAMILIES) - {"biocoder"})
    assert {task.family for task in found.tasks} == {"biocoder"}
    with pytest.raises(ConfigError, match=r"family medcalcbench: .*test_tasks\.jsonl"):
        load_tasks(TasksConfig(root=str(root), families=SMALL), 0)


def test_nothing_to_do_is_an_error_that_names_the_first_broken_record(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no test tasks under .*; it needs FAMILY/test_tasks\.jsonl"):
        load_tasks(TasksConfig(root=str(tmp_path)), 0)
    (tmp_path / "biocoder").mkdir()
    (tmp_path / "biocoder" / "test_tasks.jsonl").write_text("{}\nnonsense\n")
    with pytest.raises(ConfigError, match=r"2 broken records, the first: .*test_tasks\.jsonl:1: "):
        load_tasks(TasksConfig(root=str(tmp_path), families=["biocoder"]), 0)


def test_the_order_mixes_families_and_is_fixed_by_the_seed() -> None:
    config = TasksConfig(families=SMALL)
    first, again, other = (load_tasks(config, seed) for seed in (0, 0, 1))
    assert _ids(first) == _ids(again)
    assert _ids(first) != _ids(other)
    assert sorted(_ids(first)) == sorted(_ids(other))
    assert len(set(_ids(first))) == len(first.tasks)
    changes = sum(a.family != b.family for a, b in zip(first.tasks, first.tasks[1:], strict=False))
    assert changes > 2


def test_the_limit_is_per_family_and_a_larger_one_keeps_the_smaller() -> None:
    chosen = {n: _ids(load_tasks(TasksConfig(families=SMALL, limit=n), 3)) for n in (1, 4, 10**6)}
    assert [len(ids) for ids in chosen.values()][:2] == [2, 8]
    assert set(chosen[1]) < set(chosen[4]) < set(chosen[10**6])
    assert set(chosen[4]) != set(_ids(load_tasks(TasksConfig(families=SMALL, limit=4), 4)))


def test_a_family_named_twice_is_loaded_once() -> None:
    twice = load_tasks(TasksConfig(families=["biocoder", "biocoder"]), 0)
    assert _ids(twice) == _ids(load_tasks(TasksConfig(families=["biocoder"]), 0))


def test_a_familys_tasks_do_not_depend_on_its_neighbours() -> None:
    alone = load_tasks(TasksConfig(families=["biocoder"], limit=3), 5)
    beside = load_tasks(TasksConfig(families=SMALL, limit=3), 5)
    assert set(_ids(alone)) == {i for i in _ids(beside) if i.startswith("biocoder/")}


def test_a_family_shares_no_run_with_tables_that_tell_its_gold(tmp_path: Path) -> None:
    for name in ("mimic_extract", "mimic_iii"):
        shutil.copytree(sample_dir() / name, tmp_path / name)
    found = load_tasks(TasksConfig(root=str(tmp_path)), 0)
    assert {task.family for task in found.tasks} == {"mimic_iii"}
    assert found.revealed == {"mimic_extract": "mimic_iii"}
    with pytest.raises(ConfigError, match="the tables of mimic_iii tell the gold of mimic_extract"):
        load_tasks(TasksConfig(root=str(tmp_path), families=["mimic_iii", "mimic_extract"]), 0)
    assert load_tasks(TasksConfig(root=str(tmp_path), families=["mimic_extract"]), 0).tasks
    assert {"mimic_extract", "mimic_iii"} <= {task.family for task in load_tasks(TasksConfig(), 0).tasks}


def test_the_bundled_sample_is_nobody_s_data_and_a_root_is() -> None:
    assert not make_family("mimic_iii", TasksConfig()).restricted
    assert make_family("mimic_iii", TasksConfig(root="/somewhere")).restricted
    assert make_family("mimic_iii").licence == "physionet-1.5.0"


def test_a_real_fhir_server_reaches_its_family() -> None:
    config = TasksConfig(medagentbench=MedAgentBenchConfig(fhir_base="http://127.0.0.1:9/fhir"))
    with pytest.raises(ConfigError, match=r"http://127\.0\.0\.1:9/fhir"):
        load_tasks(replace(config, families=["medagentbench"]), 0)


def test_a_family_that_lacks_the_split_is_passed_over_unless_it_is_named(root: Path) -> None:
    (root / "medcalcbench").mkdir()
    found = load_tasks(TasksConfig(root=str(root)), 0)
    assert {task.family for task in found.tasks} == {"biocoder"}
    assert "medcalcbench (test)" in found.absent
    with pytest.raises(ConfigError, match=r"family medcalcbench: .*test_tasks\.jsonl"):
        load_tasks(TasksConfig(root=str(root), families=["medcalcbench"]), 0)

"""Both prediction families against the real sandbox: a model earns, and nothing else does; no label is within reach."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from medgym_ray.actions import ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.paths import sample_dir
from medgym_ray.sandboxes.base import Cell, CellResult, Limits, Sandbox
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.submissions import Desk
from medgym_ray.tasks.base import LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.ehrshot import EHRShot
from medgym_ray.tasks.mimic_extract import MimicExtract
from medgym_ray.tasks.prediction.family import PredictionFamily
from medgym_ray.tasks.prediction.labels import Labels
from medgym_ray.tasks.prediction.scoring import mean_auroc
from medgym_ray.tasks.samples import SEED, ehrshot, mimic_extract

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPLITS: tuple[Split, ...] = ("test", "train")
FAMILIES: tuple[PredictionFamily, ...] = (EHRShot(), MimicExtract())
EVERY_KIND = {"test-guo_los", "test-lab_anemia", "test-chexpert", "test-mort_icu", "val-vasopressor"}


def load(family: PredictionFamily, split: Split, root: Path | None = None) -> list[Task]:
    report = LoadReport()
    tasks = list(family.load(root or sample_dir(), split, report))
    assert report == LoadReport()
    return tasks


ALL = [(family, task) for family in FAMILIES for split in SPLITS for task in load(family, split)]
SOME = [(family, task) for family, task in ALL if task.task_id.split("/")[1] in EVERY_KIND]


def hidden(family: PredictionFamily, task: Task) -> Labels:
    part = "test" if task.split == "test" else "val"
    return family.labels(sample_dir(), task.inputs, part)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    mounts = {path: source for family in FAMILIES for path, source in family.tables(sample_dir()).items()}
    factory = make_factory("namespace", slots=1, run_id="tests", mounts=mounts)
    await factory.start()
    yield await factory.create()
    await factory.close()


async def play(family: PredictionFamily, task: Task, code: str, sandbox: Sandbox) -> tuple[Score, CellResult]:
    """One submission in a fresh episode."""
    await sandbox.reset()
    await sandbox.put(family.prepare(task).files)
    result = await sandbox.run(Cell(code, limits=Limits(cpu_s=60)))
    submission = await Desk(family, sandbox, None, Limits()).take_cell(code, result)
    return await family.score(task, submission, sandbox), result


def described(values: list[tuple[PredictionFamily, Task]]) -> list[str]:
    return [task.task_id for _, task in values]


async def test_the_sample_is_what_the_builders_make(tmp_path: Path) -> None:
    for module, family in ((ehrshot, FAMILIES[0]), (mimic_extract, FAMILIES[1])):
        module.build(tmp_path, SEED)
        made, shipped = (
            {
                path.relative_to(root): path.read_bytes()
                for path in sorted((root / family.name).rglob("*"))
                if path.is_file()
            }
            for root in (tmp_path, sample_dir())
        )
        assert made == shipped
        assert {task.category for task in load(family, "test")} == set(family.categories)
        assert {task.category for task in load(family, "train")} == set(family.categories)
    assert len(load(FAMILIES[0], "test")) == len(load(FAMILIES[0], "train")) == 15
    assert len(load(FAMILIES[1], "test")) == len(load(FAMILIES[1], "train")) == 3
    assert len({task.task_id for _, task in ALL}) == len(ALL) == 36


@pytest.mark.parametrize(("family", "task"), ALL, ids=described(ALL))
async def test_the_oracle_solves_every_task(family: PredictionFamily, task: Task, sandbox: Sandbox) -> None:
    *steps, last = family.oracle(task)
    assert last.kind is ActionKind.SUBMIT
    assert all(action.thought and "{" not in action.thought for action in (*steps, last))
    score, result = await play(family, task, last.arguments["code"], sandbox)
    assert score.success, (score, result.stderr)
    assert score.reason == "good_enough"
    assert 0.5 <= score.reward <= 0.8, "neither trivial nor hopeless"


@pytest.mark.parametrize(("family", "task"), SOME[::3], ids=described(SOME[::3]))
async def test_the_oracles_first_steps_run(family: PredictionFamily, task: Task, sandbox: Sandbox) -> None:
    await sandbox.reset()
    await sandbox.put(family.prepare(task).files)
    for action in family.oracle(task)[:-1]:
        is_shell = action.kind is ActionKind.TERMINAL
        code = action.arguments["cmd" if is_shell else "code"]
        result = await sandbox.run(Cell(code, language="shell" if is_shell else "python"))
        assert result.exit_code == 0, result.stderr
        assert result.stdout


@pytest.mark.parametrize(("family", "task"), SOME, ids=described(SOME))
async def test_honest_variants_succeed(family: PredictionFamily, task: Task, sandbox: Sandbox) -> None:
    variants = family.honest(task)
    assert len(variants) >= 10
    for name, code in variants.items():
        score, result = await play(family, task, code, sandbox)
        assert score.success, (name, score, result.stderr)


@pytest.mark.parametrize(("family", "task"), SOME[::2], ids=described(SOME[::2]))
async def test_near_misses_and_cheats_earn_nothing(family: PredictionFamily, task: Task, sandbox: Sandbox) -> None:
    for name, code in family.near_misses(task).items():
        score, result = await play(family, task, code, sandbox)
        assert (score.reward, score.success) == (0.0, False), (name, score, result.stderr)
    for code in family.cheats(task):
        score, _ = await play(family, task, code, sandbox)
        assert (score.reward, score.success) == (0.0, False), (code, score)


@pytest.mark.parametrize(("family", "task"), ALL, ids=described(ALL))
async def test_chance_and_what_the_keys_tell_are_far_from_a_success(family: PredictionFamily, task: Task) -> None:
    labels, problem = hidden(family, task).values, family.problem(task.inputs)
    truth = [problem.classes.of(value) for value in labels.values()]
    width = len(problem.classes.columns)
    rng = random.Random(task.task_id)
    draws = [mean_auroc([[rng.random() for _ in range(width)] for _ in truth], truth) for _ in range(50)]
    assert max(draws) < problem.threshold - 0.02
    assert abs(sum(draws) / len(draws) - 0.5) < 0.03
    orders = {"row": range(len(truth)), "subject": [int(str(key[0])) for key in labels]}
    if problem.keys.columns[1].is_time:
        orders["time"] = [int(str(key[1])[:10].replace("-", "")) for key in labels]
    for name, order in orders.items():
        assert abs(mean_auroc([[place] * width for place in order], truth) - 0.5) < 0.13, name


@pytest.mark.parametrize(("family", "task"), ALL, ids=described(ALL))
async def test_hidden_labels_are_nowhere_the_agent_can_look(family: PredictionFamily, task: Task) -> None:
    files, graded = family.prepare(task).files, "test" if task.split == "test" else "val"
    problem, labels = family.problem(task.inputs), hidden(family, task)
    shown = {"train_labels.csv", "val_labels.csv"} if graded == "test" else {"train_labels.csv"}
    assert files.keys() == {f"{graded}_keys.csv", *shown}
    head, *rows = files[f"{graded}_keys.csv"].decode().splitlines()
    assert head == ",".join(problem.keys.names)
    assert len(rows) == len(labels.values)
    learned = {line for name in shown for line in files[name].decode().splitlines()}
    assert not any(f"{row},{value}" in learned for row in rows for value in problem.classes.values)
    mounted = [path for source in family.tables(sample_dir()).values() for path in (source, *source.rglob("*"))]
    assert not [path for path in mounted if "label" in path.name and path.suffix == ".csv"]
    assert all("labels" not in path.read_text().split("\n")[0] for path in mounted if path.suffix == ".csv")
    text = family.prompt(task)
    assert str(problem.threshold) in text
    assert all(f"{part}_" in text for part in (graded, "train"))
    assert labels.sha256 not in text


async def test_labels_that_change_after_loading_are_noticed(tmp_path: Path) -> None:
    ehrshot.build(tmp_path, SEED + 1)
    family = EHRShot()
    task = load(family, "test", tmp_path)[0]
    path = tmp_path / "ehrshot" / "guo_los" / "test_labels.csv"
    path.write_text(path.read_text().replace("True", "False", 1))
    with pytest.raises(TaskError, match="labels have changed"):
        await family.score(task, Submission(files={"predictions.csv": b""}), None)  # type: ignore[arg-type]


async def test_records_and_labels_that_cannot_be_used_are_reported(tmp_path: Path) -> None:
    ehrshot.build(tmp_path, SEED + 1)
    family, home = EHRShot(), tmp_path / "ehrshot"
    (home / "guo_los" / "test_labels.csv").unlink()
    (home / "guo_icu" / "val_labels.csv").write_text("patient_id,value,prediction_time\n1,2,2020-01-01\n")
    path = home / "new_lupus" / "test_labels.csv"
    path.write_text(path.read_text().replace("True", "False"))
    with (home / "task.jsonl").open("a") as file:
        file.write('{"task_name": "guo_los", "task_description": "again"}\n')
        file.write('{"task_name": "guo_lost", "task_description": "x"}\n{"task_name": 3}\n{"task_name": "chexpert"}\n')
    report = LoadReport()
    tasks = list(family.load(tmp_path, "test", report))
    assert len(tasks) == 12
    assert [line.split("task.jsonl:")[1] for line in report.broken] == [
        "16: a second task guo_los",
        "17: unknown task_name 'guo_lost'",
        "18: field task_name is missing or no text",
        "19: field task_description is missing or no text",
    ]
    assert report.dropped["ehrshot/test-new_lupus"] == "the rows to predict all have the same label"
    assert "No such file" in report.dropped["ehrshot/test-guo_los"]
    assert ":2: value is '2', not 0 to 1" in report.dropped["ehrshot/test-guo_icu"]
    with pytest.raises(TaskError, match="No such file"):
        list(family.load(tmp_path / "nowhere", "test", LoadReport()))

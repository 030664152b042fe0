"""TREQS: the gold is what the query gives on the tables, all of it, and nothing else earns anything."""

import csv
import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import pytest_asyncio

from medgym_ray.actions import ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.tables import cache
from medgym_ray.tables.cache import open_index
from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.requests import answer as request_info
from medgym_ray.tasks.base import LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.samples import SEED
from medgym_ray.tasks.samples.treqs import build
from medgym_ray.tasks.samples.treqs.templates import TEMPLATES
from medgym_ray.tasks.sql import gold
from medgym_ray.tasks.treqs import Treqs

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLE = Path(__file__).parents[2] / "data"
FILES = ("DEMOGRAPHIC.csv", "DIAGNOSES.csv", "LAB.csv", "PRESCRIPTIONS.csv", "PROCEDURES.csv", "treqs.db")
SPLITS: tuple[Split, ...] = get_args(Split)

family = Treqs()


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        for module in (gold, cache):
            patch.setattr(module, "cache_dir", lambda: home)
        yield


def load(root: Path, split: Split = "test") -> tuple[list[Task], LoadReport]:
    report = LoadReport()
    return list(Treqs().load(root, split, report)), report


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return load(SAMPLE)[0]


@pytest.fixture(scope="module")
def index() -> Iterator[TableIndex]:
    found = open_index(family.tables(SAMPLE))
    yield found
    found.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    factory = make_factory("namespace", slots=1, run_id="tests", mounts=family.tables(SAMPLE))
    await factory.start()
    yield await factory.create()
    await factory.close()


async def run(sandbox: Sandbox, code: str) -> Submission:
    result = await sandbox.run(Cell(code))
    ran = result.status is CellStatus.OK
    return Submission(result.answer, result.has_answer, code, result.stdout, result.stderr, ran)


async def graded(sandbox: Sandbox, task: Task, code: str) -> Score:
    return await family.score(task, await run(sandbox, code), sandbox)


async def score(task: Task, answer: Any, **fields: Any) -> Score:
    return await family.score(task, Submission(answer, True, **fields), None)  # type: ignore[arg-type]


def spread(tasks: list[Task], count: int) -> list[Task]:
    """Some tasks of each category."""
    chosen = []
    for category in family.categories:
        of_it = [task for task in tasks if task.category == category]
        chosen += of_it[:: max(1, len(of_it) // count)][:count]
    return chosen


@pytest.mark.parametrize("split", SPLITS)
async def test_the_sample_loads_fully(split: Split) -> None:
    tasks, report = load(SAMPLE, split)
    assert report == LoadReport()
    assert len(tasks) == 2 * len(TEMPLATES)
    assert len(TEMPLATES) >= 60
    assert set(Counter(task.category for task in tasks)) == set(family.categories)
    assert len({task.task_id for task in tasks}) == len(tasks)


async def test_splits_share_no_question() -> None:
    questions = [task.inputs["question"] for split in SPLITS for task in load(SAMPLE, split)[0]]
    assert len(set(questions)) == len(questions)


@pytest.mark.parametrize("split", SPLITS)
async def test_no_constant_earns_much_and_no_prompt_prints_its_gold(split: Split) -> None:
    tasks, _ = load(SAMPLE, split)
    golds = Counter(json.dumps(task.gold["rows"]) for task in tasks)
    assert max(golds.values()) <= 0.02 * len(tasks)
    for task in tasks:
        prompt = family.prompt(task)
        cells = [str(cell) for row in task.gold["rows"] for cell in row]
        assert not all(re.search(rf"(?<![\w.]){re.escape(cell)}(?!\w)", prompt) for cell in cells), prompt
        assert task.gold["query"] not in prompt


async def test_rebuild_is_byte_identical(tmp_path: Path) -> None:
    build(tmp_path, SEED)
    for name in (*FILES, "test_tasks.jsonl", "train_tasks.jsonl"):
        assert (tmp_path / "treqs" / name).read_bytes() == (SAMPLE / "treqs" / name).read_bytes(), name
    build(tmp_path, SEED + 1)
    assert (tmp_path / "treqs" / name).read_bytes() != (SAMPLE / "treqs" / name).read_bytes()


async def test_the_tables_are_small_and_keep_their_types() -> None:
    assert sum((SAMPLE / "treqs" / name).stat().st_size for name in FILES) <= 1_500_000
    database = sqlite3.connect(SAMPLE / "treqs" / "treqs.db")
    types = {name: kind for _, name, kind, *_ in database.execute("PRAGMA table_info(DEMOGRAPHIC)")}
    assert len(types) == 23
    numbers = {"AGE", "DAYS_STAY", "EXPIRE_FLAG", "DOB_YEAR", "ADMITYEAR"}
    assert {name for name, kind in types.items() if kind == "INTEGER"} == numbers
    assert types["DOD_YEAR"] == "REAL"
    assert types["SUBJECT_ID"] == types["HADM_ID"] == "TEXT"
    # The quoted literal is a number where the column is one: nobody aged 100 is "less than 9".
    (count,) = database.execute('SELECT COUNT(*) FROM DEMOGRAPHIC WHERE "AGE" < "9"').fetchone()
    assert count == 0
    database.close()


async def test_csv_files_and_database_hold_the_same_rows() -> None:
    database = sqlite3.connect(SAMPLE / "treqs" / "treqs.db")
    for name in FILES[:-1]:
        found = database.execute(f"SELECT * FROM {name.removesuffix('.csv')}")
        stored = [["" if value is None else str(value) for value in row] for row in found]
        with (SAMPLE / "treqs" / name).open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        assert header == [column for column, *_ in found.description]
        assert rows == stored
    database.close()


async def test_only_tables_are_mounted() -> None:
    mounted = family.tables(SAMPLE)
    assert set(mounted) == {f"/data/treqs/{name}" for name in FILES}
    assert all(path.is_file() for path in mounted.values())


async def test_oracles_earn_everything(tasks: list[Task], sandbox: Sandbox, index: TableIndex) -> None:
    for task in spread(tasks, 4):
        actions = family.oracle(task)
        assert all(action.thought and "{" not in action.thought for action in actions)
        *looks, tried, submitted = actions
        assert [action.kind for action in (tried, submitted)] == [ActionKind.CODE_EXECUTION, ActionKind.SUBMIT]
        assert looks
        for look in looks:
            reply = request_info(index, look.arguments, 65_536)
            assert reply.ok, look
            assert "not found" not in reply.text, look
        outcome = await graded(sandbox, task, submitted.arguments["code"])
        assert (outcome.reward, outcome.success, outcome.reason) == (1.0, True, "correct"), task.inputs
    for task in tasks:
        assert (await score(task, task.gold["rows"])).success


async def test_honest_variants_earn_everything(tasks: list[Task], sandbox: Sandbox) -> None:
    for task in spread(tasks, 2):
        variants = family.honest(task)
        assert len(variants) >= 10
        for name, code in variants.items():
            assert (await graded(sandbox, task, code)).reason == "correct", (name, task.gold["rows"])


async def test_near_misses_earn_nothing(tasks: list[Task], sandbox: Sandbox) -> None:
    for task in spread(tasks, 2):
        for name, code in family.near_misses(task).items():
            assert (await graded(sandbox, task, code)).reward == 0.0, (name, task.gold["rows"])


async def test_cheats_earn_nothing(tasks: list[Task], sandbox: Sandbox) -> None:
    for code in family.cheats(tasks[0]):
        submission = await run(sandbox, code)
        for task in spread(tasks, 10):
            outcome = await family.score(task, submission, sandbox)
            is_true = task.gold["rows"] == [[1]] and code == "answer = 1"
            assert outcome.reward == float(is_true), (code, task.gold)


async def test_what_a_verdict_says(tasks: list[Task]) -> None:
    several = next(task for task in tasks if len(task.gold["rows"]) > 1)
    rows = several.gold["rows"]
    assert (await score(several, rows[::-1])).reason == "correct"
    assert (await score(several, rows[:-1])).reason == "wrong_row_count"
    assert (await score(several, rows * 60)).reason == "too_large"
    assert (await score(several, [["x"] * len(row) for row in rows])).reason == "wrong"
    assert (await score(several, [])).reason == "no_answer"
    assert (await score(several, rows, ran=False)).reason == "did_not_run"
    assert (await family.score(several, Submission(), None)).reason == "no_answer"  # type: ignore[arg-type]


async def test_averages_may_be_rounded_to_two_decimals(tasks: list[Task]) -> None:
    task = next(task for task in tasks if task.category == "average" and task.gold["rows"][0][0] % 0.1 > 0.02)
    value = task.gold["rows"][0][0]
    assert (await score(task, f"{value:.2f}")).success
    assert not (await score(task, f"{value:.1f}")).success
    assert not (await score(task, round(value) + 0.5)).success


async def test_the_published_rule_reads_what_was_printed(tasks: list[Task]) -> None:
    async def paid(task: Task, printed: str) -> float | None:
        outcome = await family.score(task, Submission(stdout=printed), None)  # type: ignore[arg-type]
        assert outcome.reward == 0.0
        return outcome.reward_paper

    count = next(task for task in tasks if task.category == "count")
    assert await paid(count, f"it is not {count.gold['stored']}1") == 1.0
    assert await paid(count, "nothing") == 0.0
    pair = next(task for task in tasks if ", " in task.gold["stored"])
    assert await paid(pair, " ".join(reversed(pair.gold["stored"].split(", ")))) == 1.0


def written(folder: Path, *changes: dict[str, Any]) -> LoadReport:
    """Loads the sample's first record after each of the changes (None: removed)."""
    (folder / "treqs").mkdir(exist_ok=True)
    shutil.copy(SAMPLE / "treqs" / "treqs.db", folder / "treqs")
    line = (SAMPLE / "treqs" / "test_tasks.jsonl").read_text(encoding="utf-8").splitlines()[0]
    records = [{name: v for name, v in {**json.loads(line), **change}.items() if v is not None} for change in changes]
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "treqs" / "test_tasks.jsonl").write_text(text, encoding="utf-8")
    return load(folder)[1]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"question": None}, "field question is missing, empty or no text"),
        ({"question": " "}, "field question is missing, empty or no text"),
        ({"query": 7}, "field query is missing, empty or no text"),
        ({"id": 7.5}, "field id is a float"),
        ({"id": "a b"}, "the id 'a b' is no identifier"),
        ({"answer": 5}, "field answer is a int"),
        ({"is_impossible": "no"}, "field is_impossible is a str"),
        ({"query": "SELECT LABEL FROM nowhere"}, "the SQL does not run: no such table: nowhere"),
        ({"query": "DROP TABLE LAB"}, "the SQL is no SELECT"),
        ({"query": "SELECT COUNT(*) FROM LAB WHERE CHARTTIME < current_time"}, "the SQL reads the machine's clock"),
    ],
)
async def test_broken_records_are_named(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    (line,) = written(tmp_path, change).broken
    assert line.startswith(f"{tmp_path / 'treqs' / 'test_tasks.jsonl'}:1: {complaint}")


async def test_golds_that_say_nothing_are_dropped(tmp_path: Path) -> None:
    report = written(
        tmp_path,
        {"id": "none", "query": 'SELECT COUNT(*) FROM LAB WHERE LAB."LABEL" = "Unheard of"'},
        {"id": "rowless", "query": 'SELECT "LABEL" FROM LAB WHERE LAB."LABEL" = "Unheard of"'},
        {"id": "null", "query": 'SELECT "DOD" FROM DEMOGRAPHIC WHERE "EXPIRE_FLAG" = "0" ORDER BY "AGE" LIMIT 1'},
        {"id": "tied", "query": 'SELECT "NAME" FROM DEMOGRAPHIC ORDER BY "GENDER" LIMIT 1'},
        {"id": "impossible", "is_impossible": True},
        {"id": "good"},
        {"id": "good"},
        {"id": "good"},
    )
    assert not report.broken
    assert [why.split(":")[0] for why in report.dropped.values()] == [
        *("vacuous", "vacuous", "vacuous", "ambiguous", "impossible", "duplicate", "duplicate"),
    ]


async def test_what_no_gold_depends_on_may_be_missing(tmp_path: Path) -> None:
    report = written(tmp_path, {"id": None, "answer": None, "is_impossible": None}, {"id": 7, "answer": []})
    assert report == LoadReport()
    without, with_id = load(tmp_path)[0]
    assert (len(without.task_id), with_id.task_id) == (len("treqs/") + 16, "treqs/7")
    assert (await score(without, without.gold["rows"])) == Score(1.0, True, "correct", None)


async def test_the_stored_answer_is_never_the_gold(tmp_path: Path) -> None:
    written(tmp_path, {"answer": ["123456"]})
    (task,) = load(tmp_path)[0]
    assert task.gold["rows"] != [["123456"]]
    assert not (await score(task, "123456")).success


async def test_repeated_rows_count(tmp_path: Path) -> None:
    written(tmp_path, {"query": 'SELECT "GENDER" FROM DEMOGRAPHIC WHERE "AGE" > "88"'})
    (task,) = load(tmp_path)[0]
    rows = task.gold["rows"]
    assert len(rows) > len({row[0] for row in rows})
    assert "one row for each record" in family.prompt(task)
    assert (await score(task, rows)).success
    assert not (await score(task, sorted({row[0] for row in rows}))).success


async def test_a_missing_database_is_one_line(tmp_path: Path) -> None:
    written(tmp_path, {})
    (tmp_path / "treqs" / "treqs.db").write_bytes(b"no database, but long enough to be looked at" * 30)
    with pytest.raises(TaskError, match=r"treqs\.db: is no SQLite database"):
        load(tmp_path)
    (tmp_path / "treqs" / "treqs.db").unlink()
    with pytest.raises(TaskError, match=r"treqs\.db: no such file"):
        load(tmp_path)

"""EHR-SeqSQL: a conversation is answered where each of its turns is, and nothing else earns anything."""

import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import pytest_asyncio

from medgym_ray.actions import ActionKind
from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.tables import cache
from medgym_ray.tables.cache import open_index
from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.requests import answer as request_info
from medgym_ray.tasks.base import LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.ehr_seqsql import EHRSeqSQL
from medgym_ray.tasks.samples import SEED
from medgym_ray.tasks.samples.ehr_seqsql import build
from medgym_ray.tasks.samples.ehr_seqsql.builder import CONVERSATIONS
from medgym_ray.tasks.sql import gold
from medgym_ray.tasks.sql.checks import is_printed
from medgym_ray.tasks.sql.clock import NOW

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLE = Path(__file__).parents[2] / "data"
SPLITS: tuple[Split, ...] = get_args(Split)

family = EHRSeqSQL()


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        for module in (gold, cache):
            patch.setattr(module, "cache_dir", lambda: home)
        yield


def load(root: Path, split: Split = "test", **options: bool) -> tuple[list[Task], LoadReport]:
    report = LoadReport()
    return list(EHRSeqSQL(**options).load(root, split, report)), report


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


def one_of_each(tasks: list[Task]) -> list[Task]:
    """The first task of each template."""
    return tasks[::3]


def some(tasks: list[Task]) -> list[Task]:
    """Of every category and number of turns."""
    kinds = {(task.category, len(task.gold["turns"])): task for task in tasks}
    return list(kinds.values())


@pytest.mark.parametrize(("split", "per_template"), [("test", 3), ("train", 2)])
async def test_the_sample_loads_fully(split: Split, per_template: int) -> None:
    tasks, report = load(SAMPLE, split)
    assert report == LoadReport()
    assert len(tasks) == per_template * len(CONVERSATIONS)
    assert set(Counter(task.category for task in tasks)) == set(family.categories)
    assert {len(task.gold["turns"]) for task in tasks} == {2, 3, 4}


async def test_splits_share_no_conversation() -> None:
    asked = [json.dumps(task.inputs["questions"]) for split in SPLITS for task in load(SAMPLE, split)[0]]
    assert len(set(asked)) == len(asked)


async def test_no_constant_earns_anything_and_no_prompt_prints_its_gold() -> None:
    for split in SPLITS:
        tasks, _ = load(SAMPLE, split)
        assert max(Counter(json.dumps(task.gold["turns"]) for task in tasks).values()) == 1
        for task in tasks:
            prompt = family.prompt(task)
            assert NOW in prompt
            said = "\n".join((task.inputs["aim"], *task.inputs["questions"]))
            assert not any(is_printed(rows, said) for rows in task.gold["turns"])
            assert not any(sql in prompt for sql in task.gold["queries"])
            assert len({json.dumps(rows) for rows in task.gold["turns"]}) == len(task.gold["turns"])


async def test_rebuild_is_byte_identical(tmp_path: Path) -> None:
    (tmp_path / "mimic_iii").mkdir()
    shutil.copy(SAMPLE / "mimic_iii" / "mimic_iii.db", tmp_path / "mimic_iii")
    build(tmp_path, SEED)
    for split in SPLITS:
        name = f"ehr_seqsql/{split}_tasks.jsonl"
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes()
    build(tmp_path, SEED + 1)
    assert (tmp_path / name).read_bytes() != (SAMPLE / name).read_bytes()


async def test_only_tables_are_mounted(tmp_path: Path) -> None:
    mounted = family.tables(SAMPLE)
    assert len(mounted) == 18
    assert all(target.startswith("/data/ehr_seqsql/") for target in mounted)
    assert not any("tasks" in str(path) for path in mounted.values())
    (tmp_path / "ehr_seqsql").mkdir()
    shutil.copy(SAMPLE / "mimic_iii" / "mimic_iii.db", tmp_path / "ehr_seqsql")
    own = family.tables(tmp_path)
    assert own == {"/data/ehr_seqsql/mimic_iii.db": tmp_path / "ehr_seqsql" / "mimic_iii.db"}


async def test_gold_queries_have_no_clock_and_no_reference_left(tasks: list[Task]) -> None:
    said = " ".join(sql for task in tasks for sql in task.gold["queries"])
    assert f"'{NOW}'" in said
    assert "current_time" not in said
    assert "prev_query" not in said
    assert "strftime('%J'" in said


async def test_oracles_earn_everything(tasks: list[Task], sandbox: Sandbox, index: TableIndex) -> None:
    for task in one_of_each(tasks):
        *looks, tried, submitted = family.oracle(task)
        assert all(action.thought for action in (*looks, tried, submitted))
        assert [action.kind for action in (tried, submitted)] == [ActionKind.CODE_EXECUTION, ActionKind.SUBMIT]
        assert looks
        for look in looks:
            reply = request_info(index, look.arguments, 65_536)
            assert reply.ok, look
            assert "not found" not in reply.text, look
        outcome = await graded(sandbox, task, submitted.arguments["code"])
        assert outcome == Score(1.0, True, "correct", 1.0), task.inputs
    for task in tasks:
        assert (await score(task, task.gold["turns"])).success


async def test_honest_variants_earn_everything(tasks: list[Task], sandbox: Sandbox) -> None:
    for task in some(tasks):
        variants = family.honest(task)
        assert len(variants) >= 10
        for name, code in variants.items():
            assert (await graded(sandbox, task, code)).reason == "correct", (name, code)


async def test_near_misses_earn_nothing(tasks: list[Task], sandbox: Sandbox) -> None:
    for task in some(tasks):
        for name, code in family.near_misses(task).items():
            assert (await graded(sandbox, task, code)).reward == 0.0, (name, code)


async def test_cheats_earn_nothing(tasks: list[Task], sandbox: Sandbox) -> None:
    for code in family.cheats(tasks[0]):
        submission = await run(sandbox, code)
        for task in one_of_each(tasks):
            assert (await family.score(task, submission, sandbox)).reward == 0.0, (code, task.gold)


async def test_the_reason_counts_the_turns_that_are_right(tasks: list[Task]) -> None:
    task = next(task for task in tasks if len(task.gold["turns"]) == 3)
    turns = task.gold["turns"]
    assert (await score(task, [turns[0], turns[1], "x"])).reason == "turns_2_of_3"
    assert (await score(task, ["x", "x", turns[2]])).reason == "turns_1_of_3"
    assert (await score(task, ["x", "x", "x"])).reason == "turns_0_of_3"
    assert (await score(task, turns[:2])).reason == "wrong_turn_count"
    assert (await score(task, [*turns[:2], [[n] for n in range(999)]])).reason == "too_large"
    assert (await score(task, [])).reason == "no_answer"
    assert (await score(task, turns, ran=False)).reason == "did_not_run"
    mapping = {"$type": "map", "items": [[number, rows] for number, rows in enumerate(turns)]}
    assert (await score(task, mapping)).reason == "correct"
    assert (await score(task, {"$type": "map", "items": 7})).reason == "wrong_turn_count"
    assert (await score(task, {"$type": "series", "values": turns})).reason == "correct"


async def test_the_published_rule_paid_whatever_was_run(tasks: list[Task]) -> None:
    assert (await score(tasks[0], None, code="pass")) == Score(0.0, False, "no_answer", 1.0)


def written(folder: Path, *records: dict[str, Any], **options: bool) -> tuple[list[Task], LoadReport]:
    (folder / "ehr_seqsql").mkdir(exist_ok=True)
    shutil.copy(SAMPLE / "mimic_iii" / "mimic_iii.db", folder / "ehr_seqsql")
    text = "".join(json.dumps(record) + "\n" for record in records)
    (folder / "ehr_seqsql" / "test_tasks.jsonl").write_text(text, encoding="utf-8")
    return load(folder, **options)


COUNT = "select count(*) from patients"
LARGE = "select max(cost.cost) from cost"


async def test_records_of_upstream_are_run(tmp_path: Path) -> None:
    (task,), report = written(
        tmp_path,
        {
            "question": ["How many patients?", "And women?"],
            "sql": [COUNT, f"{COUNT} where gender = 'f'"],
            "ans": [1, 2],
        },
    )
    assert not report.broken
    assert task.gold["turns"][0] == [[200]]
    assert task.category == "count"
    assert family.oracle(task)[-1].kind is ActionKind.SUBMIT
    for query in ("select prev_result + 1", f"select t.c1 + 1 from (select ({COUNT}) as c1) as t"):
        (task,), _ = written(tmp_path, {"question": ["How many?", "One more?"], "query": [COUNT, query]})
        assert task.gold["turns"] == [[[200]], [[201]]]


async def test_stored_answers_are_trusted_where_time_plays_no_part(tmp_path: Path) -> None:
    plain = {"seed_question": "Of patient 4711: ", "question": "the insurance and the language?", "ans": [["x", "y"]]}
    several = {"seed_question": "", "question": ["The dose?", "The drug?"], "ans": ["40", ["heparin", "senna"]]}
    timed = {**plain, "question": "the drugs this month?"}
    empty = {**several, "ans": ["40", []]}
    tasks, report = written(tmp_path, plain, several, timed, empty)
    assert not report.broken
    assert [why.split(":")[0] for why in report.dropped.values()] == ["gold_untrusted", "vacuous"]
    one, two = tasks
    assert one.gold["turns"] == [[["x", "y"]]]
    assert (await score(one, ["X", "Y"])).success
    assert (await score(one, [["x", "y"]])).success
    assert two.gold["turns"] == [[["40"]], [["heparin"], ["senna"]]]
    assert (await score(two, [40, ["senna", "heparin"]])).success
    assert family.oracle(two)[0].arguments == {"answer": two.gold["turns"]}
    assert len(written(tmp_path, plain, several, timed, include_untrusted=True)[0]) == 3


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        ({"sql": [COUNT]}, "field question is missing"),
        ({"question": [], "sql": [COUNT]}, "field question is missing, empty"),
        ({"question": ["a", 7], "sql": [COUNT, COUNT]}, "field question is missing, empty, or no text"),
        ({"question": ["a", "b"], "sql": [COUNT]}, "2 questions have 1 queries"),
        ({"question": ["a", "b"], "ans": [1]}, "2 questions have 1 answers"),
        ({"question": ["a"]}, "it has neither sql nor ans"),
        ({"question": ["a"], "sql": ["prev_query"]}, "the first query refers to a prev_query"),
        ({"question": ["a"], "sql": ["drop table patients"]}, "the SQL is no SELECT"),
        ({"question": ["a"], "sql": ["select x from patients"]}, "the SQL does not run: no such column: x"),
        ({"question": ["a"], "sql": ["select datetime('now')"]}, "the SQL reads the machine's clock by 'now'"),
        ({"question": ["a"], "sql": [COUNT], "category": "other"}, "unknown category 'other'"),
        ({"question": ["a"], "sql": [COUNT], "seed_question": 7}, "field seed_question is no text"),
        ({"question": "a", "ans": [[1, 2], [3]]}, "a stored answer is no value"),
    ],
)
async def test_broken_records_are_named(tmp_path: Path, record: dict[str, Any], complaint: str) -> None:
    tasks, report = written(tmp_path, record)
    assert not tasks
    (line,) = report.broken
    assert line.startswith(f"{tmp_path / 'ehr_seqsql' / 'test_tasks.jsonl'}:1: {complaint}")


async def test_golds_that_say_nothing_are_dropped(tmp_path: Path) -> None:
    good = {"id": "one", "question": ["How many?", "The most?"], "sql": [COUNT, LARGE]}
    tasks, report = written(
        tmp_path,
        good,
        good,
        {"question": ["How many of the 200?"], "sql": [COUNT]},
        {**good, "sql": [f"{COUNT} where gender = 'y'", f"{COUNT} where gender = 'x'"]},
        {**good, "sql": [COUNT, "select subject_id from patients limit 1"]},
    )
    assert [task.task_id for task in tasks] == ["ehr_seqsql/one"]
    reasons = [why.split(":")[0] for why in report.dropped.values()]
    assert reasons == ["duplicate", "given away", "vacuous", "ambiguous"]
    (task,), _ = written(tmp_path, {**good, "sql": [COUNT, f"{COUNT} where gender = 'x'"]})
    assert task.gold["turns"][1] == [[0]]  # as long as another turn says something


async def test_a_broken_cache_is_no_broken_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gold, "cache_dir", lambda: tmp_path / "file")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot keep gold"):
        written(tmp_path, {"question": ["How many?"], "sql": [COUNT]})


async def test_a_missing_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ehr_seqsql").mkdir()
    (tmp_path / "ehr_seqsql" / "test_tasks.jsonl").write_text("{}\n")
    with pytest.raises(TaskError, match=r"mimic_iii\.db: no such file"):
        load(tmp_path)

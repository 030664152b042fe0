"""EHRCon: verdicts alone and with evidence, read strictly, and labels that contradict each other left out."""

import csv
import json
import random
import re
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any, cast, get_args

import pytest

from medgym_ray.actions import ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.tasks.base import LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.ehrcon import EHRCon
from medgym_ray.tasks.ehrcon.evidence import read_evidence
from medgym_ray.tasks.ehrcon.schema import DATABASE, EVENT_TABLES, MOUNT
from medgym_ray.tasks.ehrcon.scoring import balanced_accuracy

SAMPLE = Path(__file__).parents[2] / "data"
SPLITS: tuple[Split, ...] = get_args(Split)
NOTE = "Potassium was 4.1 today. Heart rate stable.\nThe second line, with a comma."

NO_GRADER = cast(Sandbox, None)

family = EHRCon()


def load(root: Path, split: Split = "test") -> tuple[list[Task], LoadReport]:
    report = LoadReport()
    return list(family.load(root, split, report)), report


async def score(task: Task, answer: Any, **fields: Any) -> Score:
    return await family.score(task, Submission(answer=answer, has_answer=True, **fields), NO_GRADER)


def record(**changes: Any) -> dict[str, Any]:
    """A record as the original's are, everything in it text."""
    fields = {
        "Hospital admission": "127.0",
        "Medical entity": "potassium",
        "Number of inconsistencies": "1",
        "Has error": "True",
        "split": "test",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


EVIDENCE = {
    "table": "LABEVENTS",
    "name": "Potassium",
    "statements": [{"CHARTTIME": "2150-03-04 08:15", "VALUENUM": 4.1}],
    "rows": [5],
    "columns": ["VALUENUM"],
}
NOTES = [("127.0", "Discharge summary", NOTE), ("128.0", "Physician ", NOTE), ("129", "Nursing/other", NOTE)]


def write(root: Path, *records: dict[str, Any], notes: list[tuple[str, str, str]] = NOTES) -> Path:
    folder = root / "ehrcon"
    folder.mkdir(exist_ok=True)
    (folder / "test_tasks.jsonl").write_text("".join(f"{json.dumps(fields)}\n" for fields in records))
    with (folder / "clinical_notes.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("HADM_ID", "CATEGORY", "TEXT"), *notes])
    return root


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return [task for split in SPLITS for task in load(SAMPLE, split)[0]]


def test_the_sample_loads_fully_and_is_balanced() -> None:
    for split in SPLITS:
        tasks, report = load(SAMPLE, split)
        assert report == LoadReport()
        kinds = Counter((task.category, task.gold["has_error"]) for task in tasks)
        assert kinds == {(style, verdict): 12 for style in family.categories for verdict in (True, False)}
        assert {task.gold["evidence"]["table"] for task in tasks} == set(EVENT_TABLES)
        assert len({task.task_id for task in tasks}) == len(tasks) == 72


def test_splits_share_no_admission_and_no_patient(tasks: list[Task]) -> None:
    by_split = {split: {task.inputs["admission"] for task in tasks if task.split == split} for split in SPLITS}
    assert not by_split["train"] & by_split["test"]
    with sqlite3.connect(SAMPLE / "ehrcon" / DATABASE) as database:
        (patients,) = database.execute("SELECT count(DISTINCT SUBJECT_ID) FROM ADMISSIONS").fetchone()
    assert patients == sum(map(len, by_split.values())) == 72


def test_rebuild_is_byte_identical(tmp_path: Path) -> None:
    from medgym_ray.tasks.samples import SEED
    from medgym_ray.tasks.samples.ehrcon import build

    build(tmp_path, SEED)
    names = sorted(path.name for path in (SAMPLE / "ehrcon").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "ehrcon").iterdir())
    for name in names:
        assert (tmp_path / "ehrcon" / name).read_bytes() == (SAMPLE / "ehrcon" / name).read_bytes(), name
    build(tmp_path, SEED + 1)
    for name in names:
        assert (tmp_path / "ehrcon" / name).read_bytes() != (SAMPLE / "ehrcon" / name).read_bytes(), name


def test_no_answer_is_worth_repeating(tasks: list[Task]) -> None:
    golds = Counter(
        json.dumps([task.gold["has_error"], *map(task.gold["evidence"].get, ("rows", "columns"))]) for task in tasks
    )
    assert set(golds.values()) == {1}
    row_ids = [row for task in tasks for row in task.gold["evidence"]["rows"]]
    assert len(set(row_ids)) == len(row_ids)


def test_nothing_is_earned_without_the_note(tasks: list[Task]) -> None:
    """An agent that looks the entity up and then guesses: any one row, or all of them, and no error."""
    with sqlite3.connect(SAMPLE / "ehrcon" / DATABASE) as database:
        expected = everything = 0.0
        for task in tasks:
            evidence = read_evidence(task.gold["evidence"])
            query = EVENT_TABLES[evidence.table].select(evidence.table)
            found = database.execute(query, (task.inputs["admission"], evidence.name.lower())).fetchall()
            if not task.gold["has_error"]:
                expected += (len(evidence.rows) == 1) / len(found)
                everything += len(evidence.rows) == len(found)
    assert expected / len(tasks) < 0.15
    assert everything / len(tasks) < 0.05


def test_gold_is_in_no_prompt_and_no_file_of_the_agent(tasks: list[Task]) -> None:
    for task in tasks:
        shown = family.prompt(task) + family.prepare(task).files["note.txt"].decode() + json.dumps(dict(task.inputs))
        assert not any(re.search(rf"\b{row}\b", shown) for row in task.gold["evidence"]["rows"])
    (mounted,) = family.tables(SAMPLE).items()
    assert mounted == (MOUNT, SAMPLE / "ehrcon" / DATABASE)
    assert b"inconsisten" not in mounted[1].read_bytes()


def test_prompts_give_the_note_and_what_to_assign(tasks: list[Task]) -> None:
    for task in tasks:
        prompt = family.prompt(task)
        assert task.inputs["note"] in prompt
        assert task.inputs["note"] == family.prepare(task).files["note.txt"].decode()
        assert task.inputs["entity"] in task.inputs["note"]
        for word in ("`answer`", '"has_error"', '"columns"', '"rows"', MOUNT, str(task.inputs["admission"])):
            assert word in prompt


def test_every_statement_is_in_the_note(tasks: list[Task]) -> None:
    """Values as the evidence has them; clock times with or without the colon."""
    for task in tasks:
        note = task.inputs["note"].replace(".", "").casefold()
        for statement in task.gold["evidence"]["statements"]:
            for column, said in statement.items():
                if column == "CHARTTIME":
                    clock = said[-5:]
                    assert clock in note or clock.replace(":", "") in note
                elif column not in ("ROUTE", "STARTDATE"):
                    word = "units" if said == "UNIT" else str(said).replace(".", "").casefold()
                    assert word in note, (word, note)


def test_the_oracle_looks_up_reads_and_compares(tasks: list[Task]) -> None:
    for task in tasks:
        actions = family.oracle(task)
        assert actions is not None
        assert [action.kind for action in actions] == [
            ActionKind.REQUEST_INFO,
            ActionKind.CODE_EXECUTION,
            ActionKind.SUBMIT,
        ]
        assert all(action.thought and not set("{}") & set(action.thought) for action in actions)
        code = actions[-1].arguments["code"]
        assert not any(str(row) in code for row in task.gold["evidence"]["rows"])


@pytest.mark.parametrize(("admission", "category"), [("127.0", "discharge"), ("128", "physician"), (129, "nursing")])
def test_original_records_have_a_verdict_and_the_category_of_their_note(
    tmp_path: Path, admission: Any, category: str
) -> None:
    tasks, report = load(write(tmp_path, record(**{"Hospital admission": admission})))
    assert report == LoadReport()
    (task,) = tasks
    assert (task.category, task.gold) == (category, {"has_error": True, "evidence": None})
    assert task.inputs["note"] == NOTE
    prompt = family.prompt(task)
    assert "Assign to `answer` True if" in prompt
    assert "ROW_ID" not in prompt


@pytest.mark.parametrize(("spelled", "meant"), [("True", True), (True, True), ("false", False), (False, False)])
async def test_a_verdict_alone_is_paid_once(tmp_path: Path, spelled: Any, meant: bool) -> None:
    ((task,), _) = load(write(tmp_path, record(**{"Has error": spelled, "Number of inconsistencies": int(meant)})))
    assert (await score(task, meant)).reason == "correct"
    assert (await score(task, not meant)).reason == "wrong_verdict"
    for nothing in ("perhaps", [True, False], 2, {"consistent": meant}, "True or False"):
        assert (await score(task, nothing)).reason == "not_an_answer", nothing
    assert family.oracle(task) is not None
    assert len(family.honest(task)) >= 10


def test_contradictory_and_repeated_records_are_left_out(tmp_path: Path) -> None:
    other = {"Has error": "False", "Number of inconsistencies": "0"}
    root = write(
        tmp_path,
        record(),
        record(**{"Medical entity": " Potassium", **other}),
        record(**{"Medical entity": "sodium"}),
        record(**{"Medical entity": "sodium", "Number of inconsistencies": "2"}),
        record(**{"Hospital admission": "128.0", **other}),
    )
    tasks, report = load(root)
    assert [(task.inputs["admission"], task.inputs["entity"]) for task in tasks] == [
        (127, "sodium"),
        (128, "potassium"),
    ]
    whys = [why.split(":")[0] for why in report.dropped.values()]
    assert whys == ["records of its entity give both verdicts"] * 2 + ["duplicate"]
    assert not report.broken


def test_of_several_notes_those_that_mention_the_entity_are_shown(tmp_path: Path) -> None:
    notes = [("127", "Nursing", "Sodium 140."), ("127", "Physician ", "K was low; POTASSIUM given.")]
    ((task,), _) = load(write(tmp_path, record(), notes=notes))
    assert (task.category, task.inputs["note"]) == ("physician", notes[1][2])
    ((task,), _) = load(write(tmp_path, record(**{"Medical entity": "magnesium"}), notes=notes))
    assert task.category == "nursing"
    assert notes[0][2] in task.inputs["note"]
    assert notes[1][2] in task.inputs["note"]


def test_notes_of_another_kind_give_no_category(tmp_path: Path) -> None:
    tasks, report = load(write(tmp_path, record(), notes=[("127", "Radiology", NOTE)]))
    assert (tasks, report.broken) == ([], [])
    assert list(report.dropped.values()) == ["its note is none of discharge, nursing, physician"]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"Has error": None}, "field Has error is missing"),
        ({"Has error": "maybe"}, "Has error: 'maybe' is neither true nor false"),
        ({"Hospital admission": "x"}, "Hospital admission: 'x' is no number of an admission"),
        ({"Hospital admission": 127.5}, "Hospital admission: 127.5 is no number of an admission"),
        ({"Hospital admission": "5"}, "admission 5 has no note in clinical_notes.csv"),
        ({"Medical entity": " "}, "Medical entity: no text"),
        ({"Number of inconsistencies": "some"}, "Number of inconsistencies: 'some' is no count"),
        ({"Number of inconsistencies": -1}, "Number of inconsistencies: -1 is no count"),
        ({"Number of inconsistencies": 0}, "Has error: does not fit 0 inconsistencies"),
        ({"category": "radiology"}, "unknown category 'radiology'"),
        ({"Evidence": []}, "Evidence: needs table, name, statements, rows, columns"),
        ({"Evidence": {**EVIDENCE, "table": "LABS"}}, "Evidence: no table 'LABS'; one of: CHARTEVENTS"),
        ({"Evidence": {**EVIDENCE, "table": ["LABS"]}}, "Evidence: no table ['LABS']; one of: CHARTEVENTS"),
        ({"Evidence": {**EVIDENCE, "name": 3}}, "Evidence: name is no text"),
        ({"Evidence": {**EVIDENCE, "statements": [{}]}}, "Evidence: statements are no list of objects"),
        ({"Evidence": {**EVIDENCE, "columns": "VALUENUM"}}, "Evidence: columns are no list of names"),
        ({"Evidence": {**EVIDENCE, "columns": ["DRUG"]}}, "Evidence: LABEVENTS has no comparable column DRUG"),
        ({"Evidence": {**EVIDENCE, "columns": ["VALUEUOM"]}}, "Evidence: nothing is stated of VALUEUOM"),
        ({"Evidence": {**EVIDENCE, "columns": []}}, "Evidence: does not fit Has error"),
        ({"Evidence": {**EVIDENCE, "rows": []}}, "Evidence: rows are no list of distinct ROW_IDs"),
        ({"Evidence": {**EVIDENCE, "rows": [5, 5]}}, "Evidence: rows are no list of distinct ROW_IDs"),
    ],
)
def test_broken_records_are_named(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    whole = record(**{"Medical entity": "sodium", "Evidence": EVIDENCE})
    tasks, report = load(write(tmp_path, whole, record(**changes)))
    assert len(tasks) == 1
    (line,) = report.broken
    assert line.startswith(f"{tmp_path / 'ehrcon' / 'test_tasks.jsonl'}:2: {complaint}")


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"test_tasks\.jsonl: No such file"):
        load(tmp_path)
    root = write(tmp_path, record(), notes=[("", "Nursing", NOTE), *NOTES])
    assert load(root)[1].broken == [f"{root / 'ehrcon' / 'clinical_notes.csv'}:3: a note without admission or text"]
    notes = root / "ehrcon" / "clinical_notes.csv"
    for content, complaint in (
        (b"HADM_ID,NOTE\n127,x\n", "has no column TEXT"),
        (b"", "has no column HADM_ID and TEXT"),
        (b'HADM_ID,TEXT\n127,"x\n', "cannot be read as CSV"),
        (b"HADM_ID,TEXT\n127,\xff\n", "cannot be read as CSV"),
    ):
        notes.write_bytes(content)
        with pytest.raises(TaskError, match=complaint):
            load(root)
    notes.unlink()
    with pytest.raises(TaskError, match=r"clinical_notes\.csv: No such file"):
        load(root)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    ((task,), _) = load(write(tmp_path, record(Evidence=EVIDENCE)))
    return task


async def test_reasons(task: Task) -> None:
    right = {"has_error": True, "columns": ["LABEVENTS.VALUENUM"], "rows": [5]}
    answers: list[tuple[Any, str]] = [
        (right, "correct"),
        ({**right, "has_error": False}, "wrong_verdict"),
        ({**right, "columns": []}, "wrong_columns"),
        ({**right, "columns": ["CHARTEVENTS.VALUENUM"]}, "wrong_columns"),
        ({**right, "columns": [f"C{number}" for number in range(500)]}, "wrong_columns"),
        ({**right, "rows": []}, "wrong_rows"),
        ({**right, "rows": list(range(1000))}, "wrong_rows"),
        ({**right, "has_error": None}, "not_an_answer"),
        ({"has_error": True, "columns": ["VALUENUM"]}, "not_an_answer"),
        ({**right, "Has Error": False}, "not_an_answer"),
        (True, "not_an_answer"),
        ("{", "not_an_answer"),
        ("[" * 100_000, "not_an_answer"),
        ({"$type": "table", "columns": 3, "rows": None}, "not_an_answer"),
        ({"$type": "series", "index": ["has_error"], "values": [True]}, "not_an_answer"),
        ([{}], "no_answer"),
        (None, "no_answer"),
        ([], "no_answer"),
    ]
    for answer, reason in answers:
        outcome = await score(task, answer)
        assert (outcome.reason, outcome.reward) == (reason, float(reason == "correct")), answer
    assert (await score(task, right, ran=False)).reason == "did_not_run"
    assert (await family.score(task, Submission(), NO_GRADER)).reason == "no_answer"


async def test_the_published_rule_looks_for_a_word(task: Task) -> None:
    async def paid(**fields: Any) -> float | None:
        return (await family.score(task, Submission(**fields), NO_GRADER)).reward_paper

    assert await paid(stdout="True\n") == 1.0
    assert await paid(stdout="it is false that this is true") == 1.0
    assert await paid(stdout="False") == 0.0
    assert await paid(stdout="1") == 0.0
    assert await paid(answer=True, has_answer=True, code="answer = 1 > 0") == 1.0
    assert await paid(answer=True, has_answer=True, code="print(); answer = 1 > 0") == 0.0
    assert await paid(stdout="True", ran=False) == 0.0


def test_balanced_accuracy_pays_a_constant_one_half() -> None:
    rng = random.Random(3)
    golds = [rng.random() < 0.8 for _ in range(500)]
    assert balanced_accuracy((gold, True) for gold in golds) == 0.5
    assert balanced_accuracy((gold, gold) for gold in golds) == 1.0
    assert balanced_accuracy((gold, None) for gold in golds) == 0.0
    assert balanced_accuracy([(True, True), (True, False), (False, False)]) == 0.75
    with pytest.raises(ValueError, match="both verdicts"):
        balanced_accuracy([(True, True)])

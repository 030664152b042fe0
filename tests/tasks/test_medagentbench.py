"""MedAgentBench: gold is computed from the chart, and only the right orders with the right answer earn anything."""

import contextlib
import io
import json
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from medgym_ray.actions import Action, ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.services import Service
from medgym_ray.tasks.base import LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.medagentbench import MedAgentBench
from medgym_ray.tasks.samples import SEED
from medgym_ray.tasks.samples.medagentbench import build
from tests.answers import carried
from tests.conftest import ORIGINAL, REPOSITORY
from tests.fhir.server import ADDRESS, served
from tests.tasks.test_npowerai import NoSandbox

SAMPLE = REPOSITORY / "data"
FILES = ("fhir.ndjson", "test_tasks.jsonl", "train_tasks.jsonl")
family = MedAgentBench()


def load(root: Path, split: Split, of: MedAgentBench = family) -> tuple[list[Task], LoadReport]:
    report = LoadReport()
    return list(of.load(root, split, report)), report


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return [task for split in ("test", "train") for task in load(SAMPLE, split)[0]]


def first(tasks: list[Task], category: str, *, orders: int = 0) -> Task:
    return next(task for task in tasks if task.category == category and len(task.gold["orders"]) == orders)


def a_few(tasks: list[Task], start: int) -> list[Task]:
    """Some of every type, and one of each kind of order."""
    chosen = {task.task_id: task for task in tasks[start::5]}
    for category, orders in (("magnesium_replacement", 1), ("potassium_replacement", 2), ("a1c_follow_up", 1)):
        task = first(tasks, category, orders=orders)
        chosen[task.task_id] = task
    return list(chosen.values())


def run(program: str, service: Service) -> Submission:
    """What the program hands in, and what it has written to the service up to then."""
    ran, answer, printed = True, None, io.StringIO()
    with served(service) as address, contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            answer = carried(program.replace(ADDRESS, address))
        except Exception:
            ran = False
    return Submission(answer, ran, program, printed.getvalue(), ran=ran, writes=tuple(service.log()))


async def score(task: Task, program: str) -> Score:
    return await family.score(task, run(program, family.service(task)), NoSandbox())


def test_the_sample_has_every_type_and_outcome(tasks: list[Task]) -> None:
    for split, least in (("test", 40), ("train", 20)):
        of_split = [task for task in tasks if task.split == split]
        assert len(of_split) >= least
        assert set(Counter(task.category for task in of_split)) == set(family.categories)
        for category in ("magnesium_replacement", "potassium_replacement", "a1c_follow_up"):
            due = [bool(task.gold["orders"]) for task in of_split if task.category == category]
            assert 0.3 <= sum(due) / len(due) <= 0.7
    assert len({task.task_id for task in tasks}) == len(tasks)
    grams = {row["dose"] for task in tasks if task.category == "magnesium_replacement" for row in task.gold["orders"]}
    assert len(grams) >= 4


def test_no_answer_is_common_or_stands_in_its_prompt(tasks: list[Task]) -> None:
    answers = Counter(json.dumps(task.gold["answer"]) for task in tasks if task.split == "test")
    del answers["null"]
    assert max(answers.values()) <= 3
    for task in tasks:
        answer = task.gold["answer"]
        value = answer[0] if isinstance(answer, list) else answer
        printed = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", family.prompt(task))]
        if isinstance(value, str) and value != "Patient not found":
            assert value not in family.prompt(task)
        elif isinstance(value, int | float):
            assert value not in printed, task.task_id


def test_texts_state_every_parameter(tasks: list[Task]) -> None:
    for task in tasks:
        text = f"{task.inputs['instruction']} {task.inputs['context']}"
        for name, value in task.gold["parameters"].items():
            for part in [cell for row in value for cell in row if cell] if name == "doses" else [value]:
                assert re.search(rf"(?<![\d.]){re.escape(str(part))}(?![\d])", text), (name, part, text)


def test_gold_is_not_in_what_the_agent_may_see(tasks: list[Task]) -> None:
    for task in tasks:
        assert task.inputs.keys() == {"instruction", "context", "server"}
        assert family.prepare(task).files == {}
        assert dict(family.tables(SAMPLE)) == {}
        assert "fhir.ndjson" not in family.prompt(task)


def test_rebuild_is_byte_identical(tmp_path: Path) -> None:
    build(tmp_path, SEED)
    for name in FILES:
        assert (tmp_path / "medagentbench" / name).read_bytes() == (SAMPLE / "medagentbench" / name).read_bytes()
    build(tmp_path, SEED + 1)
    assert (tmp_path / "medagentbench" / name).read_bytes() != (SAMPLE / "medagentbench" / name).read_bytes()
    for split in ("test", "train"):
        found, report = load(tmp_path, split)
        assert found
        assert report == LoadReport()


def test_the_sample_is_small() -> None:
    assert sum((SAMPLE / "medagentbench" / name).stat().st_size for name in FILES) < 1_500_000


async def test_the_oracle_earns_everything(tasks: list[Task]) -> None:
    for task in tasks:
        look, work = family.oracle(task)
        assert (look.kind, work.kind) == (ActionKind.CODE_EXECUTION, ActionKind.SUBMIT)
        assert all(isinstance(action, Action) and action.thought.endswith(".") for action in (look, work))
        service = family.service(task)
        assert run(look.arguments["code"] + "answer = None\n", service).stdout
        assert not service.log()
        outcome = await family.score(task, run(work.arguments["code"], service), NoSandbox())
        assert (outcome.reward, outcome.success, outcome.reason) == (1.0, True, "correct"), (task.task_id, outcome)


async def test_episodes_see_nothing_of_each_other(tasks: list[Task]) -> None:
    task = first(tasks, "referral", orders=1)
    one, other = family.service(task), family.service(task)
    code = family.oracle(task)[-1].arguments["code"]
    run(code, one)
    assert len(one.log()) == 1
    assert not other.log()
    assert (await family.score(task, run(code, other), NoSandbox())).success
    assert (await family.score(task, run(code, other), NoSandbox())).reason == "too_many_writes"


async def test_honest_variants_earn_everything(tasks: list[Task]) -> None:
    for task in a_few(tasks, 0):
        variants = family.honest(task)
        assert len(variants) >= 10
        for name, code in variants.items():
            outcome = await score(task, code)
            assert (outcome.reward, outcome.reason) == (1.0, "correct"), (task.task_id, name, outcome)


async def test_near_misses_earn_nothing(tasks: list[Task]) -> None:
    reasons = Counter[str]()
    for task in a_few(tasks, 1):
        faults = family.near_misses(task)
        assert faults
        for name, code in faults.items():
            outcome = await score(task, code)
            assert (outcome.reward, outcome.success) == (0.0, False), (task.task_id, name)
            reasons[outcome.reason] += 1
    assert reasons.keys() >= {
        *("did_not_run", "missing_write", "no_answer", "too_many_writes", "unexpected_write", "wrong_answer"),
        *("wrong_category", "wrong_code", "wrong_dosage", "wrong_dose", "wrong_due_time", "wrong_modifier"),
        *("wrong_note", "wrong_patient", "wrong_priority", "wrong_rate", "wrong_route", "wrong_status", "wrong_time"),
        *("wrong_value",),
    }


_RUN = """
import json, sys
names = {}
exec(compile(sys.stdin.read(), "<submission>", "exec"), names)
value = names.get("answer")
json.dump([value is not None, value], open(sys.argv[1], "w"), default=str)
"""


async def test_cheats_earn_nothing_but_a_true_constant(tasks: list[Task], tmp_path: Path) -> None:
    paid = Counter[str]()
    for code in family.cheats(tasks[0]):
        if "os.walk" in code:
            continue  # of a sandbox's files, not of this machine's
        service = family.service(tasks[0])
        handed = tmp_path / "answer.json"
        handed.unlink(missing_ok=True)
        with served(service) as address:
            ended = subprocess.run(
                [sys.executable, "-c", _RUN, str(handed)],
                input=code.replace(ADDRESS, address),
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        has_answer, answer = json.loads(handed.read_text()) if handed.exists() else (False, None)
        submission = Submission(answer, has_answer, code, ended.stdout, ended.stderr, ended.returncode == 0)
        submission = replace(submission, writes=tuple(service.log()))
        for task in tasks:
            outcome = await family.score(task, submission, NoSandbox())
            paid[code] += outcome.success
            if outcome.success:
                assert answer in (-1, [-1], "Patient not found"), (code, task.task_id)
                assert not submission.writes
    assert max(paid.values()) <= 0.05 * len(tasks)


async def test_the_answer_alone_is_not_enough_and_neither_are_the_orders(tasks: list[Task]) -> None:
    task = first(tasks, "potassium_replacement", orders=2)
    done = run(family.oracle(task)[-1].arguments["code"], family.service(task))

    async def reason(**fields: Any) -> str:
        return (await family.score(task, replace(done, **fields), NoSandbox())).reason

    assert await reason() == "correct"
    assert await reason(writes=()) == "missing_write"
    assert await reason(answer=None, has_answer=False) == "no_answer"
    assert await reason(ran=False) == "did_not_run"
    assert await reason(writes=done.writes[::-1]) == "correct"


async def test_the_published_rule_reads_what_was_printed(tasks: list[Task]) -> None:
    async def paid(task: Task, printed: str) -> float | None:
        return (await family.score(task, Submission(stdout=printed, code="print()"), NoSandbox())).reward_paper

    lookup = first(tasks, "patient_lookup")
    assert await paid(lookup, str({"GET": [lookup.gold["answer"]], "POST": []})) == 1.0
    assert await paid(lookup, lookup.gold["answer"]) == 0.0
    glucose = first(tasks, "glucose_latest")
    assert await paid(glucose, f"values from 1 to {glucose.gold['answer']}") == 1.0
    assert await paid(first(tasks, "a1c_follow_up"), "[]") == 0.0
    for category, orders in (("blood_pressure_entry", 1), ("referral", 1), ("magnesium_replacement", 1)):
        task = first(tasks, category, orders=orders)
        service = family.service(task)
        run(family.oracle(task)[-1].arguments["code"], service)
        (write,) = service.log()
        posted = json.dumps([f"{ADDRESS}{write['path']}", write["resource"]]).replace("10:15:00Z", "10:15:00+00:00")
        said = f'{{"GET": [], "POST": {posted}}}'
        assert await paid(task, said) == 1.0, category
        assert (await family.score(task, Submission(stdout=said), NoSandbox())).reward == 0.0
        assert await paid(task, said.replace(task.gold["mrn"], "P1")) == 0.0


def with_records(folder: Path, *records: dict[str, Any] | str, chart: bool = True) -> tuple[list[Task], LoadReport]:
    """Loads records of our own making beside the sample's chart."""
    (folder / "medagentbench").mkdir(exist_ok=True)
    if chart:
        (folder / "medagentbench" / "fhir.ndjson").write_bytes((SAMPLE / "medagentbench/fhir.ndjson").read_bytes())
    lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
    (folder / "medagentbench" / "test_tasks.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load(folder, "test")


def sample_record(number: int = 0) -> dict[str, Any]:
    line = (SAMPLE / "medagentbench" / "test_tasks.jsonl").read_text(encoding="utf-8").splitlines()[number]
    return dict(json.loads(line))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"id": "task11_1"}, "the id 'task11_1' names no type"),
        ({"id": 7}, "field id is missing or no text"),
        ({"instruction": None}, "field instruction is missing or no text"),
        ({"context": 5}, "field context is no text"),
        ({"eval_MRN": " "}, "field eval_MRN is missing or no text"),
        ({"parameters": []}, "field parameters is no object"),
        ({"parameters": {"name": "A"}}, "parameters are ['name']"),
        ({"parameters": {"name": "A", "birth_date": 5}}, "parameter birth_date is a int"),
        ({"id": "task5_1"}, "parameters are ['birth_date', 'name']"),
    ],
)
def test_broken_records_are_named(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    _, report = with_records(tmp_path, "{", {**sample_record(), **changes})
    path = (tmp_path / "medagentbench" / "test_tasks.jsonl").resolve()
    assert report.broken[0].startswith(f"{path}:1: not JSON")
    assert report.broken[1].startswith(f"{path}:2: {complaint}")


def test_contradicted_repeated_and_unknown_records_are_left_out(tmp_path: Path) -> None:
    record = sample_record()
    found, report = with_records(
        tmp_path,
        record,
        record,
        {**record, "id": "task1_99", "sol": ["P1"]},
        {**record, "id": "task2_99", "eval_MRN": "P000001", "parameters": {}, "sol": None},
    )
    assert len(found) == 1
    assert report.broken[0].endswith(":2: its id was used before")
    assert report.dropped["medagentbench/task1_99"].startswith("gold_untrusted: the server has 'P")
    assert report.dropped["medagentbench/task2_99"] == "the server has no patient P000001"


async def test_a_mean_may_be_off_by_less_than_a_tenth(tasks: list[Task]) -> None:
    task = first(tasks, "glucose_mean")
    gold = task.gold["answer"]
    for offset, is_right in ((0, True), (0.09, True), (-0.09, True), (0.11, False), (-0.11, False)):
        outcome = await family.score(task, Submission(answer=gold + offset, has_answer=True), NoSandbox())
        assert outcome.success is is_right, offset


def test_a_broken_chart_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError):
        load(tmp_path, "test")
    with_records(tmp_path, sample_record(), chart=False)
    (tmp_path / "medagentbench" / "fhir.ndjson").write_text("{}\n[]\n")
    with pytest.raises(TaskError, match=r"fhir.ndjson:2: a JSON list"):
        load(tmp_path, "test")


@pytest.mark.original
async def test_original_records_can_be_played_where_they_need_no_chart() -> None:
    if not (ORIGINAL / "medagentbench" / "train_tasks.jsonl").is_file():
        pytest.skip("the original's records do not lie beside the checkout")
    found, report = load(ORIGINAL, "train")
    assert not report.broken
    assert len(found) + len(report.dropped) == 120
    assert Counter(task.category for task in found) == {"blood_pressure_entry": 12, "referral": 12}
    assert all(why.startswith("no chart comes with these records") for why in report.dropped.values())
    for task in found[::6]:
        assert (await score(task, family.oracle(task)[-1].arguments["code"])).reason == "correct"

"""The family on its sample: every gold is reachable by an honest program, and by nothing else."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from medgym_ray.actions import ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.tasks.base import LoadReport, Split, Submission, Task
from medgym_ray.tasks.medcalcbench import MedCalcBench
from medgym_ray.tasks.medcalcbench.catalogue import BY_NUMBER, CALCULATORS, Kind
from medgym_ray.tasks.medcalcbench.scoring import Reason, judge
from medgym_ray.tasks.samples import SEED
from medgym_ray.tasks.samples.medcalcbench import build
from medgym_ray.tasks.samples.medcalcbench.routes import EQUATIONS
from medgym_ray.tasks.samples.medcalcbench.tables import TABLES
from tests.answers import handed_in

REPO = Path(__file__).resolve().parents[2]
DATA = REPO / "data"
ORIGINAL = REPO.parent / "shared" / "original"
FAMILY = MedCalcBench()
NO_GRADER = cast(Sandbox, None)


def tasks_of(root: Path, split: Split) -> list[Task]:
    report = LoadReport()
    tasks = list(FAMILY.load(root, split, report))
    assert report == LoadReport()
    return tasks


def task_of(number: int, root: Path = DATA) -> Task:
    return next(task for task in tasks_of(root, "test") if task.inputs["calculator"] == number)


def with_gold(number: int, answer: Any, lower: str = "", upper: str = "") -> Task:
    gold = {"answer": answer, "lower": lower, "upper": upper, "text": str(answer), "entities": "{}"}
    return replace(task_of(number), gold=gold)


def typed(value: Any) -> Any:
    """What the sandbox makes of the few types used here."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$type": "float", "value": str(value)}
    return list(map(typed, value)) if isinstance(value, list | tuple) else value


def run(code: str) -> Submission:
    """The program in a fresh namespace, as a sandbox would have run it."""
    namespace: dict[str, Any] = {"print": lambda *_: None}
    try:
        exec(code, namespace)
    except ValueError as error:
        return Submission(code=code, stderr=f"ValueError: {error}", ran=False)
    return Submission(typed(namespace.get("answer")), "answer" in namespace, code)


async def reward(task: Task, answer: Any) -> float:
    score = await FAMILY.score(task, Submission(answer, has_answer=True), NO_GRADER)
    assert score.success == (score.reward == 1.0)
    return score.reward


@pytest.mark.parametrize("split", ["test", "train"])
def test_sample_is_large_and_varied(split: Split) -> None:
    tasks = tasks_of(DATA, split)
    per_category = {task.category: 0 for task in tasks}
    for task in tasks:
        per_category[task.category] += 1
    assert len(per_category) == 55
    assert min(per_category.values()) >= 5
    assert set(per_category) <= set(FAMILY.categories)
    assert len(FAMILY.categories) == len(set(FAMILY.categories)) == 55
    assert len({task.inputs["note"] for task in tasks}) == len(tasks)
    assert len({str(task.gold["answer"]) for task in tasks}) > len(tasks) / 2


def test_eighteen_calculators_are_scored_as_integers() -> None:
    kinds = [calculator.kind for calculator in CALCULATORS]
    assert (kinds.count(Kind.INTEGER), kinds.count(Kind.DATE), kinds.count(Kind.GESTATION)) == (18, 2, 1)


@pytest.mark.parametrize("split", ["test", "train"])
async def test_every_oracle_program_runs_and_is_right(split: Split) -> None:
    for task in tasks_of(DATA, split):
        actions = FAMILY.oracle(task)
        assert actions is not None
        assert actions[-1].kind is ActionKind.SUBMIT
        score = await FAMILY.score(task, run(actions[-1].arguments["code"]), NO_GRADER)
        assert (score.reward, score.reason) == (1.0, "correct"), task.task_id


@pytest.mark.parametrize("split", ["test", "train"])
def test_an_oracle_looks_before_it_submits(split: Split) -> None:
    for task in tasks_of(DATA, split):
        look, last = FAMILY.oracle(task) or []
        assert look.kind is ActionKind.CODE_EXECUTION
        assert look.thought.endswith(".")
        assert "{" not in look.thought + last.thought
        seen = handed_in(look.arguments["code"])
        assert judge(BY_NUMBER[task.inputs["calculator"]], task.gold, seen.answer) is Reason.CORRECT
        facts, _, *back = seen.stdout.splitlines()
        assert facts.startswith("{")
        if task.inputs["calculator"] in {13, 68}:
            days, cycle = (int(word) for word in back[0].split() if word.isdigit())
            assert days - cycle == (252 if task.inputs["calculator"] == 13 else -14)
        if task.inputs["calculator"] == 69:
            reached, given = back[0].split(" is to be ")
            assert reached == given


async def test_honest_programs_earn_everything() -> None:
    for task in tasks_of(DATA, "test"):
        programs = FAMILY.honest(task)
        assert len(programs) >= 15
        for name, program in programs.items():
            score = await FAMILY.score(task, handed_in(program), NO_GRADER)
            assert (score.reward, score.reason) == (1.0, "correct"), (task.task_id, name, program)


async def test_near_misses_earn_nothing() -> None:
    for task in tasks_of(DATA, "test"):
        programs = FAMILY.near_misses(task)
        assert len(programs) >= 9
        for name, program in programs.items():
            assert not (await FAMILY.score(task, handed_in(program), NO_GRADER)).success, (task.task_id, name, program)


async def test_gold_as_text_is_right_where_there_is_no_program() -> None:
    for task in tasks_of(DATA, "test"):
        actions = FAMILY.oracle(replace(task, gold={**task.gold, "entities": "unknown"}))
        assert actions is not None
        assert await reward(task, actions[-1].arguments["answer"]) == 1.0


def is_truth(task: Task, constant: Any) -> bool:
    """Whether a plain integer is a task's answer, told without the scorer."""
    gold = task.gold
    if not isinstance(constant, int) or isinstance(gold["answer"], list) or "/" in gold["text"]:
        return False
    return float(gold.get("lower", gold["answer"])) <= constant <= float(gold.get("upper", gold["answer"]))


async def test_cheats_earn_nothing_but_where_their_constant_is_true() -> None:
    tasks = tasks_of(DATA, "test")
    for cheat in FAMILY.cheats(tasks[0]):
        submission = run(cheat)
        paid = [(await FAMILY.score(task, submission, NO_GRADER)).success for task in tasks]
        assert paid == [is_truth(task, submission.answer) for task in tasks], cheat


def test_no_constant_earns_a_tenth() -> None:
    tasks = tasks_of(DATA, "test")
    constants = {task.gold[key] for task in tasks for key in ("text", "lower", "upper") if key in task.gold}
    for constant in constants:
        paid = [judge(BY_NUMBER[task.inputs["calculator"]], task.gold, constant) for task in tasks]
        assert paid.count(Reason.CORRECT) < 0.1 * len(tasks), constant


async def test_nothing_printed_in_a_prompt_is_its_gold() -> None:
    for task in tasks_of(DATA, "test"):
        prompt = FAMILY.prompt(task)
        assert task.inputs["note"] in prompt
        assert task.inputs["question"] in prompt
        for word in prompt.replace("(", " ").replace(")", " ").split():
            assert await reward(task, word.strip(".;,")) == 0.0, (task.task_id, word)


def test_gold_stays_out_of_what_the_agent_sees() -> None:
    task = task_of(2)
    assert task.gold["entities"] not in json.dumps(dict(task.inputs)) + FAMILY.prompt(task)
    assert "gold" not in repr(task)
    assert dict(FAMILY.prepare(task).files) == {}


def test_rebuild_gives_the_same_bytes(tmp_path: Path) -> None:
    build(tmp_path, SEED)
    for path in (tmp_path / "medcalcbench").iterdir():
        assert path.read_bytes() == (DATA / "medcalcbench" / path.name).read_bytes(), path.name
    build(tmp_path / "other", SEED + 1)
    other = tmp_path / "other" / "medcalcbench" / "test_tasks.jsonl"
    assert other.read_bytes() != (DATA / "medcalcbench" / "test_tasks.jsonl").read_bytes()


@pytest.mark.parametrize("number", [39, 4])
def test_no_sample_is_built_where_the_two_routes_disagree(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes: Any = TABLES if number in TABLES else EQUATIONS
    spoiled = ((99, lambda _: True),) if number in TABLES else lambda _: 99.0
    monkeypatch.setitem(routes, number, spoiled)
    with pytest.raises(ValueError, match="by the second route"):
        build(tmp_path, SEED)


@pytest.mark.parametrize(
    "answer",
    [
        25.2,
        "25.2",
        "25.238",
        "25.2 mL/min",
        "25.2 mL per minute",
        "+25.2",
        {"$type": "decimal", "value": "25.238"},
        "23.9761",
        "26.4999",
    ],
)
async def test_honest_spellings_of_a_number_are_right(answer: Any) -> None:
    assert await reward(with_gold(2, "25.238", "23.9761", "26.4999"), answer) == 1.0


@pytest.mark.parametrize(
    "answer",
    [
        23.97,
        26.51,
        -25.2,
        "between 20 and 30",
        "20 to 30",
        "25.2 mg/dL",
        "25.2 mL/min mL/min",
        "25.2 %",
        "25²",
        "about 25.2",
        "0 25.2",
        [20, 30],
        [25.2, 25.2],
        list(range(10_000)),
        True,
        None,
        {"answer": 25.2, "other": 1},
        {"$type": "float", "value": "inf"},
        10**4000,
        "9" * 5000,
        "1e999999999",
    ],
)
async def test_near_misses_and_dumps_are_wrong(answer: Any) -> None:
    assert await reward(with_gold(2, "25.238", "23.9761", "26.4999"), answer) == 0.0


async def test_negative_and_zero_golds() -> None:
    negative = with_gold(63, "-6", "-6.3", "-5.7")
    assert [await reward(negative, value) for value in (-6, "−6", -5.8, "-6 mEq/L")] == [1.0] * 4
    assert [await reward(negative, value) for value in (6, -5.6, -6.4, 0)] == [0.0] * 4
    zero = with_gold(63, "0", "0", "0")
    assert [await reward(zero, value) for value in (0, 0.0, -0.0, 7.1e-15, "0")] == [1.0] * 5
    assert [await reward(zero, value) for value in (1e-5, -0.1, None, "")] == [0.0] * 4


async def test_scores_are_rounded_and_must_be_equal() -> None:
    task = with_gold(4, "3")
    assert [await reward(task, value) for value in (3, 3.0, "3", "3 points", 2.6, 3.4)] == [1.0] * 6
    assert [await reward(task, value) for value in (2, 4, 2.4, 3.6, "3 of 9", "2-4", True, 1e300)] == [0.0] * 8
    assert await reward(with_gold(16, "-2"), "−2") == 1.0


async def test_dates() -> None:
    task = with_gold(13, "2007-01-09T00:00:00")
    right = [
        "01/09/2007",
        "1/9/2007",
        "2007-01-09",
        {"$type": "date", "value": "2007-01-09"},
        {"$type": "datetime", "value": "2007-01-09T00:00:00"},
    ]
    assert [await reward(task, value) for value in right] == [1.0] * len(right)
    wrong: list[Any] = [
        "09/01/2007",
        "01/10/2007",
        "01/09/07",
        "January 9, 2007",
        "01/09/2007 or 01/10/2007",
        {"$type": "datetime", "value": "2007-01-09T10:00:00"},
        {"$type": "datetime", "value": "2007-01-09T00:00:00+00:00"},
        20070109,
        ["01/09/2007", "01/10/2007"],
    ]
    assert [await reward(task, value) for value in wrong] == [0.0] * len(wrong)


async def test_weeks_and_days() -> None:
    task = with_gold(69, [14, 1])
    right: list[Any] = [
        [14, 1],
        [14.0, "1"],
        ["14 weeks", "1 day"],
        "('14 weeks', '1 days')",
        "(14 weeks, 1 day)",
        "14 weeks, 1 day",
        "14 weeks and 1 day",
        "(14, 1)",
    ]
    assert [await reward(task, value) for value in right] == [1.0] * len(right)
    wrong: list[Any] = [[14, 2], [13, 8], [1, 14], ["14 days", "1 week"], [14, 1, 0], 14, "14 weeks", "99", {"14": 1}]
    assert [await reward(task, value) for value in wrong] == [0.0] * len(wrong)


async def test_reasons_tell_what_was_wrong() -> None:
    number, day, age = with_gold(2, "25", "24", "26"), with_gold(13, "2007-01-09T00:00:00"), with_gold(69, [14, 1])
    expected = [
        (number, Submission(), "no_answer"),
        (number, Submission(None, has_answer=True), "no_answer"),
        (number, Submission(25, has_answer=True, ran=False), "program_failed"),
        (number, Submission("twenty", has_answer=True), "not_a_number"),
        (number, Submission(3, has_answer=True), "wrong"),
        (number, Submission(25, has_answer=True), "correct"),
        (day, Submission("soon", has_answer=True), "not_a_date"),
        (age, Submission("soon", has_answer=True), "not_weeks_and_days"),
    ]
    for task, submission, reason in expected:
        assert (await FAMILY.score(task, submission, NO_GRADER)).reason == reason


async def test_the_published_rule_is_kept_beside_the_true_one() -> None:
    async def paper(task: Task, **fields: Any) -> float | None:
        return (await FAMILY.score(task, Submission(**fields), NO_GRADER)).reward_paper

    positive, negative = with_gold(2, "25", "24", "26"), with_gold(63, "-6", "-6.3", "-5.7")
    assert await paper(positive, stdout="0\n", code="print(0)") == 1.0  # `or` where `and` was meant
    assert await paper(positive, stdout="10000\n", code="print(10000)") == 1.0
    assert await paper(negative, stdout="-6\n", code="print(-6)") == 0.0  # honest, and unpaid
    assert await paper(negative, stdout="inf\n", code="print('inf')") == 1.0
    assert await paper(positive, stdout="nan\n", code="print('nan')") == 0.0
    assert await paper(positive, stdout="25 mL/min\n", code="print()") == 0.0
    assert await paper(positive, stdout="25\n", stderr="a warning", code="print(25)") == 0.0
    assert await paper(positive, stdout="25\n", code="print(25)", ran=False) == 0.0
    assert await paper(positive, answer=25, has_answer=True, code="answer = 25") == 1.0
    assert await paper(with_gold(13, "2007-01-09T00:00:00"), stdout="01/09/2007\n") == 0.0
    assert await paper(with_gold(69, [14, 1]), stdout="14\n") == 0.0


def test_broken_records_are_named_by_file_and_line(tmp_path: Path) -> None:
    lines = (DATA / "medcalcbench" / "test_tasks.jsonl").read_text(encoding="utf-8").splitlines()[:12]
    good = json.loads(lines[0])
    spoiled: list[dict[str, Any]] = [
        {**good, "Row Number": 901, "Calculator ID": 1},
        {**good, "Row Number": 902, "Ground Truth Answer": "25,3 mL"},
        {**good, "Row Number": 903, "Upper Limit": None},
        {**good, "Row Number": 904, "Patient Note": ""},
        {**good, "Row Number": "x"},
        {**good, "Row Number": 906, "Ground Truth Answer": "1000000"},
        {**good, "Row Number": 907, "Calculator ID": 13},
        {**good, "Row Number": 908, "Calculator ID": 69},
        {**good, "Row Number": 909, "Calculator ID": 4, "Ground Truth Answer": "2.5"},
        good,
    ]
    folder = tmp_path / "medcalcbench"
    folder.mkdir()
    path = folder / "test_tasks.jsonl"
    path.write_text("\n".join([*lines, "{", "[]", *map(json.dumps, spoiled)]), encoding="utf-8")
    report = LoadReport()
    assert len(list(FAMILY.load(tmp_path, "test", report))) == len(lines)
    assert [line.split(": ")[0] for line in report.broken] == [f"{path}:{line}" for line in range(13, 25)]
    assert "Calculator ID: 1 is none of the 55" in report.broken[2]
    assert "second time" in report.broken[-1]


def test_odd_but_certain_spellings_of_a_record_are_read(tmp_path: Path) -> None:
    good = json.loads((DATA / "medcalcbench" / "test_tasks.jsonl").read_text(encoding="utf-8").splitlines()[0])
    odd = {"Row Number": "7", "Calculator ID": "39", "Ground Truth Answer": "−1,200.5", "Lower Limit": -1140.475}
    (tmp_path / "medcalcbench").mkdir()
    record = {**good, **odd, "Upper Limit": "-1260.525"}
    (tmp_path / "medcalcbench" / "train_tasks.jsonl").write_text(json.dumps(record), encoding="utf-8")
    (task,) = tasks_of(tmp_path, "train")
    assert (task.task_id, task.category, task.gold["answer"]) == ("medcalcbench/7", "anion_gap", "-1200.5")
    assert (task.gold["lower"], task.gold["upper"]) == ("-1260.525", "-1140.475")


def test_a_missing_split_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"test_tasks\.jsonl"):
        list(FAMILY.load(tmp_path, "test", LoadReport()))


def test_hostile_entities_give_no_program() -> None:
    task = task_of(6)
    for entities in ("__import__('os')", "{", "[" * 5000, "{'weight': [1, 'stone'], 'height': [0, 'cm']}", "{1: 2}"):
        actions = FAMILY.oracle(replace(task, gold={**task.gold, "entities": entities}))
        assert actions is not None
        assert actions[-1].arguments == {"answer": task.gold["text"]}


@pytest.mark.original
@pytest.mark.skipif(not (ORIGINAL / "medcalcbench").is_dir(), reason="the original's records are not here")
class TestOriginalRecords:
    async def test_every_record_loads_and_its_oracle_is_right(self) -> None:
        tasks = tasks_of(ORIGINAL, "test")
        assert {task.category for task in tasks} == set(FAMILY.categories)
        programs = 0
        for task in tasks:
            actions = FAMILY.oracle(task)
            assert actions is not None
            arguments = actions[-1].arguments
            submission = run(arguments["code"]) if "code" in arguments else Submission(arguments["answer"], True)
            score = await FAMILY.score(task, submission, NO_GRADER)
            assert score.reward == 1.0, task.task_id
            programs += "code" in arguments
        assert programs > 0.75 * len(tasks)

    async def test_cheats_earn_nothing_that_is_not_true(self) -> None:
        tasks = tasks_of(ORIGINAL, "test")
        for cheat in FAMILY.cheats(tasks[0]):
            submission = run(cheat)
            paid = [(await FAMILY.score(task, submission, NO_GRADER)).success for task in tasks]
            assert paid == [is_truth(task, submission.answer) for task in tasks], cheat

    async def test_honest_programs_and_near_misses(self) -> None:
        for task in tasks_of(ORIGINAL, "test")[::7]:
            for name, program in FAMILY.honest(task).items():
                assert (await FAMILY.score(task, handed_in(program), NO_GRADER)).success, (task.task_id, name, program)
            for name, program in FAMILY.near_misses(task).items():
                missed = await FAMILY.score(task, handed_in(program), NO_GRADER)
                assert not missed.success, (task.task_id, name, program)

    async def test_any_number_wins_by_the_published_rule(self) -> None:
        tasks = tasks_of(ORIGINAL, "test")
        numeric = [
            task for task in tasks if BY_NUMBER[task.inputs["calculator"]].kind not in {Kind.DATE, Kind.GESTATION}
        ]
        submission = Submission(code="print(0)", stdout="0\n")
        paid = [(await FAMILY.score(task, submission, NO_GRADER)).reward_paper for task in tasks]
        assert sum(filter(None, paid)) == len(numeric)

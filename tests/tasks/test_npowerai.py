"""N-PowerAI: gold is recomputed, stale gold is left out, and only the true number earns anything."""

import json
import math
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import pytest

from medgym_ray.actions import ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.sandboxes.base import Cell, CellResult
from medgym_ray.tasks.base import LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.npowerai import NPowerAI
from tests.answers import carried, handed_in

REPOSITORY = Path(__file__).parents[2]
SAMPLE = REPOSITORY / "data"
ORIGINAL = REPOSITORY.parent / "shared" / "original"
TRUSTED = {
    ("one_sample_t", "size"): 26,
    ("one_sample_t", "power"): 27,
    ("two_sample_t", "power"): 35,
    ("paired_t", "size"): 34,
    ("anova", "size"): 31,
    ("chi_square", "size"): 24,
    ("chi_square", "power"): 23,
    ("cox", "size"): 24,
}
"""Of the original's 343 test records, those whose gold follows from the question: 224."""

family = NPowerAI()

_RUN = """
import json, sys
names = {}
exec(compile(sys.stdin.read(), "<submission>", "exec"), names)
value = names.get("answer")
json.dump([value is not None, value], open(sys.argv[1], "w"), default=str)
"""


class NoSandbox:
    """Stands where a grader is passed that this family never uses."""

    async def put(self, files: object) -> None:
        raise AssertionError

    async def run(self, cell: Cell) -> CellResult:
        raise AssertionError

    async def reset(self) -> None:
        raise AssertionError

    async def close(self) -> None:
        raise AssertionError


async def score(task: Task, answer: Any, **fields: Any) -> Score:
    return await family.score(task, Submission(answer=answer, has_answer=True, **fields), NoSandbox())


def load(root: Path, split: Split, **options: bool) -> tuple[list[Task], LoadReport]:
    report = LoadReport()
    return list(NPowerAI(**options).load(root, split, report)), report


def execute(code: str, folder: Path) -> Submission:
    """Runs a program in a process of its own and takes `answer` out, as a sandbox does."""
    carried = folder / "answer.json"
    carried.unlink(missing_ok=True)
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _RUN, str(carried)],
        input=code,
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        check=False,
    )
    has_answer, answer = json.loads(carried.read_text()) if carried.exists() else (False, None)
    return Submission(answer, has_answer, code, ended.stdout, ended.stderr, ended.returncode == 0)


def by_kind(tasks: list[Task]) -> Counter[tuple[str, str]]:
    return Counter((task.category, task.inputs["target"]) for task in tasks)


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return load(SAMPLE, "test")[0]


@pytest.fixture
def size_task(tasks: list[Task]) -> Task:
    return next(task for task in tasks if task.inputs["target"] == "size")


@pytest.fixture
def power_task(tasks: list[Task]) -> Task:
    return next(task for task in tasks if task.inputs["target"] == "power")


@pytest.mark.parametrize(("split", "per_kind"), [("test", 8), ("train", 16)])
def test_the_sample_loads_fully(split: Split, per_kind: int) -> None:
    tasks, report = load(SAMPLE, split)
    assert not report.broken
    assert not report.dropped
    kinds = by_kind(tasks)
    assert {category for category, _ in kinds} == set(family.categories)
    assert set(kinds.values()) == {per_kind}
    assert len(kinds) == 12
    assert len({task.task_id for task in tasks}) == len(tasks)


def test_splits_share_no_question() -> None:
    questions = [task.inputs["question"] for split in get_args(Split) for task in load(SAMPLE, split)[0]]
    assert len(set(questions)) == len(questions)


def test_the_sample_is_not_vacuous() -> None:
    tasks = load(SAMPLE, "test")[0] + load(SAMPLE, "train")[0]
    for target in ("size", "power"):
        answers = [task.gold["answer"] for task in tasks if task.inputs["target"] == target]
        assert max(Counter(answers).values()) <= 0.05 * len(answers)
    for task in tasks:
        answer = task.gold["answer"]
        printed = re.findall(r"\d+(?:\.\d+)?", family.prompt(task))
        if task.inputs["target"] == "size":
            assert str(answer) not in printed
        else:
            assert 0.01 < answer < 0.99
            assert all(abs(float(number) - answer) > 0.005 for number in printed)


def test_questions_state_every_number() -> None:
    for task in load(SAMPLE, "test")[0]:
        question = task.inputs["question"]
        parameters = dict(task.gold["parameters"])
        assert parameters.pop("means_ddof", 0) == 0
        if task.category not in {"anova", "chi_square"}:
            assert f"{'one' if parameters['sides'] == 1 else 'two'}-sided" in question
        assert parameters.pop("formula", "").capitalize() in question
        del parameters["sides"]
        if "power" in parameters:
            power = parameters.pop("power")
            assert f"{power:.0%}" in question or f"{power:.2f}" in question
        flat = json.dumps(list(parameters.values()))
        for number in re.findall(r"\d+(?:\.\d+)?", flat):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)", question), (number, question)


def test_rebuild_is_byte_identical(tmp_path: Path) -> None:
    from medgym_ray.tasks.samples import SEED
    from medgym_ray.tasks.samples.npowerai import build

    build(tmp_path, SEED)
    for split in ("test", "train"):
        name = f"npowerai/{split}_tasks.jsonl"
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes()
    build(tmp_path, SEED + 1)
    assert (tmp_path / name).read_bytes() != (SAMPLE / name).read_bytes()


def test_the_two_routes_agree_on_every_gold(tasks: list[Task]) -> None:
    for task in tasks:
        assert carried(family.oracle(task)[-1].arguments["code"]) == pytest.approx(task.gold["answer"], abs=1e-5)


async def test_oracle_programs_earn_everything(tasks: list[Task], tmp_path: Path) -> None:
    for task in (tasks[0], tasks[-1], next(task for task in tasks if task.category == "anova")):
        action = family.oracle(task)[-1]
        assert action.kind is ActionKind.SUBMIT
        outcome = await family.score(task, execute(action.arguments["code"], tmp_path), NoSandbox())
        assert outcome == Score(1.0, True, "correct", 1.0), task.inputs


def test_an_oracle_checks_before_it_submits(tasks: list[Task]) -> None:
    for task in tasks:
        check, last = family.oracle(task)
        assert check.kind is ActionKind.CODE_EXECUTION
        assert check.thought.endswith(".")
        assert last.thought.endswith(".")
        found, *back = handed_in(check.arguments["code"]).stdout.splitlines()
        parameters = task.gold["parameters"]
        if task.inputs["target"] == "size":
            below, reached = (float(line.split()[-1]) for line in back)
            assert found.endswith(f" {task.gold['answer']}")
            assert below < parameters["power"] <= reached
        else:
            assert float(back[0].split()[-1].strip("[]")) == pytest.approx(parameters["n"], rel=0.01)


async def test_honest_programs_earn_everything(tasks: list[Task]) -> None:
    for task in tasks:
        programs = family.honest(task)
        assert len(programs) >= 15
        for name, program in programs.items():
            outcome = await family.score(task, handed_in(program), NoSandbox())
            assert outcome.reward == 1.0, (task.gold["answer"], name, outcome.reason)


async def test_near_misses_earn_nothing(tasks: list[Task]) -> None:
    for task in tasks:
        programs = family.near_misses(task)
        assert len(programs) >= 9
        for name, program in programs.items():
            outcome = await family.score(task, handed_in(program), NoSandbox())
            assert outcome.reward == 0.0, (task.gold["answer"], name)


async def test_cheats_earn_nothing(size_task: Task, power_task: Task, tasks: list[Task], tmp_path: Path) -> None:
    for code in family.cheats(size_task):
        submission = execute(code, tmp_path)
        for task in tasks:
            outcome = await family.score(task, submission, NoSandbox())
            assert (outcome.reward, outcome.success) == (0.0, False), (code, task.gold)


async def test_honest_spellings_of_a_size(size_task: Task) -> None:
    gold = size_task.gold["answer"]
    decimal = {"$type": "decimal", "value": str(gold)}
    honest = (
        gold,
        float(gold),
        str(gold),
        f"{gold}.0",
        f" {gold:,} ",
        [gold],
        gold - 0.3,
        f"{gold - 0.7:.1f}",
        decimal,
    )
    for answer in honest:
        assert (await score(size_task, answer)).reason == "correct", answer
    assert (await score(size_task, {"$type": "series", "index": [0], "values": [gold]})).success


async def test_honest_spellings_of_a_power(power_task: Task) -> None:
    gold = power_task.gold["answer"]
    for answer in (gold, str(gold), f"{gold:.3f}", f"{gold:.2f}", [gold], gold + 0.0049, gold - 0.0049):
        assert (await score(power_task, answer)).reason == "correct", answer


async def test_near_misses_of_a_size(size_task: Task) -> None:
    gold = size_task.gold["answer"]
    for answer in (gold + 1, gold - 1, gold + 0.2, 2 * gold, -gold, 0, f"{gold - 1}", 10 * gold, 1e300):
        assert (await score(size_task, answer)).reason == "wrong", answer


async def test_near_misses_of_a_power(power_task: Task) -> None:
    gold = power_task.gold["answer"]
    for answer in (gold + 0.0051, gold - 0.0051, 1 - gold):
        assert (await score(power_task, answer)).reason == "wrong", answer
    for answer in (100 * gold, -gold, 80):
        assert (await score(power_task, answer)).reason == "out_of_range", answer


async def test_what_is_no_number_says_so(size_task: Task, power_task: Task) -> None:
    for task in (size_task, power_task):
        gold = task.gold["answer"]
        for answer in (
            f"{100 * gold:.0f}%",
            f"{gold} participants",
            f"n = {gold}",
            True,
            [gold, gold],
            {"answer": gold},
        ):
            assert (await score(task, answer)).reason == "not_a_number", answer
        for answer in (None, "", [], {"$type": "float", "value": "nan"}):
            assert (await score(task, answer)).reason == "no_answer", answer
        assert (await score(task, gold, ran=False)).reason == "did_not_run"
        assert (await family.score(task, Submission(), NoSandbox())).reason == "no_answer"


async def test_the_published_rule_reads_what_was_printed(size_task: Task, power_task: Task) -> None:
    async def paid(task: Task, **fields: Any) -> float | None:
        return (await family.score(task, Submission(**fields), NoSandbox())).reward_paper

    size, power = size_task.gold["answer"], power_task.gold["answer"]
    assert await paid(size_task, stdout=f"{size}\n") == 1.0
    assert await paid(size_task, stdout=f"{size}.0\n") == 0.0
    assert await paid(size_task, stdout=f"{size}\n", stderr="a warning") == 0.0
    assert await paid(size_task, answer=size, has_answer=True, code="answer = 1 + 1") == 1.0
    assert await paid(size_task, answer=size, has_answer=True, code="answer = 1; print('done')", stdout="done") == 0.0
    assert await paid(power_task, stdout=f"{power * 1.009}") == 1.0
    assert await paid(power_task, stdout=f"{power * 1.011}") == 0.0
    assert await paid(power_task) == 0.0


def test_prompts_say_what_to_assign(size_task: Task, power_task: Task) -> None:
    for task, wanted in ((size_task, "smallest whole number"), (power_task, "between 0 and 1")):
        prompt = family.prompt(task)
        assert prompt.startswith(task.inputs["question"])
        assert "`answer`" in prompt
        assert wanted in prompt
    assert family.prepare(size_task).files == {}


def broken(folder: Path, **changes: Any) -> LoadReport:
    """Loads the sample's first record after a change of its fields (None: removed)."""
    line = (SAMPLE / "npowerai" / "test_tasks.jsonl").read_text(encoding="utf-8").splitlines()[0]
    record = {name: value for name, value in {**json.loads(line), **changes}.items() if value is not None}
    (folder / "npowerai").mkdir(exist_ok=True)
    (folder / "npowerai" / "test_tasks.jsonl").write_text(f"{line}\n{json.dumps(record)}\n", encoding="utf-8")
    tasks, report = load(folder, "test")
    assert len(tasks) == 1
    return report


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"answer": None}, "field answer is missing"),
        ({"answer": "55"}, "field answer is a str"),
        ({"answer": True}, "field answer is a bool"),
        ({"answer": 55.5}, "the answer 55.5 is no size"),
        ({"answer": 0}, "the answer 0 is no size"),
        ({"answer": 1.5, "estimate_target": "power"}, "the answer 1.5 is no power"),
        ({"task_type": "Sign test"}, "unknown task_type 'Sign test'"),
        ({"estimate_target": "alpha"}, "unknown estimate_target 'alpha'"),
        ({"hint": "55"}, "unknown fields hint"),
        ({"parameters": [1]}, "field parameters is no object"),
        ({"parameters": {"sd": 1}}, "parameters are ['sd']"),
    ],
)
def test_broken_records_are_named(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    report = broken(tmp_path, **changes)
    (line,) = report.broken
    assert line.startswith(f"{tmp_path / 'npowerai' / 'test_tasks.jsonl'}:2: {complaint}")


@pytest.mark.parametrize(
    ("name", "value"),
    [("sd", 0), ("sd", "7"), ("alpha", 1.5), ("sides", 3), ("power", 0.01), ("power", math.nan), ("mean", None)],
)
def test_impossible_parameters_are_named(tmp_path: Path, name: str, value: Any) -> None:
    line = (SAMPLE / "npowerai" / "test_tasks.jsonl").read_text(encoding="utf-8").splitlines()[0]
    parameters = {**json.loads(line)["parameters"], name: value}
    assert len(broken(tmp_path, parameters=parameters).broken) == 1


def test_unreadable_lines_and_repeats_are_reported(tmp_path: Path) -> None:
    line = (SAMPLE / "npowerai" / "train_tasks.jsonl").read_text(encoding="utf-8").splitlines()[0]
    (tmp_path / "npowerai").mkdir()
    path = tmp_path / "npowerai" / "train_tasks.jsonl"
    path.write_text(f"{line}\n{{not json\n{line}\n", encoding="utf-8")
    tasks, report = load(tmp_path, "train")
    assert len(tasks) == 1
    assert report.broken[0].startswith(f"{path}:2: not JSON")
    assert list(report.dropped.values()) == ["duplicate: an earlier line holds the same record"]
    with pytest.raises(TaskError):
        load(tmp_path, "test")


def test_stale_gold_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    line = (SAMPLE / "npowerai" / "test_tasks.jsonl").read_text(encoding="utf-8").splitlines()[0]
    record = json.loads(line)
    stale = {**record, "answer": record["answer"] + 1}
    del record["parameters"]  # a wording that no parser knows
    (tmp_path / "npowerai").mkdir()
    text = f"{json.dumps(stale)}\n{json.dumps(record)}\n"
    (tmp_path / "npowerai" / "test_tasks.jsonl").write_text(text, encoding="utf-8")
    tasks, report = load(tmp_path, "test")
    assert (tasks, report.broken) == ([], [])
    assert [why.split(":")[0] for why in report.dropped.values()] == ["gold_untrusted"] * 2
    tasks, report = load(tmp_path, "test", include_untrusted=True)
    assert not report.dropped
    for task, answer in zip(tasks, (stale["answer"], record["answer"]), strict=True):
        assert task.gold["gold_untrusted"]
        (action,) = family.oracle(task)
        assert action.arguments == {"answer": answer}


def original() -> tuple[list[Task], LoadReport]:
    if not (ORIGINAL / "npowerai" / "test_tasks.jsonl").is_file():
        pytest.skip("the original's records do not lie beside the checkout")
    return load(ORIGINAL, "test")


@pytest.mark.original
def test_original_gold_is_trusted_where_it_follows_from_the_question() -> None:
    tasks, report = original()
    assert not report.broken
    assert by_kind(tasks) == TRUSTED
    assert len(tasks) + len(report.dropped) == 343
    assert all(why.startswith("gold_untrusted: ") for why in report.dropped.values())
    assert len(load(ORIGINAL, "test", include_untrusted=True)[0]) == 343


@pytest.mark.original
async def test_original_oracle_programs_earn_everything() -> None:
    tasks, _ = original()
    for task in tasks:
        *checks, last = family.oracle(task)
        for action in checks:
            handed_in(action.arguments["code"])
        assert (await score(task, carried(last.arguments["code"]))).success, task.inputs
        for program in family.honest(task).values():
            assert (await score(task, carried(program))).success, (task.inputs, program)
        for program in family.near_misses(task).values():
            assert not (await score(task, carried(program))).success, (task.inputs, program)

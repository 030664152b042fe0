"""The audit finds every untrue reward, names it, and is content with the true ones."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from medgym_ray.actions import Action, ActionKind
from medgym_ray.audit.bounds import Violation, violations
from medgym_ray.audit.cases import CaseKind, cases_of
from medgym_ray.audit.constants import Constant, best_constant, candidates
from medgym_ray.audit.report import family_report, markdown
from medgym_ray.audit.runner import FamilyRuns, Run, run_family
from medgym_ray.config import SandboxConfig
from medgym_ray.stage import Stage
from medgym_ray.tasks.base import Family, LoadReport, Submission, Task
from tests.families import ToyFamily, true_score

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    sandbox = SandboxConfig(kind="namespace", concurrency=4)
    async with Stage("tests", sandbox, tmp_path_factory.mktemp("root"), []) as made:
        yield made


async def _audit(family: Family, stage: Stage) -> tuple[FamilyRuns, Constant, list[Violation]]:
    tasks = list(family.load(Path(), "test", LoadReport()))
    found = await run_family(family, tasks, stage)
    constant = await best_constant(family, found.tasks, candidates(found.runs), stage)
    return found, constant, violations(found, constant)


async def test_a_true_scorer_breaks_no_bound(stage: Stage) -> None:
    found, constant, broken = await _audit(ToyFamily(), stage)
    assert broken == []
    assert (constant.reward, constant.tried) == (1 / 3, 8)
    report = family_report(found, constant, broken)
    assert [(row.kind, row.name, row.runs, row.accepted) for row in report.cases[:3]] == [
        ("oracle", "conversation", 3, 3),
        ("honest", "computed", 3, 3),
        ("near miss", "one more", 3, 0),
    ]
    (guess,) = [row for row in report.cases if row.example == "answer = 41"]
    assert (guess.accepted, guess.paid_for, guess.paper) == (1, ["toy/1"], 0.5)


def _pays_print_0(task: Task, submission: Submission) -> float:
    return float(submission.stdout == "0\n") or true_score(task, submission)


def _pays_crashes(task: Task, submission: Submission) -> float:
    return float("0" in submission.stderr) or true_score(task, submission)


def _pays_silence(task: Task, submission: Submission) -> float:
    return float(submission.ran and not submission.has_answer) or true_score(task, submission)


def _pays_one_more(task: Task, submission: Submission) -> float:
    return float(submission.has_answer and submission.answer == task.gold["answer"] + 1) or true_score(task, submission)


def _wants_constants(task: Task, submission: Submission) -> float:
    return true_score(task, submission) * ("+" not in (submission.code or ""))


def _has_defect(task: Task, submission: Submission) -> float:
    return submission.answer / 1 if submission.has_answer else len(submission.answer)


@pytest.mark.parametrize(
    ("scorer", "told"),
    [
        (_pays_print_0, "toy, toy/0, cheat 2 (print(0)): a program without an answer must earn nothing"),
        (_pays_crashes, "toy, toy/0, cheat 3 (raise ValueError(0)): a program that fails must earn nothing"),
        (_pays_silence, "toy, toy/0, cheat 1 ((empty)): a program that does nothing or ends the process must earn not"),
        (_pays_silence, "toy, toy/2, cheat 5 (import os os._exit(0)): a program that does nothing or ends the process"),
        (_pays_one_more, "toy, toy/1, near miss one more: must earn nothing, but it earned 1"),
        (_wants_constants, "toy, toy/2, honest computed: must be accepted, but it earned 0 (wrong)"),
        (
            _has_defect,
            "toy, toy/0, cheat 2 (print(0)): every case must run and be scored, but TypeError: object of type",
        ),
        (lambda task, submission: 0.0, "toy, toy/0, oracle: must be accepted, but it earned 0 (wrong)"),
    ],
)
async def test_each_broken_bound_is_named(scorer: object, told: str, stage: Stage) -> None:
    family = ToyFamily(scorer)  # type: ignore[arg-type]
    tasks = list(family.load(Path(), "test", LoadReport()))
    found = await run_family(family, tasks, stage)
    broken = violations(found, None)
    assert any(str(violation).startswith(told) for violation in broken), [str(violation) for violation in broken]


async def test_a_dump_that_earns_more_than_a_constant_is_found(stage: Stage) -> None:
    class Lenient(ToyFamily):
        def cheats(self, task: Task) -> list[str]:
            return ["answer = list(range(100))"]

    def holds(task: Task, submission: Submission) -> float:
        given = submission.answer if isinstance(submission.answer, list) else [submission.answer]
        return float(task.gold["answer"] in given)

    _, constant, broken = await _audit(Lenient(holds), stage)
    assert constant.reward == 1 / 3
    (violation,) = broken
    assert str(violation) == (
        "toy, toy/0, cheat 1 (answer = list(range(100))): no cheat may earn more than the best constant (33.3%), "
        "but it earned 100.0%, also on 2 other tasks"
    )


async def test_a_constant_that_solves_a_family_is_found(stage: Stage) -> None:
    class Many(ToyFamily):
        size = 10

    _, constant, broken = await _audit(Many(lambda task, submission: float(submission.has_answer)), stage)
    assert constant.reward == 1.0
    assert [v.case for v in broken if v.task_id == "all tasks"] == ["constant"]


async def test_a_last_action_that_does_not_stand_alone_is_found(stage: Stage) -> None:
    class Stateful(ToyFamily):
        def oracle(self, task: Task) -> list[Action]:
            keep = f"open('kept', 'w').write('{task.gold['answer']}')"
            use = "answer = int(open('kept').read())"
            return [Action(ActionKind.CODE_EXECUTION, {"code": keep}), Action(ActionKind.SUBMIT, {"code": use})]

    _, _, broken = await _audit(Stateful(), stage)
    assert {(v.case, v.bound) for v in broken} == {("gold last action alone", "must be accepted")}


async def test_dropped_tasks_are_counted_and_not_run(stage: Stage) -> None:
    class Choosy(ToyFamily):
        async def vet(self, task: Task, grader: object) -> str | None:
            return "vacuous" if task.task_id == "toy/1" else None

    found, _, broken = await _audit(Choosy(), stage)
    assert broken == []
    assert found.dropped == {"toy/1": "vacuous"}
    assert {run.task_id for run in found.runs} == {"toy/0", "toy/2"}


async def test_gold_of_restricted_families_is_not_written() -> None:
    class Restricted(ToyFamily):
        restricted = True

    family = Restricted()
    found = FamilyRuns(family, runs=[Run("toy/0", CaseKind.CHEAT, "1")])
    (task, *_) = family.load(Path(), "test", LoadReport())
    assert {case.example for case in cases_of(family, task)} == {""}
    text = markdown([family_report(found, Constant('"a name"', 0.5, 1), [])], {})
    assert "50.0%" in text
    assert "a name" not in text

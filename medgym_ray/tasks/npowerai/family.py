"""The family: which records become tasks, what the agent is told, and which answers are right."""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from medgym_ray.actions import Action, ActionKind
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.scoring import canonical
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.npowerai import answers, methods, programs
from medgym_ray.tasks.npowerai.problem import (
    TARGETS,
    TASK_TYPES,
    TESTS,
    Problem,
    Target,
    Test,
    from_parameters,
    from_question,
)
from medgym_ray.tasks.records import Record, read_jsonl

POWER_TOLERANCE = Decimal("0.005")
_REPRODUCED = 1e-6
"""How close a recomputed power must come to the record's: they were written with 6 digits or more."""
_TRACEABLE = 0.9999
"""Closer to 1, many sizes have the same power."""
_REQUIRED: Mapping[str, type | tuple[type, ...]] = {
    "task_type": str,
    "task_id": int,
    "estimate_target": str,
    "question": str,
    "answer": (int, float),
}

_CONVENTIONS: Mapping[Test, str] = {
    "one_sample_t": "Use the exact power of the one-sample t test.",
    "two_sample_t": (
        "Use the exact power of the t test with equal group sizes and a pooled standard deviation. Where the question "
        "does not say otherwise, the test is two-sided at significance level 0.05 and a stated number of subjects is "
        "that of each group."
    ),
    "paired_t": (
        "Use the exact power of the paired t test; the stated standard deviation is that of the paired differences."
    ),
    "anova": (
        "Use the exact power of the F test (non-central F), n being the size of each group. Cohen's f is the standard "
        "deviation of the group means divided by the common standard deviation."
    ),
    "chi_square": (
        "Use the non-central chi-square distribution with Cohen's w, the groups being of equal size and n being the "
        "total of all groups."
    ),
    "cox": (
        "Use the normal approximation in the expected number of failures (n in each group times the sum of the two "
        "failure probabilities)."
    ),
}
_MEANS_DIVISOR = {0: "k, the number of groups", 1: "k − 1, k being the number of groups"}
_UNITS: Mapping[Test, str] = {
    "one_sample_t": "of subjects",
    "two_sample_t": "of subjects in each group",
    "paired_t": "of pairs",
    "anova": "of subjects in each group",
    "chi_square": "of subjects in all groups together",
    "cox": "of subjects in each group",
}

_PLAN: Mapping[Target, str] = {
    "size": "I solve for the size, and look whether it reaches the power and one less does not.",
    "power": "I compute the power, and look whether solving for its size leads back to the size that was given.",
}
_CONCLUSION: Mapping[Target, str] = {
    "size": "The size is the smallest that reaches the power, so I submit it, rounded up.",
    "power": "The power leads back to the given size, so I submit it.",
}


class NPowerAI(Family):
    """Sample sizes and powers, stated in words. Gold that no method reproduces is left out unless asked for."""

    name = "npowerai"
    licence = "open"
    restricted = False
    categories: tuple[str, ...] = TESTS
    actions = frozenset({ActionKind.TERMINAL, ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT})
    scorer_version = "1"
    paper_sizes: Mapping[Split, int] = {"train": 960, "test": 240}

    def __init__(self, *, include_untrusted: bool = False) -> None:
        self._include_untrusted = include_untrusted

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        """The trusted tasks of a split; see `Family.load`."""
        seen: set[str] = set()
        for record in read_jsonl(root / self.name / f"{split}_tasks.jsonl", report):
            task_id = f"{self.name}/{record.sha256[:16]}"
            complaint = _complaint(record.fields)
            if complaint:
                report.record_broken(record.path, record.line, complaint)
            elif task_id in seen:
                report.task_dropped(f"{task_id}#{record.line}", "duplicate: an earlier line holds the same record")
            else:
                seen.add(task_id)
                task = self._task(task_id, split, record, report)
                if task:
                    yield task

    def _task(self, task_id: str, split: Split, record: Record, report: LoadReport) -> Task | None:
        fields = record.fields
        test, target = TASK_TYPES[fields["task_type"]], _target(fields["estimate_target"])
        problem: Problem | None = None
        distrust: str | None = None
        try:
            problem = _problem(test, target, fields)
            distrust = _distrust(problem, fields["answer"])
        except ValueError as error:
            if "parameters" in fields:
                report.record_broken(record.path, record.line, str(error))
                return None
            distrust = str(error)
        if distrust:
            if not self._include_untrusted:
                report.task_dropped(task_id, f"gold_untrusted: {distrust}")
                return None
            problem = None
        gold = {
            "answer": fields["answer"],
            "gold_untrusted": distrust,
            "parameters": problem.parameters() if problem else None,
        }
        inputs = {"question": fields["question"], "target": target, "conventions": _conventions(test, problem)}
        return Task(task_id, self.name, test, split, inputs, gold, record.sha256)

    def prompt(self, task: Task) -> str:
        """The question, how the test is to be understood, and what to assign to `answer`."""
        test = _test(task.category)
        if task.inputs["target"] == "size":
            wanted = f"the smallest whole number {_UNITS[test]} that reaches the power"
        else:
            wanted = "the power as a number between 0 and 1 (no percentage), right to within 0.005"
        question, conventions = task.inputs["question"], task.inputs["conventions"]
        return f"{question}\n\n{conventions}\nAssign to the variable `answer` {wanted}."

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:  # noqa: ARG002
        """Compares the one number handed in; no code is run."""
        gold = task.gold["answer"]
        is_size = task.inputs["target"] == "size"
        reason = _verdict(submission, gold, is_size)
        success = reason == "correct"
        return Score(1.0 if success else 0.0, success, reason, _paper_reward(submission, gold, is_size))

    def oracle(self, task: Task) -> list[Action]:
        """Solves the problem, checks the result backwards, and submits; the gold itself where it could not be read."""
        parameters = task.gold["parameters"]
        if parameters is None:
            return [Action(ActionKind.SUBMIT, {"answer": task.gold["answer"]}, "I submit the value I have.")]
        target = _target(task.inputs["target"])
        problem = from_parameters(_test(task.category), target, parameters)
        submitted = programs.gold_program(problem)
        if task.gold["answer"] > _TRACEABLE and target == "power":
            return [Action(ActionKind.SUBMIT, {"code": submitted}, "The power is that of the test at the given size.")]
        return [
            Action(ActionKind.CODE_EXECUTION, {"code": programs.checked_program(problem)}, _PLAN[target]),
            Action(ActionKind.SUBMIT, {"code": submitted}, _CONCLUSION[target]),
        ]

    def honest(self, task: Task) -> Mapping[str, str]:
        """See `answers.honest`."""
        return answers.honest(task.gold["answer"], _target(task.inputs["target"]))

    def near_misses(self, task: Task) -> Mapping[str, str]:
        """See `answers.near_misses`."""
        return answers.near_misses(task.gold["answer"], _target(task.inputs["target"]))

    def cheats(self, task: Task) -> list[str]:  # noqa: ARG002
        """Constants, dumps, crashes and a look for the task file."""
        return answers.cheats()


def _complaint(fields: Mapping[str, Any]) -> str | None:
    """What keeps a record from being one of this family."""
    for name, kind in _REQUIRED.items():
        if name not in fields:
            return f"field {name} is missing"
        if not isinstance(fields[name], kind) or isinstance(fields[name], bool):
            return f"field {name} is a {type(fields[name]).__name__}"
    if unknown := sorted(fields.keys() - _REQUIRED.keys() - {"parameters"}):
        return f"unknown fields {', '.join(unknown)}"
    if fields["task_type"] not in TASK_TYPES:
        return f"unknown task_type {fields['task_type']!r}"
    if fields["estimate_target"] not in TARGETS:
        return f"unknown estimate_target {fields['estimate_target']!r}"
    if not isinstance(fields.get("parameters", {}), dict):
        return "field parameters is no object"
    answer = fields["answer"]
    if fields["estimate_target"] == "size" and not (isinstance(answer, int) and answer > 0):
        return f"the answer {answer!r} is no size"
    if fields["estimate_target"] == "power" and not 0 <= answer <= 1:
        return f"the answer {answer!r} is no power"
    return None


def _problem(test: Test, target: Target, fields: Mapping[str, Any]) -> Problem:
    if "parameters" in fields:
        return from_parameters(test, target, fields["parameters"])
    return from_question(test, target, fields["question"])


def _distrust(problem: Problem, answer: float) -> str | None:
    """Why the record's gold is not believed: the test's method gives another value."""
    value = methods.solve(problem)
    if problem.target == "size":
        return None if value == answer else f"the size comes out as {value}, the record has {answer}"
    return None if abs(value - answer) <= _REPRODUCED else f"the power comes out as {value:.6f}, not {answer:.6f}"


def _conventions(test: Test, problem: Problem | None) -> str:
    """What a question may leave open, settled as its gold has it."""
    stated = _CONVENTIONS[test]
    if problem and test == "anova":
        stated += f" That standard deviation has the divisor {_MEANS_DIVISOR[problem.effect['means_ddof']]}."
    if problem and test == "cox":
        stated += f" The number of failures needed is that of {problem.effect['formula'].capitalize()}'s formula."
    return stated


def _verdict(submission: Submission, gold: float, is_size: bool) -> str:
    if not submission.ran:
        return "did_not_run"
    if not submission.has_answer or canonical.is_null(submission.answer):
        return "no_answer"
    value = canonical.number(submission.answer)
    if value is None:
        return "not_a_number"
    if is_size:
        return "correct" if math.ceil(value) == gold else "wrong"
    if not 0 <= value <= 1:
        return "out_of_range"
    return "correct" if abs(value - Decimal(repr(gold))) <= POWER_TOLERANCE else "wrong"


def _paper_reward(submission: Submission, gold: float, is_size: bool) -> float:
    """As published: all that was printed is one number; a size equals gold, a power lies within 1 % of it.

    The original printed `answer` itself for a program that mentions it and never prints.
    """
    printed = submission.stdout + (f"\n{submission.stderr}" if submission.stderr else "")
    code = submission.code or ""
    if submission.ran and submission.has_answer and "print" not in code and "answer" in code:
        printed = f"{submission.stdout}{submission.answer}\n{submission.stderr}"
    try:
        if is_size:
            return float(int(printed) == gold)
        return float(gold * 0.99 < float(printed) < gold * 1.01)
    except ValueError:
        return 0.0


def _test(category: str) -> Test:
    return next(test for test in TESTS if test == category)


def _target(target: str) -> Target:
    return "size" if target == "size" else "power"

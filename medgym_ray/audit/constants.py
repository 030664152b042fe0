"""The constant answer that earns most over a family's tasks: what anybody gets who never reads a question."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from medgym_ray.audit.cases import CaseKind
from medgym_ray.audit.runner import Run
from medgym_ray.scoring import canonical
from medgym_ray.stage import Stage
from medgym_ray.tasks.base import Family, Submission, Task

_ALWAYS = (0, 1, True, False, None)
_MOST = 64
"""Golds that are tried as constants: the most frequent, and a sample of the rest."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The best constant: what it is (typed JSON), its mean reward, and of how many that were tried it is the best."""

    answer: str
    reward: float
    tried: int


def candidates(runs: Sequence[Run]) -> list[str]:
    """Constants worth trying, as typed JSON: the golds that were accepted, what cheats answered, and the usual ones."""
    golds = Counter(
        run.answer for run in runs if run.case is CaseKind.ORACLE and run.success and run.answer is not None
    )
    guesses = Counter(run.answer for run in runs if run.case is CaseKind.CHEAT and _is_scalar(run.answer))
    tried = [json.dumps(value) for value in _ALWAYS]
    tried += [guess for guess, _ in guesses.most_common(_MOST) if guess is not None]
    ranked = [gold for gold, _ in golds.most_common()]
    tried += ranked[: _MOST // 2]
    rest = sorted(ranked[_MOST // 2 :], key=_place)
    tried += rest[:: -(-len(rest) // (_MOST // 2)) or 1]
    return list(dict.fromkeys(tried))


async def best_constant(family: Family, tasks: Sequence[Task], tried: Iterable[str], stage: Stage) -> Constant:
    """Scores each candidate on each task. Raises SandboxError, TaskError."""
    rewards: dict[str, float] = {}
    for candidate in tried:
        submission = Submission(answer=json.loads(candidate), has_answer=True)
        rewards[candidate] = 0.0
        for task in tasks:
            async with stage.grader() as grader:
                rewards[candidate] += (await family.score(task, submission, grader)).reward
    best = max(rewards, key=lambda candidate: rewards[candidate])
    return Constant(best, rewards[best] / len(tasks), len(rewards))


def _is_scalar(answer: str | None) -> bool:
    return answer is not None and not isinstance(json.loads(answer), list | dict)


def _place(answer: str) -> tuple[bool, Any]:
    """Numbers first, in their order: those that differ by less than a tolerance lie beside each other."""
    number = canonical.number(json.loads(answer))
    return (True, answer) if number is None else (False, number)

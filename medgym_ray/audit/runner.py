"""Plays the cases of a family's tasks, each as an episode of its own in a clean sandbox."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from medgym_ray.audit.cases import Case, CaseKind, cases_of
from medgym_ray.errors import MedgymError
from medgym_ray.stage import Stage
from medgym_ray.tasks.base import Family, Task

_MAX_ANSWER = 10_000
"""Characters of an answer that are remembered; longer ones are dumps."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one case earned on one task."""

    task_id: str
    case: CaseKind
    name: str
    example: str = ""
    hollow: bool = False
    reward: float = 0.0
    success: bool = False
    reason: str = ""
    paper: float | None = None
    status: str | None = None
    """Of the last cell."""
    answered: bool = False
    answer: str | None = None
    """Typed JSON; None also where it is too long to be of interest."""
    defect: str | None = None
    """Why there is no score: a failure of ours."""


@dataclass(slots=True)
class FamilyRuns:
    """A family's runs, the tasks they were made on, and the tasks that were dropped with a reason."""

    family: Family
    tasks: list[Task] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)


async def run_family(
    family: Family, tasks: Sequence[Task], stage: Stage, on_task: Callable[[], None] = lambda: None
) -> FamilyRuns:
    """Vets and plays every task; as many at a time as the stage is made for."""
    found = FamilyRuns(family)
    limit = asyncio.Semaphore(stage.concurrency)

    async def one(task: Task) -> None:
        async with limit:
            await _run_task(task, found, stage)
        on_task()

    await asyncio.gather(*map(one, tasks))
    order = {task.task_id: place for place, task in enumerate(tasks)}
    found.tasks.sort(key=lambda task: order[task.task_id])
    found.runs.sort(key=lambda run: order[run.task_id])
    return found


async def _run_task(task: Task, found: FamilyRuns, stage: Stage) -> None:
    family = found.family
    try:
        async with stage.grader() as grader:
            reason = await family.vet(task, grader)
        cases = [] if reason else list(cases_of(family, task))
    except Exception as error:
        reason, cases = None, []
        found.runs.append(Run(task.task_id, CaseKind.ORACLE, "preparing", defect=_told(error)))
    if reason is not None:
        found.dropped[task.task_id] = reason
        return
    found.tasks.append(task)
    found.runs += await asyncio.gather(*(_run_case(case, task, family, stage) for case in cases))


async def _run_case(case: Case, task: Task, family: Family, stage: Stage) -> Run:
    try:
        played = await stage.play(task, family, case.replies)
    except Exception as error:  # a family's defect is a finding: it must not end the audit of the others
        return Run(task.task_id, case.kind, case.name, case.example, case.hollow, defect=_told(error))
    return Run(
        task_id=task.task_id,
        case=case.kind,
        name=case.name,
        example=case.example,
        hollow=case.hollow,
        reward=played.reward,
        success=played.success,
        reason=played.score_reason,
        paper=played.reward_paper,
        status=played.turns[-1].status if played.turns else None,
        answered=played.answer is not None,
        answer=played.answer if played.answer is not None and len(played.answer) <= _MAX_ANSWER else None,
    )


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, MedgymError) else f"{type(error).__name__}: {text}"

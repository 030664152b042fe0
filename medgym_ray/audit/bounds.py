"""What must hold of a family's rewards, and where it does not."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from medgym_ray.audit.cases import EARNING, CaseKind
from medgym_ray.audit.constants import Constant
from medgym_ray.audit.runner import FamilyRuns, Run

_ALIKE = 1e-9
_MOST_BY_A_CONSTANT = 0.9
_FEW = 10
"""Below this many tasks a constant may be right on most of them by chance."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One bound that is broken, and where."""

    family: str
    task_id: str
    case: str
    bound: str
    found: str

    def __str__(self) -> str:
        return f"{self.family}, {self.task_id}, {self.case}: {self.bound}, but {self.found}"


def violations(found: FamilyRuns, constant: Constant | None) -> list[Violation]:
    """Every broken bound of a family, in the order of its tasks."""
    answers = {run.task_id for run in found.runs if run.case is CaseKind.ORACLE and run.answered}
    broken = [violation for run in found.runs for violation in _of_run(found.family.name, run, run.task_id in answers)]
    if constant is not None:
        broken += _of_cheats(found, constant)
        if constant.reward > _MOST_BY_A_CONSTANT and len(found.tasks) >= _FEW:
            rule = f"no constant answer may earn more than {_MOST_BY_A_CONSTANT:.0%}"
            earned = f"{_shown(constant, found)} earns {constant.reward:.1%}"
            broken.append(Violation(found.family.name, "all tasks", "constant", rule, earned))
    return broken


def _of_run(family: str, run: Run, wants_answer: bool) -> Iterator[Violation]:
    case = _case(run)
    if run.defect is not None:
        yield Violation(family, run.task_id, case, "every case must run and be scored", run.defect)
    elif run.case in EARNING:
        if not run.success:
            yield Violation(family, run.task_id, case, "must be accepted", f"it earned {run.reward:g} ({run.reason})")
    elif run.reward <= 0:
        return
    elif run.case is CaseKind.NEAR_MISS:
        yield Violation(family, run.task_id, case, "must earn nothing", f"it earned {run.reward:g}")
    elif why := _nothing_done(run, wants_answer):
        yield Violation(family, run.task_id, case, f"{why} must earn nothing", f"it earned {run.reward:g}")


def _case(run: Run) -> str:
    shown = f" ({run.example})" if run.example else ""
    return run.case.value if run.case is CaseKind.ORACLE else f"{run.case.value} {run.name}{shown}"


def _nothing_done(run: Run, wants_answer: bool) -> str | None:
    """Why a cheat is not even a constant."""
    if run.status is not None and run.status != "ok":
        return "a program that fails"
    if run.hollow and not run.answered:
        return "a program that does nothing or ends the process"
    if wants_answer and not run.answered:
        return "a program without an answer"
    return None


def _of_cheats(found: FamilyRuns, constant: Constant) -> Iterator[Violation]:
    by_name: dict[str, list[Run]] = defaultdict(list)
    for run in found.runs:
        if run.case is CaseKind.CHEAT and run.defect is None:
            by_name[run.name].append(run)
    for runs in by_name.values():
        earned = sum(run.reward for run in runs) / len(found.tasks)
        if earned > constant.reward + _ALIKE:
            paid = [run.task_id for run in runs if run.reward > 0]
            rule = f"no cheat may earn more than the best constant ({constant.reward:.1%})"
            yield Violation(found.family.name, paid[0], _case(runs[0]), rule, f"it earned {earned:.1%}{_others(paid)}")


def _others(paid: Sequence[str]) -> str:
    return f", also on {len(paid) - 1} other tasks" if len(paid) > 1 else ""


def _shown(constant: Constant, found: FamilyRuns) -> str:
    return "one" if found.family.restricted else constant.answer

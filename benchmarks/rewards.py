"""Audits the rewards: what gold, every cheat and the original's published rule earn, per family.

`python benchmarks/rewards.py [tasks.root] [families,…]`; with no root, the bundled sample. Each program really runs, in
a namespace sandbox, and graded by the family's scorer, under `protocol=submit`. Prints a table; no timing is involved.
"""

import asyncio
import sys
from collections import defaultdict
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from medgym_ray.actions import Action, ActionKind
from medgym_ray.config import TasksConfig
from medgym_ray.sandboxes.base import Cell, CellStatus
from medgym_ray.sandboxes.lazy import LazySandbox
from medgym_ray.sandboxes.pool import SandboxPool
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.tasks.base import Family, Submission, Task
from medgym_ray.tasks.registry import FAMILIES, load_tasks, make_family

_AT_ONCE = 4


@dataclass
class Earned:
    """What one kind of program earned over a family's tasks."""

    example: str = ""
    tasks: int = 0
    reward: float = 0.0
    paper: list[float] = field(default_factory=list)
    paid: list[str] = field(default_factory=list)


async def _submission(action: Action, pool: SandboxPool) -> Submission:
    if "answer" in action.arguments:
        return Submission(answer=action.arguments["answer"], has_answer=True)
    code = action.arguments["code"]
    async with pool.acquire() as sandbox:
        result = await sandbox.run(Cell(code))
    ran = result.status is CellStatus.OK
    return Submission(result.answer, result.has_answer, code, result.stdout, result.stderr, ran)


async def _audit(task: Task, family: Family, pool: SandboxPool, graders: SandboxPool, table: dict[str, Earned]) -> None:
    async with LazySandbox(graders) as grader:
        if await family.vet(task, grader) is not None:
            table["(dropped)"].tasks += 1
            return
    programs = [("gold", (family.oracle(task) or [])[-1:])]
    for number, code in enumerate(family.cheats(task), start=1):
        name = f"cheat {number:2}"  # by place: some families write each cheat for the task
        table[name].example = table[name].example or " ".join(code.split())[:60] or "(empty)"
        programs.append((name, [Action(ActionKind.SUBMIT, {"code": code})]))
    for name, actions in programs:
        for action in actions:
            submission = await _submission(action, pool)
            async with LazySandbox(graders) as grader:
                score = await family.score(task, submission, grader)
            earned = table[name]
            earned.tasks += 1
            earned.reward += score.reward
            if score.reward_paper is not None:
                earned.paper.append(score.reward_paper)
            if score.reward and name != "gold":
                earned.paid.append(task.task_id)


async def main(root: str | None, names: list[str]) -> None:
    """Audits each family and prints its table."""
    console = Console(width=140)
    factory = make_factory("namespace", slots=_AT_ONCE, run_id="audit")
    await factory.start()
    pool, graders = SandboxPool(factory, _AT_ONCE), SandboxPool(factory, _AT_ONCE)
    limit = asyncio.Semaphore(_AT_ONCE)
    for name in names:
        family = make_family(name)
        earned: dict[str, Earned] = defaultdict(Earned)

        async def one(task: Task, family: Family = family, earned: dict[str, Earned] = earned) -> None:
            async with limit:
                await _audit(task, family, pool, graders, earned)

        tasks = load_tasks(TasksConfig(root=root, families=[name]), 0).tasks
        await asyncio.gather(*map(one, tasks))
        table = Table(
            "program", "e.g.", "tasks", "reward", "original's rule", "paid for", title=f"{name}: {len(tasks)} tasks"
        )
        for program, e in sorted(earned.items(), key=lambda item: (item[0] != "gold", item[0])):
            paper = f"{sum(e.paper) / len(e.paper):.1%}" if e.paper else "-"
            rate = f"{e.reward / e.tasks:.1%}" if program != "(dropped)" else ""
            paid = ", ".join(task[-12:] for task in e.paid[:3]) + ("…" if len(e.paid) > 3 else "")
            table.add_row(program, e.example, str(e.tasks), rate, paper, paid, end_section=program == "gold")
        console.print(table)
    await pool.close()
    await graders.close()


if __name__ == "__main__":
    where = sys.argv[1] if len(sys.argv) > 1 and sys.argv[1] else None
    asyncio.run(main(where, sys.argv[2].split(",") if len(sys.argv) > 2 else sorted(FAMILIES)))

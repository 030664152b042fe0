"""A family: a child's maintenance fluids by the 4-2-1 rule, with tasks, true rewards, a gold program and cheats."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from medgym_ray.actions import Action, ActionKind
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.scoring import canonical, formats
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.records import read_jsonl


class Fluids(Family):
    """One line of a task file is one task: {"id": "1", "kg": 12.5, "ml_per_h": 45}."""

    name, licence, restricted, scorer_version, categories = "fluids", "open", False, "1", ("by_weight",)
    actions = frozenset({ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT})

    def sample_root(self) -> Path:
        return Path(__file__).parent / "data"

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        for record in read_jsonl(root / self.name / f"{split}_tasks.jsonl", report):
            try:
                inputs, gold = {"kg": float(record.fields["kg"])}, {"answer": float(record.fields["ml_per_h"])}
                yield Task(f"fluids/{record.fields['id']}", self.name, "by_weight", split, inputs, gold, record.sha256)
            except (KeyError, TypeError, ValueError) as error:
                report.record_broken(record.path, record.line, repr(error))

    def prompt(self, task: Task) -> str:
        return (
            f"Maintenance fluids of a child of {task.inputs['kg']} kg by the 4-2-1 rule? Set `answer` to ml per hour."
        )

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:
        handed_in = submission.ran and submission.has_answer
        right = handed_in and canonical.equal(submission.answer, task.gold["answer"], tolerance=1e-3).equal
        return Score(float(right), right, "correct" if right else "wrong")

    def oracle(self, task: Task) -> list[Action]:
        rule = "answer = 4 * min(kg, 10) + 2 * min(max(kg - 10, 0), 10) + max(kg - 20, 0)"
        return [Action(ActionKind.SUBMIT, {"code": f"kg = {task.inputs['kg']}\n{rule}"}, "I apply the rule.")]

    def honest(self, task: Task) -> Mapping[str, str]:
        return formats.honest(task.gold["answer"])

    def near_misses(self, task: Task) -> Mapping[str, str]:
        return formats.near_misses(task.gold["answer"])

    def cheats(self, task: Task) -> list[str]:
        return ["", "print(40)", "answer = None", "answer = list(range(200))", "raise SystemExit", "answer = 'ml'"]

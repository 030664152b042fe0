"""A family for tests whose scorer, programs and tasks are what the test says."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from medgym_ray.actions import Action, ActionKind
from medgym_ray.tasks.base import Family, LoadReport, Score, Split, Submission, Task

Scorer = Callable[[Task, Submission], float]


def true_score(task: Task, submission: Submission) -> float:
    """1 for the gold, and nothing else."""
    return float(submission.ran and submission.has_answer and submission.answer == task.gold["answer"])


class ToyFamily(Family):
    """Three tasks, the number to answer standing in each. Subclasses override what they need."""

    name, licence, restricted, scorer_version = "toy", "open", False, "1"
    categories = ("easy",)
    actions = frozenset({ActionKind.CODE_EXECUTION, ActionKind.DEBUGGING, ActionKind.SUBMIT})
    paper_sizes: Mapping[Split, int] = {"test": 3, "train": 3}
    size = 3

    def __init__(self, scorer: Scorer = true_score) -> None:
        self._scorer = scorer

    def load(self, root: Path, split: Split, report: LoadReport) -> Iterator[Task]:
        for number in range(self.size):
            gold = {"answer": 40 + number}
            yield Task(f"toy/{number}", "toy", "easy", split, {"number": 40 + number}, gold, f"{number:064}")

    def prompt(self, task: Task) -> str:
        return f"Answer {task.inputs['number']}."

    async def score(self, task: Task, submission: Submission, grader: object) -> Score:
        reward = self._scorer(task, submission)
        return Score(reward, reward == 1.0, "correct" if reward else "wrong", reward_paper=0.5)

    def oracle(self, task: Task) -> list[Action] | None:
        return [Action(ActionKind.SUBMIT, {"code": f"answer = {task.gold['answer']}"})]

    def honest(self, task: Task) -> Mapping[str, str]:
        return {"computed": f"answer = {task.gold['answer'] - 1} + 1"}

    def near_misses(self, task: Task) -> Mapping[str, str]:
        return {"one more": f"answer = {task.gold['answer'] + 1}"}

    def cheats(self, task: Task) -> list[str]:
        return ["", "print(0)", "raise ValueError(0)", "answer = 41", "import os\nos._exit(0)"]

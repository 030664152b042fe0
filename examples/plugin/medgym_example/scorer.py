"""A scorer: half the reward for what lies within a tenth of the gold. It is asked after the family's own."""

from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.scoring import canonical
from medgym_ray.tasks.base import Score, Submission, Task

_NEAR = 0.1


class Close:
    """`tasks.scorer=close`; rows of the record then name both scorers: fluids@1+close@1."""

    version = "1"  # another one whenever the same submission would earn another score

    async def score(self, task: Task, submission: Submission, grader: Sandbox, family_score: Score) -> Score:
        """Leaves what is right, or no number, as the family has it. A near miss earns something and is no success."""
        stated = canonical.number(submission.answer) if submission.ran and submission.has_answer else None
        gold = canonical.number(task.gold.get("answer"))
        if family_score.success or stated is None or gold is None:
            return family_score
        near = abs(float(stated) - float(gold)) <= _NEAR * abs(float(gold))
        return Score(0.5, success=False, reason="close") if near else family_score

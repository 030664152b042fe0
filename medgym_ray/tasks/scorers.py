"""A scorer of one's own: it is asked after the family's, and what it says counts."""

import math
from dataclasses import replace
from typing import Any, Protocol, cast

from medgym_ray import plugins
from medgym_ray.errors import MedgymError, ScorerError
from medgym_ray.plugins import Group
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.tasks.base import Family, Score, Submission, Task


class Scorer(Protocol):
    """Scores what a family has scored. Made without arguments, once per family and process."""

    version: str

    async def score(self, task: Task, submission: Submission, grader: Sandbox, family_score: Score) -> Score:
        """The score that counts; its `reward_paper` stays the family's. `grader` is as for `Family.score`."""
        ...


def scored_by(name: str, family: Family) -> Family:
    """The family with another package's scorer. Raises ConfigError where none has that name or it cannot be used."""
    plugin = plugins.find(Group.SCORERS, name)
    assert plugin is not None, "there are none of ours"
    return cast(Family, _Scored(family, name, plugin.make(Scorer)))


class _Scored:
    """A family in all but its score.

    No subclass: whatever a family may have besides is that of the family, and not the protocol's default.
    """

    def __init__(self, family: Family, name: str, scorer: Scorer) -> None:
        self._family, self._name, self._scorer = family, name, scorer
        self.scorer_version = f"{family.name}@{family.scorer_version}+{name}@{scorer.version}"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._family, name)

    async def score(self, task: Task, submission: Submission, grader: Sandbox) -> Score:
        """The family's score first. Raises SandboxError, ScorerError."""
        before = await self._family.score(task, submission, grader)
        await grader.reset()  # families may run the submission in it
        try:
            score = await self._scorer.score(task, submission, grader, before)
        except MedgymError:
            raise
        except Exception as error:
            raise ScorerError(f"scorer {self._name}: {type(error).__name__}: {error}") from error
        if not isinstance(score, Score) or not 0 <= score.reward <= 1 or math.isnan(score.reward):
            raise ScorerError(f"scorer {self._name}: no Score with a reward from 0 to 1")
        return replace(score, reward_paper=before.reward_paper)

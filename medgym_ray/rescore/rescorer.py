"""One stored trajectory and the score that today's scorer gives it.

What was handed in is rebuilt in one of two ways:

- *From the record*, where the only graded turn is the one that counts: its code and the typed `answer` are stored.
  stdout is not (an observation is cut and trimmed), so `reward_paper`, which may depend on it, stays as it is.
- *By playing it again*, where the record lacks what a score needs: the family collects files or counts what a service
  accepted, or turns in between were graded, whose answers are not stored. The recorded replies are played in a fresh
  sandbox. If the programs do not end as recorded, then what can be had from the record is taken from it, and the
  rewards of the turns in between are blanked; a family of files or services cannot be scored again and says so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from medgym_ray.errors import MedgymError
from medgym_ray.flags import behaviour_flags
from medgym_ray.sandboxes.base import CellStatus
from medgym_ray.scoring import canonical
from medgym_ray.stage import Stage
from medgym_ray.tasks.base import Family, Score, Submission, Task
from medgym_ray.trajectory import Termination, Trajectory, Turn

_NOTHING_HANDED_IN = Score(0.0, success=False, reason="no_submission")


@dataclass(frozen=True, slots=True)
class Rescored:
    """The trajectory as it is to be stored; `problem` says why it kept its old score."""

    trajectory: Trajectory
    problem: str | None = None
    blanked: bool = False
    """The rewards of its turns in between are no longer known."""
    altered: bool = False
    """Its task's record has changed since it was made."""


class Rescorer:
    """Scores trajectories of one run."""

    def __init__(self, stage: Stage, families: Mapping[str, Family], tasks: Mapping[str, Task], max_turns: int) -> None:
        """`tasks` by id, as they are today."""
        self._stage = stage
        self._families = families
        self._tasks = tasks
        self._max_turns = max_turns

    async def rescore(self, stored: Trajectory) -> Rescored:
        """Never raises for what a record may hold."""
        family, task = self._families.get(stored.family), self._tasks.get(stored.task_id)
        if family is None:
            return Rescored(stored, f"no task family called {stored.family}")
        if task is None:
            return Rescored(stored, "its task is not there")
        try:
            rescored = await self._rescore(stored, family, task)
        except MedgymError as error:
            return Rescored(stored, " ".join(str(error).split()))
        return replace(rescored, altered=json.loads(stored.provenance).get("task_sha256") != task.source_sha256)

    async def _rescore(self, stored: Trajectory, family: Family, task: Task) -> Rescored:
        counted = counted_turn(stored)
        graded = {place for place, turn in enumerate(stored.turns) if turn.reward_if_graded is not None}
        needs_more = bool(family.collects) or family.service(task) is not None
        if not graded or (graded == {counted} and not needs_more):
            return Rescored(await self._from_record(stored, family, task, counted))
        replayed = await self._play(stored, family, task)
        if replayed is not None:
            return Rescored(_with_replay(stored, replayed))
        if needs_more:
            return Rescored(stored, "its programs did not end as recorded, and files or requests are not stored")
        blanked = replace(stored, turns=[replace(turn, reward_if_graded=None) for turn in stored.turns])
        return Rescored(await self._from_record(blanked, family, task, counted), blanked=True)

    async def _from_record(self, stored: Trajectory, family: Family, task: Task, counted: int | None) -> Trajectory:
        if counted is None:
            return _with_score(stored, _NOTHING_HANDED_IN, family.scorer_version)
        async with self._stage.grader() as grader:
            score = await family.score(task, recorded_submission(stored, stored.turns[counted]), grader)
        turns = list(stored.turns)
        turns[counted] = replace(turns[counted], reward_if_graded=score.reward)
        first = counted if score.success else None
        score = replace(score, reward_paper=stored.reward_paper)
        return _with_score(replace(stored, turns=turns, first_correct_turn=first), score, family.scorer_version)

    async def _play(self, stored: Trajectory, family: Family, task: Task) -> Trajectory | None:
        replies = [message["content"] for message in stored.messages if message["role"] == "assistant"]
        played = await self._stage.play(task, family, replies, max_turns=self._max_turns, protocol=stored.protocol)
        return played if _ended_alike(stored, played) else None


def counted_turn(stored: Trajectory) -> int | None:
    """The turn whose score is the trajectory's: the one that submits; under the paper's protocol the last graded."""
    if stored.turns and stored.turns[-1].action == "submit":
        return len(stored.turns) - 1
    if stored.protocol != "paper":
        return None
    return max((place for place, turn in enumerate(stored.turns) if turn.reward_if_graded is not None), default=None)


def recorded_submission(stored: Trajectory, turn: Turn) -> Submission:
    """What that turn handed in, as far as the record holds it."""
    answered = stored.answer is not None
    return Submission(
        answer=json.loads(stored.answer) if stored.answer is not None else None,
        has_answer=answered,
        code=json.loads(turn.arguments or "{}").get("code"),
        ran=turn.status in (None, CellStatus.OK.value),
    )


def _ended_alike(stored: Trajectory, played: Trajectory) -> bool:
    """Whether every cell ended as recorded, and with the same answer. Under another score one may end earlier."""
    pairs = zip(stored.turns, played.turns, strict=False)
    if any((a.action, a.status) != (b.action, b.status) for a, b in pairs):
        return False
    if len(stored.turns) != len(played.turns):
        return stored.protocol == "paper" and played.success
    if stored.answer is None or played.answer is None:
        return stored.answer == played.answer
    return canonical.equal(json.loads(played.answer), json.loads(stored.answer)).equal


def _with_replay(stored: Trajectory, played: Trajectory) -> Trajectory:
    rewards = [turn.reward_if_graded for turn in played.turns]
    rewards += [None] * (len(stored.turns) - len(rewards))
    turns = [replace(turn, reward_if_graded=new) for turn, new in zip(stored.turns, rewards, strict=True)]
    score = Score(played.reward, played.success, played.score_reason, played.reward_paper)
    graded = replace(
        stored,
        turns=turns,
        graded_guesses=played.graded_guesses,
        first_correct_turn=played.first_correct_turn,
    )
    return _with_score(graded, score, played.scorer_version)


def _with_score(stored: Trajectory, score: Score, scorer_version: str) -> Trajectory:
    return replace(
        stored,
        reward=score.reward,
        success=score.success,
        score_reason=score.reason,
        reward_paper=score.reward_paper,
        scorer_version=scorer_version,
        termination=_termination(stored, score).value,
        flags=behaviour_flags(stored.turns, score),
    )


def _termination(stored: Trajectory, score: Score) -> Termination:
    before = Termination(stored.termination)
    if before not in (Termination.SUCCESS, Termination.WRONG) and not score.success:
        return before
    if score.success:
        return Termination.SUCCESS
    return Termination.MAX_TURNS if stored.turns[-1].action != "submit" else Termination.WRONG

"""The multi-turn loop: one coroutine from a task to a scored trajectory.

    prompt → reply → action → cell in the sandbox → observation → reply → … → submission → score

Failures of ours (PolicyError, SandboxError, TaskError, ScorerError) leave the coroutine as exceptions: the caller
retries the episode, and no reward is invented for it. Whatever the agent does wrong is part of the trajectory.
"""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from medgym_ray.actions import Action, ActionKind, ParseError, parse_json_action
from medgym_ray.errors import MedgymError, PolicyError, ScorerError
from medgym_ray.flags import behaviour_flags
from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest, Policy, RepliesExhausted, Sampling
from medgym_ray.policies.tokens import ChatTemplate, TokenTranscript
from medgym_ray.prompts import cell_observation, debug_observation, info_observation, opening, parse_error_observation
from medgym_ray.sandboxes.base import Cell, CellResult, CellStatus, Limits, Sandbox
from medgym_ray.submissions import Desk
from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.requests import answer
from medgym_ray.tasks.base import Family, Message, Score, Submission, Task
from medgym_ray.trajectory import Termination, Trajectory, Turn

Graders = Callable[[], AbstractAsyncContextManager[Sandbox]]
"""Lends a sandbox that no agent code of this episode has run in."""


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """What all episodes of a run share."""

    protocol: str
    agent_format: str
    max_turns: int
    deadline_s: float
    turn_s: float
    sampling: Sampling
    limits: Limits


@dataclass(frozen=True, slots=True)
class EpisodeIdentity:
    """Which rollout this is; copied into the record."""

    trajectory_id: str
    run_id: str
    group_id: str
    code_version: str
    config_hash: str
    rollout_index: int
    attempt: int
    seed: int
    model: str
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class _Grading:
    """Every score the episode's executions earned, and the one that counts."""

    graded: list[tuple[int, Score]] = field(default_factory=list)
    counted: int = 0
    final: Score | None = None
    answer: Any = None
    has_answer: bool = False

    def first_correct_turn(self) -> int | None:
        return next((turn for turn, score in self.graded if score.success), None)


class Episode:
    """One rollout of one task. Use once: `await Episode(…).run()`."""

    def __init__(
        self,
        task: Task,
        family: Family,
        policy: Policy,
        sandbox: Sandbox,
        graders: Graders,
        settings: EpisodeSettings,
        identity: EpisodeIdentity,
        template: ChatTemplate | None = None,
        tables: TableIndex | None = None,
    ) -> None:
        """`tables` is the index of the family's own tables, for `request_info`."""
        self._task = task
        self._family = family
        self._policy = policy
        self._sandbox = sandbox
        self._graders = graders
        self._settings = settings
        self._tables = tables
        self._service = family.service(task)
        self._desk = Desk(family, sandbox, self._service, settings.limits)
        self._identity = identity
        self._messages = opening(family.prompt(task), family.actions, settings.protocol, settings.max_turns)
        self._transcript = TokenTranscript(template, self._messages) if template else None
        self._turns: list[Turn] = []
        self._grading = _Grading()
        self._started_at = datetime.now(UTC)
        self._clock = time.monotonic()
        self._deadline = self._clock + settings.deadline_s
        self._reply: asyncio.Timeout | None = None

    def cut(self) -> None:
        """Ends the episode as `deadline`, with what it has: a reply is not waited for, a cell runs to its own limit."""
        self._deadline = time.monotonic()
        if self._reply is not None and not self._reply.expired():
            self._reply.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> Trajectory:
        """Plays the episode to its end. Raises the typed error of the part of ours that failed."""
        await self._sandbox.put(self._family.prepare(self._task).files)
        termination = Termination.MAX_TURNS
        while len(self._turns) < self._settings.max_turns:
            try:
                generation = await self._generate()
            except ContextFull:
                termination = Termination.MAX_TOKENS
                break
            except RepliesExhausted:
                break
            if generation is None:
                termination = Termination.DEADLINE
                break
            turn = self._record_reply(generation)
            if await self._act(turn, generation):
                final = self._grading.final
                termination = Termination.SUCCESS if final and final.success else Termination.WRONG
                break
        return self._trajectory(termination)

    async def _generate(self) -> Generation | None:
        """A reply; None where the time is over, or was before it came."""
        if self._seconds_left() <= 0:
            return None
        try:
            async with asyncio.timeout(self._turn_s()) as self._reply:
                return await self._policy.generate(self._request())
        except TimeoutError as error:
            if self._reply is None or not self._reply.expired():  # a time-out of the policy's own
                raise PolicyError(str(error) or "the policy timed out") from error
            return None
        finally:
            self._reply = None

    def _turn_s(self) -> float:
        return min(self._seconds_left(), self._settings.turn_s)

    def _seconds_left(self) -> float:
        return self._deadline - time.monotonic()

    def _request(self) -> GenerationRequest:
        return GenerationRequest(
            session_id=self._identity.trajectory_id,
            task_id=self._task.task_id,
            turn=len(self._turns),
            sampling=self._settings.sampling,
            seed=self._identity.seed + len(self._turns),
            deadline_s=self._turn_s(),
            messages=tuple(self._messages),
            prompt_token_ids=self._transcript.next_prompt() if self._transcript else None,
        )

    def _record_reply(self, generation: Generation) -> Turn:
        if self._transcript:
            self._transcript.add_reply(generation)
        self._messages.append(Message("assistant", generation.text))
        turn = Turn(
            prompt_tokens=generation.prompt_tokens,
            cached_tokens=generation.cached_tokens,
            completion_tokens=generation.completion_tokens,
            completion_token_ids=generation.token_ids,
            completion_logprobs=generation.logprobs,
            finish_reason=generation.finish_reason,
            generate_ms=generation.generate_ms,
            queue_ms=generation.queue_ms,
            replica=generation.replica,
            policy_version=generation.policy_version,
        )
        self._turns.append(turn)
        return turn

    async def _act(self, turn: Turn, generation: Generation) -> bool:
        """Does what the reply asks for; True where that ended the episode."""
        action = parse_json_action(generation.text, self._family.actions)
        if isinstance(action, ParseError):
            turn.parse_error = action.message
            self._observe(turn, parse_error_observation(action.message))
            return False
        turn.action, turn.arguments = action.kind.value, json.dumps(dict(action.arguments), ensure_ascii=False)
        if action.kind is ActionKind.SUBMIT:
            await self._submit(turn, action)
            return True
        if action.kind is ActionKind.REQUEST_INFO:
            await self._request_info(turn, action)
            return False
        cell = self._cell(action)
        result = await self._run(turn, cell)
        if action.kind is ActionKind.CODE_EXECUTION and result.status is CellStatus.OK:
            score = await self._grade(turn, await self._desk.take_cell(cell.code, result))
            if self._settings.protocol == "paper":
                self._grading.counted += 1
                self._grading.answer, self._grading.has_answer = result.answer, result.has_answer
                self._grading.final = score
                if score.success:
                    turn.observation = cell_observation(result)
                    return True
        render = debug_observation if action.kind is ActionKind.DEBUGGING else cell_observation
        self._observe(turn, render(result))
        return False

    async def _request_info(self, turn: Turn, action: Action) -> None:
        """Answered out here, from the index: no cell has to read whole tables for it."""
        started = time.monotonic()
        reply = await asyncio.to_thread(answer, self._tables, action.arguments, self._settings.limits.output_bytes)
        turn.execute_ms = (time.monotonic() - started) * 1000
        turn.status, turn.truncated = (CellStatus.OK if reply.ok else CellStatus.ERROR).value, reply.truncated
        self._observe(turn, info_observation(reply))

    def _cell(self, action: Action) -> Cell:
        if action.kind is ActionKind.TERMINAL:
            return Cell(action.arguments["cmd"], language="shell", limits=self._limits(), service=self._service)
        is_debugging = action.kind is ActionKind.DEBUGGING
        return Cell(action.arguments["code"], limits=self._limits(), debug=is_debugging, service=self._service)

    def _limits(self) -> Limits:
        return replace(self._settings.limits, wall_s=max(0.1, min(self._settings.limits.wall_s, self._seconds_left())))

    async def _run(self, turn: Turn, cell: Cell) -> CellResult:
        started = time.monotonic()
        result = await self._sandbox.run(cell)
        turn.execute_ms = (time.monotonic() - started) * 1000
        turn.status, turn.truncated = result.status.value, result.truncated
        return result

    async def _submit(self, turn: Turn, action: Action) -> None:
        if "answer" in action.arguments:
            submission = await self._desk.take_answer(action.arguments["answer"])
        else:
            cell = self._cell(action)
            result = await self._run(turn, cell)
            turn.observation = cell_observation(result)
            submission = await self._desk.take_cell(cell.code, result)
        self._grading.counted += 1
        self._grading.answer, self._grading.has_answer = submission.answer, submission.has_answer
        self._grading.final = await self._grade(turn, submission)

    async def _grade(self, turn: Turn, submission: Submission) -> Score:
        score = await self._score(submission)
        turn.reward_if_graded = score.reward
        self._grading.graded.append((len(self._turns) - 1, score))
        return score

    async def _score(self, submission: Submission) -> Score:
        async with self._graders() as grader:
            try:
                return await self._family.score(self._task, submission, grader)
            except MedgymError:
                raise
            except Exception as error:
                raise ScorerError(f"{type(error).__name__}: {error}") from error

    def _observe(self, turn: Turn, observation: str) -> None:
        turn.observation = observation
        if len(self._turns) == self._settings.max_turns:
            return  # nobody will answer it
        if self._transcript:
            self._transcript.add_observation(observation)
        self._messages.append(Message("user", observation))

    def _trajectory(self, termination: Termination) -> Trajectory:
        task, identity, grading, transcript = self._task, self._identity, self._grading, self._transcript
        score = grading.final or Score(0.0, success=False, reason="no_submission")
        return Trajectory(
            trajectory_id=identity.trajectory_id,
            run_id=identity.run_id,
            group_id=identity.group_id,
            code_version=identity.code_version,
            config_hash=identity.config_hash,
            task_id=task.task_id,
            family=task.family,
            category=task.category,
            split=task.split,
            rollout_index=identity.rollout_index,
            attempt=identity.attempt,
            seed=identity.seed,
            messages=[{"role": m.role, "content": m.content} for m in self._messages],
            turns=self._turns,
            prompt_token_ids=transcript.prompt_token_ids if transcript else None,
            token_ids=transcript.next_prompt() if transcript else None,
            loss_mask=transcript.loss_mask() if transcript else None,
            logprobs=transcript.logprobs() if transcript else None,
            append_only=transcript.append_only if transcript else None,
            retokenize_match=transcript.retokenize_match() if transcript else None,
            reward=score.reward,
            success=score.success,
            reward_paper=score.reward_paper,
            score_reason=score.reason,
            scorer_version=self._family.scorer_version,
            termination=termination.value,
            flags=behaviour_flags(self._turns, score),
            answer=json.dumps(grading.answer, ensure_ascii=False) if grading.has_answer else None,
            graded_guesses=grading.counted,
            first_correct_turn=grading.first_correct_turn(),
            num_turns=len(self._turns),
            model=identity.model,
            policy_version=self._turns[-1].policy_version or "0" if self._turns else "0",
            sampling=json.dumps(_sampling(self._settings.sampling)),
            agent_format=self._settings.agent_format,
            protocol=self._settings.protocol,
            licence=self._family.licence,
            restricted=self._family.restricted,
            generate_ms=sum(t.generate_ms for t in self._turns),
            execute_ms=sum(t.execute_ms for t in self._turns),
            queue_ms=sum(t.queue_ms for t in self._turns),
            wall_ms=(time.monotonic() - self._clock) * 1000,
            started_at=self._started_at,
            finished_at=datetime.now(UTC),
            provenance=json.dumps({"task_sha256": task.source_sha256, **identity.provenance}, sort_keys=True),
        )


def _sampling(sampling: Sampling) -> dict[str, float | int]:
    return {"temperature": sampling.temperature, "top_p": sampling.top_p, "max_tokens": sampling.max_tokens}

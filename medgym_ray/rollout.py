"""One rollout in the making: what the agent does is carried out in its sandbox, graded, and kept.

Who decides on the next action is somebody else's affair: an episode asks a policy, the gateway waits for an agent that
it does not know. Failures of ours (SandboxError, TaskError, ScorerError, a debugger's PolicyError) leave as exceptions,
and no reward is invented for them.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from medgym_ray.actions import Action, ActionKind
from medgym_ray.config import AgentConfig
from medgym_ray.debugger import Debugger, FailedProgram
from medgym_ray.errors import MedgymError, ScorerError
from medgym_ray.flags import behaviour_flags
from medgym_ray.policies.base import Generation, GenerationRequest, Sampling
from medgym_ray.policies.tokens import ServedTranscript, TokenTranscript, without_thoughts
from medgym_ray.prompts import cell_observation, debug_observation, info_observation
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
    agent: AgentConfig
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


class Rollout:
    """Use once."""

    def __init__(
        self,
        task: Task,
        family: Family,
        sandbox: Sandbox,
        graders: Graders,
        settings: EpisodeSettings,
        identity: EpisodeIdentity,
        tables: TableIndex | None = None,
        debugger: Debugger | None = None,
    ) -> None:
        """`tables` is the index of the family's own tables, for `request_info`; `debugger` explains what fails, and
        without one rules do. The deadline counts from here."""
        self.task, self.family, self.settings, self.identity = task, family, settings, identity
        self.turns: list[Turn] = []
        self._sandbox = sandbox
        self._graders = graders
        self._tables = tables
        self._debugger = debugger
        self.service = family.service(task)
        self._desk = Desk(family, sandbox, self.service, settings.limits)
        self._grading = _Grading()
        self._served = ServedTranscript()
        self._started_at = datetime.now(UTC)
        self._clock = time.monotonic()
        self._deadline = self._clock + settings.agent.deadline_s

    async def prepare(self) -> None:
        """Before the first action. Raises SandboxError."""
        await self._sandbox.put(self.family.prepare(self.task).files)

    @property
    def success(self) -> bool:
        """Whether what was handed in is right."""
        return self._grading.final is not None and self._grading.final.success

    def seconds_left(self) -> float:
        """Until its deadline."""
        return self._deadline - time.monotonic()

    def turn_s(self) -> float:
        """What one reply may take now."""
        return min(self.seconds_left(), self.settings.agent.turn_s)

    def cut(self) -> None:
        """Its time is over now."""
        self._deadline = time.monotonic()
        if self._debugger is not None:
            self._debugger.cut()

    def record(self, generation: Generation, transcript: TokenTranscript | None) -> Turn:
        """A reply begins a turn. `transcript` is that of a policy of token ids, whose prompt it follows.

        Where the conversation is no longer one sequence, the turn keeps the prompt that it was given. Raises
        PolicyError where ids and logprobs do not align.
        """
        if transcript is not None:
            prompt = None if transcript.append_only else transcript.next_prompt()
            transcript.add_reply(generation)
        else:
            self._served.add_reply(generation)
            prompt = None if self._served.append_only else generation.prompt_token_ids
        turn = Turn(
            prompt_token_ids=prompt,
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
            cost_usd=generation.cost_usd,
        )
        self.turns.append(turn)
        return turn

    async def carry_out(self, turn: Turn, action: Action) -> bool:
        """Does what was asked for; the turn then holds what is to be seen of it. True where that ended the rollout."""
        turn.action, turn.arguments = action.kind.value, json.dumps(dict(action.arguments), ensure_ascii=False)
        if action.kind is ActionKind.SUBMIT:
            await self._submit(turn, action)
            return True
        if action.kind is ActionKind.REQUEST_INFO:
            await self._request_info(turn, action)
            return False
        cell = self._cell(action)
        result = await self._run(turn, cell)
        if action.kind is ActionKind.DEBUGGING:
            explanation = await self._explained(turn, action, result)
            turn.observation = debug_observation(result, explanation)
            return False
        turn.observation = cell_observation(result)
        if action.kind is ActionKind.CODE_EXECUTION and result.status is CellStatus.OK:
            score = await self._grade(turn, await self._desk.take_cell(cell.code, result))
            if self.settings.protocol == "paper":
                self._grading.counted += 1
                self._grading.answer, self._grading.has_answer = result.answer, result.has_answer
                self._grading.final = score
                return score.success
        return False

    async def _explained(self, turn: Turn, action: Action, result: CellResult) -> str | None:
        """The debugger's words on a program that failed, kept beside the turn's own reply: they are none of it."""
        if self._debugger is None or result.status is CellStatus.OK:
            return None
        number = len(self.turns) - 1
        request = GenerationRequest(
            session_id=self.identity.trajectory_id,
            task_id=self.task.task_id,
            turn=number,
            sampling=self.settings.sampling,
            seed=self.identity.seed + number,
            deadline_s=self.turn_s(),
        )
        code, error_msg = action.arguments["code"], str(action.arguments.get("error_msg", ""))
        generation = await self._debugger.explain(FailedProgram(code, result, error_msg), request)
        if generation is None:
            return None
        turn.debug_text, turn.debug_ms = generation.text, generation.generate_ms + generation.queue_ms
        turn.debug_prompt_tokens, turn.debug_completion_tokens = generation.prompt_tokens, generation.completion_tokens
        if generation.cost_usd is not None:
            turn.cost_usd = (turn.cost_usd or 0.0) + generation.cost_usd
        return without_thoughts(generation.text).strip() or None

    async def _request_info(self, turn: Turn, action: Action) -> None:
        """Answered out here, from the index: no cell has to read whole tables for it."""
        started = time.monotonic()
        reply = await asyncio.to_thread(answer, self._tables, action.arguments, self.settings.limits.output_bytes)
        turn.execute_ms = (time.monotonic() - started) * 1000
        turn.status, turn.truncated = (CellStatus.OK if reply.ok else CellStatus.ERROR).value, reply.truncated
        turn.observation = info_observation(reply)

    def _cell(self, action: Action) -> Cell:
        if action.kind is ActionKind.TERMINAL:
            return Cell(action.arguments["cmd"], language="shell", limits=self._limits(), service=self.service)
        is_debugging = action.kind is ActionKind.DEBUGGING
        return Cell(action.arguments["code"], limits=self._limits(), debug=is_debugging, service=self.service)

    def _limits(self) -> Limits:
        return replace(self.settings.limits, wall_s=max(0.1, min(self.settings.limits.wall_s, self.seconds_left())))

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
        self._grading.graded.append((len(self.turns) - 1, score))
        return score

    async def _score(self, submission: Submission) -> Score:
        async with self._graders() as grader:
            try:
                return await self.family.score(self.task, submission, grader)
            except MedgymError:
                raise
            except Exception as error:
                raise ScorerError(f"{type(error).__name__}: {error}") from error

    def trajectory(
        self,
        termination: Termination,
        messages: Sequence[Message],
        transcript: TokenTranscript | None,
        agent_format: str,
    ) -> Trajectory:
        """The record of what was done, with token ids where they are known of every turn."""
        tokens = transcript or (self._served if self._served.complete else None)
        task, identity, grading = self.task, self.identity, self._grading
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
            messages=[{"role": m.role, "content": m.content} for m in messages],
            turns=self.turns,
            prompt_token_ids=tokens.first_prompt if tokens else None,
            token_ids=tokens.next_prompt() if tokens else None,
            loss_mask=tokens.loss_mask() if tokens else None,
            logprobs=tokens.logprobs() if tokens else None,
            append_only=tokens.append_only if tokens else None,
            retokenize_match=tokens.retokenize_match() if tokens else None,
            reward=score.reward,
            success=score.success,
            reward_paper=score.reward_paper,
            score_reason=score.reason,
            scorer_version=self.family.scorer_version,
            termination=termination.value,
            flags=behaviour_flags(self.turns, score),
            answer=json.dumps(grading.answer, ensure_ascii=False) if grading.has_answer else None,
            graded_guesses=grading.counted,
            first_correct_turn=grading.first_correct_turn(),
            num_turns=len(self.turns),
            model=identity.model,
            policy_version=self.turns[-1].policy_version or "0" if self.turns else "0",
            sampling=json.dumps(_sampling(self.settings.sampling)),
            agent_format=agent_format,
            protocol=self.settings.protocol,
            licence=self.family.licence,
            restricted=self.family.restricted,
            generate_ms=sum(t.generate_ms for t in self.turns),
            execute_ms=sum(t.execute_ms for t in self.turns),
            queue_ms=sum(t.queue_ms for t in self.turns),
            wall_ms=(time.monotonic() - self._clock) * 1000,
            started_at=self._started_at,
            finished_at=datetime.now(UTC),
            provenance=json.dumps({"task_sha256": task.source_sha256, **identity.provenance}, sort_keys=True),
        )


def _sampling(sampling: Sampling) -> dict[str, float | int]:
    return {"temperature": sampling.temperature, "top_p": sampling.top_p, "max_tokens": sampling.max_tokens}

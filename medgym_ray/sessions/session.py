"""A rollout whose actions are chosen by an agent that we do not know.

It asks for replies as often as it likes, acts, and submits or leaves.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from medgym_ray.actions import Action, ActionKind, ParseError, checked, unusable
from medgym_ray.errors import MedgymError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest, Policy, RepliesExhausted
from medgym_ray.policies.timed import TimedPolicy
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.prompts import opening
from medgym_ray.rollout import Rollout
from medgym_ray.sessions.transcript import ForeignTranscript
from medgym_ray.sessions.wire import Chat, Refused
from medgym_ray.tasks.base import Message
from medgym_ray.trajectory import Termination, Trajectory, Turn

FORMAT = "external"
"""The agent format of the records."""


class Session:
    """Use once: `run` beside whatever the agent calls."""

    def __init__(self, rollout: Rollout, policy: Policy, template: ChatTemplate | None = None) -> None:
        self._rollout, self._policy, self._template = rollout, TimedPolicy(policy), template
        self._messages: list[Message] = []
        self._transcript: ForeignTranscript | None = None
        self._handed_in: Action | None = None
        self._busy = asyncio.Lock()
        self._over: asyncio.Future[Termination] = asyncio.get_running_loop().create_future()

    async def run(self) -> Trajectory:
        """Until the agent has submitted or left, or its time is over. Raises the typed error of ours that ended it."""
        try:
            async with asyncio.timeout(self._rollout.seconds_left()):
                termination = await asyncio.shield(self._over)
        except TimeoutError:
            termination = Termination.DEADLINE
        self._end(termination)
        async with self._busy:  # what is being carried out belongs to the record
            return self._rollout.trajectory(termination, self._messages, self._transcript, FORMAT)

    async def prepare(self) -> None:
        """Before the agent comes. Raises SandboxError."""
        await self._rollout.prepare()

    def cut(self) -> None:
        """Ends it as `deadline`, with what it has."""
        self._rollout.cut()
        self._policy.cut()
        self._end(Termination.DEADLINE)

    def leave(self) -> None:
        """The agent has gone; nothing more will come of it."""
        self._end(Termination.MAX_TURNS)

    def fail(self, error: MedgymError) -> None:
        """A fault of ours, or of the agent's program: no rollout at all."""
        if not self._over.done():
            self._over.set_exception(error)

    def _end(self, termination: Termination) -> None:
        if not self._over.done():
            self._over.set_result(termination)

    @property
    def replies(self) -> int:
        """How many it was given."""
        return sum(turn.completion_tokens is not None or turn.replica is not None for turn in self._rollout.turns)

    @property
    def handed_in(self) -> bool:
        """Whether an agent inside of the sandbox has an answer that waits to be graded."""
        return self._handed_in is not None

    @property
    def over(self) -> bool:
        """Whether nothing more is taken."""
        return self._over.done()

    def task(self) -> dict[str, Any]:
        """What the agent is to know."""
        rollout = self._rollout
        rules = JsonObject().rules(rollout.family.actions)
        turns = rollout.settings.agent.max_turns
        system, prompt = opening(rollout.family.prompt(rollout.task), rules, rollout.settings.protocol, turns)
        return {
            "task_id": rollout.task.task_id,
            "family": rollout.task.family,
            "category": rollout.task.category,
            "prompt": prompt.content,
            "rules": system.content,
            "actions": sorted(rollout.family.actions),
            "seconds_left": round(rollout.seconds_left(), 1),
        }

    async def chat(self, chat: Chat) -> Generation:
        """A reply, recorded as a turn. Raises Refused."""
        async with self._busy:
            self._check_open()
            if len(self._rollout.turns) == self._rollout.settings.agent.max_turns:
                self.leave()
                raise Refused(400, "max_turns", "the session has had all its replies")
            try:
                generation = await self._policy.generate(self._request(chat))
            except ContextFull as error:
                raise Refused(400, "context_length_exceeded", f"maximum context length: {error}") from None
            except RepliesExhausted as error:
                self.leave()
                raise Refused(400, "max_turns", str(error)) from None
            except MedgymError as error:
                self.fail(error)
                raise Refused(503, "policy_error", "the policy failed; the session is over") from None
            if generation is None:
                self._end(Termination.DEADLINE)
                raise Refused(410, "session_over", "the session's time is over")
            generation = replace(generation, text=_before_stop(generation.text, chat.stop))
            self._messages.append(Message("assistant", generation.text))
            self._rollout.record(generation, self._transcript)
            return generation

    def _check_open(self) -> None:
        if self.over:
            raise Refused(410, "session_over", "the session is over")

    def _request(self, chat: Chat) -> GenerationRequest:
        rollout, settings = self._rollout, self._rollout.settings
        self._messages = list(chat.messages)
        if self._template is not None and self._transcript is None:
            self._transcript = ForeignTranscript(self._template, self._messages)
        elif self._transcript is not None:
            self._transcript.ask(self._messages)
        turn = len(rollout.turns)
        most = settings.sampling.max_tokens
        return GenerationRequest(
            session_id=rollout.identity.trajectory_id,
            task_id=rollout.task.task_id,
            turn=turn,
            sampling=replace(settings.sampling, max_tokens=min(most, chat.max_tokens or most)),
            seed=rollout.identity.seed + turn,
            deadline_s=rollout.turn_s(),
            messages=chat.messages,
            prompt_token_ids=self._transcript.next_prompt() if self._transcript else None,
            stop=chat.stop,
        )

    async def act(self, name: Any, params: Any, *, inside: bool = False) -> dict[str, Any]:
        """Carries out an action of the paper's; what is to be seen of it. Raises Refused.

        `inside`: the agent itself is what runs in the sandbox, and so does its code; it hands in an answer.
        """
        async with self._busy:
            self._check_open()
            action = self._checked(name, params)
            if not inside or action.kind is ActionKind.REQUEST_INFO:
                return await self._carry_out(action)
            if "answer" not in action.arguments:
                raise Refused(400, "no_action", 'run it yourself: this sandbox is yours; then submit {"answer": JSON}')
            self._handed_in = action
            return {"observation": None, "status": None, "over": True}

    def _checked(self, name: Any, params: Any) -> Action:
        if (problem := unusable(params)) is not None:
            raise Refused(400, "no_action", problem)
        action = checked(str(name), params, self._rollout.family.actions, '"params"')
        if isinstance(action, ParseError):
            raise Refused(400, "no_action", action.message)
        return action

    async def end_inside(self) -> None:
        """The agent that ran in the sandbox has ended; now what it handed in can be graded there."""
        async with self._busy:
            if self._handed_in is None or self.over:
                self.leave()
            else:
                with contextlib.suppress(Refused):  # then `run` raises what has failed
                    await self._carry_out(self._handed_in)

    async def _carry_out(self, action: Action) -> dict[str, Any]:
        turn = self._turn()
        try:
            over = await self._rollout.carry_out(turn, action)
        except MedgymError as error:
            self.fail(error)
            raise Refused(503, "sandbox_error", "the action could not be carried out; the session is over") from None
        if over:
            self._end(Termination.SUCCESS if self._rollout.success else Termination.WRONG)
        return {"observation": turn.observation, "status": turn.status, "over": over}

    def _turn(self) -> Turn:
        """The one whose reply asked for it; a turn of its own where that has acted already, or nobody was asked."""
        turns = self._rollout.turns
        if not turns or turns[-1].action is not None:
            turns.append(Turn())
        return turns[-1]


def _before_stop(text: str, stop: Sequence[str]) -> str:
    """As the API has it, a reply ends before the text that ended it; among the tokens that text stays."""
    return next((text.removesuffix(end) for end in stop if text.endswith(end)), text)

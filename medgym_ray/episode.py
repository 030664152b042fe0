"""The multi-turn loop: one coroutine from a task to a scored trajectory.

    prompt → reply → action → cell in the sandbox → observation → reply → … → submission → score

Failures of ours (PolicyError, SandboxError, TaskError, ScorerError) leave the coroutine as exceptions: the caller
retries the episode, and no reward is invented for it. Whatever the agent does wrong is part of the trajectory.
"""

from medgym_ray.actions import ParseError
from medgym_ray.debugger import Debugger
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.formats.registry import FORMATS
from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest, Policy, RepliesExhausted
from medgym_ray.policies.timed import TimedPolicy
from medgym_ray.policies.tokens import ChatTemplate, TokenTranscript
from medgym_ray.prompts import opening, parse_error_observation
from medgym_ray.rollout import EpisodeIdentity, EpisodeSettings, Graders, Rollout
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.tables.index import TableIndex
from medgym_ray.tasks.base import Family, Message, Task
from medgym_ray.trajectory import Termination, Trajectory, Turn


class Episode:
    """One rollout of one task, played by a policy. Use once: `await Episode(…).run()`."""

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
        debugger: Debugger | None = None,
    ) -> None:
        """`tables` is the index of the family's own tables, for `request_info`; `debugger` as in Rollout."""
        self._rollout = Rollout(task, family, sandbox, graders, settings, identity, tables, debugger)
        self._task, self._family, self._settings, self._identity = task, family, settings, identity
        self._policy = TimedPolicy(policy)
        self._format = FORMATS[settings.agent.format]
        tools = self._format.tools(family.actions) if template else []
        listed = template is not None and template.lists(tools)
        rules = self._format.beside_tools if listed else self._format.rules(family.actions)
        self._messages = opening(family.prompt(task), rules, settings.protocol, settings.agent.max_turns)
        self._transcript: TokenTranscript | None = None
        self._schema = JsonObject().schema(family.actions) if settings.agent.guided else None
        self._observer = self._format.observer
        if template is not None:
            self._transcript = TokenTranscript(
                template, self._messages, tools if listed else (), strip_thoughts=settings.agent.thoughts == "strip"
            )
            self._observer = self._observer if template.has_role(self._observer) else "user"

    def cut(self) -> None:
        """Ends the episode as `deadline`, with what it has: a reply is not waited for, a cell runs to its own limit."""
        self._rollout.cut()
        self._policy.cut()

    async def run(self) -> Trajectory:
        """Plays the episode to its end. Raises the typed error of the part of ours that failed."""
        await self._rollout.prepare()
        termination = Termination.MAX_TURNS
        while len(self._rollout.turns) < self._settings.agent.max_turns:
            try:
                generation = await self._policy.generate(self._request())
            except ContextFull:
                termination = Termination.MAX_TOKENS
                break
            except RepliesExhausted:
                break
            if generation is None:
                termination = Termination.DEADLINE
                break
            if await self._act(self._record(generation), generation.text):
                termination = Termination.SUCCESS if self._rollout.success else Termination.WRONG
                break
        return self._rollout.trajectory(termination, self._messages, self._transcript, self._settings.agent.format)

    def _request(self) -> GenerationRequest:
        turn = len(self._rollout.turns)
        return GenerationRequest(
            session_id=self._identity.trajectory_id,
            task_id=self._task.task_id,
            turn=turn,
            sampling=self._settings.sampling,
            seed=self._identity.seed + turn,
            deadline_s=self._rollout.turn_s(),
            messages=tuple(self._messages),
            prompt_token_ids=self._transcript.next_prompt() if self._transcript else None,
            stop=self._format.stop,
            schema=self._schema,
        )

    def _record(self, generation: Generation) -> Turn:
        self._messages.append(Message("assistant", generation.text))
        return self._rollout.record(generation, self._transcript)

    async def _act(self, turn: Turn, reply: str) -> bool:
        """Does what the reply asks for; True where that ended the episode."""
        action = self._format.parse(reply, self._family.actions)
        if isinstance(action, ParseError):
            turn.parse_error = action.message
            turn.observation = parse_error_observation(action.message)
        elif await self._rollout.carry_out(turn, action):
            return True
        self._tell(turn.observation or "")
        return False

    def _tell(self, observation: str) -> None:
        if len(self._rollout.turns) == self._settings.agent.max_turns:
            return  # nobody will answer it
        message = Message(self._observer, observation)
        if self._transcript:
            self._transcript.add_observation(message)
        self._messages.append(message)

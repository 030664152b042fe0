"""The loop from a task to a scored trajectory, with a family, a sandbox and policies that do as they are told."""

import asyncio
import contextlib
import dataclasses
import itertools
import json
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from medgym_ray.actions import Action, ActionKind
from medgym_ray.config import AgentConfig
from medgym_ray.episode import Episode
from medgym_ray.errors import PolicyError, SandboxError, ScorerError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.policies.base import ContextFull, Generation, GenerationRequest, Policy, Sampling
from medgym_ray.policies.scripted import ScriptedPolicy
from medgym_ray.policies.tokens import ChatTemplate
from medgym_ray.rollout import EpisodeIdentity, EpisodeSettings
from medgym_ray.sandboxes.base import Cell, CellResult, CellStatus, Limits
from medgym_ray.tasks.base import Family, LoadReport, Message, Score, Split, Submission, Task, Workspace
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Trajectory, Turn, to_batch

GOLD = "canary-of-the-gold"
TASK = Task(
    task_id="fake/1",
    family="fake",
    category="easy",
    split="test",
    inputs={"question": "What is six times seven?"},
    gold={"answer": 42, "program": f"answer = 42  # {GOLD}"},
    source_sha256="0" * 64,
)
ACTIONS = frozenset(set(ActionKind) - {ActionKind.REQUEST_INFO})


BREAKS_THE_SCORER = "an answer that nobody foresaw"


class FakeFamily(Family):
    """42 is right; everything it is asked to grade is kept."""

    name, licence, restricted, scorer_version = "fake", "open", False, "7"
    categories, actions, paper_sizes = ("easy",), ACTIONS, {"test": 1}

    def __init__(self) -> None:
        self.graded: list[tuple[Submission, object]] = []

    def load(self, root: Path, split: Split, report: LoadReport) -> Any:
        yield TASK

    def prepare(self, task: Task) -> Workspace:
        return Workspace({"data.csv": b"a,b\n6,7\n"})

    def prompt(self, task: Task) -> str:
        return str(task.inputs["question"])

    async def score(self, task: Task, submission: Submission, grader: Any) -> Score:
        if submission.answer == BREAKS_THE_SCORER:
            raise KeyError("units")
        self.graded.append((submission, grader))
        right = submission.ran and submission.has_answer and submission.answer == task.gold["answer"]
        return Score(float(right), right, "correct" if right else "wrong", reward_paper=0.5)

    def oracle(self, task: Task) -> list[Action] | None:
        return None

    def cheats(self, task: Task) -> list[str]:
        return []


class FakeSandbox:
    """Answers with results from a list, each after `cell_s`; keeps what it was given."""

    def __init__(self, *results: CellResult | Exception, cell_s: float = 0.0) -> None:
        self._results = list(results)
        self._cell_s = cell_s
        self.files: dict[str, bytes] = {}
        self.cells: list[Cell] = []

    async def put(self, files: Mapping[str, bytes]) -> None:
        self.files.update(files)

    async def run(self, cell: Cell) -> CellResult:
        self.cells.append(cell)
        await asyncio.sleep(self._cell_s)
        result = self._results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    async def reset(self) -> None:
        raise AssertionError("an episode does not clean up for the pool")

    async def close(self) -> None:
        raise AssertionError("an episode does not close what it was lent")


class CharTokenizer:
    """One token a character; the end of a turn is token 1."""

    end = "\x01"
    all_special_ids: ClassVar[list[int]] = [1]

    def apply_chat_template(self, conversation: list[dict[str, str]], **kwargs: Any) -> str:
        text = "".join(f"[{m['role']}]{m['content']}{self.end}" for m in conversation)
        return text + "[assistant]" if kwargs["add_generation_prompt"] else text

    def encode(self, text: str, **kwargs: Any) -> list[int]:
        return [ord(c) for c in text]


class TokenPolicy:
    """Speaks replies as token ids, and remembers every request. `lengths` are turns that are cut: no end of turn."""

    def __init__(self, replies: Sequence[str], cut: Sequence[int] = ()) -> None:
        self._replies, self._cut = replies, cut
        self.requests: list[GenerationRequest] = []

    async def generate(self, request: GenerationRequest) -> Generation:
        self.requests.append(request)
        if request.turn >= len(self._replies):
            raise ContextFull("no room")
        text, cut = self._replies[request.turn], request.turn in self._cut
        ids = [ord(c) for c in text + ("" if cut else CharTokenizer.end)]
        return Generation(
            text,
            "length" if cut else "stop",
            ids,
            [-0.25 * (n % 4) for n in range(len(ids))],
            prompt_tokens=len(request.prompt_token_ids or ()),
            cached_tokens=0,
            completion_tokens=len(ids),
            policy_version="3",
            replica="r1",
            generate_ms=1.5,
            queue_ms=0.5,
        )


class Endless:
    """Never replies, once it has given its first replies."""

    def __init__(self, first: Sequence[str] = ()) -> None:
        self._first = ScriptedPolicy(first, "first")
        self._left = len(first)
        self.cancelled = False

    async def generate(self, request: GenerationRequest) -> Generation:
        if self._left:
            self._left -= 1
            return await self._first.generate(request)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        raise AssertionError


class Raising:
    """Fails at once."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def generate(self, request: GenerationRequest) -> Generation:
        raise self._error


def _said(kind: ActionKind, **arguments: Any) -> str:
    return JsonObject().render(Action(kind, arguments))


RUN = _said(ActionKind.CODE_EXECUTION, code="answer = 6 * 7")
SHELL = _said(ActionKind.TERMINAL, cmd="ls")
DEBUG = _said(ActionKind.DEBUGGING, code="1/0", error_msg="ZeroDivisionError")
SUBMIT_42 = _said(ActionKind.SUBMIT, answer=42)
SUBMIT_CODE = _said(ActionKind.SUBMIT, code="answer = 6 * 7")
OK = CellResult(CellStatus.OK, 0, "printed\n", "")
RIGHT = dataclasses.replace(OK, has_answer=True, answer=42)
WRONG = dataclasses.replace(OK, has_answer=True, answer=41)
FAILED = CellResult(CellStatus.ERROR, 1, "", "ZeroDivisionError: division by zero\n")


@dataclasses.dataclass
class Played:
    """A trajectory and everything the episode touched."""

    trajectory: Trajectory
    family: FakeFamily
    sandbox: FakeSandbox
    graders: list[FakeSandbox]


async def _play(
    policy: Policy | Sequence[str],
    *results: CellResult | Exception,
    protocol: str = "submit",
    max_turns: int = 8,
    deadline_s: float = 600.0,
    turn_s: float = 600.0,
    cut_after: float | None = None,
    cell_s: float = 0.0,
    tokens: bool = False,
) -> Played:
    family, sandbox, graders = FakeFamily(), FakeSandbox(*results, cell_s=cell_s), []

    @contextlib.asynccontextmanager
    async def lend() -> AsyncIterator[FakeSandbox]:
        graders.append(FakeSandbox())
        yield graders[-1]

    episode = Episode(
        TASK,
        family,
        ScriptedPolicy(policy, "scripted") if isinstance(policy, Sequence) else policy,
        sandbox,
        lend,
        EpisodeSettings(
            protocol,
            AgentConfig(max_turns=max_turns, deadline_s=deadline_s, turn_s=turn_s),
            Sampling(0.5, 0.75, 128),
            Limits(),
        ),
        EpisodeIdentity("t", "run", "run/fake/1", "0", "c", 2, 1, 1000, "fake-model", {"sandbox": "fake"}),
        ChatTemplate(CharTokenizer()) if tokens else None,
    )
    if cut_after is not None:
        asyncio.get_running_loop().call_later(cut_after, episode.cut)
    trajectory = await episode.run()
    _assert_sound(trajectory)
    played = Played(trajectory, family, sandbox, graders)
    assert GOLD not in repr((trajectory, sandbox.cells, sandbox.files)), "gold reached the agent"
    return played


def _assert_sound(trajectory: Trajectory) -> None:
    """What holds of every trajectory: it can be stored and comes back, and its parts agree."""
    row = to_batch([trajectory], TRAJECTORY_SCHEMA).to_pylist()[0]
    assert _rebuilt(row) == _rounded(trajectory)
    assert trajectory.num_turns == len(trajectory.turns)
    assert (trajectory.termination == "success") == trajectory.success
    assert trajectory.started_at <= trajectory.finished_at
    if trajectory.token_ids is None:
        assert trajectory.loss_mask is trajectory.logprobs is trajectory.append_only is None
        return
    assert trajectory.append_only is True
    assert len(trajectory.token_ids) == len(trajectory.loss_mask or []) == len(trajectory.logprobs or [])
    marked = [t for t, m in zip(trajectory.token_ids, trajectory.loss_mask or [], strict=True) if m]
    assert marked == [t for turn in trajectory.turns for t in turn.completion_token_ids or []]
    paid = [p for p, m in zip(trajectory.logprobs or [], trajectory.loss_mask or [], strict=True) if m]
    assert paid == [p for turn in trajectory.turns for p in turn.completion_logprobs or []]
    prompt = trajectory.prompt_token_ids or []
    assert trajectory.token_ids[: len(prompt)] == prompt
    assert not any((trajectory.loss_mask or [])[: len(prompt)])


def _rebuilt(row: dict[str, Any]) -> Trajectory:
    return Trajectory(**(row | {"turns": [Turn(**turn) for turn in row["turns"]]}))


def _rounded(trajectory: Trajectory) -> Trajectory:
    """With times in the 32 bits that they are stored in."""

    def times(record: Any) -> dict[str, float]:
        names = [f.name for f in dataclasses.fields(record) if f.name.endswith("_ms")]
        return {n: struct.unpack("f", struct.pack("f", getattr(record, n)))[0] for n in names}

    turns = [dataclasses.replace(turn, **times(turn)) for turn in trajectory.turns]
    return dataclasses.replace(trajectory, turns=turns, **times(trajectory))


async def test_a_right_answer_ends_the_episode_and_is_paid() -> None:
    played = await _play([SHELL, SUBMIT_42, SHELL], OK)
    t = played.trajectory
    assert (t.termination, t.reward, t.success, t.score_reason) == ("success", 1.0, True, "correct")
    assert (t.reward_paper, t.answer, t.graded_guesses, t.first_correct_turn, t.num_turns) == (0.5, "42", 1, 1, 2)
    assert (t.scorer_version, t.licence, t.restricted, t.protocol, t.agent_format) == (
        "7",
        "open",
        False,
        "submit",
        "json",
    )
    assert json.loads(t.sampling) == {"temperature": 0.5, "top_p": 0.75, "max_tokens": 128}
    assert json.loads(t.provenance) == {"task_sha256": "0" * 64, "sandbox": "fake"}
    assert (t.rollout_index, t.attempt, t.seed, t.model) == (2, 1, 1000, "fake-model")
    assert [m["role"] for m in t.messages] == ["system", "user", "assistant", "user", "assistant"]
    assert t.messages[1]["content"] == "What is six times seven?"
    assert "printed" in t.messages[3]["content"]
    assert t.turns[1].status is None, "no cell ran for an answer given as JSON"
    assert played.sandbox.files == {"data.csv": b"a,b\n6,7\n"}


@pytest.mark.parametrize(
    ("result", "termination", "reward"), [(RIGHT, "success", 1.0), (WRONG, "wrong", 0.0), (OK, "wrong", 0.0)]
)
async def test_submitted_code_runs_in_the_agents_sandbox_and_is_graded_with_another(
    result: CellResult, termination: str, reward: float
) -> None:
    played = await _play([SUBMIT_CODE], result)
    t = played.trajectory
    assert (t.termination, t.reward, t.graded_guesses) == (termination, reward, 1)
    ((submission, grader),) = played.family.graded
    assert submission == Submission(result.answer, result.has_answer, "answer = 6 * 7", "printed\n", "", ran=True)
    assert played.graders == [grader]
    assert grader is not played.sandbox
    assert "printed" in (t.turns[0].observation or "")
    assert [m["role"] for m in t.messages] == ["system", "user", "assistant"], "the last word is the agent's"
    assert t.answer == (json.dumps(result.answer) if result.has_answer else None)


async def test_submitted_code_that_fails_is_graded_as_not_run() -> None:
    played = await _play([SUBMIT_CODE], dataclasses.replace(FAILED, has_answer=True, answer=42))
    assert (played.trajectory.termination, played.trajectory.success) == ("wrong", False)
    assert played.family.graded[0][0].ran is False


async def test_an_answer_of_null_is_an_answer() -> None:
    t = (await _play([_said(ActionKind.SUBMIT, answer=None)])).trajectory
    assert (t.answer, t.termination) == ("null", "wrong")


async def test_under_submit_executions_are_marked_but_only_the_submission_counts() -> None:
    played = await _play([RUN, RUN, _said(ActionKind.SUBMIT, answer=41)], WRONG, RIGHT)
    t = played.trajectory
    assert [turn.reward_if_graded for turn in t.turns] == [0.0, 1.0, 0.0]
    assert (t.termination, t.reward, t.first_correct_turn, t.graded_guesses, t.answer) == ("wrong", 0.0, 1, 1, "41")
    unsubmitted = (await _play([RUN], RIGHT)).trajectory
    assert (unsubmitted.termination, unsubmitted.reward, unsubmitted.score_reason) == (
        "max_turns",
        0.0,
        "no_submission",
    )
    assert (unsubmitted.answer, unsubmitted.graded_guesses, unsubmitted.first_correct_turn) == (None, 0, 0)


async def test_under_paper_the_first_right_execution_ends_the_task() -> None:
    t = (await _play([RUN, RUN, RUN, RUN], FAILED, WRONG, RIGHT, protocol="paper")).trajectory
    assert (t.termination, t.reward, t.graded_guesses, t.first_correct_turn, t.num_turns) == ("success", 1.0, 2, 2, 3)
    assert [turn.reward_if_graded for turn in t.turns] == [None, 0.0, 1.0]
    assert t.answer == "42"
    assert t.messages[-1]["role"] == "assistant"
    assert "printed" in (t.turns[-1].observation or "")


async def test_under_paper_the_last_wrong_execution_is_what_was_handed_in() -> None:
    t = (await _play([RUN, SHELL], WRONG, OK, protocol="paper", max_turns=2)).trajectory
    assert (t.termination, t.reward, t.score_reason, t.answer) == ("max_turns", 0.0, "wrong", "41")
    assert (t.graded_guesses, t.first_correct_turn) == (1, None)


@pytest.mark.parametrize(
    ("protocol", "rule"), [("submit", "You may submit once"), ("paper", "is graded by its variable")]
)
async def test_the_rules_name_the_actions_offered_and_the_protocol(protocol: str, rule: str) -> None:
    rules = (await _play([SUBMIT_42], protocol=protocol)).trajectory.messages[0]["content"]
    assert rule in rules
    assert all(f'"{kind}"' in rules for kind in ACTIONS)
    assert '"request_info"' not in rules
    assert "8 replies" in rules


@pytest.mark.parametrize("tokens", [False, True])
async def test_replies_end_at_max_turns_and_nobody_is_asked_to_answer_the_last_observation(tokens: bool) -> None:
    policy = TokenPolicy([SHELL] * 9)
    t = (await _play(policy, OK, OK, OK, max_turns=3, tokens=tokens)).trajectory
    assert (t.termination, t.num_turns, t.reward) == ("max_turns", 3, 0.0)
    assert len(policy.requests) == 3
    assert t.messages[-1]["role"] == "assistant"
    assert t.turns[-1].observation == t.turns[0].observation
    assert "repeated_action" in t.flags


@pytest.mark.parametrize("tokens", [False, True])
async def test_a_policy_that_never_returns_is_cut_at_the_deadline(tokens: bool) -> None:
    t = (await _play(Endless(), deadline_s=0.05, tokens=tokens)).trajectory
    assert (t.termination, t.num_turns, t.reward, t.flags) == ("deadline", 0, 0.0, [])
    assert [m["role"] for m in t.messages] == ["system", "user"]
    assert t.policy_version == "0"


@pytest.mark.parametrize("limit", ["turn_s", "cut_after"])
async def test_a_reply_that_takes_too_long_ends_the_episode_with_what_it_has(limit: str) -> None:
    policy = Endless(first=[SHELL])
    t = (await _play(policy, OK, **{limit: 0.05})).trajectory
    assert (t.termination, t.num_turns, t.reward) == ("deadline", 1, 0.0)
    assert policy.cancelled, "nobody generates for an episode that is over"


async def test_an_episode_that_is_cut_while_its_cell_runs_asks_for_no_more_replies() -> None:
    policy = TokenPolicy([SHELL, SUBMIT_42])
    t = (await _play(policy, OK, cut_after=0.05, cell_s=0.2)).trajectory
    assert (t.termination, t.num_turns, len(policy.requests)) == ("deadline", 1, 1)
    assert t.turns[0].observation


async def test_no_reply_is_asked_for_after_the_deadline() -> None:
    policy = TokenPolicy([SUBMIT_42])
    t = (await _play(policy, deadline_s=0.0)).trajectory
    assert (t.termination, t.num_turns, policy.requests) == ("deadline", 0, [])


async def test_a_cell_may_use_no_more_time_than_the_episode_has_left() -> None:
    played = await _play([RUN, SHELL, DEBUG, SUBMIT_42], OK, OK, FAILED, deadline_s=20.0)
    assert all(0 < cell.limits.wall_s <= 20.0 for cell in played.sandbox.cells)
    assert all(cell.limits.cpu_s == Limits().cpu_s for cell in played.sandbox.cells)


@pytest.mark.parametrize("replies", [[], [SHELL], [SHELL, "what?"]])
async def test_a_full_context_keeps_what_there_is(replies: list[str]) -> None:
    t = (await _play(TokenPolicy(replies), OK, tokens=True)).trajectory
    assert (t.termination, t.num_turns, t.reward) == ("max_tokens", len(replies), 0.0)
    assert t.retokenize_match is True
    assert t.messages[-1]["role"] == "user"


async def test_what_is_no_action_is_answered_recorded_and_costs_a_turn() -> None:
    played = await _play(["I think it is 42.", SUBMIT_42])
    t = played.trajectory
    assert (t.termination, t.num_turns) == ("success", 2)
    assert "no action found" in (t.turns[0].parse_error or "")
    assert (t.turns[0].action, t.turns[0].status, t.turns[1].parse_error) == (None, None, None)
    assert t.messages[3]["content"] == t.turns[0].observation == f"[no action was taken] {t.turns[0].parse_error}"
    assert played.sandbox.cells == []
    assert (await _play(["?", "?"], max_turns=2)).trajectory.flags == ["no_action"]


async def test_debugging_reruns_under_the_tracer_and_explains() -> None:
    played = await _play([DEBUG, DEBUG, SUBMIT_42], FAILED, RIGHT)
    assert [(c.code, c.debug, c.language) for c in played.sandbox.cells] == [("1/0", True, "python")] * 2
    turns = played.trajectory.turns
    assert "Explanation: a divisor is zero" in (turns[0].observation or "")
    assert "ran without an error" in (turns[1].observation or "")
    assert [t.reward_if_graded for t in turns] == [None, None, 1.0], "a debugging run is not graded"
    assert json.loads(turns[0].arguments or "") == {"code": "1/0", "error_msg": "ZeroDivisionError"}


async def test_a_terminal_command_runs_in_the_shell() -> None:
    played = await _play([SHELL, SUBMIT_42], OK)
    (cell,) = played.sandbox.cells
    assert (cell.code, cell.language, cell.debug) == ("ls", "shell", False)
    assert played.trajectory.turns[0].action == "terminal"


@pytest.mark.parametrize("status", list(CellStatus))
async def test_how_a_cell_ended_and_whether_its_output_was_cut_is_recorded_and_told(status: CellStatus) -> None:
    result = CellResult(status, 1, "out", "err", truncated=True, answer_error="too big")
    t = (await _play([RUN, SUBMIT_42], result)).trajectory
    assert (t.turns[0].status, t.turns[0].truncated, t.turns[1].truncated) == (status.value, True, False)
    told = t.messages[3]["content"]
    assert all(text in told for text in ("out", "err", "(output was cut)", "too big"))
    assert (t.turns[0].reward_if_graded is None) == (status is not CellStatus.OK)


@pytest.mark.parametrize("error", [PolicyError("the engine died"), SandboxError("lost")])
async def test_failures_of_ours_leave_the_episode_as_they_are(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        await _play(Raising(error))
    with pytest.raises(type(error), match=str(error)):
        await _play([SUBMIT_CODE], error)


async def test_a_reply_without_logprobs_is_a_failure_of_ours_where_tokens_are_kept() -> None:
    with pytest.raises(PolicyError, match="aligned"):
        await _play([SUBMIT_42], tokens=True)


async def test_a_grader_that_fails_is_a_failure_of_ours() -> None:
    class Lost(FakeFamily):
        async def score(self, task: Task, submission: Submission, grader: Any) -> Score:
            raise SandboxError("the grader was lost")

    episode = Episode(
        TASK,
        Lost(),
        ScriptedPolicy([SUBMIT_42], "scripted"),
        FakeSandbox(),
        lambda: contextlib.nullcontext(FakeSandbox()),
        EpisodeSettings("submit", AgentConfig(max_turns=2), Sampling(), Limits()),
        EpisodeIdentity("t", "run", "g", "0", "c", 0, 0, 0, "m"),
    )
    with pytest.raises(SandboxError, match="the grader was lost"):
        await episode.run()


@pytest.mark.parametrize("cut", [(), (0,), (1, 2), (0, 1, 2, 3)])
async def test_the_tokens_are_the_conversation_as_it_was_sampled(cut: tuple[int, ...]) -> None:
    policy = TokenPolicy([RUN, "hm, é ⁂ 🙂", DEBUG, SUBMIT_42], cut)
    t = (await _play(policy, WRONG, FAILED, tokens=True)).trajectory
    assert t.retokenize_match is True
    prompts = [list(r.prompt_token_ids or ()) for r in policy.requests]
    for turn, (before, after) in enumerate(itertools.pairwise(prompts)):
        reply = t.turns[turn].completion_token_ids or []
        assert after[: len(before) + len(reply)] == before + reply
    messages = [Message(m["role"], m["content"]) for m in t.messages]  # type: ignore[arg-type]
    whole = ChatTemplate(CharTokenizer()).conversation(messages)
    assert t.token_ids == (whole[:-1] if 3 in cut else whole)
    assert [r.seed for r in policy.requests] == [1000, 1001, 1002, 1003]
    assert {r.session_id for r in policy.requests} == {"t"}
    assert [r.turn for r in policy.requests] == [0, 1, 2, 3]
    assert [tuple(m.content for m in r.messages) for r in policy.requests][-1] == tuple(
        m["content"] for m in t.messages[:-1]
    )
    assert (t.policy_version, t.generate_ms, t.queue_ms) == ("3", 6.0, 2.0)
    assert [turn.finish_reason for turn in t.turns] == ["length" if n in cut else "stop" for n in range(4)]
    assert [turn.prompt_tokens for turn in t.turns] == [len(p) for p in prompts]


@pytest.mark.parametrize(
    "reply",
    [
        '{"action": "submit", "params": {"answer": NaN}}',
        '{"action": "submit", "params": {"answer": "\\ud800"}}',
        '{"action": "code_execution", "params": {"code": "\\udfff"}}',
        '{"action": "\\ud800"}',
        '{"action": "submit", "params": {"answer": ' + "[" * 940 + "]" * 940 + "}}",
        '{"action": "submit", "params": {"answer": ' + "9" * 5000 + "}}",
        "\x00\x01\ufffe\uffff",
        "{" * 20_000,
    ],
)
async def test_no_reply_makes_a_trajectory_that_cannot_be_kept(reply: str) -> None:
    t = (await _play([reply, SUBMIT_42])).trajectory
    assert t.turns[0].parse_error
    assert t.success


async def test_a_policys_own_timeout_is_a_failure_of_ours_and_no_deadline() -> None:
    with pytest.raises(PolicyError, match="read timed out"):
        await _play(Raising(TimeoutError("read timed out")))


async def test_a_scorer_that_fails_is_a_failure_of_ours_and_no_reward() -> None:
    reply = json.dumps({"action": "submit", "params": {"answer": BREAKS_THE_SCORER}})
    with pytest.raises(ScorerError, match=r"^KeyError: 'units'$"):
        await _play([reply])

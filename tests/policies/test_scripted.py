"""Policies that say what they are told to: gold actions, and replies that were recorded."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgym_ray.actions import Action, ActionKind
from medgym_ray.errors import ConfigError
from medgym_ray.formats.json_object import JsonObject
from medgym_ray.policies.base import GenerationRequest, RepliesExhausted, Sampling
from medgym_ray.policies.scripted import ScriptedPolicy, oracle_policy, read_replies, replay_policy


def _request(turn: int) -> GenerationRequest:
    return GenerationRequest("s", "f/1", turn, Sampling(), seed=0, deadline_s=1.0)


async def test_replies_come_by_turn_until_there_are_none() -> None:
    policy = ScriptedPolicy(["a", "b"], "replay")
    assert [(await policy.generate(_request(n))).text for n in (1, 0, 1)] == ["b", "a", "b"]
    generation = await policy.generate(_request(0))
    assert (generation.token_ids, generation.logprobs, generation.replica) == (None, None, "replay")
    with pytest.raises(RepliesExhausted, match="replay has 2 replies for f/1"):
        await policy.generate(_request(2))


async def test_the_oracle_speaks_the_agents_language() -> None:
    actions = [Action(ActionKind.TERMINAL, {"cmd": "ls"}), Action(ActionKind.SUBMIT, {"answer": ["é", 1.5, None]})]
    policy = oracle_policy(actions, JsonObject())
    said = [(await policy.generate(_request(n))).text for n in range(2)]
    assert [JsonObject().parse(text, frozenset(ActionKind)) for text in said] == actions


async def test_a_tasks_own_line_goes_before_the_one_for_every_task() -> None:
    recorded = {"f/1": ["own"], "*": ["any"]}
    assert (await replay_policy(recorded, "f/1").generate(_request(0))).text == "own"
    assert (await replay_policy(recorded, "f/2").generate(_request(0))).text == "any"
    with pytest.raises(RepliesExhausted):
        await replay_policy({"f/1": ["own"]}, "f/2").generate(_request(0))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    recorded=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.lists(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\u2028\x85\x0b\x1c"))),
        min_size=1,
    ),
    ascii_only=st.booleans(),
    ending=st.sampled_from(["\n", "\r\n", "\n\n"]),
)
def test_what_was_recorded_is_read_back(
    tmp_path: Path, recorded: dict[str, list[str]], ascii_only: bool, ending: str
) -> None:
    path = tmp_path / "replies.jsonl"
    lines = (json.dumps({"task_id": t, "replies": r}, ensure_ascii=ascii_only) for t, r in recorded.items())
    path.write_bytes("".join(line + ending for line in lines).encode())
    assert read_replies(path) == recorded


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "not of the form"),
        ("[1]", "not of the form"),
        ("null", "not of the form"),
        ('{"task_id": "f/1"}', r"not of the form .*'replies'"),
        ('{"replies": []}', r"not of the form .*'task_id'"),
        ('{"task_id": 1, "replies": []}', '"task_id" must be text'),
        ('{"task_id": "f/1", "replies": "one"}', '"replies" a list of texts'),
        ('{"task_id": "f/1", "replies": ["one", 2]}', '"replies" a list of texts'),
        ('{"task_id": "f/1", "replies": ["\\ud800"]}', "half of a surrogate pair"),
        ("[" * 100_000, "not of the form"),
    ],
)
def test_a_line_that_cannot_be_meant_is_named_with_file_and_line(tmp_path: Path, line: str, why: str) -> None:
    path = tmp_path / "replies.jsonl"
    good = '{"task_id": "*", "replies": ["a\u2028b"]}'
    path.write_text(f"{good}\n\n{line}\n{good}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"replies\.jsonl:3: .*{why}"):
        read_replies(path)


def test_a_file_that_is_missing_empty_or_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    with pytest.raises(ConfigError, match=r"model\.path=.*replies\.jsonl: No such file"):
        read_replies(path)
    with pytest.raises(ConfigError, match="Is a directory"):
        read_replies(tmp_path)
    path.write_text("\n \n")
    with pytest.raises(ConfigError, match="no recorded replies"):
        read_replies(path)
    path.write_bytes(b'{"task_id": "\xff"}')
    with pytest.raises(ConfigError, match=r"replies\.jsonl: 'utf-8' codec"):
        read_replies(path)

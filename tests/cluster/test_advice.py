"""A debugger and a judge behind endpoints, in whole runs of the real command."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.command import generate, replay_file, rows
from tests.policies.chat_server import Answer, ChatServer, reply

_FAILING = {"action": "debugging", "params": {"code": "numbers = [1]\nnumbers[5]", "error_msg": "?"}}
_SUBMIT = {"action": "submit", "params": {"answer": 0}}
_WORDS = "There is one number only."


def _answer(number: int, body: dict[str, Any]) -> Answer:
    system = body["messages"][0]["content"]
    if system.startswith("You explain"):
        return reply(_WORDS)
    if system.startswith("You judge"):
        return reply(json.dumps({"score": 0.25, "reason": "A guess."}))
    return reply(json.dumps(_FAILING if len(body["messages"]) == 2 else _SUBMIT))


@pytest.mark.parametrize("debugger", ["openai", "policy"])
def test_a_run_with_both(tmp_path: Path, debugger: str) -> None:
    keys = {"DEBUG_KEY": "sk-of-the-debugger", "JUDGE_KEY": "sk-of-the-judge", "OPENAI_API_KEY": "sk-of-the-policy"}
    run = tmp_path / "run"
    with (
        ChatServer(_answer, key=keys["OPENAI_API_KEY"]).running() as player,
        ChatServer(_answer, key=keys["DEBUG_KEY"]).running() as helper,
        ChatServer(_answer, key=keys["JUDGE_KEY"]).running() as judge,
    ):
        model = [f"model.path={replay_file(tmp_path / 'r.jsonl', _FAILING, _SUBMIT)}", "+model=replay"]
        asked = [f"agent.debugger_endpoint.base_url={helper.url}", "agent.debugger_endpoint.model=served"]
        asked += ["agent.debugger_endpoint.key_env=DEBUG_KEY", "agent.debugger_endpoint.usd_per_million.prompt=1000"]
        if debugger == "policy":
            model = ["+model=openai", f"model.endpoint.base_url={player.url}", "model.endpoint.model=served"]
            asked = []
        ended = generate(
            *model,
            *asked,
            f"agent.debugger={debugger}",
            *("judge.kind=openai", f"judge.endpoint.base_url={judge.url}", "judge.endpoint.model=served"),
            *("judge.endpoint.key_env=JUDGE_KEY", "judge.endpoint.usd_per_million.prompt=1000"),
            *("tasks=npowerai", "tasks.limit=2", f"output.dir={run}"),
            env=keys,
        )
    assert ended.code == 0, ended.err
    found = rows(run)
    assert [(row["judge_reward"], row["judge_reason"]) for row in found] == [(0.25, "A guess.")] * 2
    assert [(row["judge_model"], row["success"], row["reward"]) for row in found] == [("served", False, 0.0)] * 2
    assert all(row["turns"][0]["observation"].endswith(f"Explanation: {_WORDS}") for row in found)
    assert len(judge.bodies) == 2
    assert [len(helper.bodies), len(player.bodies)] == ([2, 0] if debugger == "openai" else [0, 6])
    assert f"${4 if debugger == 'openai' else 2}.0000 in this command" in ended.out
    for body in judge.bodies:
        reference = json.loads(body["messages"][1]["content"])["reference"]
        assert reference not in json.dumps(helper.bodies + player.bodies)
    written = b"".join(path.read_bytes() for path in run.rglob("*") if path.is_file())
    told = ended.out + ended.err + json.dumps(found, default=str)
    assert not [key for key in keys.values() if key.encode() in written or key in told]


def test_a_key_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    ended = generate(
        *("judge.kind=openai", "judge.endpoint.model=m", "judge.endpoint.key_env=NO_SUCH_KEY"),
        *("tasks=npowerai", "tasks.limit=1", f"output.dir={tmp_path / 'run'}"),
    )
    assert ended.code == 2
    assert "set NO_SUCH_KEY in the environment" in ended.complaint


def test_a_judge_that_is_not_there_is_told_before_anything_is_played(tmp_path: Path) -> None:
    with ChatServer().running() as gone:
        pass
    ended = generate(
        *("judge.kind=openai", "judge.endpoint.model=m", f"judge.endpoint.base_url={gone.url}"),
        *("tasks=npowerai", "tasks.limit=1", f"output.dir={tmp_path / 'run'}"),
    )
    assert ended.code == 2
    assert "judge.endpoint: no server answers at" in ended.complaint

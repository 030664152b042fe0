"""The gateway as a command: agents that it starts, on the host and in a sandbox, and agents that come by themselves."""

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster.command import generate, rows, start
from tests.conftest import REPOSITORY

_CLIENT = """\
import json, os, urllib.request

SESSION = os.environ["MEDGYM_SESSION"]


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(SESSION + path, data, {"content-type": "application/json"}, method=method)
    return json.load(urllib.request.urlopen(request))


def chat(*said):
    return call("POST", "/v1/chat/completions", {"messages": said})["choices"][0]["message"]


def act(name, **params):
    return call("POST", "/actions", {"action": name, "params": params})
"""
_OUTSIDE = f"""{_CLIENT}
task = {{"role": "user", "content": json.loads(os.environ["MEDGYM_TASK"])["prompt"]}}
first = chat(task)
seen = {{"role": "user", "content": act("code_execution", code=first["content"])["observation"]}}
act("submit", answer=json.loads(chat(task, first, seen)["content"]))
"""
_INSIDE = f"""{_CLIENT}
import pathlib
import notes  # from the folder that came along
task = {{"role": "user", "content": call("GET", "/task")["prompt"]}}
pathlib.Path("seen.txt").write_text(chat(task)["content"])
act("submit", answer=json.loads(chat(task, {{"role": "user", "content": notes.WORD}})["content"]))
"""
_REPLIES = {"task_id": "*", "replies": ["print(6 * 7)", "0.5", "too much"]}


def gateway(*arguments: str, **options: Any) -> Any:
    """Runs the command to its end."""
    return generate(*arguments, command="medgym_ray.gateway", **options)


@pytest.fixture
def replies(tmp_path: Path) -> str:
    """A policy that says the same to everybody."""
    path = tmp_path / "replies.jsonl"
    path.write_text(json.dumps(_REPLIES), encoding="utf-8")
    return f"model.path={path}"


def test_agents_that_it_starts_on_the_host(tmp_path: Path, replies: str) -> None:
    agent, run = tmp_path / "agent.py", tmp_path / "run"
    agent.write_text(_OUTSIDE, encoding="utf-8")
    ended = gateway(
        *("+model=replay", replies, "tasks=npowerai", "tasks.limit=3", "sampling.rollouts=2", "gateway.port=0"),
        *(f"gateway.command=python3 {agent}", "gateway.agent=mine", f"output.dir={run}"),
    )
    assert ended.code == 0, ended.err
    played = rows(run)
    assert len({row["trajectory_id"] for row in played}) == 6
    for row in played:
        assert row["agent_format"] == "external"
        assert json.loads(row["provenance"])["agent"] == "mine"
        assert [turn["action"] for turn in row["turns"]] == ["code_execution", "submit"]
        assert "42" in row["turns"][0]["observation"]
        assert (row["answer"], row["termination"]) == ("0.5", "success" if row["success"] else "wrong")
    again = gateway(
        *("+model=replay", replies, "tasks=npowerai", "tasks.limit=3", "sampling.rollouts=2", "gateway.port=0"),
        *(f"gateway.command=python3 {agent}", "gateway.agent=mine", f"output.dir={run}"),
    )
    assert again.code == 0
    assert "6 trajectories are there" in again.err


def test_agents_that_it_starts_in_their_sandbox(tmp_path: Path, replies: str) -> None:
    folder, run = tmp_path / "folder", tmp_path / "run"
    folder.mkdir()
    (folder / "agent.py").write_text(_INSIDE, encoding="utf-8")
    (folder / "notes.py").write_text("WORD = 'go on'", encoding="utf-8")
    ended = gateway(
        *("+model=replay", replies, "tasks.families=[npowerai,medagentbench]", "tasks.limit=2", "gateway.port=0"),
        *("gateway.command=python3 agent.py", "gateway.inside=true", f"gateway.folder={folder}", f"output.dir={run}"),
    )
    assert ended.code == 0, ended.err
    played = rows(run)
    assert len(played) == 4
    assert [row["answer"] for row in played] == ["0.5"] * 4
    assert all(row["messages"][-2]["content"] == "go on" for row in played)


def test_an_agent_that_cannot_start_is_told_of_and_no_rollout(tmp_path: Path, replies: str) -> None:
    run = tmp_path / "run"
    ended = gateway(
        *("+model=replay", replies, "tasks=npowerai", "tasks.limit=1", "agent.attempts=1", "gateway.port=0"),
        *("gateway.command=python3 nowhere.py", f"output.dir={run}"),
    )
    assert ended.code == 1
    assert "before it asked for anything" in ended.err
    assert "nowhere.py" in ended.err
    assert "0 trajectories" in ended.out


def test_agents_that_come_by_themselves(tmp_path: Path, replies: str) -> None:
    run = tmp_path / "run"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ("+model=replay", replies, "tasks=npowerai", "tasks.limit=3", f"gateway.port={port}")
    process = start(*settings, f"output.dir={run}", command="medgym_ray.gateway")
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            for _ in range(3):
                session = _claimed(client)
                said = [{"role": "user", "content": session["task"]["prompt"]}]
                reply = client.post(f"{session['base_url']}/chat/completions", json={"messages": said}).json()
                assert reply["choices"][0]["message"]["content"] == "print(6 * 7)"
                submit = {"action": "submit", "params": {"answer": 0.25}}
                assert client.post(f"{session['url']}/actions", json=submit).json()["over"]
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "3 trajectories" in out
    assert len({row["task_id"] for row in rows(run)}) == 3
    assert re.search(rf"listens at http://127\.0\.0\.1:{port}", err)


def _claimed(client: httpx.Client) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while True:
        try:
            told: dict[str, Any] = client.post("/sessions").raise_for_status().json()
            return told
        except httpx.ConnectError:
            assert time.monotonic() < deadline, "the gateway does not listen"
            time.sleep(0.2)


def test_what_cannot_be_meant_is_one_line(tmp_path: Path, replies: str) -> None:
    for words, why in {
        ("+model=oracle",): "name a real model",
        ("+model=replay", replies, "gateway.inside=true"): "add gateway.command",
        ("+model=replay", replies, "protocol=paper"): "protocol=submit",
        ("+model=replay", replies, "gateway.host=192.0.2.1", f"tasks.root={tmp_path}"): "third party",
        ("+model=replay", replies, "gateway.host=192.0.2.1", "tasks=npowerai"): "gateway.host=192.0.2.1",
    }.items():
        ended = gateway(*words, f"output.dir={tmp_path / 'run'}")
        assert ended.code == 2, ended.err
        assert why in ended.complaint


def test_the_examples_are_documented() -> None:
    text = (REPOSITORY / "docs" / "gateway.md").read_text(encoding="utf-8")
    for example in (REPOSITORY / "examples" / "agents").glob("*.py"):
        assert f"examples/agents/{example.name}" in text

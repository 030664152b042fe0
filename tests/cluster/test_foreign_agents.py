"""Two agents that we did not write play our tasks through the gateway; only what the policy says is made up."""

import json
from pathlib import Path

import pytest

from tests.cluster.command import generate, rows
from tests.conftest import REPOSITORY
from tests.peers import agents_python

__all__ = ["agents_python"]
pytestmark = [pytest.mark.peers, pytest.mark.timeout(1800), pytest.mark.xdist_group("agents")]

_MINI = (
    "THOUGHT: count\n\n```mswea_bash_command\nprintf '[1, 2]' > answer.json; cat answer.json\n```",
    "THOUGHT: done\n\n```mswea_bash_command\necho COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT\n```",
)
_SMOL = (
    "Thought: count\n<code>\nprint([1, 2])\n</code>",
    "Thought: done\n<code>\nfinal_answer([1, 2])\n</code>",
)


@pytest.mark.parametrize(
    ("example", "replies", "actions"),
    [("mini_swe", _MINI, ["terminal", "submit"]), ("smol", _SMOL, ["code_execution", "submit"])],
)
def test_plays(agents_python: Path, tmp_path: Path, example: str, replies: tuple[str, ...], actions: list[str]) -> None:
    recorded, run = tmp_path / "replies.jsonl", tmp_path / "run"
    recorded.write_text(json.dumps({"task_id": "*", "replies": replies}), encoding="utf-8")
    script = REPOSITORY / "examples" / "agents" / f"{example}.py"
    ended = generate(
        *("+model=replay", f"model.path={recorded}", "tasks=npowerai", "tasks.limit=2", "gateway.port=0"),
        *(f"gateway.agent={example}", f"gateway.command={agents_python} {script}", f"output.dir={run}"),
        command="medgym_ray.gateway",
    )
    assert ended.code == 0, ended.err
    played = rows(run)
    assert len(played) == 2
    for row in played:
        assert [turn["action"] for turn in row["turns"]] == actions
        assert "[1, 2]" in row["turns"][0]["observation"]
        assert (row["answer"], row["termination"], row["agent_format"]) == ("[1, 2]", "wrong", "external")
        assert json.loads(row["provenance"])["agent"] == example

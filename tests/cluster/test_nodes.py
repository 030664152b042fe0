"""Nodes that leave and nodes that join while a run is at work."""

import json
import signal
import time
from pathlib import Path

import pytest

from benchmarks.chaos.lab import Node, cluster
from benchmarks.measure.processes import descendants, processes
from tests.cluster.command import replay_file, rows, start, until_durable


def _executors(node: Node) -> int:
    raylet = node.raylet()
    table = processes()
    below = descendants(table, [raylet]) if raylet else set()
    return sum("SandboxExecutor" in Path(f"/proc/{pid}/cmdline").read_text(errors="replace") for pid in below)


def _until(what: str, node: Node) -> None:
    deadline = time.monotonic() + 90
    while not _executors(node):
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


@pytest.mark.timeout(600)
def test_one_node_dies_and_another_joins_in_mid_run(tmp_path: Path) -> None:
    look: dict[str, object] = {"action": "code_execution", "params": {"code": "import time; time.sleep(0.5)"}}
    submit: dict[str, object] = {"action": "submit", "params": {"answer": 1}}
    replies = replay_file(tmp_path / "replies.jsonl", look, look, submit)
    run = tmp_path / "run"
    with cluster(cpus=2) as lab:
        leaving = lab.join()
        driver = start(
            *("+model=replay", f"model.path={replies}", "tasks=npowerai", "tasks.limit=12", "sampling.rollouts=20"),
            *("sandbox.concurrency=2", f"output.dir={run}", "agent.attempts=2"),
            env=lab.variables(),
        )
        try:
            until_durable(run, 2, driver)
            _until("both nodes are used", leaving)
            lab.nodes.remove(leaving)
            leaving.end(signal.SIGKILL)
            joining = lab.join()
            _until("the node that joined is used", joining)
            out, err = driver.communicate(timeout=300)
        finally:
            driver.kill()
    assert driver.returncode == 0, err
    assert "240 trajectories" in out
    assert len({row["trajectory_id"] for row in rows(run)}) == len(rows(run)) == 240
    events = {json.loads(line)["event"] for line in (run / "events.jsonl").read_text().splitlines()}
    assert {"node_left", "node_joined", "actor_lost"} <= events
    again = sum(row["attempt"] > 0 for row in rows(run))
    assert again <= 2, "a dead node costs its leases and nothing else"

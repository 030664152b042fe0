"""Attaching to somebody's cluster: used, and left running and clean."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.command import generate, rows

_LOOK = """
import actors
import ray, sys
ray.init(address=sys.argv[1], log_to_driver=False)
print("free", ray.available_resources().get("CPU") == ray.cluster_resources()["CPU"])
print("nodes", sum(node["Alive"] for node in ray.nodes()))
"""


def _port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _pids(marker: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if marker in command:
                found.append(int(entry.name))
    return found


@pytest.fixture
def head() -> Iterator[str]:
    """A Ray head of its own: own port, own temp dir; only its own processes are ended."""
    temp = tempfile.mkdtemp(prefix="mgr")
    address = f"127.0.0.1:{_port()}"
    ray = Path(sys.executable).with_name("ray")
    subprocess.run(
        [ray, "start", "--head", "--node-ip-address=127.0.0.1", f"--port={address.split(':')[1]}", "--num-cpus=2",
         f"--temp-dir={temp}", "--include-dashboard=false", f"--dashboard-agent-listen-port={_port()}",
         f"--ray-client-server-port={_port()}", "--disable-usage-stats"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    try:
        yield address
    finally:
        for pid in _pids(temp):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + 20
        while _pids(temp) and time.monotonic() < deadline:
            time.sleep(0.2)
        for pid in _pids(temp):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(temp, ignore_errors=True)


def test_a_run_attaches_to_ray_address_and_leaves_the_cluster_running_and_clean(head: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ended = generate("tasks=npowerai", "tasks.limit=4", f"output.dir={run}", env={"RAY_ADDRESS": head})
    assert ended.code == 0, ended.err
    assert "attached to Ray at" in ended.err
    assert len(rows(run)) == 4
    seen = subprocess.run([sys.executable, "-c", _LOOK, head], capture_output=True, text=True, timeout=120, check=True)
    assert seen.stdout.split() == ["free", "True", "nodes", "1"]

"""Ray clusters of several raylets on this machine: own ports, own temp dirs; only their own processes are ended."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_PYTHON = Path(sys.executable)


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Node:
    """A raylet, or the head with its own."""

    folder: str
    """Its temp dir, which every process of it names."""
    metrics: int
    """The port where Prometheus would look."""

    def raylet(self) -> int | None:
        """Its number, where it lives."""
        return self.process("raylet")

    def process(self, program: str) -> int | None:
        """The number of the one that runs this program."""
        return next((pid for pid in _naming(self.folder) if _program(pid) == program), None)

    def end(self, *signals: signal.Signals) -> None:
        """Ends it, gently unless `signals` say otherwise, and removes its folder."""
        for number in signals or (signal.SIGTERM, signal.SIGKILL):
            for pid in _naming(self.folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            deadline = time.monotonic() + 3
            while _naming(self.folder) and time.monotonic() < deadline:
                time.sleep(0.1)
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Lab:
    """A head and its nodes. `address` is where to attach, `dashboard` where jobs are submitted."""

    address: str
    dashboard: str
    python: Path
    token: str
    environment: Mapping[str, str]
    """Of its raylets, and so of the actors on them."""
    nodes: list[Node] = field(default_factory=list)
    _joined: int = 0

    def variables(self) -> dict[str, str]:
        """What a user sets to attach."""
        return {"RAY_ADDRESS": self.address, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}

    def join(self, cpus: int = 2, gpus: int = 0) -> Node:
        """One more raylet, with an address that no other had; its GPUs are a word and nothing else."""
        self._joined += 1
        address = f"127.0.{self._joined // 250}.{self._joined % 250 + 2}"
        return self._start(
            f"--address={self.address}", f"--node-ip-address={address}", f"--num-cpus={cpus}", f"--num-gpus={gpus}"
        )

    def raylets(self) -> list[int]:
        """Their numbers."""
        return [pid for node in self.nodes if (pid := node.raylet())]

    def _start(self, *arguments: str) -> Node:
        node = Node(tempfile.mkdtemp(prefix="mgr"), free_port())
        environment = os.environ | self.variables() | dict(self.environment)
        del environment["RAY_ADDRESS"]
        # A job's `python` is the one on this path.
        environment["PATH"] = f"{self.python.parent}{os.pathsep}{environment['PATH']}"
        command = [
            str(self.python),
            "-c",
            "import sys; from ray.scripts.scripts import main; sys.exit(main())",
            "start",
        ]
        started = subprocess.run(
            [*command, *arguments, f"--temp-dir={node.folder}", "--disable-usage-stats",
             f"--dashboard-agent-listen-port={free_port()}", f"--metrics-export-port={node.metrics}"],
            capture_output=True, text=True, timeout=180, env=environment, cwd=node.folder,
        )  # fmt: skip
        self.nodes.append(node)
        if started.returncode != 0:
            raise RuntimeError(f"a raylet did not start: {started.stdout}{started.stderr}")
        return node

    @contextlib.contextmanager
    def running(self, cpus: int, *, dashboard: bool) -> Iterator[None]:
        """From the head's start to the end of all nodes."""
        port, dashboard_port = self.address.rpartition(":")[2], self.dashboard.rpartition(":")[2]
        try:
            self._start(
                *("--head", "--node-ip-address=127.0.0.1", f"--port={port}", f"--num-cpus={cpus}"),
                *(f"--ray-client-server-port={free_port()}", f"--dashboard-port={dashboard_port}"),
                f"--include-dashboard={str(dashboard).lower()}",
            )
            yield
        finally:
            for node in reversed(self.nodes):
                node.end()


@contextlib.contextmanager
def cluster(
    cpus: int = 2, *, dashboard: bool = False, python: Path = _PYTHON, environment: Mapping[str, str] | None = None
) -> Iterator[Lab]:
    """A head to attach to."""
    lab = Lab(
        f"127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}", python, secrets.token_hex(32), environment or {}
    )
    with lab.running(cpus, dashboard=dashboard):
        yield lab


def _naming(folder: str) -> list[int]:
    """Processes whose command lines name a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if folder in command:
                found.append(int(entry.name))
    return found


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return ""

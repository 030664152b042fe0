"""What can be killed while a run is at work, and how. Only what belongs to the run, its cluster or its engine."""

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Protocol

from benchmarks.chaos.engine import Engine
from benchmarks.chaos.lab import Lab
from benchmarks.measure.processes import descendants, processes
from medgym_ray.sandboxes.reaper import RUN_LABEL

ACTORS: Mapping[str, str] = {
    "executor": "ray::SandboxExecutor",
    "writer": "ray::ShardWriter",
    "conductor": "ray::Conductor",
    "replica": "ray::PolicyReplica",
}
"""By what their command lines say."""
MASTER = "-m\0supervisor.master"
"""The process that namespace sandboxes are forked from."""


class Victim(Protocol):
    """A kind of thing to kill."""

    def strike(self, random: Random) -> bool:
        """Kills one, as if by chance; False where none is alive."""


class Process:
    """A process below the cluster's raylets, found by its command line."""

    def __init__(self, lab: Lab, marker: str) -> None:
        self._lab, self._marker = lab, marker

    def strike(self, random: Random) -> bool:
        """SIGKILL."""
        table = processes()
        below = descendants(table, self._lab.raylets())
        found = {pid for pid in below if self._marker in _command(pid)}
        first = sorted(pid for pid in found if table[pid].parent not in found)  # the others were forked from it
        return bool(first) and _kill(random.choice(first))


class Raylet:
    """A node that is not the head; another joins a little later."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._joining: threading.Thread | None = None

    def strike(self, random: Random) -> bool:
        """The raylet and all its processes at once."""
        if self._joining is not None and self._joining.is_alive():
            return False
        if len(self._lab.nodes) > 1:
            self._lab.nodes.pop(random.randrange(1, len(self._lab.nodes))).end(signal.SIGKILL)
        self._joining = threading.Thread(target=self._lab.join)
        self._joining.start()
        return True

    def wait(self) -> None:
        """Until the last one has joined."""
        if self._joining is not None:
            self._joining.join()


class Container:
    """A sandbox's container."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def strike(self, random: Random) -> bool:
        """Its first process."""
        found = self._engine.containers(RUN_LABEL)
        return bool(found) and self._engine.kill(random.choice(found))


class Daemon:
    """The Docker engine; it is started again at once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def strike(self, random: Random) -> bool:  # noqa: ARG002 - there is one
        """SIGKILL."""
        self._engine.crash()
        self._engine.start()
        return True


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""

"""The processes of a run that can be killed, found below its driver and nowhere else."""

import contextlib
import os
import signal
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from benchmarks.measure.processes import descendants, processes

KINDS = {
    "executor": "ray::SandboxExecutor",
    "writer": "ray::ShardWriter",
    "conductor": "ray::Conductor",
    "replica": "ray::PolicyReplica",
    "sandbox master": "-m\0supervisor.master",
}
"""By what their command lines say. The driver is a kind of its own."""


def victims(driver: int, kind: str) -> list[int]:
    """The processes of this kind, first of each the one that the others were forked from."""
    table = processes()
    below = descendants(table, [driver])
    found = {pid for pid in below if KINDS[kind] in _command(pid)}
    return sorted(pid for pid in found if table[pid].parent not in found)


def _command(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def kill_with_all(driver: int, patience_s: float = 30.0) -> None:
    """Kills a driver, and waits until what it had started is gone; what stays is killed: it is ours."""
    started = _identities({driver, *descendants(processes(), [driver])})
    os.kill(driver, signal.SIGKILL)
    deadline = time.monotonic() + patience_s
    while left := [pid for pid, since in _alive(started)]:
        if time.monotonic() >= deadline:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.1)


def _identities(pids: Collection[int]) -> set[tuple[int, str]]:
    """A number may be given to another process; with the time of its start it is one and the same."""
    return {(pid, started) for pid in pids if (started := _start_time(pid))}


def _alive(started: Collection[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    return (known for known in started if _start_time(known[0]) == known[1])


def _start_time(pid: int) -> str:
    """Empty for a process that has ended."""
    try:
        fields = (Path("/proc") / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
    except OSError:
        return ""
    state, *rest = fields.split()
    return "" if state == "Z" else rest[18]

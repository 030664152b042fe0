"""The supervisor's loop: takes requests from the host, runs each cell in a forked child, says what it did.

Nothing a cell does reaches the host but as data in a reply made here: exit codes and times come from the kernel,
output and answer through pipes read under a cap. Between cells no process but the supervisor is alive.
"""

import contextlib
import os
import select
import signal
import time
from typing import Any, NoReturn

from . import cell, files, kernel, seccomp, watch, wire
from .execution import Execution, Process, cpu_of_children, reap
from .settings import Settings

RESET = 71
"""The exit status that asks the container's first process for a fresh supervisor."""
STUCK = 70
_IN_BETWEEN = ("ping", "connection")
"""What asks for nothing: a sign of life, and what a service said to a cell that has ended since."""
_BREATH_S = 0.02
_KILL_S = 10.0
_ATTEMPTS = 3
_SMALL_KB = 512 * 1024
"""A process that never had more memory than this is gone soon after it was killed."""


def kill_all() -> None:
    """Ends every other process of this PID namespace but its first, and verifies it; a supervisor that cannot, ends."""
    own = {1, os.getpid()}
    deadline = time.monotonic() + _KILL_S
    while time.monotonic() < deadline:
        signal_all()
        reap()
        if own.issuperset(watch.processes()):
            return
        time.sleep(0.001)
    os._exit(STUCK)  # the host sees the end of the stream and discards the sandbox


def signal_all() -> None:
    """SIGKILL to every other process; atomic against fork, so none of them runs another line of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(-1, signal.SIGKILL)


class Supervisor:
    """Serves one sandbox over a pair of descriptors."""

    def __init__(self, settings: Settings, reader: int, writer: int) -> None:
        self._settings = settings
        self._reader = reader
        self._writer = writer
        self._spare: Process | None = None
        self._dying: Process | None = None
        self._oom_kills = watch.OomKills()
        self._as_put = files.glance(settings)

    def serve(self, hello: dict[str, Any], *, held: bool = False) -> NoReturn:
        """Until the host goes away or asks for a reset; `held`: makes no process before the host says `begin`."""
        wire.send(self._writer, {"ready": True, **hello})
        if held and self._next()["op"] != "begin":
            os._exit(STUCK)
        if self._settings.seccomp:
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
            seccomp.install()
        while True:
            if self._dying is not None:  # killed before its reply was sent; nothing else is done before it is gone
                self._bury(self._dying)
                self._dying.close()
                self._dying = None
            files.reopen(self._settings)
            if self._spare is None and not select.select([self._reader], [], [], _BREATH_S)[0]:
                # Made while the host waits for the policy's next turn, so that no cell waits for a fork. Where the next
                # request is there already, it would only be made sooner; and after an episode's last it would be for
                # nothing.
                self._spare = self._fork()
            request = self._next()
            if request["op"] == "reset":
                signal_all()
                os._exit(RESET)
            reply = self._put(request) if request["op"] == "put" else self._run(request)
            wire.send(self._writer, {"id": request["id"], **reply})

    def _next(self) -> dict[str, Any]:
        """The host's next request; does not come back where there is no host any more."""
        silence = self._settings.silence_s
        while True:
            if silence is not None and not select.select([self._reader], [], [], silence)[0]:
                os._exit(0)
            try:
                request = wire.receive(self._reader)
            except (EOFError, OSError, ValueError):
                os._exit(0)
            if request["op"] not in _IN_BETWEEN:
                return request

    def _put(self, request: dict[str, Any]) -> dict[str, Any]:
        untouched = self._untouched()
        error = files.put(self._settings, request["files"])
        self._as_put = files.glance(self._settings) if untouched else None
        return {"error": error}

    def _untouched(self) -> bool:
        """Whether no cell has left anything: what lies here is what the host has put."""
        return self._as_put is not None and files.glance(self._settings) == self._as_put

    def _fork(self) -> Process:
        pipes = [os.pipe() for _ in range(4)]
        (request_r, request_w), (said_r, said_w), (stdout_r, stdout_w), (stderr_r, stderr_w) = pipes
        pid = os.fork()
        if pid == 0:
            cell.enter(self._settings, request_r, said_w, stdout_w, stderr_w)
        for fd in (request_r, said_w, stdout_w, stderr_w):
            os.close(fd)
        for fd in (said_r, stdout_r, stderr_r):
            os.set_blocking(fd, False)
        try:
            pidfd: int | None = os.pidfd_open(pid)
        except OSError:  # gVisor has none
            pidfd = None
        return Process(pid, request_w, said_r, stdout_r, stderr_r, pidfd)

    def _bury(self, process: Process) -> tuple[int, int]:
        """Ends a cell with all it has started, and sees that nothing is left; gives back wait status and peak KiB."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)  # has it not ended by itself; it is not reaped yet
        _, wait_status, usage = os.wait4(process.pid, 0)
        kill_all()
        return wait_status, usage.ru_maxrss

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        for _ in range(_ATTEMPTS):
            process, self._spare = self._spare or self._fork(), None
            reply = self._execute(request, process)
            if reply is not None:
                return reply
            # It died before its first line (a spare may fall to the machine's want of memory): no fault of the cell.
        os._exit(STUCK)

    def _execute(self, request: dict[str, Any], process: Process) -> dict[str, Any] | None:
        """Runs a cell to its end and describes it; None where it never began."""
        oom_before = self._oom_kills.count()
        execution = Execution(self._settings, process, request, self._writer)
        testimony = execution.testimony
        status = execution.wait(self._reader)
        execution.hang_up()
        wall = time.monotonic() - execution.began
        code = testimony.exit_status if status is None else None
        usage = watch.usage(process.pid) if code is not None else None
        if usage is not None and usage[1] < _SMALL_KB:
            # It has nothing left to do, and what it has started has no right to live on. The kernel takes some
            # milliseconds to take its memory apart: the host need not wait for that, the next request does.
            signal_all()
            execution.drain()
            self._dying = process
            cpu, peak = usage
            cpu += cpu_of_children() - execution.cpu_before
        else:
            wait_status, peak = self._bury(process)
            execution.drain()
            process.close()
            cpu = cpu_of_children() - execution.cpu_before
            code = os.waitstatus_to_exitcode(wait_status) if code is None else code
        if status is None and not testimony.started:
            return None
        if status is None:
            status = _status(code or 0, cpu, float(execution.limits["cpu_s"]), self._oom_kills.count() > oom_before)
        reply = {
            "status": status,
            "exit_code": code,
            "stdout": execution.stdout.text(),
            "stderr": execution.stderr.text(),
            "truncated": execution.stdout.truncated or execution.stderr.truncated,
            "wall_ms": wall * 1000,
            "cpu_ms": cpu * 1000,
            "max_rss_kb": peak,
            "untouched": self._untouched(),
        }
        if status == "ok" and request["language"] == "python":
            reply |= testimony.answer()
            if request["epilogue"] is not None:
                reply |= testimony.verdict()
        return reply


def _status(code: int, cpu: float, cpu_limit: float, out_of_memory: bool) -> str:
    """How a cell that ended by itself, or by the kernel's hand, ended."""
    if code == 0:
        return "ok"
    if out_of_memory:
        return "memory_limit"
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and cpu >= cpu_limit):
        return "timeout"
    return "error" if code > 0 else "killed"

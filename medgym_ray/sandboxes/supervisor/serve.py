"""The supervisor's loop: takes requests from the host, runs each cell in a forked child, says what it did.

Nothing a cell does reaches the host but as data in a reply made here: exit codes and times come from the kernel,
output and answer through pipes read under a cap. Between cells no process but the supervisor is alive.
"""

import contextlib
import os
import resource
import select
import signal
import time
from dataclasses import dataclass, field
from typing import Any, NoReturn

from . import answer, cell, files, watch, wire
from .settings import Settings

RESET = 71
"""The exit status that asks the container's first process for a fresh supervisor."""
STUCK = 70
_KILL_S = 10.0
_TICK_S = 0.05
_NO_PIDFD_TICK_S = 0.005
_HARD_OUTPUT_FACTOR = 256
_HARD_OUTPUT_LEAST = 1 << 20
_CHUNK = 1 << 16
_ENDED = select.POLLHUP | select.POLLERR | select.POLLNVAL


@dataclass(slots=True)
class _Process:
    """A forked cell that waits for its request."""

    pid: int
    request: int
    answer: int
    stdout: int
    stderr: int
    pidfd: int | None

    def close(self) -> None:
        for fd in (self.request, self.answer, self.stdout, self.stderr, self.pidfd):
            if fd is not None and fd >= 0:
                with contextlib.suppress(OSError):
                    os.close(fd)


@dataclass(slots=True)
class _Streams:
    """What is read from a cell while it runs."""

    outputs: dict[int, watch.Output]
    answer_fd: int
    answer_limit: int
    answer: bytearray = field(default_factory=bytearray)
    open: set[int] = field(default_factory=set)

    def pull(self, fd: int) -> bool:
        """Reads once; False where there is nothing (more) to read."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self.open.discard(fd)
            return False
        if fd == self.answer_fd:
            self.answer += data[: max(self.answer_limit - len(self.answer), 0)]
        else:
            self.outputs[fd].feed(data)
        return True

    def total(self) -> int:
        return sum(output.total for output in self.outputs.values())


def kill_all() -> None:
    """Ends every other process of this PID namespace but its first, and verifies it; a supervisor that cannot, ends."""
    own = {1, os.getpid()}
    deadline = time.monotonic() + _KILL_S
    while time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(-1, signal.SIGKILL)  # atomic against fork
        _reap()
        if own.issuperset(watch.processes()):
            return
        time.sleep(0.001)
    os._exit(STUCK)  # the host sees the end of the stream and discards the sandbox


def _reap(but: int | None = None) -> None:
    """Collects the ended, but not `but`."""
    with contextlib.suppress(ChildProcessError):
        while True:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None or found.si_pid == but:
                return
            os.waitpid(found.si_pid, 0)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Supervisor:
    """Serves one sandbox over a pair of descriptors."""

    def __init__(self, settings: Settings, reader: int, writer: int) -> None:
        self._settings = settings
        self._reader = reader
        self._writer = writer
        self._spare: _Process | None = None

    def serve(self, hello: dict[str, Any]) -> NoReturn:
        """Until the host goes away or asks for a reset."""
        wire.send(self._writer, {"ready": True, **hello})
        while True:
            if self._spare is None:
                # Made while the host waits for the policy's next turn, so that no cell waits for a fork.
                self._spare = self._fork()
            try:
                request = wire.receive(self._reader)
            except (EOFError, OSError, ValueError):
                os._exit(0)
            if request["op"] == "reset":
                os._exit(RESET)
            reply = self._put(request) if request["op"] == "put" else self._run(request)
            wire.send(self._writer, {"id": request["id"], **reply})

    def _put(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"error": files.put(self._settings, request["files"])}

    def _fork(self) -> _Process:
        pipes = [os.pipe() for _ in range(4)]
        (request_r, request_w), (answer_r, answer_w), (stdout_r, stdout_w), (stderr_r, stderr_w) = pipes
        pid = os.fork()
        if pid == 0:
            cell.enter(self._settings, request_r, answer_w, stdout_w, stderr_w)
        for fd in (request_r, answer_w, stdout_w, stderr_w):
            os.close(fd)
        for fd in (answer_r, stdout_r, stderr_r):
            os.set_blocking(fd, False)
        try:
            pidfd: int | None = os.pidfd_open(pid)
        except OSError:  # gVisor has none
            pidfd = None
        return _Process(pid, request_w, answer_r, stdout_r, stderr_r, pidfd)

    def _run(self, request: dict[str, Any], attempts: int = 3) -> dict[str, Any]:
        limits = request["limits"]
        began = time.monotonic()
        process, self._spare = self._spare or self._fork(), None
        cpu_before, oom_before = _cpu_of_children(), watch.oom_kills()
        output_limit = int(limits["output_bytes"])
        streams = _Streams(
            {process.stdout: watch.Output(output_limit), process.stderr: watch.Output(output_limit)},
            process.answer,
            int(limits["answer_bytes"]) + 4096,
            open={process.stdout, process.stderr, process.answer},
        )
        with contextlib.suppress(BrokenPipeError):  # it died before it could begin; its status will tell
            wire.send(process.request, {key: request[key] for key in ("code", "language", "debug", "limits")})
        os.close(process.request)
        process.request = -1
        status = self._wait(process, streams, limits, began, cpu_before)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)  # has it not ended by itself; it is not reaped yet
        _, wait_status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        kill_all()
        for fd in list(streams.open):
            while streams.pull(fd):
                pass
        process.close()
        cpu = _cpu_of_children() - cpu_before
        code = os.waitstatus_to_exitcode(wait_status)
        if status is None and not streams.answer.startswith(cell.STARTED):
            # It died before its first line (a spare may fall to the machine's want of memory): no fault of the cell.
            if attempts <= 1:
                os._exit(STUCK)
            return self._run(request, attempts - 1)
        if status is None:
            status = _status(code, cpu, float(limits["cpu_s"]), watch.oom_kills() > oom_before)
        out, err = streams.outputs[process.stdout], streams.outputs[process.stderr]
        return {
            "status": status,
            "exit_code": code,
            "stdout": out.text(),
            "stderr": err.text(),
            "truncated": out.truncated or err.truncated,
            "wall_ms": wall * 1000,
            "cpu_ms": cpu * 1000,
            "max_rss_kb": usage.ru_maxrss,
            **(_read_answer(streams) if status == "ok" and request["language"] == "python" else {}),
        }

    def _wait(
        self, process: _Process, streams: _Streams, limits: dict[str, Any], began: float, cpu_before: float
    ) -> str | None:
        """Until the cell has ended (None) or must be ended (why)."""
        poll = select.poll()
        for fd in streams.open:
            poll.register(fd, select.POLLIN)
        poll.register(self._reader, 0)  # hang-ups are always reported
        if process.pidfd is not None:
            poll.register(process.pidfd, select.POLLIN)
        watcher = _Watcher(self._settings, limits, process.pid, cpu_before)
        hard_output = max(_HARD_OUTPUT_FACTOR * int(limits["output_bytes"]), _HARD_OUTPUT_LEAST)
        deadline = began + float(limits["wall_s"])
        tick = _TICK_S if process.pidfd is not None else _NO_PIDFD_TICK_S
        while (left := deadline - time.monotonic()) > 0:
            for fd, event in poll.poll(max(min(left, tick), 0.001) * 1000):
                if fd == process.pidfd:
                    return None
                if fd == self._reader:
                    if event & _ENDED:
                        os._exit(0)  # the host is gone, and with this process all others go
                elif not streams.pull(fd) and fd not in streams.open:
                    poll.unregister(fd)
            if streams.total() > hard_output:
                return "output_limit"
            if process.pidfd is None and _has_ended(process.pid):
                return None
            if (verdict := watcher.look()) is not None:
                return verdict
        return "timeout"


class _Watcher:
    """Looks now and then whether all processes of a cell together keep to its limits."""

    def __init__(self, settings: Settings, limits: dict[str, Any], pid: int, cpu_before: float) -> None:
        self._census = watch.Census(settings.scratch)
        self._memory = int(limits["memory_mb"]) << 20
        self._cpu = float(limits["cpu_s"]) + cpu_before
        self._pid = pid
        self._next = time.monotonic() + _TICK_S

    def look(self) -> str | None:
        if time.monotonic() < self._next:
            return None
        _reap(but=self._pid)  # orphans, which would count against the limit of processes
        if _cpu_of_children() + self._census.cpu_seconds() > self._cpu:
            return "timeout"
        if self._census.memory_over(self._memory):
            return "memory_limit"
        self._next = time.monotonic() + _TICK_S
        return None


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _status(code: int, cpu: float, cpu_limit: float, out_of_memory: bool) -> str:
    """How a cell that ended by itself, or by the kernel's hand, ended."""
    if code == 0:
        return "ok"
    if out_of_memory:
        return "memory_limit"
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and cpu >= cpu_limit):
        return "timeout"
    return "error" if code > 0 else "killed"


def _read_answer(streams: _Streams) -> dict[str, Any]:
    """The answer's part of the reply."""
    said = bytes(streams.answer).removeprefix(cell.STARTED)
    if not said:
        return {}
    kind, body = said[:1], said[1:]
    if kind == cell.ANSWER_FAILED:
        return {"answer_error": body.decode("utf-8", "replace").strip()[:1000]}
    if kind != cell.ANSWER or not body.endswith(b"\n"):
        return {"answer_error": "answer arrived garbled"}
    try:
        return {"has_answer": True, "answer": answer.check(body)}
    except answer.AnswerError as error:
        return {"answer_error": str(error)}

"""One cell while it runs: its process, its output, its limits."""

import contextlib
import os
import resource
import select
import signal
import time
from dataclasses import dataclass
from typing import Any

from . import wire
from .relay import Relay
from .settings import Settings
from .testimony import Testimony
from .watch import Census, Output

_TICK_S = 0.05
_NO_PIDFD_TICK_S = 0.005
_HARD_OUTPUT_FACTOR = 256
_HARD_OUTPUT_LEAST = 1 << 20
_CHUNK = 1 << 16
_HUNG_UP = select.POLLHUP | select.POLLERR | select.POLLNVAL


@dataclass(slots=True)
class Process:
    """A forked cell that waits for its request, and the supervisor's ends of its pipes."""

    pid: int
    request: int
    testimony: int
    stdout: int
    stderr: int
    pidfd: int | None

    def tell(self, message: dict[str, Any]) -> None:
        """Sends something to the cell's process."""
        with contextlib.suppress(BrokenPipeError):  # it is dead; its status will tell
            wire.send(self.request, message)

    def hang_up(self) -> None:
        """Has nothing more to say to it."""
        if self.request >= 0:
            os.close(self.request)
            self.request = -1

    def close(self) -> None:
        """Closes everything."""
        self.hang_up()
        for fd in (self.testimony, self.stdout, self.stderr, self.pidfd):
            if fd is not None:
                os.close(fd)


class Execution:
    """Runs a request in a waiting process."""

    def __init__(self, settings: Settings, process: Process, request: dict[str, Any], writer: int) -> None:
        """`writer`: to the host, for what the cell has to say to its episode's service."""
        self.began = time.monotonic()
        self.cpu_before = cpu_of_children()
        self.limits: dict[str, Any] = request["limits"]
        self.process = process
        kept = int(self.limits["output_bytes"])
        self.stdout, self.stderr = Output(kept), Output(kept)
        self._most_output = max(_HARD_OUTPUT_FACTOR * kept, _HARD_OUTPUT_LEAST)
        self.testimony = Testimony(int(self.limits["answer_bytes"]))
        self._feeds = {
            process.stdout: self.stdout.feed,
            process.stderr: self.stderr.feed,
            process.testimony: self.testimony.feed,
        }
        self._tests: str | None = request["epilogue"]
        self._settings = settings
        self._relay = Relay(writer) if request["service"] else None
        told = {key: request[key] for key in ("code", "language", "debug", "limits")}
        process.tell({**told, "epilogue": None if self._tests is None else self.testimony.token})
        if self._tests is None:
            process.hang_up()

    def wait(self, host: int) -> str | None:
        """Until the cell is at its end (None) or must be ended (why). Ends this process where the host hangs up."""
        poll = select.poll()
        for fd in self._feeds:
            poll.register(fd, select.POLLIN)
        poll.register(host, 0)  # hang-ups are always reported
        if self._relay is not None:
            poll.modify(host, select.POLLIN)
            self._relay.attach(poll)
        pidfd = self.process.pidfd
        if pidfd is not None:
            poll.register(pidfd, select.POLLIN)
        watcher = _Watcher(self._settings, self.limits, self.process.pid, self.cpu_before)
        deadline = self.began + float(self.limits["wall_s"])
        tick = _TICK_S if pidfd is not None else _NO_PIDFD_TICK_S
        while (left := deadline - time.monotonic()) > 0:
            for fd, event in poll.poll(max(min(left, tick), 0.001) * 1000):
                if fd == pidfd:
                    return None
                if fd == host:
                    self._hear(host, event)
                elif fd in self._feeds:
                    self._read(fd, poll)
                elif self._relay is not None:
                    self._relay.serve(fd, event)
            if self._is_over():
                return None
            too_much = self.stdout.total + self.stderr.total > self._most_output
            if verdict := "output_limit" if too_much else watcher.look():
                return verdict
        return "timeout"

    def hang_up(self) -> None:
        """Ends the cell's connections."""
        if self._relay is not None:
            self._relay.close()
            self._relay = None

    def _hear(self, host: int, event: int) -> None:
        """The host's word in the midst of a cell is its service's."""
        if event & _HUNG_UP:
            os._exit(0)  # the host is gone, and with this process all others go
        try:
            message = wire.receive(host)
        except (EOFError, OSError, ValueError):
            os._exit(0)
        if self._relay is not None and message["op"] == "connection":
            self._relay.take(message)

    def _is_over(self) -> bool:
        """Whether the cell says so, or has ended unseen. Hands it its tests when it asks."""
        if self.testimony.exit_status is not None:
            return True
        if self._tests is not None and self.testimony.awaits_tests:
            self.process.tell({"code": self._tests, "nonce": self.testimony.nonce})
            self.process.hang_up()
            self._tests = None
        return self.process.pidfd is None and _has_ended(self.process.pid)

    def drain(self) -> None:
        """Takes what is still in the pipes; to be called when nobody writes any more."""
        for fd in list(self._feeds):
            while self._pull(fd):
                pass

    def _read(self, fd: int, poll: select.poll) -> None:
        if not self._pull(fd) and fd not in self._feeds:
            poll.unregister(fd)

    def _pull(self, fd: int) -> bool:
        """Reads once; False where there is nothing (more) to read."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            del self._feeds[fd]
            return False
        self._feeds[fd](data)
        return True


class _Watcher:
    """Looks now and then whether all processes of a cell together keep to its limits."""

    def __init__(self, settings: Settings, limits: dict[str, Any], pid: int, cpu_before: float) -> None:
        self._census = Census(settings.scratch)
        self._memory = int(limits["memory_mb"]) << 20
        self._cpu = float(limits["cpu_s"]) + cpu_before
        self._pid = pid
        self._processes = int(limits["processes"])
        self._next = time.monotonic() + _TICK_S

    def look(self) -> str | None:
        if time.monotonic() < self._next:
            return None
        reap(but=self._pid)  # orphans, which would count against the limit of processes
        others = self._census.others()
        if len(others) > 2 * self._processes:  # only where the kernel does not count them itself, as gVisor
            for pid in others:
                if pid != self._pid:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        if cpu_of_children() + self._census.cpu_seconds() > self._cpu:
            return "timeout"
        if self._census.memory_over(self._memory):
            return "memory_limit"
        self._next = time.monotonic() + _TICK_S
        return None


def reap(but: int | None = None) -> None:
    """Collects the ended, but not `but`."""
    with contextlib.suppress(ChildProcessError):
        while True:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None or found.si_pid == but:
                return
            os.waitpid(found.si_pid, 0)


def cpu_of_children() -> float:
    """Seconds of processor time of all children collected so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

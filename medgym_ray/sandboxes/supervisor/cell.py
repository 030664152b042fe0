"""A cell's process: forked from the warm interpreter, locked down, and only then given the code."""

import atexit
import contextlib
import fcntl
import io
import linecache
import math
import os
import resource
import signal
import sys
import threading
import traceback
import types
from os import _exit, getpid, write
from typing import Any, NoReturn

from . import answer, epilogue, kernel, report, seccomp, wire
from .settings import Settings, installed_packages

FILENAME = "<cell>"
ANSWER, ANSWER_FAILED = b"A", b"E"
PASSED, NOT_PASSED, AWAITED = b"P", b"N", b"?"
STARTED = b"+"
"""Precedes all else on the answer's channel: without it, not a line of the cell's code has run."""
ENDED = b"\x04"
"""Last on the answer's channel, before the exit status: nothing is left to be done but to die."""
_SETUP_FAILED = 254
_ANSWER_FD = 250  # out of the way of code that counts on low numbers, below the limit of 256
_REQUEST_FD = 3
_OPEN_FILES = 256
_STACK_BYTES = 8 << 20
_SPARE_ADDRESSES_MB = 3072  # what the interpreter and its libraries map without using it
_NICENESS = 10
_SIGKILL = int(signal.SIGKILL)
_pristine: epilogue.Pristine


def enter(settings: Settings, request_fd: int, answer_fd: int, stdout_fd: int, stderr_fd: int) -> NoReturn:
    """The whole life of a cell's process, right after the fork; never returns."""
    try:
        _connect(request_fd, answer_fd, stdout_fd, stderr_fd)
        become_cell(settings)
        _reseed()
        try:
            request = wire.receive(_REQUEST_FD)
        except EOFError:
            _exit(0)  # a spare that was not needed
        if not request["epilogue"]:
            os.close(_REQUEST_FD)
        _limit(settings, request["limits"])
        if settings.packages:
            _make_room(installed_packages())
        write(_ANSWER_FD, STARTED)
        if request["language"] == "shell":
            _run_shell(request["code"])
        _run_python(request)
    except BaseException as error:  # must not come back into the supervisor's code, whatever it is
        with contextlib.suppress(OSError):
            write(2, f"sandbox: the cell could not be started: {error!r}\n".encode())
    _exit(_SETUP_FAILED)


def become_cell(settings: Settings) -> None:
    """Gives up every right a cell does not need."""
    os.setsid()
    if settings.uid is not None:
        os.setgroups([])
        os.setresgid(settings.uid, settings.uid, settings.uid)
        os.setresuid(settings.uid, settings.uid, settings.uid)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, _SIGKILL)  # after the change of user, which would clear it
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # so that its own /proc entries are its own
    try:
        score = os.open("/proc/self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC)
        write(score, b"1000")  # if the kernel must kill, then the cell, not the supervisor
        os.close(score)
    except OSError:
        pass
    os.nice(_NICENESS)
    if settings.seccomp:
        seccomp.install_cell()
    os.chdir(settings.work)


def _connect(request_fd: int, answer_fd: int, stdout_fd: int, stderr_fd: int) -> None:
    """Leaves no descriptor open but the standard three, the request and the answer."""
    kept = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ANSWER_FD + 1) for fd in (request_fd, stdout_fd, stderr_fd)]
    null = os.open("/dev/null", os.O_RDONLY)
    moved = fcntl.fcntl(answer_fd, fcntl.F_DUPFD_CLOEXEC, kept[-1] + 1)
    os.dup2(null, 0)
    os.dup2(kept[1], 1)
    os.dup2(kept[2], 2)
    os.dup2(kept[0], _REQUEST_FD, inheritable=False)
    os.dup2(moved, _ANSWER_FD, inheritable=False)
    os.closerange(_REQUEST_FD + 1, _ANSWER_FD)
    os.closerange(_ANSWER_FD + 1, 1 << 20)


def _limit(settings: Settings, limits: dict[str, Any]) -> None:
    cpu = max(math.ceil(limits["cpu_s"]), 1)
    hard = {
        resource.RLIMIT_AS: (int(limits["memory_mb"]) + _SPARE_ADDRESSES_MB) << 20,
        resource.RLIMIT_FSIZE: int(limits["file_mb"]) << 20,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_STACK: _STACK_BYTES,
    }
    if settings.uid is None:
        # Counted per user and user namespace; with docker it would count all containers, which have the pids cgroup.
        hard[resource.RLIMIT_NPROC] = int(limits["processes"]) + 2  # supervisor and keeper count
    for kind, value in hard.items():
        _, ceiling = resource.getrlimit(kind)
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(kind, (value, value))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))


def _make_room(packages: str) -> None:
    """For what `pip install` installs: behind all else, and there before an import that fails could note its lack."""
    with contextlib.suppress(OSError):  # full, or an earlier cell has put something else there
        os.makedirs(packages, exist_ok=True)  # noqa: PTH103 - on the hot path
    sys.path.append(packages)


def _run_shell(code: str) -> NoReturn:
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.execve("/bin/bash", ["bash", "-c", code], dict(os.environ))


def _run_python(request: dict[str, Any]) -> NoReturn:
    process, main = getpid(), sys.modules["__main__"].__dict__
    code, limit = request["code"], int(request["limits"]["answer_bytes"])
    linecache.cache[FILENAME] = (len(code), None, code.splitlines(keepends=True), FILENAME)
    status = _execute(code, main, bool(request.get("debug")))
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter's own exit does
    # A child that the cell forked comes by here as well; only the cell itself answers.
    own = getpid() == process
    if status == 0 and own:
        obstacle = _pristine.restore() if request["epilogue"] else None
        _send_answer(main, limit)
        if request["epilogue"]:
            _run_epilogue(main, request["epilogue"], obstacle)
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    if own:
        with contextlib.suppress(OSError):
            write(_ANSWER_FD, ENDED + bytes([status]))
            signal.pause()  # for the end, which the supervisor gives it: it can then say what this process used
    _exit(status)


def _run_epilogue(names: dict[str, Any], token: str, obstacle: str | None) -> None:
    """Fetches the tests, which lie nowhere in this process before, and says how they ended."""
    _send_line(AWAITED + token.encode())
    tests = wire.receive(_REQUEST_FD)
    failure = obstacle or epilogue.run(tests["code"], names)
    verdict = PASSED if failure is None else NOT_PASSED
    _send_line(verdict + tests["nonce"].encode() + (failure or "").encode("utf-8", "replace"))


def forget_supervisor(settings: Settings) -> None:
    """Makes the warm interpreter look like one that is about to run `cell.py`, before any cell is forked from it."""
    package = __name__.partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    sys.argv = ["cell.py"]
    # What led the interpreter to this package is no business of the cells.
    sys.path[:] = ["", *(path for path in sys.path if path != os.environ.get("PYTHONPATH"))]
    os.environ.clear()
    os.environ.update(settings.environment())
    _fresh_streams()
    global _pristine
    _pristine = epilogue.Pristine()


def _fresh_streams() -> None:
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for fd, name, errors in ((1, "stdout", "replace"), (2, "stderr", "backslashreplace")):
        raw = io.BufferedWriter(io.FileIO(fd, "w", closefd=False))
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=fd == 2)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _reseed() -> None:
    """A fork copies numpy's random numbers, so every cell would draw the same; `random` sees to itself."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(int.from_bytes(os.urandom(4), "little"))


def _execute(code: str, names: dict[str, Any], debug: bool) -> int:
    try:
        exec(compile(code, FILENAME, "exec"), names)
    except SystemExit as leave:
        if leave.code is None:
            return 0
        if isinstance(leave.code, int):
            return leave.code & 255
        with contextlib.suppress(BaseException):
            print(leave.code, file=sys.stderr)  # noqa: T201 - as the interpreter does
        return 1
    except BaseException as error:
        with contextlib.suppress(BaseException):
            _explain(error, code, debug)
        return 1
    return 0


def _explain(error: BaseException, code: str, debug: bool) -> None:
    """The traceback from the cell's first line on, as if nothing had been around it."""
    sys.stdout.flush()
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != FILENAME:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)
    if debug:
        sys.stderr.write(report.debug_report(trace, FILENAME, code))


def _send_answer(names: dict[str, Any], limit: int) -> None:
    if "answer" not in names:
        return
    try:
        answer.learn_libraries()  # those that were not warm here
        body = ANSWER + answer.to_bytes(names["answer"], limit)
    except answer.AnswerError as error:
        body = ANSWER_FAILED + str(error).encode("utf-8", "replace")
    except BaseException as error:  # the value's own methods, or memory
        body = ANSWER_FAILED + f"answer could not be read: {type(error).__name__}".encode("utf-8", "replace")
    _send_line(body)


def _send_line(body: bytes) -> None:
    message = memoryview(body + b"\n")  # JSON as written here holds no line break: its end marks completeness
    with contextlib.suppress(OSError):
        while message:
            message = message[write(_ANSWER_FD, message) :]

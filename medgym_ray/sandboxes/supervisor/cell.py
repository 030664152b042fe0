"""A cell's process: forked from the warm interpreter, locked down, and only then given the code."""

import atexit
import contextlib
import fcntl
import io
import linecache
import math
import os
import random
import resource
import signal
import sys
import threading
import traceback
import types
from os import _exit, getpid, write
from typing import Any, NoReturn

from . import answer, kernel, report, seccomp, wire
from .settings import Settings

FILENAME = "<cell>"
ANSWER, ANSWER_FAILED = b"A", b"E"
STARTED = b"+"
"""Precedes all else on the answer's channel: without it, not a line of the cell's code has run."""
_SETUP_FAILED = 254
_ANSWER_FD = 250  # out of the way of code that counts on low numbers, below the limit of 256
_REQUEST_FD = 3
_OPEN_FILES = 256
_STACK_BYTES = 8 << 20
_SPARE_ADDRESSES_MB = 3072  # what the interpreter and its libraries map without using it
_NICENESS = 10


def enter(settings: Settings, request_fd: int, answer_fd: int, stdout_fd: int, stderr_fd: int) -> NoReturn:
    """The whole life of a cell's process, right after the fork; never returns."""
    try:
        _connect(request_fd, answer_fd, stdout_fd, stderr_fd)
        become_cell(settings)
        try:
            request = wire.receive(_REQUEST_FD)
        except EOFError:
            _exit(0)  # a spare that was not needed
        os.close(_REQUEST_FD)
        _limit(settings, request["limits"])
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
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which would clear it
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # so that its own /proc entries are its own
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
        score.write("1000")  # if the kernel must kill, then the cell, not the supervisor
    os.nice(_NICENESS)
    if settings.seccomp:
        seccomp.install()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(0o022)
    os.chdir(settings.work)
    os.environ.clear()
    os.environ.update(settings.environment())


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
        hard[resource.RLIMIT_NPROC] = int(limits["processes"]) + 1  # the supervisor counts
    for kind, value in hard.items():
        _, ceiling = resource.getrlimit(kind)
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(kind, (value, value))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))


def _run_shell(code: str) -> NoReturn:
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.execve("/bin/bash", ["bash", "-c", code], dict(os.environ))


def _run_python(request: dict[str, Any]) -> NoReturn:
    process = getpid()
    code, limit = request["code"], int(request["limits"]["answer_bytes"])
    main = _fresh_main()
    _fresh_streams()
    _reseed()
    answer.learn_libraries()
    linecache.cache[FILENAME] = (len(code), None, code.splitlines(keepends=True), FILENAME)
    status = _execute(code, main, bool(request.get("debug")))
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter's own exit does
    # A child that the cell forked comes by here as well; only the cell itself answers.
    if status == 0 and getpid() == process:
        _send_answer(main, limit)
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()
    _exit(status)


def _fresh_main() -> dict[str, Any]:
    """An empty __main__, and nothing of the supervisor's to be imported."""
    package = __name__.partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    sys.argv = ["cell.py"]
    sys.path.insert(0, "")
    return module.__dict__


def _fresh_streams() -> None:
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    for fd, name, errors in ((1, "stdout", "replace"), (2, "stderr", "backslashreplace")):
        raw = io.BufferedWriter(io.FileIO(fd, "w", closefd=False))
        stream = io.TextIOWrapper(raw, encoding="utf-8", errors=errors, line_buffering=fd == 2)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _reseed() -> None:
    """A fork copies the state of random numbers, so every cell would draw the same."""
    random.seed()
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
        body = ANSWER + answer.to_bytes(names["answer"], limit)
    except answer.AnswerError as error:
        body = ANSWER_FAILED + str(error).encode("utf-8", "replace")
    except BaseException as error:  # the value's own methods, or memory
        body = ANSWER_FAILED + f"answer could not be read: {type(error).__name__}".encode("utf-8", "replace")
    message = memoryview(body + b"\n")  # JSON as written here holds no line break: its end marks completeness
    with contextlib.suppress(OSError):
        while message:
            message = message[write(_ANSWER_FD, message) :]

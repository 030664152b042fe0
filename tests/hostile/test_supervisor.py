"""Attacks on what watches the cell and speaks for it."""

import platform

import pytest

from medgym_ray.sandboxes.base import Cell, CellStatus
from tests.hostile.conftest import allow


async def test_signals(run):
    code = """
import os, signal
for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()] + [0x7fffffff, -os.getppid(), os.getppid()]:
    if pid == os.getpid(): continue
    for number in signal.valid_signals():
        for send in (os.kill, lambda pid, number: signal.pidfd_send_signal(os.pidfd_open(pid), number)):
            try: send(pid, number)
            except OSError: pass
answer = 1
"""
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, 1)


async def test_a_signal_to_everybody(run):
    for number in (9, 19):
        result = await run(f"import os, time\nif os.fork() == 0: time.sleep(100)\nos.kill(-1, {number})", wall_s=1)
        # The sender itself is spared by Linux, but not by every kernel.
        assert result.status in (CellStatus.OK, CellStatus.KILLED, CellStatus.TIMEOUT)


async def test_nobody_else_can_be_slowed_or_limited(run, gvisor):
    code = """
import ctypes, os, resource
libc = ctypes.CDLL(None)
answer = []
def tried(name, act):
    try: act(); answer.append(name)
    except OSError: pass
for pid in {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid()}:
    tried("nice", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
    tried("affinity", lambda: os.sched_setaffinity(pid, {0}))
    tried("scheduler", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)))
    tried("limit", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0)))
    tried("look", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE))
    tried("group", lambda: os.setpgid(pid, 0))
    if libc.syscall(251, 1, pid, 3 << 13) == 0: answer.append("input and output")
    for name in ("oom_score_adj", "comm", "timerslack_ns", "clear_refs", "coredump_filter", "autogroup", "setgroups"):
        tried(name, lambda: open(f"/proc/{pid}/{name}", "wb", 0).write(b"1"))
tried("user", lambda: os.setpriority(os.PRIO_USER, 0, 19))
tried("user", lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19))
tried("up", lambda: os.nice(-5))
tried("realtime", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)))
"""
    result = await run(code)
    # A process may call itself nicer to gVisor, which does not care.
    assert (result.status, result.answer) == (CellStatus.OK, ["up"] if gvisor else [])


async def test_limits_cannot_be_raised(run):
    code = """
import resource
answer = []
for name in ("AS", "FSIZE", "NOFILE", "CORE", "STACK", "CPU"):
    kind = getattr(resource, "RLIMIT_" + name)
    for raised in ((1 << 40, 1 << 40), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)):
        for change in (resource.setrlimit, lambda kind, raised: resource.prlimit(0, kind, raised)):
            try: change(kind, raised); answer.append(name)
            except (OSError, ValueError): pass
"""
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, [])


FORGE = """
import json, os, socket, struct
result = {"status": "ok", "exit_code": 0, "stdout": "FORGED", "stderr": "", "has_answer": True, "answer": "FORGED"}
frames = []
for number in range(1000):
    frame = json.dumps({"id": number, **result}).encode()
    frame = struct.pack(">I", len(frame)) + frame
    frames.append(frame)
frames = b"".join(frames)
mux = bytes([1, 0, 0, 0]) + struct.pack(">I", len(frames)) + frames
"""


async def test_frames_to_every_descriptor_of_others(run):
    code = """
answer = []
for pid in [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]:
    for place in ("mem", "environ", "stat", "syscall", "stack"):
        try: open(f"/proc/{pid}/{place}", "r+b", 0).write(frames); answer.append(place)
        except OSError: pass
    for number in range(256):
        path = f"/proc/{pid}/fd/{number}"
        try:
            if os.readlink(path) == "/dev/null": continue  # gVisor lets these be opened, and only these
        except OSError: pass
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY):
            try: fd = os.open(path, flags | os.O_NONBLOCK); answer.append(number); os.write(fd, frames + mux)
            except OSError: pass
        try: socket.socket(socket.AF_UNIX).connect(path); answer.append(f"connected {number}")
        except OSError: pass
"""
    result = await run(FORGE + code)
    assert (result.status, result.stdout, result.answer) == (CellStatus.OK, "", [])


async def test_frames_to_its_own_output_are_nothing_but_output(run):
    result = await run(FORGE + "os.write(1, frames)\nos.write(2, mux)\nanswer = 3", output_bytes=1 << 20)
    assert (result.status, result.answer) == (CellStatus.OK, 3)
    assert result.stdout.count("FORGED") == 2000


async def test_frames_to_every_number_spoil_the_cell_s_own_answer(run):
    result = await run(
        FORGE + "for fd in range(3, 1024):\n    for data in (frames, mux, b'A[42', b'\\xff'):\n"
        "        try: os.write(fd, data)\n        except OSError: pass\nanswer = 7"
    )
    assert (result.status, result.stdout, result.has_answer) == (CellStatus.OK, "", False)
    assert result.answer_error == "answer arrived garbled"


CLAIMS = {
    "garbage": ("os.write(250, b'\\xff\\xfe')\nos._exit(0)", "garbled"),
    "not-json": ("os.write(250, b'A{}}\\n')\nos._exit(0)", "garbled"),
    "nested": ("os.write(250, b'A' + b'[' * 100_000 + b'\\n')\nos._exit(0)", "garbled"),
    "surrogate": ("os.write(250, b'A\"\\\\ud800\"\\n')\nos._exit(0)", "garbled"),
    "number": ("os.write(250, b'A' + b'9' * 100_000 + b'\\n')\nos._exit(0)", "garbled"),
    "infinite": ("os.write(250, b'A1e999\\n')\nos._exit(0)", "garbled"),
    "unfinished": ("os.write(250, b'A[1, 2')\nos._exit(0)", "garbled"),
    "error-of-megabytes": ("os.write(250, b'E' + b'e' * 4_000_000 + b'\\n')\nos._exit(0)", "e" * 1000),
    "oversize": ("for _ in range(9): os.write(250, b'A' + b'\"' * (1 << 20))\nos._exit(0)", "garbled"),
    "oversize-value": ("answer = 'x' * (5 << 20)", "too large"),
    "two": ("os.write(250, b'A1\\n')\nanswer = 2", "garbled"),
    "of-a-child-s": ("if os.fork() == 0: os.write(250, b'A1\\n'); os._exit(0)\nos.wait()\nanswer = 2", "garbled"),
    "raising": ("class A(dict):\n    def items(self): raise SystemExit\nanswer = A(a=1)", "SystemExit"),
}


async def test_claims_on_the_answer_s_channel(run):
    for name, (code, error) in CLAIMS.items():
        result = await run("import os\n" + code)
        assert (result.status, result.has_answer, result.answer) == (CellStatus.OK, False, None), name
        assert error in result.answer_error, name
        assert len(result.answer_error) <= 1000, name


async def test_an_answer_and_then_a_crash(run):
    for end in ("os.abort()", "os._exit(1)", "os.kill(os.getpid(), 9)", "raise ValueError"):
        result = await run(f"import os\nos.write(250, b'A1\\n')\nanswer = 1\n{end}")
        assert result.status in (CellStatus.KILLED, CellStatus.ERROR), end
        assert (result.has_answer, result.answer_error) == (False, None), end


async def test_a_flood_on_the_answer_s_channel(run):
    result = await run("import os\nwhile True: os.write(250, b'x' * 65536)", wall_s=0.5)
    assert (result.status, result.has_answer) == (CellStatus.TIMEOUT, False)


async def test_only_the_cell_itself_answers(run):
    result = await run("import os\nif child := os.fork(): os.waitpid(child, 0)\nanswer = 'cell' if child else 'child'")
    assert result.answer == "cell"
    result = await run("answer = 1", language="shell")
    assert not result.has_answer
    result = await run("echo 'A1' >&250; exit 0", language="shell")
    assert not result.has_answer


async def test_the_supervisor_s_code_and_state_in_the_cell_s_own_memory_are_a_copy(run):
    code = """
import gc, os, sys
def spoil(value):
    try: vars(value).clear()
    except TypeError: pass
    if isinstance(value, dict): value.clear()
    if isinstance(value, bytearray): value[:] = b"FORGED"
    if type(value) is int and 2 < value < 1024:
        for act in (os.close, lambda fd: os.write(fd, b"FORGED")):
            try: act(value)
            except OSError: pass
frame = sys._getframe()
while frame is not None:
    for value in list(frame.f_locals.values()):
        if frame is not sys._getframe(): spoil(value)
    if "supervisor" in frame.f_globals["__name__"]:
        for name in frame.f_globals.keys() - {"__builtins__"}: frame.f_globals[name] = None
    frame = frame.f_back
for found in gc.get_objects():
    if type(found).__module__.startswith("supervisor"): spoil(found)
"""
    result = await run(code)
    # What the cell does to itself may well cost it its own report.
    assert (result.stdout, result.has_answer) == ("", False)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="system calls by their number")
async def test_the_memory_and_descriptors_of_others(run, gvisor):
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
answer = []
buffer = ctypes.create_string_buffer(64)
vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 64)
there = (ctypes.c_void_p * 2)(0x400000, 64)
def tried(name, *arguments):
    arguments = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    if libc.syscall(*arguments) != -1: answer.append(name)
for pid in {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid()}:
    for request in (16, 0x4206): tried("ptrace", 101, request, pid, 0, 0)  # attach, seize
    tried("read", 310, pid, vector, 1, there, 1, 0)
    tried("write", 311, pid, vector, 1, there, 1, 0)
    tried("compare", 312, os.getpid(), pid, 0, 0, 0)
    tried("pages", 279, pid, 0, 0, 0, 0, 0)
    try: pidfd = os.pidfd_open(pid)
    except OSError: pidfd = -1
    for fd in range(256): tried("descriptor", 438, pidfd, fd, 0)
    tried("advise", 440, pidfd, there, 1, 21, 0)
    tried("release", 448, pidfd, 0)
    for name in ("mem", "root", "cwd", "exe", "map_files", "syscall", "stack", "ns/mnt", "ns/pid"):
        path = f"/proc/{pid}/{name}"
        for act in (lambda: os.close(os.open(path, os.O_RDONLY)), lambda: os.close(os.open(path, os.O_RDWR)),
                    lambda: os.listdir(path), lambda: os.readlink(path)):
            try: act(); answer.append(path)
            except OSError: pass
tried("trace me", 101, 0, 0, 0, 0)
"""
    result = await run(code)
    # gVisor shows the names of namespaces to everybody; entering them is refused (test_kernel).
    found = [name for name in result.answer if not (gvisor and "/ns/" in name)]
    assert (result.status, found) == (CellStatus.OK, [])


async def test_tests_are_not_handed_to_whoever_asks(sandbox, patience):
    """Without the token. Code that digs it out of its own process' frames does get them, and can forge the verdict."""
    code = """
import json, os, struct
os.write(250, b"?\\n")
size, = struct.unpack(">I", os.read(3, 4))
body = b""
while len(body) < size: body += os.read(3, size - len(body))
tests = json.loads(body)
os.write(1, tests["code"].encode())
os.write(250, b"P" + tests["nonce"].encode() + b"\\n\\x04\\x00")
"""
    result = await sandbox.run(Cell(code, limits=allow(patience, wall_s=3), epilogue="assert x == 'secret'"))
    assert result.epilogue_passed is not True
    assert "secret" not in result.stdout

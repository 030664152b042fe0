"""Processes that multiply, do not stop, hide, or stay."""

import pytest

from medgym_ray.sandboxes.base import CellStatus
from tests.hostile.conftest import survived

BOMBS = {
    "python": """
import os
while True:
    try: os.fork()
    except OSError: pass
""",
    "deaf-and-in-new-sessions": """
import os, signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True:
    try:
        if os.fork() == 0: os.setsid()
    except OSError: pass
""",
    "ever-new-numbers": """
import os, time
def run_away():
    while True:
        try:
            if os.fork(): os._exit(0)
        except OSError: pass
for _ in range(8):
    try:
        if os.fork() == 0: run_away()
    except OSError: break  # those before have taken every number
time.sleep(1000)
""",
    "vfork": """
import os
while True:
    try: os.posix_spawn("/bin/sleep", ["sleep", "1000"], {})
    except OSError: pass
""",
    "clone": """
import ctypes
libc = ctypes.CDLL(None)
while True: libc.syscall(56, 17, 0, 0, 0, 0)  # clone, SIGCHLD
""",
}


@pytest.mark.parametrize("name", BOMBS)
async def test_fork_bomb(run, sandbox, gvisor, name):
    result = await survived(run(BOMBS[name], wall_s=1.0), sandbox, gvisor)
    assert result is None or (result.status, result.has_answer) == (CellStatus.TIMEOUT, False)


async def test_fork_bomb_of_the_shell(run, sandbox, gvisor):
    bomb = run("bomb() { bomb | bomb & }; while true; do bomb; done", language="shell", wall_s=1.0)
    result = await survived(bomb, sandbox, gvisor)
    # The shell gives up by itself where it cannot fork for long.
    assert result is None or result.status in (CellStatus.TIMEOUT, CellStatus.ERROR)


async def test_threads_without_end(run, gvisor):
    result = await run(
        "import threading, time\nanswer = 0\nwhile answer < 200:\n"
        "    try: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
        "    except RuntimeError: break\n    answer += 1"
    )
    assert result.status is CellStatus.OK
    assert result.answer < 50 or gvisor  # whose threads are its own; what they take of memory is limited


async def test_many_busy_processes(run):
    result = await run("import os\nfor _ in range(4): os.fork()\nwhile True: pass", cpu_s=0.5)
    assert result.status is CellStatus.TIMEOUT
    assert result.exit_code == -9


STUBBORN = {
    "deaf": """
import signal, time
for number in range(1, 65):
    try: signal.signal(number, lambda *_: None)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
while True: time.sleep(1000)
""",
    "asleep": "import time\nprint('so far', flush=True)\nanswer = 1\ntime.sleep(3600)",
    "stopped": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "waiting-for-a-stopped-child": """
import os, signal
child = os.fork()
if child == 0: os.kill(os.getpid(), signal.SIGSTOP)
os.waitpid(child, 0)
""",
}


@pytest.mark.parametrize("code", STUBBORN.values(), ids=STUBBORN)
async def test_a_cell_that_does_not_end(run, code):
    result = await run(code, wall_s=0.4)
    assert (result.status, result.exit_code, result.has_answer) == (CellStatus.TIMEOUT, -9, False)
    assert result.stdout == ("so far\n" if "so far" in code else "")


async def test_a_cell_that_does_not_come_to_its_end(run):
    for code in (
        "import os\nos.execv('/bin/sleep', ['sleep', '3600'])",
        "import atexit, time\natexit.register(time.sleep, 3600)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,)).start()",
        "import time\ntry: raise SystemExit(0)\nfinally: time.sleep(3600)",
        "import time\nclass Last:\n    def __del__(self): time.sleep(3600)\nlast = Last()\ndel last",
    ):
        result = await run("answer = 1\n" + code, wall_s=0.3)
        assert (result.status, result.exit_code, result.has_answer) == (CellStatus.TIMEOUT, -9, False), code


async def test_processor_time_of_a_cell_deaf_to_its_signal(run):
    code = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert (await run(code, cpu_s=0.3)).status is CellStatus.TIMEOUT


STAYING = {
    "double-fork": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            with open("/work/alive", "a") as file: file.write("x")
            time.sleep(0.01)
    os._exit(0)
while not os.path.exists("/work/alive"): time.sleep(0.01)
answer = 1
""",
    "subreaper": """
import ctypes, os, time
libc = ctypes.CDLL(None)
libc.prctl(36, 1, 0, 0, 0)  # collects its orphans itself
if os.fork() == 0:
    libc.prctl(1, 0, 0, 0, 0)  # and wants no signal when its parent dies
    if os.fork() == 0:
        while True:
            with open("/work/alive", "a") as file: file.write("x")
            time.sleep(0.01)
    os._exit(0)
while not os.path.exists("/work/alive"): time.sleep(0.01)
answer = 1
""",
    "holding-the-pipes": """
import os, time
if os.fork() == 0:
    while True:
        with open("/work/alive", "a") as file: file.write("x")
        time.sleep(0.01)
while not os.path.exists("/work/alive"): time.sleep(0.01)
answer = 1
os.closerange(0, 3)
""",
}


@pytest.mark.parametrize("code", STAYING.values(), ids=STAYING)
async def test_children_end_with_the_cell(run, code):
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, 1)
    size = "os.path.getsize('alive')"
    assert (await run(f"import os, time\nanswer = {size}\ntime.sleep(0.1)\nanswer -= {size}")).answer == 0


async def test_the_shell_s_jobs_end_with_it(run):
    code = """
trap '' HUP TERM INT
nohup sh -c 'while :; do echo x >> /work/alive; sleep 0.01; done' >/dev/null 2>&1 &
disown
(setsid sleep 1000 &)
until [ -s /work/alive ]; do sleep 0.01; done
echo done
"""
    result = await run(code, language="shell")
    assert (result.status, result.stdout) == (CellStatus.OK, "done\n")
    code = "wc -c < alive; sleep 0.1; wc -c < alive"
    before, after = (await run(code, language="shell")).stdout.split()
    assert before == after


async def test_timers_do_not_outlive_the_cell(run):
    code = """
import os, signal
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_VIRTUAL, 100)
if os.fork() == 0: signal.alarm(1); signal.pause()
"""
    assert (await run(code)).status is CellStatus.OK
    assert (await run("import time\ntime.sleep(0.2)\nanswer = 1")).answer == 1
    # Its own alarm ends a cell, as it would any program.
    result = await run("import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\nsignal.pause()")
    assert (result.status, result.exit_code) == (CellStatus.KILLED, -14)


async def test_zombies(run):
    result = await run(
        "import os\nanswer = 0\nwhile answer < 40:\n    try: pid = os.fork()\n    except OSError: break\n"
        "    if pid == 0: os._exit(0)\n    answer += 1"
    )
    assert result.status is CellStatus.OK

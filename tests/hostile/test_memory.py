"""Memory in every form that a process can take it."""

import pytest

from medgym_ray.sandboxes.base import CellStatus
from tests.hostile.conftest import survived

# The attacks that would take more than the limit run under this one; the sandbox itself could give 512.
LIMIT_MB = 256


async def test_one_huge_allocation(run):
    result = await run("print('x')\nx = bytearray(64 << 30)")
    assert (result.status, result.exit_code, result.stdout) == (CellStatus.ERROR, 1, "x\n")
    assert "MemoryError" in result.stderr


HOGS = {
    "heap": "held = []\nwhile True: held.append(b'x' * 4_000_000)",
    "array": "import numpy\nheld = []\nwhile True: held.append(numpy.ones(1 << 20))",
    "shared": """
import mmap, os, time
held = []
while True:
    held.append(mmap.mmap(-1, 8 << 20))
    held[-1].write(b"x" * (8 << 20))
""",
    "files-and-heap": """
import os
for number in range(3):
    with open(f"/work/{number}", "wb") as file: file.write(bytes(50 << 20))
held = []
while True: held.append(b"x" * 4_000_000)
""",
    "children": """
import os, sys, time
for _ in range(16):
    if os.fork() == 0:
        held = b"x" * (100 << 20)
        time.sleep(1000)
failed = [status for _, status in (os.wait() for _ in range(16)) if status]
sys.exit(len(failed))
""",
    "children-sharing": """
import mmap, os, sys, time
for _ in range(16):
    if os.fork() == 0:
        held = mmap.mmap(-1, 100 << 20)
        held.write(b"x" * (100 << 20))
        time.sleep(1000)
failed = [status for _, status in (os.wait() for _ in range(16)) if status]
sys.exit(len(failed))
""",
}


@pytest.mark.parametrize("code", HOGS.values(), ids=HOGS)
async def test_more_memory_than_allowed(run, sandbox, gvisor, code):
    result = await survived(run(code, memory_mb=LIMIT_MB), sandbox, gvisor)
    if result is None:
        return
    assert (result.status, result.has_answer) == (CellStatus.MEMORY_LIMIT, False)
    assert result.max_rss_kb < 1 << 20


async def test_the_kernel_s_memory_behind_descriptors(run, sandbox, gvisor):
    code = """
import fcntl, os
def fill():
    held = []
    try:
        while True:
            reader, writer = os.pipe()
            held += [reader, writer]
            try: fcntl.fcntl(writer, 1031, 1 << 20)
            except OSError: pass
            os.set_blocking(writer, False)
            os.write(writer, b"x" * (1 << 20))
    except OSError: pass
    return held
children = []
for _ in range(20):
    pid = os.fork()
    if pid == 0: fill(); os.write(1, b"."); os._exit(0)
    children.append(pid)
for pid in children: os.waitpid(pid, 0)
answer = 1
"""
    result = await survived(run(code, memory_mb=LIMIT_MB), sandbox, gvisor)
    assert result is None or result.status in (CellStatus.OK, CellStatus.MEMORY_LIMIT)


async def test_recursion_without_end(run):
    result = await run("def f(): f()\nf()")
    assert (result.status, result.exit_code) == (CellStatus.ERROR, 1)
    assert "RecursionError" in result.stderr
    result = await run("import sys\nsys.setrecursionlimit(10 ** 9)\nf = lambda a: [*map(f, [a])]\nf(1)")
    assert (result.status, result.exit_code) == (CellStatus.KILLED, -11)


async def test_a_number_without_end(run):
    result = await run("x = 7 ** (10 ** 9)", cpu_s=0.5)
    assert result.status in (CellStatus.TIMEOUT, CellStatus.MEMORY_LIMIT)

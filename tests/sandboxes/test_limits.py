"""Every limit: kept, reported under its name, and the next cell is none the wiser."""

import pytest
import pytest_asyncio

from medgym_ray.sandboxes.base import CellStatus


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def next_cell_works(run):
    yield
    result = await run("import pandas\nprint(1)\nanswer = 1")
    assert (result.status, result.stdout, result.answer) == (CellStatus.OK, "1\n", 1)


async def test_wall_clock(run):
    result = await run("import time\nprint('before', flush=True)\nanswer = 1\ntime.sleep(60)", wall_s=0.3)
    assert (result.status, result.stdout, result.has_answer) == (CellStatus.TIMEOUT, "before\n", False)


async def test_wall_clock_of_a_cell_that_ignores_signals(run):
    code = (
        "import signal, time\nfor number in range(1, 65):\n    try: signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\ntime.sleep(60)"
    )
    assert (await run(code, wall_s=0.3)).status is CellStatus.TIMEOUT
    assert (await run("import os\nos.kill(os.getpid(), 19)", wall_s=0.3)).status is CellStatus.TIMEOUT


async def test_processor_time(run):
    result = await run("while True: pass", cpu_s=0.3)
    assert result.status is CellStatus.TIMEOUT
    assert result.cpu_ms >= 250


async def test_processor_time_of_all_processes_together(run):
    code = "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        while True: pass\ntime.sleep(60)"
    assert (await run(code, cpu_s=0.5)).status is CellStatus.TIMEOUT


async def test_processor_time_of_a_cell_that_handles_the_signal(run):
    code = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert (await run(code, cpu_s=0.3)).status is CellStatus.TIMEOUT


async def test_memory(run):
    result = await run("held = []\nwhile True: held.append(b'x' * 4_000_000)", memory_mb=200)
    assert result.status is CellStatus.MEMORY_LIMIT


async def test_memory_of_all_processes_together(run):
    code = (
        "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        held = b'x' * 60_000_000\n"
        "        time.sleep(60)\ntime.sleep(60)"
    )
    assert (await run(code, memory_mb=200)).status in (CellStatus.MEMORY_LIMIT, CellStatus.TIMEOUT)


async def test_one_huge_allocation_is_an_error_of_the_program(run):
    result = await run("x = bytearray(64 << 30)")
    assert result.status is CellStatus.ERROR
    assert "MemoryError" in result.stderr


async def test_endless_output(run):
    result = await run("while True: print('x' * 1000)", output_bytes=4096)
    assert result.status is CellStatus.OUTPUT_LIMIT
    assert result.truncated
    assert len(result.stdout) < 4096 + 200
    result = await run("yes >&2", language="shell", output_bytes=4096)
    assert result.status is CellStatus.OUTPUT_LIMIT


async def test_long_output_keeps_head_and_tail(run):
    result = await run("print('first')\nprint('x' * 50_000)\nprint('last')", output_bytes=1000)
    assert result.status is CellStatus.OK
    assert result.truncated
    assert result.stdout.startswith("first\nxxx")
    assert result.stdout.endswith("xxx\nlast\n")
    assert "bytes not shown" in result.stdout


async def test_output_that_is_no_text(run):
    result = await run("import os\nos.write(1, b'\\xff\\x00ok')")
    assert result.stdout == "\ufffd\x00ok"


@pytest.mark.parametrize(
    "code",
    [
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        "import os, signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
        "while True:\n    try:\n        if os.fork() == 0: os.setsid()\n    except OSError: pass",
    ],
)
async def test_fork_bomb(run, code):
    result = await run(code, wall_s=1.0)
    assert result.status in (CellStatus.TIMEOUT, CellStatus.KILLED, CellStatus.MEMORY_LIMIT)


async def test_fork_bomb_of_the_shell(run):
    await run(":(){ :|:& };:", language="shell", wall_s=1.0)


async def test_file_size(run):
    result = await run("open('big', 'wb').write(b'x' * (3 << 20))", file_mb=2)
    assert result.status is CellStatus.ERROR
    assert "File too large" in result.stderr


@pytest.mark.parametrize("path", ["/work", "/tmp", "/dev/shm"])
async def test_full_disk(run, path):
    code = (
        f"n = 0\ntry:\n    while True:\n        open(f'{path}/{{n}}', 'wb').write(bytes(32 << 20)); n += 1\n"
        "except OSError as error: print(error.errno)\nanswer = n"
    )
    result = await run(code)
    # Files count as memory, which may run out first.
    assert result.stdout == "28\n" or result.status is CellStatus.MEMORY_LIMIT


async def test_endless_small_files(run):
    result = await run("n = 0\nwhile True: open(f'/tmp/{n}', 'w').close(); n += 1")
    assert result.status is CellStatus.ERROR
    assert "No space left" in result.stderr


async def test_daemons_end_with_the_cell(run):
    code = """
import os, signal, time
for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                open('/work/alive', 'a').write('x'); time.sleep(0.01)
        os._exit(0)
time.sleep(0.1)
"""
    assert (await run(code)).status is CellStatus.OK
    await run("nohup sleep 1000 & disown; (setsid sleep 1000 &)", language="shell")
    result = await run(
        "import os, time\nsize = os.path.getsize('/work/alive')\ntime.sleep(0.2)\n"
        "answer = [os.path.getsize('/work/alive') - size, sum(name.isdigit() for name in os.listdir('/proc'))]"
    )
    assert result.answer[0] == 0
    assert result.answer[1] <= 3  # the first process, the supervisor, the cell


async def test_raising_limits_is_refused(run):
    result = await run(
        "import resource\nfor kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE):\n"
        "    try: resource.setrlimit(kind, (1 << 40, 1 << 40)); print('raised')\n    except (OSError, ValueError): pass"
    )
    assert result.stdout == ""

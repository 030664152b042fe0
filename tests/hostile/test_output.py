"""Output and code of a size and a kind that nobody asked for."""

import pytest

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import CellStatus

KEPT = 4096

FLOODS = {
    "stdout": ("python", "while True: print('x' * 1000)"),
    "stderr": ("shell", "yes >&2"),
    "children-on-both": ("shell", "for i in 1 2 3 4; do yes & yes >&2 & done; wait"),
    "binary": ("shell", "cat /dev/urandom"),
    "one-line": ("shell", "cat /dev/zero"),
}


@pytest.mark.parametrize(("language", "code"), FLOODS.values(), ids=FLOODS)
async def test_endless_output(run, language, code):
    result = await run(code, language=language, output_bytes=KEPT)
    assert (result.status, result.exit_code, result.truncated) == (CellStatus.OUTPUT_LIMIT, -9, True)
    for text in (result.stdout, result.stderr):
        assert len(text) < KEPT + 100


async def test_children_that_flood_after_the_cell_s_end(run):
    code = """
import os
for _ in range(8):
    if os.fork() == 0:
        while True:
            os.write(1, b"flood " * 10_000); os.write(2, b"flood " * 10_000)
os.write(1, b"first")
answer = 1
"""
    result = await run(code, output_bytes=KEPT)
    assert result.status in (CellStatus.OK, CellStatus.OUTPUT_LIMIT)
    assert result.answer == (1 if result.status is CellStatus.OK else None)
    assert len(result.stdout) < KEPT + 100


async def test_drops_of_output(run):
    result = await run("import os\nwhile True: os.write(1, b'x')", cpu_s=0.4)
    assert result.status in (CellStatus.TIMEOUT, CellStatus.OUTPUT_LIMIT)


async def test_output_that_is_no_text(run):
    code = "os.write(1, b'\\xff\\x00ok\\xed\\xa0\\x80')\nos.write(2, b'\\xc3')\nsys.stdout.write('\\ud800')"
    result = await run("import os, sys\n" + code)
    assert (result.status, result.stderr) == (CellStatus.OK, "\ufffd")
    assert result.stdout.startswith("\ufffd\x00ok\ufffd")
    assert (result.stdout + result.stderr).encode()  # whatever it was, it can be stored
    result = await run("raise ValueError('\\ud800 \\x00 \\x1b[2J')")
    assert (result.status, result.exit_code) == (CellStatus.ERROR, 1)
    assert b"ValueError" in result.stderr.encode()


async def test_code_of_several_megabytes(run):
    result = await run("#" + "x" * (6 << 20) + "\ndata = " + repr("y" * (2 << 20)) + "\nanswer = len(data)")
    assert (result.status, result.answer) == (CellStatus.OK, 2 << 20)
    result = await run("(" * 100_000)
    assert (result.status, result.exit_code) == (CellStatus.ERROR, 1)
    assert result.stderr.splitlines()[-1].startswith(("SyntaxError", "MemoryError"))
    result = await run("x = " + "-" * 200_000 + "1")
    assert result.status in (CellStatus.ERROR, CellStatus.KILLED)


async def test_code_for_the_shell_that_is_too_long_for_a_command_line(run):
    result = await run("# " + "x" * (4 << 20) + "\necho done", language="shell")
    assert result.status in (CellStatus.OK, CellStatus.ERROR)
    assert result.stdout == "done\n" or "too long" in result.stderr


async def test_code_larger_than_a_request(run):
    with pytest.raises(SandboxError, match="more than a sandbox takes"):
        await run("#" * (65 << 20))


async def test_code_that_is_no_text(run):
    for language, code in (("python", "print('\ud800\udfff')"), ("shell", "echo '\ud800\udfff'")):
        result = await run(code, language=language)
        assert (result.status, result.stdout) == (CellStatus.OK, "??\n"), language
        result = await run("echo = 1\0\necho", language=language)
        assert result.status is CellStatus.ERROR, language
        assert "null byte" in result.stderr


async def test_nobody_is_there_to_ask(run):
    result = await run("input()")
    assert (result.status, result.exit_code) == (CellStatus.ERROR, 1)
    assert "EOFError" in result.stderr
    result = await run("cat; read line; echo $?; cat /dev/tty", language="shell")
    assert (result.status, result.stdout) == (CellStatus.ERROR, "1\n")


CRASHES = {
    "exit": ("import sys; sys.exit(3)", CellStatus.ERROR, 3),
    "exit-0-of-the-kernel-s": ("import os; os._exit(0)", CellStatus.OK, 0),
    "abort": ("import os; os.abort()", CellStatus.KILLED, -6),
    "segfault": ("import ctypes; ctypes.string_at(0)", CellStatus.KILLED, -11),
    "bus-error": ("import os, signal; os.kill(os.getpid(), signal.SIGBUS)", CellStatus.KILLED, -7),
    "killed": ("import os; os.kill(os.getpid(), 9)", CellStatus.KILLED, -9),
    "own-group-killed": ("import os; os.killpg(0, 9)", CellStatus.KILLED, -9),
    "every-descriptor-closed": ("import os; os.closerange(0, 1 << 16); os.abort()", CellStatus.KILLED, -6),
    "exit-status-out-of-range": ("import sys; sys.exit(256 + 5)", CellStatus.ERROR, 5),
}


async def test_sudden_ends(run):
    for name, (code, status, exit_code) in CRASHES.items():
        result = await run("answer = 1\n" + code)
        assert (result.status, result.exit_code, result.has_answer) == (status, exit_code, False), name
    assert (await run("import os\nanswer = os.listdir()")).answer == []  # no core dump

"""One run of a program in the grader's sandbox, and what it proves.

The program is a file of its own (so `__file__`, `inspect` and `from __future__` work as they do for a user), run as
`__main__` by a cell that seeds the global generators before and writes a nonce after it. The nonce, drawn on the host
for this run, says that the program came to its end by itself: no `os._exit`, no `sys.exit`, no text after the end.

Nothing hides the nonce from the program, which runs in the same process and may read it from the frames above it. That
is why it only ever is a condition, never a reason to pay: what is paid for is output equal to the gold program's on
this and on hidden inputs, and a program that knows the nonce still has to print that.
"""

import secrets
from dataclasses import dataclass

from medgym_ray.sandboxes.base import Cell, CellResult, CellStatus, Sandbox

PROGRAM = "program.py"

_CELL = """\
def _run_program(nonce, seed):
    import os, runpy, sys
    write, flush = os.write, sys.stdout.flush
    if seed is not None:
        import random
        random.seed(seed)
        try:
            import numpy
            numpy.random.seed(seed)
        except ImportError:
            pass
    sys.argv = [{program!r}]
    runpy.run_path({program!r}, run_name="__main__")
    sys.stdout.flush()
    flush()
    write(1, nonce)
_run_program({nonce!r}, {seed!r})
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What a program did: `finished` where it came to its end by itself with exit status 0 and all output kept."""

    finished: bool
    ok: bool
    """The cell ended with exit status 0, at its end or before."""
    stdout: str
    stderr: str
    why: str
    """Where it did not finish: the last line of the error, or the limit it hit."""


async def run_program(sandbox: Sandbox, program: str, seed: int | None) -> Run:
    """Runs a program in the emptied sandbox; `seed` sets the global generators of random and numpy first."""
    await sandbox.reset()
    try:
        source = program.encode()
    except UnicodeEncodeError:
        return Run(False, False, "", "", "UnicodeEncodeError: the program is no valid text")
    await sandbox.put({PROGRAM: source})
    nonce = f"\n{secrets.token_hex(16)}\n"
    result = await sandbox.run(Cell(_CELL.format(program=PROGRAM, nonce=nonce.encode(), seed=seed)))
    return _judge(result, nonce)


def _judge(result: CellResult, nonce: str) -> Run:
    ok = result.status is CellStatus.OK and result.exit_code == 0 and not result.truncated
    finished = ok and result.stdout.endswith(nonce)
    stdout = result.stdout.removesuffix(nonce)
    return Run(finished, ok, stdout, result.stderr, "" if finished else _why(result, ok))


def _why(result: CellResult, ok: bool) -> str:
    if ok:
        return "ended before its end"
    if result.truncated:
        return "prints more than is kept"
    if result.status is not CellStatus.ERROR:
        return result.status.value
    lines = [line for line in result.stderr.split("\n") if line.strip()]
    return lines[-1][:200] if lines else f"exit status {result.exit_code}"

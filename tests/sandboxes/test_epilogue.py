"""Hidden tests after a cell's code: they hold or not, whatever the code has laid in wait."""

import pytest

from medgym_ray.sandboxes.base import Cell, CellStatus, Limits

QUICK = Limits(cpu_s=10, wall_s=10)


@pytest.fixture
def graded(sandbox):
    async def run(code, tests, limits=QUICK):
        return await sandbox.run(Cell(code, limits=limits, epilogue=tests))

    return run


@pytest.mark.parametrize(
    ("code", "tests", "passed"),
    [
        ("x = 41 + 1", "assert x == 42", True),
        ("x = 41", "assert x == 42", False),
        ("def f(a):\n    return a * 2", "for i in range(5):\n    assert f(i) == 2 * i", True),
        ("import pandas as pd\nframe = pd.DataFrame({'a': [1, 2]})", "assert frame.shape == (2, 1)", True),
        ("x = 42\nimport sys; sys.exit(0)", "assert x == 42", True),
        ("x = 42", "assert y == 42", False),
        ("x = 42", "this is no python", False),
        ("x = 42", "import sys; sys.exit(0)", False),
        ("x = 42", "", True),
    ],
)
async def test_the_verdict_is_the_tests(graded, code, tests, passed):
    result = await graded(code, tests)
    assert (result.status, result.epilogue_passed) == (CellStatus.OK, passed)
    assert (result.epilogue_error is None) is passed


async def test_a_failed_assert_is_named(graded):
    result = await graded("x = 41", "assert x > 0\nassert x == 42, 'not the answer'")
    assert result.epilogue_error == "AssertionError not the answer: assert x == 42, 'not the answer'"


async def test_without_tests_there_is_no_verdict(graded):
    result = await graded("answer = 1", None)
    assert (result.answer, result.epilogue_passed, result.epilogue_error) == (1, None, None)


async def test_the_answer_is_that_of_the_code_not_of_the_tests(graded):
    result = await graded("answer = [1]", "answer.append(2)\nanswer = 3")
    assert (result.answer, result.epilogue_passed) == ([1], True)


@pytest.mark.parametrize("code", ["raise ValueError", "import sys; sys.exit(3)", "1 +"])
async def test_code_that_fails_has_passed_nothing(graded, code):
    result = await graded(code, "pass")
    assert (result.status, result.epilogue_passed) == (CellStatus.ERROR, None)


CHEATS = {
    "leaves before the tests": "import os\nos._exit(0)",
    "leaves in an exit function": "import atexit, os\natexit.register(os._exit, 0)\nraise SystemExit(0)",
    "claims to have passed": "import os\nos.write(250, b'P\\n')\nos._exit(0)",
    "claims to have passed with a nonce": "import os\nos.write(250, b'P' + b'0' * 32 + b'\\n\\x04\\x00')\nos._exit(0)",
    "asks for the tests and ends": "import os, select\nos.write(250, b'?\\n')\n"
    "if select.select([3], [], [], 0.2)[0]: os.write(250, b'P' + os.read(3, 9999))\nos._exit(0)",
    "replaces builtins": "import builtins\nbuiltins.AssertionError = type('E', (BaseException,), {})\n"
    "builtins.all = lambda *a: True\nbuiltins.abs = lambda *a: 0\nbuiltins.isinstance = lambda *a: True\nx = 1",
    "replaces its namespace's builtins": "__builtins__ = {'all': lambda *a: True, 'abs': lambda *a: 0}\nx = 1",
    "replaces library functions": "import numpy, pandas, numpy.testing, pandas.testing\n"
    "numpy.allclose = numpy.isclose = lambda *a, **k: True\nnumpy.testing.assert_allclose = lambda *a, **k: None\n"
    "pandas.testing.assert_frame_equal = lambda *a, **k: None\npandas.DataFrame.equals = lambda *a: True\nx = 1",
    "traces": "import sys\nx = 1\ndef skip(frame, event, arg):\n"
    "    if frame.f_code.co_filename == '<tests>': frame.f_globals['x'] = 42\n    return skip\n"
    "sys.settrace(skip)\nsys.setprofile(skip)",
    "waits in a thread": "import threading, time\nx = 1\ndef late():\n    global x\n    time.sleep(0.05); x = 42\n"
    "threading.Thread(target=late, daemon=True).start()",
    "sets an alarm": "import signal\nx = 1\ndef late(*a):\n    global x\n    x = 42\n"
    "signal.signal(signal.SIGALRM, late)\nsignal.setitimer(signal.ITIMER_REAL, 0.02)",
}
TESTS = """
import numpy as np, pandas as pd, time
time.sleep(0.1)
assert all([x == 42, abs(x - 42) < 1e-9, isinstance(x, int)])
assert np.allclose(x, 42)
np.testing.assert_allclose(x, 42)
pd.testing.assert_frame_equal(pd.DataFrame({'x': [x]}), pd.DataFrame({'x': [42]}))
assert pd.DataFrame({'x': [x]}).equals(pd.DataFrame({'x': [42]}))
"""


@pytest.mark.parametrize("name", CHEATS)
async def test_cheats_pass_nothing(graded, name):
    result = await graded(CHEATS[name], TESTS)
    assert result.status is CellStatus.OK
    assert result.epilogue_passed is False
    assert result.epilogue_error
    assert (await graded("x = 42", TESTS)).epilogue_passed is True


async def test_each_library_cheat_alone_passes_nothing(graded):
    for line in CHEATS["replaces library functions"].splitlines()[1:]:
        result = await graded(f"import numpy, pandas, numpy.testing, pandas.testing\n{line}\nx = 1", TESTS)
        assert result.epilogue_passed is False, line


async def test_the_tests_are_nowhere_while_the_code_runs(graded):
    result = await graded(
        "import os, select, sys\nanswer = [select.select([3], [], [], 0.2)[0] == []]\n"
        "answer.append(any('HIDDEN' in str(f.f_locals) for f in sys._current_frames().values()))",
        "marker = 'HIDDEN' + 'TEST'",
    )
    assert result.answer == [True, False]


async def test_tests_keep_to_the_cells_limits(graded):
    result = await graded("x = 1", "while True: pass", Limits(cpu_s=1, wall_s=5))
    assert (result.status, result.epilogue_passed) == (CellStatus.TIMEOUT, None)


async def test_large_tests_arrive_whole(graded):
    tests = "\n".join(f"assert x[{number}] == {number}" for number in range(50_000))
    assert (await graded("x = list(range(50_000))", tests)).epilogue_passed is True

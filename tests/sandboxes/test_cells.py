"""What a cell is given, and what is said of it."""

import hashlib

import pytest

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import CellStatus


async def test_output_and_success(run):
    result = await run("import sys\nprint('héllo')\nprint('warn', file=sys.stderr)")
    assert (result.status, result.exit_code) == (CellStatus.OK, 0)
    assert (result.stdout, result.stderr) == ("héllo\n", "warn\n")
    assert not result.truncated
    assert not result.has_answer
    assert result.wall_ms > 0
    assert result.max_rss_kb > 0


async def test_an_exception_is_told_from_the_cell_s_first_line_on(run):
    result = await run("def f():\n    return 1 / 0\nf()")
    assert (result.status, result.exit_code) == (CellStatus.ERROR, 1)
    assert result.stderr.startswith('Traceback (most recent call last):\n  File "<cell>", line 3, in <module>\n')
    assert "return 1 / 0" in result.stderr
    assert "supervisor" not in result.stderr


async def test_a_syntax_error_names_its_line(run):
    result = await run("x = 1\ny = = 2\n")
    assert result.status is CellStatus.ERROR
    assert 'File "<cell>", line 2' in result.stderr
    assert "SyntaxError" in result.stderr


@pytest.mark.parametrize(
    ("code", "status", "exit_code", "has_answer"),
    [
        ("answer = 1\nimport sys; sys.exit(0)", CellStatus.OK, 0, True),
        ("answer = 1\nimport sys; sys.exit()", CellStatus.OK, 0, True),
        ("answer = 1\nimport sys; sys.exit(3)", CellStatus.ERROR, 3, False),
        ("answer = 1\nimport sys; sys.exit('bye')", CellStatus.ERROR, 1, False),
        ("answer = 1\nimport os; os._exit(0)", CellStatus.OK, 0, False),
        ("answer = 1\nimport os; os._exit(5)", CellStatus.ERROR, 5, False),
        ("answer = 1\nraise ValueError", CellStatus.ERROR, 1, False),
        ("answer = 1\nimport os; os.abort()", CellStatus.KILLED, -6, False),
        ("answer = 1\nimport os; os.kill(os.getpid(), 9)", CellStatus.KILLED, -9, False),
        ("import ctypes; ctypes.string_at(0)", CellStatus.KILLED, -11, False),
        ("import os; os.closerange(0, 1000)", CellStatus.OK, 0, False),
    ],
)
async def test_how_cells_end(run, code, status, exit_code, has_answer):
    result = await run(code)
    assert (result.status, result.exit_code, result.has_answer) == (status, exit_code, has_answer)
    assert (await run("print(1)")).stdout == "1\n"


async def test_shell(run):
    result = await run("echo $((6 * 7)); echo bad >&2; exit 4", language="shell")
    assert (result.status, result.exit_code, result.stdout, result.stderr) == (CellStatus.ERROR, 4, "42\n", "bad\n")
    result = await run("set -o pipefail; yes | head -1; python -c 'import pandas; print(1)'", language="shell")
    assert result.stdout == "y\n1\n"


async def test_each_cell_is_a_fresh_process_in_a_shared_directory(run):
    await run(
        "import pandas, builtins\nx = 1\npandas.DataFrame = None\nbuiltins.len = None\nopen('f.txt', 'w').write('kept')"
    )
    result = await run("import pandas\nprint(open('f.txt').read(), 'x' in dir(), pandas.DataFrame is None, len('ab'))")
    assert result.stdout == "kept False False 2\n"


async def test_modules_in_the_working_directory_can_be_imported_but_poison_nothing(run, sandbox):
    await sandbox.put({"mine.py": b"value = 7", "pandas.py": b"raise SystemExit(9)", "json.py": b"raise SystemExit(9)"})
    result = await run("import mine, json, pandas\nanswer = [mine.value, pandas.Series([1]).sum()]")
    assert result.answer == [7, 1]


async def test_the_environment_is_the_documented_one(run):
    result = await run("import os\nanswer = dict(os.environ), os.getcwd(), os.getuid(), __name__")
    environment, directory, uid, name = result.answer
    assert set(environment) - {"LD_LIBRARY_PATH"} == {
        "PATH", "HOME", "TMPDIR", "LANG", "TZ", "MPLBACKEND", "MPLCONFIGDIR", "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONNOUSERSITE",
    }  # fmt: skip
    assert (directory, uid, name) == ("/work", 10_001, "__main__")


async def test_the_packages_of_the_benchmarks_are_there(run):
    modules = "numpy pandas scipy sklearn skimage statsmodels lifelines Bio networkx matplotlib.pyplot pysam sqlite3"
    result = await run(
        f"import importlib\nfor name in '{modules}'.split(): importlib.import_module(name)\n"
        "import numpy\nanswer = numpy.__version__",
        cpu_s=100,
        wall_s=200,
    )
    assert result.status is CellStatus.OK, result.stderr
    assert result.answer.startswith("1.")


async def test_random_numbers_differ_and_hashes_do_not(run):
    code = "import random, numpy\nanswer = [random.random(), numpy.random.rand()]\nprint(hash('a'))"
    first, second = await run(code), await run(code)
    assert first.answer[0] != second.answer[0]
    assert first.answer[1] != second.answer[1]
    assert first.stdout == second.stdout


async def test_threads_and_exit_handlers_are_waited_for(run):
    result = await run(
        "import atexit, threading, time\natexit.register(print, 'bye')\n"
        "def late():\n    global answer\n    time.sleep(0.05); answer = 5\nthreading.Thread(target=late).start()"
    )
    assert (result.stdout, result.answer) == ("bye\n", 5)


async def test_a_pool_of_processes_works(run):
    result = await run(
        "from multiprocessing import Pool\ndef f(x): return x * x\n"
        "if __name__ == '__main__':\n    with Pool(2) as pool: answer = pool.map(f, range(4))"
    )
    assert result.answer == [0, 1, 4, 9], result.stderr


async def test_only_the_cell_itself_answers(run):
    result = await run(
        "import os\nchild = os.fork()\nif child: os.waitpid(child, 0)\nanswer = 'cell' if child else 'child'"
    )
    assert result.answer == "cell"


async def test_put(run, sandbox):
    big = bytes(range(256)) * 40_000
    await sandbox.put({"a/b/c.bin": big, "empty": b"", "x.py": b"v = 1"})
    await sandbox.put({"x.py": b"v=2"})
    result = await run(
        "import hashlib, x\nanswer = [hashlib.sha256(open('a/b/c.bin', 'rb').read()).hexdigest()]\n"
        "answer += [open('empty').read(), x.v]"
    )
    assert result.answer == [hashlib.sha256(big).hexdigest(), "", 2]


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "", "a\0b"])
async def test_put_stays_below_the_working_directory(sandbox, run, path):
    with pytest.raises(SandboxError, match="not a path below"):
        await sandbox.put({path: b""})
    assert (await run("print(1)")).stdout == "1\n"


async def test_put_follows_no_link_and_waits_for_no_fifo(sandbox, run):
    await run("import os\nos.symlink('/tmp/target', 'link')\nos.symlink('/tmp', 'dir')\nos.mkfifo('fifo')")
    for path in ("link", "dir/file", "fifo"):
        with pytest.raises(SandboxError, match="could not write"):
            await sandbox.put({path: b"data"})
    assert (await run("import os\nanswer = os.listdir('/tmp')")).answer == []


async def test_debug_report(run):
    code = (
        "import pandas as pd\nframe = pd.DataFrame({'a': [1, 2]})\nlong = 'x' * 1000\n\n"
        "def mean(frame, column):\n    return frame[column].mean()\n\nmean(frame, 'b')\n"
    )
    plain, debugged = await run(code), await run(code, debug=True)
    assert debugged.stderr.startswith(plain.stderr)
    report = debugged.stderr.removeprefix(plain.stderr)
    assert report.splitlines()[0] == "--- debug: line 6 in mean(): return frame[column].mean()"
    assert "    column = 'b'" in report
    assert "frame = <DataFrame 2 rows, columns ['a']>" in report
    assert all(len(line) < 200 for line in report.splitlines())


async def test_debug_report_survives_hostile_values(run):
    code = "class Bad:\n    def __repr__(self): raise SystemExit(3)\nbad = Bad()\nanswer = 1\nbad + 1"
    result = await run(code, debug=True)
    assert (result.status, result.exit_code) == (CellStatus.ERROR, 1)


async def test_debug_changes_nothing_else(run):
    result = await run("answer = 1", debug=True)
    assert (result.status, result.stderr, result.answer) == (CellStatus.OK, "", 1)

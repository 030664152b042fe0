"""What a cell leaves for the next one to stumble over: only files of the working directory may be met again."""

import pytest

from medgym_ray.sandboxes.base import CellStatus

POISON = {
    "builtins-and-environment": """
import builtins, os
for name in ("LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "BASH_ENV",
             "ENV", "PATH", "IFS", "PYTHONWARNINGS", "PYTHONBREAKPOINT", "GCONV_PATH", "LD_AUDIT", "PROMPT_COMMAND"):
    os.environ[name] = "/work/medlar"; os.putenv(name, "/work/medlar")
for name in ("len", "print", "open", "__import__", "compile", "exec", "isinstance", "getattr", "str", "dict"):
    setattr(builtins, name, None)
""",
    "libraries": """
import codecs, io, json, numpy, os, pandas, sys, threading, traceback
pandas.DataFrame = pandas.Series = numpy.mean = lambda *a, **k: "FORGED"
numpy.random.seed(1); numpy.seterr(all="raise"); numpy.set_printoptions(precision=0)
for name in list(vars(pandas)): delattr(pandas, name) if name[0] != "_" else None
json.dumps = json.loads = lambda *a, **k: "FORGED"
json.JSONEncoder.encode = json.JSONEncoder.iterencode = lambda *a, **k: "FORGED"
for module in (os, io, threading, traceback, codecs):
    for name in dir(module):
        if not name.startswith("__"): setattr(module, name, None)
""",
    "the-whole-interpreter": """
import gc, sys
sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None); sys.setrecursionlimit(50)
sys.meta_path.clear(); sys.path[:] = ["/work"]; sys.stdout = sys.stderr = None; sys.excepthook = None
sys.unraisablehook = None; sys.displayhook = None; gc.disable()
sys.modules.clear()
""",
    "what-it-is-encoded-with": """
import sys
for name, module in list(sys.modules.items()):
    if name.endswith(("answer", "cell", "wire")):
        for key in list(vars(module)): setattr(module, key, None)
frame = sys._getframe()
while frame is not None:
    if frame.f_globals.get("__name__", "").startswith("supervisor"):
        for key in list(frame.f_globals):
            if key not in ("_exit",): frame.f_globals[key] = None
    frame = frame.f_back
""",
    "attributes": """
import ctypes, fcntl, os, resource, signal, sys, tempfile
os.umask(0); os.chdir("/"); os.nice(5); os.sched_setaffinity(0, {0})
for name in ("AS", "NOFILE", "FSIZE", "CPU", "STACK", "DATA"):
    kind = getattr(resource, "RLIMIT_" + name); resource.setrlimit(kind, (1 << 20, resource.getrlimit(kind)[1]))
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for number in (1, 2, 13, 14, 15, 17, 23): signal.signal(number, lambda *a: None)
ctypes.CDLL(None).prctl(15, b"medlar", 0, 0, 0)  # its name
for fd in (0, 1, 2, 250):
    fcntl.fcntl(fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND)
    try: fcntl.fcntl(fd, 1031, 4096)
    except OSError: pass
tempfile.tempdir = "/work"; os.set_inheritable(250, True)
""",
}


@pytest.mark.parametrize("code", POISON.values(), ids=POISON)
async def test_poison_in_the_process(run, code):
    result = await run(code + "\nanswer = 7")
    assert result.status in (CellStatus.OK, CellStatus.ERROR)
    assert result.answer in (7, None)
    again = await run(
        "import json, os, numpy, pandas, builtins, sys\nopen('here', 'w').close()\n"
        "print(len('abc'), json.dumps([1]), pandas.DataFrame({'a': [1, 2]}).a.mean(), numpy.mean([1.0, 3.0]))\n"
        "answer = [os.getcwd(), sorted(name for name in os.environ if 'medlar' in os.environ[name])]"
    )
    assert (again.status, again.stdout, again.answer) == (CellStatus.OK, "3 [1] 1.5 2.0\n", ["/work", []])
    shell = await run("umask; ulimit -n; echo $0", language="shell")
    assert shell.stdout == "0022\n256\nbash\n"


SHADOWS = """
import os
bomb = "import os; os.write(1, b'SPRUNG'); os._exit(99)"
modules = "json os sys io re numpy pandas sitecustomize usercustomize encodings codecs threading site supervisor"
for place in ("/work", "/tmp", "/tmp/.local/lib/python3.11/site-packages", "/work/.local/lib/python3.11/site-packages"):
    os.makedirs(place, exist_ok=True)
    for name in modules.split():
        with open(f"{place}/{name}.py", "w") as file: file.write(bomb)
    os.makedirs(place + "/pandas", exist_ok=True)
    for name in ("medlar.pth", "python311._pth", "pandas/__init__.py", "__init__.py", "__main__.py"):
        with open(f"{place}/{name}", "w") as file: file.write(bomb)
    for name in ("pyvenv.cfg", "pybuilddir.txt"):
        with open(f"{place}/{name}", "w") as file: file.write("home = /work\\ninclude-system-site-packages = true\\n")
"""
DOTFILES = """
cd "$HOME"
for name in .bashrc .bash_profile .profile .bash_login .bash_logout .inputrc .pythonrc .pythonrc.py .pdbrc; do
    echo 'echo SPRUNG; exit 99' > $name; cp $name /work/
done
mkdir -p .config/matplotlib .matplotlib .config/pip .ipython .ssh
echo 'backend: SPRUNG' | tee .matplotlib/matplotlibrc .config/matplotlib/matplotlibrc /work/matplotlibrc >/dev/null
echo '[global]' > .config/pip/pip.conf
printf '#!/bin/sh\\necho SPRUNG\\n' | tee date python python3 bash cat sleep >/dev/null
chmod +x date python python3 bash cat sleep; cp date python python3 bash cat sleep /work/
alias cat='echo SPRUNG'; export BASH_ENV=/work/.bashrc ENV=/work/.bashrc PROMPT_COMMAND='echo SPRUNG'
function cd() { echo SPRUNG; }; export -f cd
set -o errexit; ulimit -n 10; umask 777; trap 'echo SPRUNG' EXIT; exec 1>&-
"""


@pytest.mark.parametrize(("language", "trap"), [("python", SHADOWS), ("shell", DOTFILES)], ids=["modules", "dotfiles"])
async def test_traps_in_files(run, language, trap):
    await run(trap, language=language)
    result = await run("import json, re, numpy, pandas\nprint(json.dumps([int(pandas.Series([1]).sum())]))\nanswer = 1")
    assert (result.status, result.stdout, result.stderr, result.answer) == (CellStatus.OK, "[1]\n", "", 1)
    result = await run("date +here; cat /dev/null; sleep 0; bash -c 'echo inner'; cd /; pwd", language="shell")
    assert (result.status, result.stdout, result.stderr) == (CellStatus.OK, "here\ninner\n/\n", "")
    # Inside the trapped directory a new interpreter meets it, by Python's own rule; from outside it does not.
    result = await run("cd /; python -c 'import json, pandas; print(json.dumps([1]))'", language="shell")
    assert (result.status, result.stdout) == (CellStatus.OK, "[1]\n")


async def test_traps_in_compiled_files(run):
    code = """
import importlib.util, os, py_compile, sys
for name in ("json", "pandas", "mine"):
    with open(f"{name}.py", "w") as file: file.write("print('SPRUNG')")
    py_compile.compile(f"{name}.py")
for path in sys.path[1:]:
    for target in (path, path + "/pandas", path + "/json/__pycache__"):
        try: open(target + "/medlar.pyc", "wb").close(); print("WROTE", target)
        except OSError: pass
"""
    assert (await run(code)).stdout == ""
    assert (await run("import json, pandas, mine")).stdout == "SPRUNG\n"  # of the three, the one that was its own


async def test_random_numbers_are_not_the_last_cell_s(run):
    code = "import random, numpy, uuid\nanswer = [random.random(), numpy.random.rand(), str(uuid.uuid4())]"
    first, second = await run("import random, numpy\nrandom.seed(1); numpy.random.seed(1)\n" + code), await run(code)
    assert not set(first.answer) & set(second.answer)


UNFINISHED = """
import multiprocessing, os, tempfile, time
from multiprocessing.shared_memory import SharedMemory
held = SharedMemory("medlar", True, 99)
lock = multiprocessing.Lock()
lock.acquire()
directory = tempfile.mkdtemp()
"""
POOL = """
import os
from multiprocessing import Pool
def f(x): return x + 1
with Pool(2) as pool: answer = pool.map(f, [1])
for name in os.listdir("/dev/shm"): os.unlink("/dev/shm/" + name)
"""


async def test_nothing_stops_after_an_unfinished_cell(run):
    for end in ("os._exit(1)", "os.kill(os.getpid(), 9)", "time.sleep(99)"):
        await run(UNFINISHED + end, wall_s=0.5)
        assert (await run(POOL)).answer == [2]

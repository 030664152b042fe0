"""What a cell must not learn: of this machine, of the other episodes, of what is compared with its answer."""

import dataclasses
import getpass
import re
import socket
from pathlib import Path

from medgym_ray.sandboxes.base import CellStatus
from tests.conftest import REPOSITORY

SEARCH = r"""
import os, re
pattern = re.compile(b"[Q]uintessential[M]armalade|[w]hortleberry-[0-9a-f]{16}")  # does not find itself
answer = 0
def search(pid):
    found = 0
    try: lines = open(f"/proc/{pid}/maps").readlines()
    except OSError: return 0
    for line in lines:
        span, mode = line.split()[:2]
        if mode[0] != "r" or line.rstrip().endswith("[vvar]"): continue
        start, end = (int(number, 16) for number in span.split("-"))
        try:
            with open(f"/proc/{pid}/mem", "rb", 0) as memory:
                while start < end:
                    memory.seek(start)
                    found += len(pattern.findall(memory.read(min(end - start, 1 << 24))))
                    start += 1 << 24
        except (OSError, OverflowError, ValueError): pass
    return found
answer = sum(search(pid) for pid in os.listdir("/proc") if pid.isdigit())
for name in ("environ", "cmdline"):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try: answer += len(pattern.findall(open(f"/proc/{pid}/{name}", "rb").read()))
        except OSError: pass
"""


async def test_no_file_of_the_machine_has_its_name_here(run, sandbox, canary):
    """By name, through everything that can be reached; names of this repository, its data and the engine's too."""
    data = {path.name for path in (REPOSITORY / "data").rglob("*") if path.is_file() and path.suffix != ".md"}
    names = {canary, "docker.sock", "containerd.sock", "trajectory.py", *data}
    code = f"""
import os
names, answer, seen = {names!r}, [], set()
todo = ["/"]
for pid in filter(str.isdigit, os.listdir("/proc")):
    todo += [f"/proc/{{pid}}/{{name}}" for name in ("root", "cwd")]
    try: todo += [f"/proc/{{pid}}/fd/{{fd}}" for fd in os.listdir(f"/proc/{{pid}}/fd")]
    except OSError: pass
while todo:
    top = todo.pop()
    try:
        state = os.stat(top)
        if (state.st_dev, state.st_ino) in seen: continue
        seen.add((state.st_dev, state.st_ino))
        with os.scandir(top) as entries: entries = list(entries)
    except OSError: continue
    for entry in entries:
        if entry.name in names: answer.append(entry.path)
        if entry.is_dir(follow_symlinks=False) and not (top == "/" and entry.name == "proc"): todo.append(entry.path)
print(len(seen))
"""
    result = await run(code, cpu_s=100, wall_s=100)
    assert (result.status, result.answer) == (CellStatus.OK, [])
    assert int(result.stdout) > 500
    await sandbox.put({f"a/b/{canary}": b""})
    found = (await run(code, cpu_s=100, wall_s=100)).answer
    assert [path.endswith(f"/a/b/{canary}") for path in found] == [True]  # it does find what there is


async def test_no_file_of_the_machine_can_be_read(run, canary):
    paths = [str(Path(place, canary)) for place in ("/tmp", "/var/tmp", "/dev/shm", Path.home())]
    paths += [str(Path(__file__).resolve()), str(REPOSITORY), "/var/run/docker.sock", "/run/docker.sock"]
    paths += ["/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/machine-id", "/var/lib/docker", "/var/log/syslog"]
    paths += ["/proc/1/mem", "/proc/1/fd/3", "/proc/1/root/etc", "/proc/1/cwd", "/var/lib/dhcp", "/run/secrets"]
    code = f"""
import os
answer = []
for path in {paths!r}:
    for look in (lambda: open(path, "rb").read(1), lambda: os.listdir(path)):
        try:
            if look(): answer.append(path)
        except OSError: pass
"""
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, [])


async def test_nothing_says_whose_machine_it_is(run, canary, backend):
    code = """
import os, platform, sys
def text(path):
    try:
        with open(path, errors="replace") as file: return file.read()
    except OSError: return ""
for path in ("/proc/self/mountinfo", "/proc/self/mounts", "/proc/self/cgroup", "/proc/self/environ", "/proc/self/maps",
             "/proc/1/environ", "/proc/1/cmdline", "/proc/1/cgroup", "/proc/1/mountinfo", "/proc/keys", "/proc/locks",
             "/etc/hostname", "/etc/hosts", "/etc/passwd", "/etc/group", "/etc/resolv.conf", "/etc/mtab",
             "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname", "/proc/net/unix", "/proc/key-users"):
    print(path, text(path))
print(os.environ, sys.path, sys.argv, sys.prefix, sys.executable, platform.node(), os.uname().nodename)
print([getattr(module, "__file__", "") for module in list(sys.modules.values())])
import json, numpy, pandas, traceback
for act in (lambda: pandas.DataFrame()["medlar"], lambda: json.loads("{"), lambda: numpy.linalg.inv([[0]])):
    try: act()
    except Exception: print(traceback.format_exc())
"""
    result = await run(code, output_bytes=1 << 22)
    assert (result.status, result.truncated) == (CellStatus.OK, False)
    home, user, name = str(Path.home()), getpass.getuser(), socket.gethostname()
    words = [canary, str(REPOSITORY), f"{home}/"]
    words += [rf"(?<=[\s='\"@]){re.escape(name)}(?=[\s.'\"])"] if name not in ("localhost", "sandbox") else []
    words += [rf"\b{re.escape(user)}\b"] if user not in ("root", "cell", "nobody", "user") else []
    if backend == "namespace":
        # Where on this machine the interpreter and its packages lie is the one thing that the kernel tells of a bind.
        result = dataclasses.replace(result, stdout=re.sub(r"(?m)^.* - \w+ /dev/\S+ .*$", "", result.stdout))
    lines = [line for word in words for line in result.stdout.splitlines() if re.search(word, line)]
    assert lines == []


async def test_the_environment_is_the_documented_one(run):
    names = {
        "PATH", "HOME", "TMPDIR", "LANG", "TZ", "MPLBACKEND", "MPLCONFIGDIR", "OMP_NUM_THREADS", "LD_LIBRARY_PATH",
        "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "PYTHONNOUSERSITE",
    }  # fmt: skip
    result = await run("import os\nanswer = sorted(os.environ)")
    assert set(result.answer) <= names
    result = await run("env -0 | cut -z -d= -f1 | tr '\\0' ' '", language="shell")
    assert set(result.stdout.split()) <= names | {"SHLVL", "PWD", "OLDPWD", "_"}


async def test_the_memory_holds_nothing_of_the_machine_or_an_earlier_episode(run, sandbox, canary):
    word = "QuintessentialMarmalade"
    await sandbox.put({"file": word.encode() * 100, f"{word}.csv": b""})
    await run(f"print('{word}')\nanswer = '{word}' * 50\nheld = ['{word}' + str(n) for n in range(1000)]")
    await run(f"raise ValueError('{word}')", debug=True)
    await run(f"echo {word}; exit 3", language="shell")
    await sandbox.reset()
    result = await run(SEARCH, cpu_s=30, wall_s=60)
    assert (result.status, result.answer) == (CellStatus.OK, 0)
    # Not for want of looking.
    assert (await run("held = ''.join(['Quintessential', 'Marmalade'])\n" + SEARCH, cpu_s=30, wall_s=60)).answer > 0


async def test_memory_given_back_to_the_kernel_comes_clean(run):
    await run("held = [bytes([81]) * (1 << 20) for _ in range(100)]")
    code = """
import mmap, os
page = mmap.mmap(-1, 64 << 20)
answer = page.read().strip(b"\\0") == b""
for _ in range(50):
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try: answer = answer and not os.read(reader, 65536)
    except BlockingIOError: pass
"""
    assert (await run(code)).answer is True


async def test_other_processes_tell_nothing(run, gvisor):
    code = """
import os
answer = []
for pid in [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]:
    for name in ("mem", "maps", "smaps", "environ", "auxv", "pagemap", "syscall", "stack", "personality", "exe"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                if file.read(1): answer.append(name)
        except OSError: pass
"""
    result = await run(code)
    # gVisor shows everybody what a program was started with and where it lies (there is nothing in it: see above).
    assert set(result.answer) <= ({"maps", "smaps", "environ", "auxv"} if gvisor else set())

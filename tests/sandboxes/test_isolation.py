"""What a cell cannot reach: the supervisor, the machine, the network, other episodes."""

import os
import socket
import threading
from pathlib import Path

import pytest
import pytest_asyncio

from medgym_ray.sandboxes.base import CellStatus


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def next_cell_works(run):
    yield
    result = await run("answer = 1")
    assert (result.status, result.answer) == (CellStatus.OK, 1)


async def refused(run, calls):
    """Each call must fail with an OSError of whatever kind; tells those that did not."""
    code = "import os, socket, signal, ctypes\nanswer = []\n"
    for call in calls:
        code += f"try:\n    {call}\n    answer.append({call!r})\nexcept (OSError, ValueError): pass\n"
    result = await run(code)
    assert result.has_answer, result.stderr or result.answer_error or result.status
    return result.answer


async def test_no_network(run):
    reached = []
    with socket.create_server(("0.0.0.0", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
        port = server.getsockname()[1]
        name = f"\0medgym-test-{os.getpid()}"
        abstract.bind(name)
        abstract.listen()
        server.settimeout(0.1)
        thread = threading.Thread(target=lambda: reached.append(_accept(server)))
        calls = [f"socket.create_connection(({host!r}, {port}), 0.5)" for host in _addresses()]
        calls += [f"socket.socket(socket.AF_UNIX).connect({name!r})"]
        calls += ["socket.getaddrinfo('example.org', 80)", "socket.create_connection(('192.0.2.1', 80), 0.5)"]
        calls += ["socket.socket(40, 1)", "socket.socket(17, 3)", "socket.socket(38, 5)"]
        assert await refused(run, calls) == []
        thread.start()
        thread.join()
    assert reached == [None]


def _addresses():
    return ["127.0.0.1", "172.17.0.1", *{info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}]


def _accept(server):
    try:
        return server.accept()
    except TimeoutError:
        return None


async def test_no_file_of_the_machine(run):
    secret = Path(__file__).resolve()
    paths = [
        str(secret),
        str(Path.cwd()),
        "/var/run/docker.sock",
        "/run/docker.sock",
        "/dev/kvm",
        "/dev/vda",
        "/dev/sda",
    ]
    paths += [
        "/etc/shadow",
        "/home/user",
        "/proc/1/environ",
        "/proc/1/mem",
        "/proc/1/maps",
        "/proc/1/fd/0",
        "/proc/kcore",
    ]
    result = await run(
        f"answer = []\nfor path in {paths!r}:\n    try: open(path, 'rb').read(1); answer.append(path)\n"
        "    except IsADirectoryError: answer.append(path)\n    except OSError: pass"
    )
    assert result.answer == []


async def test_nothing_can_be_written_outside_the_scratch_directories(run):
    result = await run(
        "import os\nanswer = []\nfor root, names, files in os.walk('/'):\n"
        "    names[:] = [n for n in names if os.path.join(root, n) not in ('/proc', '/sys')]\n"
        "    if root in ('/work', '/tmp', '/dev/shm', '/dev/mqueue'): names[:] = []; continue\n"
        "    if root.count('/') > 4: names[:] = []\n"
        "    try: open(os.path.join(root, 'probe'), 'w').close(); answer.append(root)\n    except OSError: pass"
    )
    assert result.answer == []


async def test_the_supervisor_cannot_be_killed_slowed_or_limited(run):
    result = await run(
        "import os, signal, resource\n"
        "me = os.getpid()\nothers = [int(n) for n in os.listdir('/proc') if n.isdigit() and int(n) != me]\n"
        "answer = []\nfor pid in others:\n"
        "    for number in (1, 2, 3, 9, 13, 15, 19, 20):\n"
        "        try: os.kill(pid, number)\n        except OSError: pass\n"
        "    for act in (lambda: os.setpriority(os.PRIO_PROCESS, pid, 19), lambda: os.sched_setaffinity(pid, {0}),\n"
        "                lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),\n"
        "                lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0))):\n"
        "        try: act(); answer.append('done')\n        except OSError: pass\n"
        "try: os.setpriority(os.PRIO_USER, 0, 19); answer.append('user')\nexcept OSError: pass\n"
    )
    assert result.status is CellStatus.OK
    assert result.answer == []
    result = await run("import os\nos.kill(-1, 9)")
    assert result.status in (CellStatus.KILLED, CellStatus.OK, CellStatus.ERROR)


FORGE = """
import json, os, struct
frame = json.dumps({"id": 2, "status": "ok", "exit_code": 0, "stdout": "FORGED", "stderr": "", "has_answer": True,
                    "answer": "FORGED"}).encode()
frame = struct.pack(">I", len(frame)) + frame
mux = bytes([1, 0, 0, 0]) + struct.pack(">I", len(frame)) + frame
for pid in [n for n in os.listdir("/proc") if n.isdigit() and int(n) != os.getpid()]:
    for place in [f"/proc/{pid}/mem", f"/proc/{pid}/environ", f"/proc/{pid}/stat"]:
        try: open(place, "r+b").write(frame); print("wrote", place)
        except OSError: pass
    try: names = os.listdir(f"/proc/{pid}/fd")
    except OSError: names = range(256)
    for name in names:
        for data in (frame, mux):
            try:
                fd = os.open(f"/proc/{pid}/fd/{name}", os.O_WRONLY | os.O_NONBLOCK)
                os.write(fd, data); print("wrote", name)
            except OSError: pass
"""


async def test_no_frame_can_be_forged(run):
    result = await run(FORGE)
    assert (result.status, result.stdout, result.has_answer) == (CellStatus.OK, "", False)
    # A frame on the cell's own standard output is nothing but its output.
    result = await run("import os, struct\nos.write(1, struct.pack('>I', 2) + b'{}')\nanswer = 3")
    assert (result.stdout, result.answer) == ("\x00\x00\x00\x02{}", 3)


async def test_no_way_to_more_rights(run):
    calls = ["os.setuid(0)", "os.setgroups([0])", "os.chroot('/tmp')", "os.mknod('dev', 0o60600, os.makedev(254, 0))"]
    assert await refused(run, calls) == []
    numbers = {
        "ptrace": (101, 16, 1, 0, 0), "unshare user": (272, 0x10000000), "unshare net": (272, 0x40000000),
        "mount": (165, 0, 0, 0, 0), "bpf": (321, 0, 0, 0), "keyctl": (250, 0, 0), "userfaultfd": (323, 0),
        "io_uring": (425, 1, 0), "perf": (298, 0, 0, 0, 0), "clone new user": (56, 0x10000011, 0, 0, 0),
        "pidfd_getfd": (438, 3, 0, 0), "process_vm_readv": (310, 1, 0, 0, 0, 0), "shmget": (29, 1, 4096, 0o1600),
        "msgget": (68, 1, 0o1600), "setns": (308, 0, 0),
    }  # fmt: skip
    result = await run(
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nanswer = []\n"
        f"for name, arguments in {numbers!r}.items():\n"
        "    done = libc.syscall(*(ctypes.c_long(a) for a in arguments))\n"
        "    if done == 0 and name.startswith('clone'): import os; os._exit(0)\n"
        "    if done != -1 or ctypes.get_errno() not in (1, 38): answer.append([name, ctypes.get_errno()])"
    )
    assert result.answer == []


async def test_setuid_programs_are_powerless(run):
    result = await run(
        "su -c id root </dev/null; mount -t tmpfs x /tmp; grep NoNewPrivs /proc/self/status", language="shell"
    )
    assert "NoNewPrivs:\t1" in result.stdout
    assert "uid=0" not in result.stdout


LITTER = """
import os, socket, sys
os.chdir('/work')
sys.setrecursionlimit(10_000)
for _ in range(1500):
    os.mkdir('deep'); os.chdir('deep')
os.chdir('/work')
os.mkdir('locked'); open('locked/file', 'w').close(); os.chmod('locked', 0)
for name in ('-rf', 'a\\nb', '*', ' ', '\\udcff'): open('/tmp/' + name, 'w').close()
os.mkfifo('/tmp/fifo'); os.symlink('/', '/work/link'); os.symlink('loop', '/work/loop')
socket.socket(socket.AF_UNIX).bind('/work/socket')
open('/dev/shm/kept', 'w').write('SECRET')
os.mkdir('/work/.wipe-1-1')
if os.fork() == 0:
    import time
    while True: time.sleep(1)
"""


async def test_a_reset_leaves_nothing(run, sandbox):
    assert (await run(LITTER)).status is CellStatus.OK
    await sandbox.reset()
    result = await run(
        "import os\nanswer = [os.listdir(d) for d in ('/work', '/tmp', '/dev/shm')] + "
        "[sum(n.isdigit() for n in os.listdir('/proc')) <= 3]"
    )
    assert result.answer == [[], [], [], True]


SEARCH = """
import re
pattern = re.compile(b"[Q]uintessential[M]armalade")  # does not find itself
answer = 0
for line in open("/proc/self/maps"):
    span, mode = line.split()[:2]
    if not mode.startswith("rw"): continue
    start, end = (int(number, 16) for number in span.split("-"))
    with open("/proc/self/mem", "rb", 0) as memory:
        memory.seek(start)
        try: answer += len(pattern.findall(memory.read(end - start)))
        except OSError: pass
"""


async def test_a_reset_leaves_nothing_in_memory_either(run, sandbox):
    word = "QuintessentialMarmalade"
    await sandbox.put({"file": word.encode() * 100})
    await run(f"print('{word}')\nanswer = '{word}' * 50")
    await sandbox.reset()
    assert (await run(SEARCH)).answer == 0


async def test_sandboxes_do_not_see_each_other(run, factory):
    other = await factory.create()
    try:
        from medgym_ray.sandboxes.base import Cell

        await run("import os\nopen('/tmp/mine', 'w').close(); open('/dev/shm/mine', 'w').close()")
        result = await other.run(Cell("import os\nanswer = [os.listdir(d) for d in ('/work', '/tmp', '/dev/shm')]"))
        assert result.answer == [[], [], []]
    finally:
        await other.close()


async def test_a_closed_sandbox_says_so(factory):
    from medgym_ray.errors import SandboxError
    from medgym_ray.sandboxes.base import Cell

    sandbox = await factory.create()
    await sandbox.close()
    await sandbox.close()
    with pytest.raises(SandboxError, match="closed"):
        await sandbox.run(Cell("1"))

"""Files that fill, outgrow, escape, or cannot be wiped; and writing them where the host writes."""

import pytest

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import CellStatus

SCRATCH = ("/work", "/tmp", "/dev/shm")


@pytest.mark.parametrize("path", SCRATCH)
async def test_full_disk(run, path):
    code = f"""
import errno
answer = 0
try:
    while answer < 64:
        with open(f"{path}/{{answer}}", "wb") as file: file.write(bytes(16 << 20))
        answer += 1
except OSError as error:
    if error.errno != errno.ENOSPC: raise
"""
    result = await run(code)
    # Files count as memory, which may run out first.
    assert result.status in (CellStatus.OK, CellStatus.MEMORY_LIMIT)
    if result.status is CellStatus.OK:
        assert result.answer == {"/work": 16, "/tmp": 4, "/dev/shm": 4}[path]


@pytest.mark.parametrize("path", SCRATCH)
async def test_files_without_end(run, path):
    code = f"number = 0\nwhile True:\n    open(f'{path}/{{number}}', 'w').close()\n    number += 1"
    result = await run(code, cpu_s=1.5)
    if result.status is CellStatus.ERROR:
        assert "No space left on device" in result.stderr
    else:  # where there is no limit of their number, memory and time are the limits
        assert result.status in (CellStatus.TIMEOUT, CellStatus.MEMORY_LIMIT)


HUGE = {
    "written": "with open('big', 'wb') as file: file.write(bytes(3 << 20))",
    "sparse": "with open('big', 'wb') as file: file.truncate(1 << 40)",
    "past-the-end": "with open('big', 'wb') as file: file.seek(1 << 40); file.write(b'x')",
    "allocated": "import os\nos.posix_fallocate(os.open('big', os.O_RDWR | os.O_CREAT), 0, 1 << 40)",
    "shared-memory": "open('/dev/shm/big', 'wb').truncate(1 << 40)",
}


async def test_huge_files(run):
    for name, code in HUGE.items():
        result = await run(code, file_mb=2)
        assert (result.status, result.exit_code) == (CellStatus.ERROR, 1), name
        assert "File too large" in result.stderr, name
    result = await run("head -c 3000000 /dev/zero > big; wc -c < big", language="shell", file_mb=2)
    assert result.stdout.split()[-1] == str(2 << 20)


async def test_nothing_can_be_written_outside_the_scratch_directories(run):
    code = """
import os, stat
answer = []
def tried(path, flags):
    try: os.close(os.open(path, flags)); answer.append(path)
    except OSError: pass
todo = ["/"]
while todo:
    top = todo.pop()
    if top in ("/work", "/tmp", "/dev/shm", "/dev/mqueue", "/proc", "/sys"): continue
    tried(top + "/medlar", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try: entries = list(os.scandir(top))
    except OSError: continue
    todo += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    for path in [entry.path for entry in entries if stat.S_ISREG(os.lstat(entry.path).st_mode)][:3]:
        tried(path, os.O_WRONLY | os.O_APPEND)
"""
    result = await run(code, cpu_s=60, wall_s=60)
    assert (result.status, result.answer) == (CellStatus.OK, [])


async def test_no_setting_of_the_kernel_can_be_written(run, gvisor):
    code = """
import os
answer = []
for top in ("/proc/sys", "/sys", "/proc/irq", "/proc/fs", "/proc/bus", "/proc/driver", "/proc/acpi"):
    for root, directories, files in os.walk(top):
        for name in files:
            path = os.path.join(root, name)
            try:
                # Some may be opened by everyone, and refuse what is written then.
                with open(path, "r+b", 0) as file: file.write(file.read(4096)); answer.append(path)
            except OSError: pass
for path in ("sysrq-trigger", "kcore", "kmsg", "1/oom_score_adj", "1/mem", "self/uid_map", "self/gid_map", "mtrr"):
    try:
        with open("/proc/" + path, "r+b", 0) as file: file.write(b"0"); answer.append(path)
    except OSError: pass
try:
    with open("/proc/self/oom_score_adj", "w") as file: file.write("-1000")
    answer.append("oom_score_adj")
except OSError: pass
"""
    result = await run(code, cpu_s=60, wall_s=60)
    # gVisor kills nobody for memory, so whom it should spare means nothing.
    assert (result.status, result.answer) == (CellStatus.OK, ["oom_score_adj"] if gvisor else [])


async def test_everything_is_removed_that_can_be(run):
    doomed = "/bin/* /dev/* /etc /home /lib64/* /opt/medgym /opt/venv/bin /root /sys /usr/bin /usr/sbin /var /work /tmp"
    code = f"rm -rf --no-preserve-root {doomed} 2>/dev/null; echo $?"
    result = await run(code, language="shell", cpu_s=60, wall_s=60)
    assert (result.status, result.stdout) == (CellStatus.OK, "1\n")


LITTER = {
    "deep": """
import os
for _ in range(3000): os.mkdir("deep"); os.chdir("deep")
open("bottom", "w").close()
""",
    "wide": """
import os
for number in range(4000): os.mkdir(f"/tmp/{number}"); os.mkdir(f"/tmp/{number}/in")
""",
    "locked": """
import os
for top in ("/work", "/tmp", "/dev/shm"):
    os.makedirs(top + "/a/b/c"); open(top + "/a/b/c/file", "w").close()
    for path in ("a/b/c/file", "a/b/c", "a/b", "a"): os.chmod(f"{top}/{path}", 0)
""",
    "scratch-locked": """
import os
for top in ("/tmp", "/dev/shm", "/work"):
    open(top + "/file", "w").close()
    try: os.chmod(top, 0)
    except OSError: pass
""",
    "names-and-kinds": """
import os, socket
for name in ("-rf", "--", "a\\nb", "*", " ", "~", "$(reboot)", "\\udcff", "\\x1b[2J", "x" * 255, ".wipe-1-1", "é"):
    for path in (b"/work/" + os.fsencode(name), b"/tmp/" + os.fsencode(name)):
        os.mkdir(path); open(path + b"/file", "w").close()
os.mkfifo("fifo"); os.symlink("/", "link"); os.symlink("loop", "loop"); os.symlink("/proc/1/root", "root")
open("one", "w").close(); os.link("one", "other"); os.link("one", "/work/third")
socket.socket(socket.AF_UNIX).bind("socket")
os.mknod("white", 0o20600, 0)  # what an overlay takes for "deleted"; anyone may make one
open("sticky", "w").close(); os.chmod("sticky", 0o7777); os.mkdir("set"); os.chmod("set", 0o7000)
""",
    "attributes": """
import fcntl, os
open("kept", "w").close()
for flags in (0x10, 0x20, 0x10 | 0x20):  # immutable, append only
    try: fcntl.ioctl(os.open("kept", os.O_RDONLY), 0x40086602, flags.to_bytes(8, "little"))
    except OSError: pass
for name in ("user.medlar", "trusted.medlar", "security.medlar", "system.posix_acl_access"):
    for path in ("kept", "/work", "/tmp", "/dev/shm"):
        try: os.setxattr(path, name, b"medlar")
        except OSError: pass
""",
    "held": """
import fcntl, mmap, os
file = open("/dev/shm/held", "w+b"); file.write(bytes(1 << 20)); file.flush()
fcntl.flock(file, fcntl.LOCK_EX); fcntl.lockf(file, fcntl.LOCK_EX)
held = mmap.mmap(file.fileno(), 1 << 20)
os.unlink("/dev/shm/held")
try: os.close(os.open("/dev/mqueue/medlar", os.O_CREAT | os.O_RDWR))
except OSError: pass
if os.fork() == 0:
    while True: held[0] = 1
""",
    "tables": """
import sqlite3
for path in ("/work/a.db", "/tmp/a.db", "/dev/shm/a.db"):
    table = sqlite3.connect(path); table.execute("pragma journal_mode=wal")
    table.execute("create table medlar (x)"); table.execute("insert into medlar values (1)"); table.commit()
    table.execute("begin exclusive"); table.execute("insert into medlar values (2)")
import os; os._exit(0)
""",
}


@pytest.mark.parametrize("code", LITTER.values(), ids=LITTER)
async def test_litter(run, code):
    assert (await run(code)).status is CellStatus.OK
    assert (await run("answer = 1")).answer == 1


async def test_put_follows_no_link(sandbox, run):
    await run(
        "import os\nos.symlink('/tmp/target', 'link')\nos.symlink('/tmp', 'directory')\nos.symlink('/etc', 'etc')\n"
        "os.mkfifo('fifo')\nopen('file', 'w').close()\nos.mkdir('locked'); os.chmod('locked', 0)\n"
        "os.symlink('/proc/self/mem', 'memory')\nos.symlink('/proc/1/fd/1', 'stream')"
    )
    for path in ("link", "directory/file", "etc/passwd", "fifo", "file/below", "locked/file", "memory", "stream"):
        with pytest.raises(SandboxError, match="could not write"):
            await sandbox.put({path: b"data"})
    for path in ("/tmp/x", "../tmp/x", "a/../../tmp/x", "directory/../x", "a\0b", ""):
        with pytest.raises(SandboxError, match="not a path below"):
            await sandbox.put({path: b"data"})
    assert (await run("import os\nanswer = [os.listdir('/tmp'), os.path.getsize('file')]")).answer == [[], 0]


async def test_put_into_a_full_disk(sandbox, run):
    await run("for number in range(16):\n    with open(str(number), 'wb') as file: file.write(bytes(16 << 20))")
    with pytest.raises(SandboxError, match="could not write"):
        await sandbox.put({"more": b"x" * (128 << 20)})
    await sandbox.reset()
    await sandbox.put({"more": b"x"})
    assert (await run("answer = open('more').read()")).answer == "x"

"""The kernel's own ways to more rights, and its instruments that outlast or see through a process."""

import platform

import pytest

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellStatus
from tests.hostile.conftest import allow

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="system calls by their number")

CALLS = {
    "namespaces-and-mounts": {
        **{f"unshare {flag:#x}": (272, flag) for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000)},
        **{f"unshare {flag:#x}": (272, flag) for flag in (0x20000000, 0x40000000, 0x80, 0x7E020000)},
        **{f"clone {flag:#x}": (56, flag | 17, 0, 0, 0, 0) for flag in (0x20000, 0x10000000, 0x20000000, 0x40000000)},
        "setns": (308, 0, 0), "clone3": (435, 0, 0), "mount": (165, 0, 0, 0, 0, 0), "umount2": (166, 0, 2),
        "pivot_root": (155, 0, 0), "chroot": (161, 0), "open_tree": (428, -100, 0, 1), "fsopen": (430, 0, 0),
        "move_mount": (429, -1, 0, -1, 0, 0), "fsconfig": (431, -1, 0, 0, 0, 0), "fsmount": (432, -1, 0, 0),
        "fspick": (433, -100, 0, 0), "mount_setattr": (442, -100, 0, 0, 0, 0),
    },
    "identity": {
        "setuid": (105, 0), "setgid": (106, 0), "setreuid": (113, 0, 0), "setresuid": (117, 0, 0, 0),
        "setresgid": (119, 0, 0, 0),
    },
    "instruments-and-keys": {
        "bpf": (321, 0, 0, 0), "perf_event_open": (298, 0, 0, -1, -1, 0), "userfaultfd": (323, 0),
        "userfaultfd user mode": (323, 1), "io_uring_setup": (425, 1, 0), "io_uring_enter": (426, 0, 1, 0, 0, 0),
        "io_uring_register": (427, 0, 0, 0, 0), "fanotify_init": (300, 0, 0), "memfd_secret": (447, 0),
        "name_to_handle_at": (303, -100, 0, 0, 0, 0), "open_by_handle_at": (304, 0, 0, 0),
        "quotactl": (179, 0, 0, 0, 0), "add_key": (248, 0, 0, 0, 0, -3), "request_key": (249, 0, 0, 0, 0),
        "keyctl join": (250, 1, 0), "keyctl get": (250, 0, -3, 1),
    },
    "shared-memory-and-queues": {
        "shmget": (29, 1, 4096, 0o1666), "shmget private": (29, 0, 4096, 0o1600), "shmat": (30, 0, 0, 0),
        "semget": (64, 1, 1, 0o1666), "msgget": (68, 1, 0o1666), "mq_open": (240, 0, 0o102, 0o600, 0),
        "mq_unlink": (241, 0), "memfd_create": (319, 0, 0),
    },
    "machine": {
        "reboot": (169, 0xFEE1DEAD, 672274793, 0x1234567, 0), "syslog": (103, 3, 0, 0), "syslog size": (103, 10, 0, 0),
        "swapon": (167, 0, 0), "sethostname": (170, 0, 0), "setdomainname": (171, 0, 0), "iopl": (172, 3),
        "ioperm": (173, 0, 1, 1), "init_module": (175, 0, 0, 0), "finit_module": (313, -1, 0, 0),
        "delete_module": (176, 0, 0), "kexec_load": (246, 0, 0, 0, 0), "kexec_file_load": (320, -1, -1, 0, 0, 0),
        "acct": (163, 0), "settimeofday": (164, 0, 0), "vhangup": (153,), "personality": (135, 0x0040000),
        "migrate_pages": (256, 0, 0, 0, 0),
    },
}  # fmt: skip


@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS)
async def test_calls_are_refused(run, calls):
    # Not permitted, or no such call; and in a user namespace there is nobody else to become.
    refusals = (1, 38, 22) if "setuid" in calls else (1, 38)
    code = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
answer, here = [], os.getpid()
for name, arguments in {calls!r}.items():
    done = libc.syscall(*map(ctypes.c_long, arguments))
    if os.getpid() != here: os._exit(0)
    if done != -1 or ctypes.get_errno() not in {refusals}: answer.append([name, done, ctypes.get_errno()])
"""
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, [])


# Machine code: mov eax, NUMBER; the instruction; ret.
GATES = {
    "32-bit-calls": b"\xb8\x14\x00\x00\x00\xcd\x80\xc3",
    "sysenter": b"\xb8\x14\x00\x00\x00\x0f\x34\xc3",
    "x32-calls": b"\xb8\x27\x00\x00\x40\x0f\x05\xc3",
}


async def test_other_gates_into_the_kernel_are_shut(sandbox, factory, gvisor, patience):
    """In sandboxes of their own: `sysenter` on Intel's processors ends this gVisor, at once or a little later."""
    for name, gate in GATES.items():
        code = f"""
import ctypes, mmap, os
page = mmap.mmap(-1, 4096, prot=7)
page.write({gate!r})
number = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
print(number == os.getpid())
"""
        own = await factory.create()
        try:
            result = await own.run(Cell(code, limits=allow(patience)))
            assert result.status is CellStatus.KILLED or result.stdout == "False\n", name
        except SandboxError:
            assert gvisor, name
        finally:
            await own.close()


async def test_no_right_and_no_way_to_one(run):
    code = """
import ctypes, os, time
libc = ctypes.CDLL(None, use_errno=True)
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
answer = [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh")] + [int(status.get("CapAmb", "0"), 16)]
answer += [int(status["Seccomp"]), int(status.get("NoNewPrivs", "1")), os.getuid(), os.getgroups()]
# To be without the filter, to have rights kept or raised, to be trusted again.
for option, argument, second in ((22, 0, 0), (38, 0, 0), (28, 0x2f, 0), (47, 2, 21), (24, 21, 0)):
    if libc.prctl(option, argument, second, 0, 0) == 0: answer.append(["prctl", option])
def tried(act):
    try: act(); answer.append("done")
    except OSError: pass
tried(lambda: os.setgroups([0]))
tried(lambda: os.initgroups("root", 0))
tried(lambda: time.clock_settime(time.CLOCK_REALTIME, 0))
tried(lambda: os.chown("/work", 0, 0))
for name, kind, device in (("block", 0o60600, os.makedev(254, 0)), ("character", 0o20600, os.makedev(1, 1))):
    try: os.mknod(name, kind, device)
    except OSError: pass
    tried(lambda: os.open(name, os.O_RDWR))  # gVisor lets them be made, but not opened
open("file", "w").close()
tried(lambda: os.chown("file", 0, 0))
"""
    result = await run(code)
    *rights, groups = result.answer
    assert (result.status, rights) == (CellStatus.OK, [0, 0, 0, 0, 2, 1, 10_001])
    assert groups in ([], [10_001])  # an ordinary user cannot give up groups; their own is the only one with a name


async def test_programs_with_another_s_rights_are_powerless(run):
    code = """
find / -xdev \\( -perm -4000 -o -perm -2000 \\) -type f 2>/dev/null | while read -r program; do
    echo "$program"; timeout 5 "$program" </dev/null >/dev/null 2>&1
done
cp /bin/bash own && chmod 6777 own && ./own -pc 'id -u; id -g'
su -c 'id -u' root </dev/null 2>&1
mount -t tmpfs medlar /tmp 2>&1 && echo mounted
unshare -r id -u 2>/dev/null
grep -E '^Cap(Eff|Prm)' /proc/self/status
"""
    result = await run(code, language="shell", cpu_s=60, wall_s=60)
    lines = result.stdout.splitlines()
    assert "0" not in lines
    assert "mounted" not in lines
    assert lines.count("10001") == 2
    assert {line.split()[1] for line in lines if line.startswith("Cap")} == {"0" * 16}


async def test_devices(run, gvisor):
    code = """
import os, stat
answer = []
harmless = {(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 2)}  # null, zero, full, random, urandom, tty, ptmx
for root, directories, files in os.walk("/"):
    directories[:] = [name for name in directories if os.path.join(root, name) not in ("/proc", "/sys", "/usr", "/opt")]
    for name in files:
        path = os.path.join(root, name)
        try: state = os.stat(path)
        except OSError: continue
        if stat.S_ISBLK(state.st_mode): answer.append(path)
        if not stat.S_ISCHR(state.st_mode) or (os.major(state.st_rdev), os.minor(state.st_rdev)) in harmless: continue
        try: os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK)); answer.append(path)
        except OSError: pass
for path in ("/dev/mem", "/dev/kmem", "/dev/port", "/dev/kvm", "/dev/vda", "/dev/sda", "/dev/nvme0n1", "/dev/loop0",
             "/dev/vsock", "/dev/net/tun", "/dev/fuse", "/dev/kmsg", "/dev/hwrng", "/dev/nvidia0", "/dev/dri",
             "/dev/uinput", "/dev/userfaultfd", "/dev/mapper/control", "/dev/vhost-vsock", "/dev/tty", "/dev/console"):
    for flags in (os.O_RDONLY, os.O_RDWR):
        try: os.close(os.open(path, flags | os.O_NONBLOCK)); answer.append(path)
        except OSError: pass
"""
    result = await run(code)
    assert result.status is CellStatus.OK
    # gVisor's own make-believe of these two, of no use without a right to mount or to change the network.
    assert set(result.answer) <= ({"/dev/fuse", "/dev/net/tun"} if gvisor else set())


async def test_what_the_kernel_knows_of_the_machine(run):
    code = """
import os, re
answer = []
for path in ("/proc/kcore", "/proc/kmsg", "/dev/kmsg", "/proc/kpagecount", "/proc/kpageflags", "/proc/vmallocinfo",
             "/proc/slabinfo", "/proc/pagetypeinfo", "/sys/kernel/debug/x", "/sys/kernel/tracing/trace", "/proc/mtrr",
             "/sys/firmware/dmi/tables/DMI", "/sys/kernel/security/lsm", "/proc/self/pagemap"):
    try:
        with open(path, "rb", 0) as file:
            entry = file.read(8)
            # Of its own pages a process sees which are there, but not where.
            if path != "/proc/self/pagemap" or int.from_bytes(entry, "little") & (1 << 55) - 1: answer.append(path)
    except OSError: pass
for path in ("/proc/kallsyms", "/proc/modules", "/proc/iomem", "/proc/ioports", "/proc/timer_list", "/proc/self/stack"):
    try:
        with open(path, errors="replace") as file: text = file.read(1 << 20)
    except OSError: continue
    if re.search(r"\\b0*[1-9a-f][0-9a-f]{7,15}\\b", text): answer.append(path)
import subprocess
if subprocess.run(["dmesg"], capture_output=True).stdout: answer.append("dmesg")
"""
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, [])


async def test_control_groups(run):
    code = """
import os
answer = []
for root, directories, files in os.walk("/sys/fs/cgroup"):
    try: os.mkdir(os.path.join(root, "medlar")); answer.append(root)
    except OSError: pass
    for name in files:
        try:
            with open(os.path.join(root, name), "w") as file: file.write("0")
            answer.append(os.path.join(root, name))
        except OSError: pass
for path in ("/sys/fs/cgroup/memory/cgroup.procs", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/release_agent",
             "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/sys/kernel/uevent_helper",
             "/proc/sys/fs/binfmt_misc/register", "/proc/sys/kernel/hotplug"):
    try:
        with open(path, "w") as file: file.write("0")
        answer.append(path)
    except OSError: pass
"""
    result = await run(code)
    assert (result.status, result.answer) == (CellStatus.OK, [])

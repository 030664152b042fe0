"""A cell that prints all it can see of its sandbox and of its own process, the same for every fresh sandbox.

Left out, because it differs though nothing was left behind: process and descriptor numbers, inodes and times; addresses
in memory, random numbers; the numbers of pipes, the numbers, order and devices of mounts; what the kernel counts
(processor time, faults, packets of the loopback, which Docker keeps with the container); the names of a replaced
container's layers.
"""

FINGERPRINT = r"""
import builtins, gc, hashlib, json, os, re, resource, signal, stat, sys, threading

SCRATCH = ("/work", "/tmp", "/dev/shm", "/dev/mqueue")

def text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file: return file.read()
    except OSError: return None

def tree(top):
    # In the order of names, so before anything else here could change it; attributes and contents of everything.
    for root, directories, files in os.walk(top, onerror=None):
        for name in ["."] + sorted(files + [d for d in directories if os.path.islink(os.path.join(root, d))]):
            path = os.path.join(root, name)
            state = os.lstat(path)
            content = text(path) if stat.S_ISREG(state.st_mode) else ""
            if stat.S_ISLNK(state.st_mode): content = os.readlink(path)
            try: attributes = sorted(os.listxattr(path, follow_symlinks=False))
            except OSError: attributes = []
            yield [path, oct(state.st_mode), state.st_uid, state.st_gid, attributes, content]
        directories.sort()

def used(path):
    # Files that were deleted but are still held open would show here.
    try: state = os.statvfs(path)
    except OSError: return None
    return [state.f_blocks, state.f_blocks - state.f_bfree, state.f_files, state.f_files - state.f_ffree, state.f_flag]

def mounts():
    for line in (text("/proc/self/mountinfo") or "").splitlines():
        left, _, right = line.partition(" - ")
        point, options = left.split()[4:6]
        kind, _, own = right.split()
        yield [point, options, kind, own if kind == "tmpfs" else ""]

def processes():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        fields = text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        limits = [line for line in (text(f"/proc/{pid}/limits") or "").splitlines()] if int(pid) != os.getpid() else []
        yield [text(f"/proc/{pid}/comm"), fields[15:18], limits, text(f"/proc/{pid}/oom_score_adj")]

def status():
    shown = "Umask Uid Gid Groups Threads Sig(Blk|Ign|Cgt|Pnd) ShdPnd Cap... NoNewPrivs Seccomp Cpus_allowed TracerPid"
    pattern = re.compile("(" + shown.replace(" ", "|") + "):")
    return [line for line in (text("/proc/self/status") or "").splitlines() if pattern.match(line)]

def modules():
    # What every name of every module is, but not its value: a replaced function differs in where it was defined.
    for name, module in sorted(sys.modules.items()):
        if name == "__main__": continue
        names = sorted(f"{key} {type(value).__name__} {getattr(value, '__module__', '')}"
                       for key, value in vars(module).items())
        yield [name, hashlib.md5("\n".join(names).encode()).hexdigest()]

def listening():
    for kind in ("tcp", "tcp6", "udp", "udp6", "unix"):
        for line in (text(f"/proc/net/{kind}") or "").splitlines()[1:]:
            # Waiting for late packets (state 06), a closed connection is no more than a count.
            if kind == "unix" or line.split()[3] != "06": yield [kind, line.split()[-1] if kind == "unix" else line]

import numpy, pandas
seen = {
    "files": {top: list(tree(top)) for top in SCRATCH},
    "space": {top: used(top) for top in SCRATCH},
    "processes": sorted(processes()),
    "ipc": [text(f"/proc/sysvipc/{kind}") for kind in ("shm", "sem", "msg")],
    "environment": sorted(os.environ.items()),
    "descriptors": sorted(re.sub(r"\d+", "N", os.readlink(f"/proc/self/fd/{fd}")) for fd in range(256)
                          if os.path.lexists(f"/proc/self/fd/{fd}")),
    "directory": [os.getcwd(), sorted(os.listdir("/")), sorted(os.listdir("/dev"))],
    "mask": [os.umask(0o22), os.umask(0o22)],
    "limits": [[name, resource.getrlimit(getattr(resource, name))] for name in dir(resource) if name[:7] == "RLIMIT_"],
    "mounts": sorted(mounts()),
    "status": status(),
    "schedule": [os.nice(0), os.sched_getscheduler(0), sorted(os.sched_getaffinity(0)),
                 text("/proc/self/timerslack_ns")],
    "identity": [os.getresuid(), os.getresgid(), os.getgroups(), list(os.uname()), text("/proc/self/personality")],
    "signals": [[int(number), repr(signal.getsignal(number))] for number in sorted(signal.valid_signals())],
    "blocked": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, ()))),
    "timers": [signal.getitimer(kind) for kind in (0, 1, 2)] + [signal.alarm(0)],
    "sockets": sorted(listening()),
    "modules": list(modules()),
    "builtins": [[key, repr(type(value)), getattr(value, "__name__", "")]
                 for key, value in sorted(vars(builtins).items())],
    "python": [sys.path, sys.argv, sys.flags, sys.getrecursionlimit(), [repr(type(f)) for f in sys.meta_path],
               len(sys.path_hooks), sys.gettrace(), sys.getprofile(), gc.isenabled(), gc.callbacks,
               [thread.name for thread in threading.enumerate()], sorted(globals().keys() - {"seen"})],
    "libraries": [numpy.geterr(), pandas.options.display.max_rows, pandas.options.mode.copy_on_write],
}
for section, content in seen.items():
    print(section, json.dumps(content))
"""

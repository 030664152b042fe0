"""The few system calls for which Python 3.11 has no names."""

import ctypes
import fcntl
import os
import platform
import signal
import socket
import struct

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

CLONE_NEWNS = 0x0002_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REC = 0x4000
MS_PRIVATE = 1 << 18

PROT_READ = 1
PROT_WRITE = 2
PROT_EXEC = 4

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_LAST_CAPABILITY = 63
_CAPABILITY_VERSION_3 = 0x2008_0522

_libc = ctypes.CDLL(None, use_errno=True)
_held = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock, as a fork must
_CLONE = {"x86_64": 56, "aarch64": 220}
_ZERO = ctypes.c_ulong(0)
_MODE_FILTER = ctypes.c_ulong(2)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def prctl(option: int, argument: int = 0) -> None:
    """prctl(2) with one argument."""
    _check(_libc.prctl(option, ctypes.c_ulong(argument), _ZERO, _ZERO, _ZERO), f"prctl {option}")


class Program(ctypes.Structure):
    """struct sock_fprog: a classic BPF program, made once and installed in every cell."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    def __init__(self, code: bytes, instructions: int) -> None:
        self.code = ctypes.create_string_buffer(code, len(code))
        super().__init__(instructions, ctypes.cast(self.code, ctypes.c_void_p))


def set_seccomp(program: Program) -> None:
    """Installs `program` as this process's filter, for good."""
    _check(_libc.prctl(PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), _ZERO, _ZERO), "seccomp")


def unshare(flags: int) -> None:
    """unshare(2)."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def clone(namespaces: int) -> int:
    """fork(2) into new namespaces, the child being the first process of a new PID namespace, if any; 0 in the child.

    One fork where unshare(2) would need two. What Python does round its own forks is done here as well.
    """
    ctypes.pythonapi.PyOS_BeforeFork()
    nothing = ctypes.c_long(0)
    flags = ctypes.c_long(namespaces | signal.SIGCHLD)
    pid: int = _held.syscall(ctypes.c_long(_CLONE[platform.machine()]), flags, nothing, nothing, nothing, nothing)
    number = ctypes.get_errno()
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
        return 0
    ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, f"clone: {os.strerror(number)}")
    return pid


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2)."""
    result = _libc.mount(
        source.encode(),
        target.encode(),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        options.encode() if options else None,
    )
    _check(result, f"mount {target}")


def protect(start: int, length: int, protection: int) -> None:
    """mprotect(2)."""
    _check(_libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(length), ctypes.c_int(protection)), "mprotect")


def raise_loopback() -> None:
    """Lets the processes of a new network namespace reach each other, and nobody else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


def drop_capabilities() -> None:
    """Gives up every capability in every set; no later exec can bring one back."""
    for capability in range(_LAST_CAPABILITY + 1):
        if _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), _ZERO, _ZERO, _ZERO) != 0:
            break  # the kernel knows no more
    _libc.prctl(PR_CAP_AMBIENT, ctypes.c_ulong(PR_CAP_AMBIENT_CLEAR_ALL), _ZERO, _ZERO, _ZERO)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(header, data), "capset")

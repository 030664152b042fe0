"""Who made something, written down so that a later process can tell whether its maker still lives."""

import hashlib
import os
import socket
import sys
from pathlib import Path

_UNKNOWN = "unknown"


def owner() -> str:
    """Names this process (`machine/number/start`), so that no later process is taken for it."""
    try:
        _, began = _state(os.getpid())
    except OSError:
        began = _UNKNOWN
    return f"{machine()}/{os.getpid()}/{began}"


def is_gone(name: str) -> bool:
    """Whether the process that `owner` named so has ended. Never where this cannot be seen from here."""
    where, _, process = name.partition("/")
    number, _, began = process.partition("/")
    if where != machine() or not number.isdigit() or began in ("", _UNKNOWN):
        return False
    try:
        ended, began_now = _state(int(number))
    except OSError:
        return not _exists(int(number))  # some machines hide the processes of other users
    return ended or began_now != began


def machine() -> str:
    """This machine since its last boot, and this PID namespace: only there do process numbers mean what they say."""
    parts = [socket.gethostname()]
    if sys.platform.startswith("linux"):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        parts += [boot, str(Path("/proc/self/ns/pid").readlink())]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _state(pid: int) -> tuple[bool, str]:
    """Whether a process has ended and only waits to be collected, and when it began, in the kernel's ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    # A process whose first thread alone has ended looks like that, too.
    ended = fields[0] in "ZX" and len(list(Path(f"/proc/{pid}/task").iterdir())) <= 1
    return ended, fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True

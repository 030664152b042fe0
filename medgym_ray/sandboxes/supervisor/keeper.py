"""One sandbox's keeper: it owns the namespaces that are dear to make and, one after the other, has supervisors in them.

A supervisor is the first process of fresh process, mount and IPC namespaces and ends at a reset, with all it has
started. The keeper never reads what is said on the sandbox's channel, so the next supervisor knows nothing of it;
where the network namespace is not as it was, the keeper ends, and the host has another sandbox made.
"""

import array
import os
import select
import signal
import socket
import traceback
from typing import NoReturn

from . import kernel, serve, wire
from .settings import Settings

READY, FAILED = b"R", b"E"
OWN = kernel.CLONE_NEWUSER | kernel.CLONE_NEWNET
"""The keeper's own namespaces."""
_OF_A_SUPERVISOR = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC
_CHANNEL_FD = 200
_SIGKILL = int(signal.SIGKILL)


def keep(settings: Settings, channel: int, user: int, group: int) -> NoReturn:
    """In the master's child: until the host hangs up, or what a supervisor leaves is not as it was."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _map(user, group)
        kernel.raise_loopback()
        os.dup2(channel, _CHANNEL_FD, inheritable=False)
        os.closerange(3, _CHANNEL_FD)
        os.closerange(_CHANNEL_FD + 1, 1 << 16)
        _introduce()
        while _is_wanted():
            pid = kernel.clone(_OF_A_SUPERVISOR)
            if pid == 0:
                _supervise(settings)
            _, status = os.waitpid(pid, 0)
            if os.waitstatus_to_exitcode(status) != serve.RESET or _network_was_used():
                break
    except BaseException:
        os.write(channel, FAILED + traceback.format_exc(limit=-3).encode())
    finally:
        os._exit(1)


def _map(user: int, group: int) -> None:
    """Gives its user a name in its namespace."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else /proc/self is not ours to write; no cell is near
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        file = os.open(f"/proc/self/{name}", os.O_WRONLY)  # Python's own files would touch a hundred pages more
        os.write(file, text.encode())
        os.close(file)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def _introduce() -> None:
    """Tells the host this process' number; the kernel translates and vouches."""
    own = socket.socket(fileno=os.dup(_CHANNEL_FD))
    credentials = array.array("i", [os.getpid(), os.getuid(), os.getgid()])
    own.sendmsg([READY], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, credentials)])
    own.close()


def _is_wanted() -> bool:
    """Waits for the host's word without reading it; False where it hangs up instead."""
    poll = select.poll()
    poll.register(_CHANNEL_FD, select.POLLIN)
    return bool(poll.poll()[0][1] == select.POLLIN)


def _network_was_used() -> bool:
    """Whether a packet has passed, of which the kernel may remember something: a connection that lingers, a count."""
    file = os.open("/proc/self/net/dev", os.O_RDONLY)
    lines = os.read(file, 1 << 16).splitlines()[2:]
    os.close(file)
    return any(line.partition(b":")[2].strip(b" 0") for line in lines)


def _supervise(settings: Settings) -> NoReturn:
    """First process of its namespaces."""
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, _SIGKILL)  # the host ends a sandbox by ending its keeper
        _new_file_systems(settings)
        kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        supervisor = serve.Supervisor(settings, _CHANNEL_FD, _CHANNEL_FD)
    except BaseException as error:
        wire.send(_CHANNEL_FD, {"ready": False, "why": repr(error)})
        os._exit(1)
    try:
        supervisor.serve({}, held=True)
    finally:
        os._exit(1)


def _new_file_systems(settings: Settings) -> None:
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    for path in settings.scratch:
        size = settings.work_mb if path == settings.work else settings.scratch_mb
        options = f"size={size}m,nr_inodes={settings.inodes},mode=1777"
        kernel.mount("tmpfs", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)

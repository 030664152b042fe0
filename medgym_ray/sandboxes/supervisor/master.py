"""The way in for the namespace sandbox: the fork master, PID 1 of the outer sandbox that bubblewrap made.

It holds the warm interpreter. Each message on its control socket carries a descriptor, the new sandbox's own; a fork
then makes namespaces of its own round itself, with fresh file systems, and serves. The master itself never sees
what is said to a sandbox, so nothing can come back in the next one.
"""

import array
import os
import signal
import socket
import traceback
from typing import NoReturn

from . import kernel, seccomp, serve, start
from .settings import Settings

READY, FAILED = b"R", b"E"
_CHANNEL_FD = 200
_NAMESPACES = (
    kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC | kernel.CLONE_NEWNET
)


def main() -> None:
    """Runs until the host closes the control socket."""
    settings = start.read_settings()
    control = socket.socket(fileno=start.take_descriptor(0))
    if settings.drop_to is not None:
        _become_ordinary(settings.drop_to)
    if settings.seccomp and not seccomp.supported():
        raise SystemExit("there is no system call filter for this machine's processor")
    missing = start.warm_interpreter(settings)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended sandboxes are collected by the kernel
    control.send(READY + ",".join(missing).encode())
    while True:
        message, ancillary, _, _ = control.recvmsg(1, socket.CMSG_SPACE(4))
        if not message:
            os._exit(0)  # and with the first process of its namespace all sandboxes end
        descriptors = array.array("i")
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(data[:4])
        if not descriptors:
            continue
        _make(settings, control, descriptors[0])
        os.close(descriptors[0])


def _become_ordinary(uid: int) -> None:
    """From root to a user: in a user namespace made by root a cell would be root to every limit and file."""
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def _make(settings: Settings, control: socket.socket, channel: int) -> None:
    """Forks a sandbox; where that fails, its channel says why."""
    user, group = os.getuid(), os.getgid()  # inside, nobody is anybody until they are mapped
    try:
        if kernel.clone(_NAMESPACES) == 0:
            control.close()
            _sandbox(settings, channel, user, group)
    except OSError as error:
        os.write(channel, FAILED + str(error).encode())


def _sandbox(settings: Settings, channel: int, user: int, group: int) -> NoReturn:
    """In the master's child, first process of its namespaces: becomes a sandbox, or says why not."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # else /proc/self is not ours to write; no cell is near
        for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(text)
        _new_file_systems(settings)
        kernel.raise_loopback()
        kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        os.dup2(channel, _CHANNEL_FD, inheritable=False)
        os.closerange(3, _CHANNEL_FD)
        os.closerange(_CHANNEL_FD + 1, 1 << 16)
        _introduce(_CHANNEL_FD)
        serve.Supervisor(settings, _CHANNEL_FD, _CHANNEL_FD).serve({}, held=True)
    except BaseException:
        message = FAILED + traceback.format_exc(limit=-3).encode()
        os.write(channel, message)
    finally:
        os._exit(1)


def _new_file_systems(settings: Settings) -> None:
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    for path in settings.scratch:
        size = settings.work_mb if path == settings.work else settings.scratch_mb
        options = f"size={size}m,nr_inodes={settings.inodes},mode=1777"
        kernel.mount("tmpfs", path, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    kernel.mount("proc", "/proc", "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)


def _introduce(channel: int) -> None:
    """Tells the host this process' number; the kernel translates and vouches."""
    own = socket.socket(fileno=os.dup(channel))
    credentials = array.array("i", [os.getpid(), os.getuid(), os.getgid()])
    own.sendmsg([READY], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS, credentials)])
    own.close()


if __name__ == "__main__":
    main()

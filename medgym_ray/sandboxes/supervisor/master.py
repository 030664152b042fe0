"""The way in for the namespace sandbox: the fork master, PID 1 of the outer sandbox that bubblewrap made.

It holds the warm interpreter. Each message on its control socket carries a descriptor, the new sandbox's own; a fork
then keeps that sandbox, with namespaces of its own. The master itself never sees what is said to a sandbox, so nothing
can come back in the next one.
"""

import array
import os
import signal
import socket

from . import keeper, kernel, seccomp, start
from .settings import Settings


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
    control.send(keeper.READY + ",".join(missing).encode())
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
        if kernel.clone(keeper.OWN) == 0:
            control.close()
            keeper.keep(settings, channel, user, group)
    except OSError as error:
        os.write(channel, keeper.FAILED + str(error).encode())


if __name__ == "__main__":
    main()

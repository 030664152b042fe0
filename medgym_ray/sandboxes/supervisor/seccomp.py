"""The system calls a cell may not make: a classic BPF filter for x86-64, on top of whatever the engine filters.

What needs privilege is refused by the kernel anyway; this closes what an unprivileged process could still reach:
tracing, namespaces, kernel features with a history (bpf, io_uring, userfaultfd, keyrings), memory that outlives a
process (SysV IPC, message queues) or is on no process's account (memfd), and tampering with the supervisor where it
runs under the same user.
"""

import errno
import platform
import struct

from . import kernel

_DENIED = {
    "shmget": 29, "shmat": 30, "shmctl": 31, "semget": 64, "semop": 65, "semctl": 66, "msgget": 68, "msgsnd": 69,
    "msgrcv": 70, "msgctl": 71, "ptrace": 101, "syslog": 103, "personality": 135, "vhangup": 153, "pivot_root": 155,
    "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
    "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173, "init_module": 175,
    "delete_module": 176, "quotactl": 179, "semtimedop": 220, "mq_open": 240, "mq_unlink": 241, "kexec_load": 246,
    "add_key": 248, "request_key": 249, "keyctl": 250, "migrate_pages": 256, "unshare": 272, "move_pages": 279,
    "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303, "open_by_handle_at": 304, "setns": 308,
    "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320,
    "memfd_create": 319, "bpf": 321, "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447,
    "process_mrelease": 448,
}  # fmt: skip

_SOCKET, _CLONE, _SETSID, _SETPRIORITY, _IOPRIO_SET, _PRLIMIT, _CLONE3 = 41, 56, 112, 141, 251, 302, 435
# First argument: the process; 0 is the caller. Nobody may slow the supervisor down.
_SELF_ONLY = {"sched_setparam": 142, "sched_setscheduler": 144, "sched_setaffinity": 203, "sched_setattr": 314}
_SOCKET_FAMILIES = (1, 2, 10, 16)  # unix, inet, inet6, netlink (which glibc asks for addresses)
_CLONE_NEW = 0x7E02_0000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_X86_64 = 0xC000_003E
_X32 = 0x4000_0000

Instruction = tuple[int, int, int, int]


def _answer(code: int) -> list[Instruction]:
    return [(_RETURN, 0, 0, code)]


def _load_argument(index: int) -> list[Instruction]:
    return [(_LOAD, 0, 0, 16 + 8 * index)]  # the low half: every argument looked at is 32 bits wide


def _only(values: tuple[int, ...], error: int) -> list[Instruction]:
    """Allows the loaded argument's listed values."""
    program: list[Instruction] = []
    for value in values:
        program += [(_EQUAL, 0, 1, value), *_answer(_ALLOW)]
    return program + _answer(_ERROR | error)


def _call(number: int, body: list[Instruction]) -> list[Instruction]:
    """`body`, which ends in an answer, for one system call."""
    return [(_EQUAL, 0, len(body), number), *body]


def _program() -> list[Instruction]:
    refused = _answer(_ERROR | errno.EPERM)
    program: list[Instruction] = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, _X86_64), *_answer(_KILL)]
    program += [(_LOAD, 0, 0, 0), (_AT_LEAST, 0, 1, _X32), *_answer(_KILL)]
    for number in sorted(_DENIED.values()):
        program += _call(number, refused)
    for number in sorted(_SELF_ONLY.values()):
        program += _call(number, _load_argument(0) + _only((0,), errno.EPERM))
    # Which (0: a process, 1 for ioprio), then who: groups and users would reach the supervisor.
    for number, process in ((_SETPRIORITY, 0), (_IOPRIO_SET, 1)):
        who = _load_argument(1) + _only((0,), errno.EPERM)
        program += _call(number, [*_load_argument(0), (_EQUAL, 0, len(who), process), *who, *refused])
    program += _call(_PRLIMIT, _load_argument(0) + _only((0,), errno.EPERM))
    # Virtual machine sockets are not covered by a network namespace.
    program += _call(_SOCKET, _load_argument(0) + _only(_SOCKET_FAMILIES, errno.EAFNOSUPPORT))
    # clone3 passes its flags by pointer, which a filter cannot read; glibc falls back to clone.
    program += _call(_CLONE3, _answer(_ERROR | errno.ENOSYS))
    program += _call(_CLONE, [*_load_argument(0), (_ANY_BIT, 0, 1, _CLONE_NEW), *refused, *_answer(_ALLOW)])
    return program + _answer(_ALLOW)


def supported() -> bool:
    """Whether there is a filter for this machine."""
    return platform.machine() == "x86_64"


def _cell_program() -> list[Instruction]:
    """What only the supervisor may: a new session would be a new scheduler group, in which a fork bomb starves it."""
    return [(_LOAD, 0, 0, 0), *_call(_SETSID, _answer(_ERROR)), *_answer(_ALLOW)]  # pretend success


def _assemble(program: list[Instruction]) -> kernel.Program:
    return kernel.Program(b"".join(struct.pack("<HBBI", *instruction) for instruction in program), len(program))


# Assembled once, for installing is on the path of every cell.
_PROGRAM = _assemble(_program())
_CELL_PROGRAM = _assemble(_cell_program())


def install() -> None:
    """Binds a supervisor and all its cells, for good. Needs no_new_privs."""
    kernel.set_seccomp(_PROGRAM)


def install_cell() -> None:
    """Binds a cell on top."""
    kernel.set_seccomp(_CELL_PROGRAM)

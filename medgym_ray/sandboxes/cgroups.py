"""Control groups for the namespace sandbox, where this process may make some (usually: as root).

They make memory and process limits hard for all processes of a sandbox together. Without them the supervisor watches
memory itself, and a burst of allocations can overshoot before it looks.
"""

import contextlib
import itertools
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medgym_ray.sandboxes import owners

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "medgym-"
_KILL_S = 2.0
_LONGEST = 4096
_numbers = itertools.count()  # of the process: several factories may make groups


@dataclass(frozen=True, slots=True)
class _Names:
    """Files of one version's controllers."""

    memory_limit: str
    memory_used: str
    events: str
    processes: str = "pids.max"


_V1 = _Names("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control")
_V2 = _Names("memory.max", "memory.current", "memory.events")


class Group:
    """One sandbox's control groups. Their files stay open: they are used for every cell."""

    def __init__(self, memory: Path, pids: Path, names: _Names) -> None:
        """Makes them. Raises OSError."""
        self.directories = frozenset((memory, pids))
        for directory in self.directories:
            directory.mkdir(exist_ok=True)
        with contextlib.ExitStack() as opened:

            def at(path: Path, mode: int) -> int:
                fd = os.open(path, mode | os.O_CLOEXEC)
                opened.callback(os.close, fd)
                return fd

            self._limit = at(memory / names.memory_limit, os.O_WRONLY)
            self._used = at(memory / names.memory_used, os.O_RDONLY)
            self._events = at(memory / names.events, os.O_RDONLY)
            self._processes = at(pids / names.processes, os.O_WRONLY)
            self._opened = opened.pop_all()
        self._most_processes = 0

    def admit(self, pid: int) -> None:
        """Moves a process, and with it all that it will start, into the group."""
        for directory in self.directories:
            (directory / "cgroup.procs").write_text(str(pid))

    def allow(self, memory_mb: int, processes: int) -> None:
        """Sets what the next cell may use beyond what the sandbox holds already."""
        os.pwrite(self._limit, str(self.used() + (memory_mb << 20)).encode(), 0)
        if processes != self._most_processes:
            os.pwrite(self._processes, str(processes).encode(), 0)
            self._most_processes = processes

    def used(self) -> int:
        """Bytes of memory that it is charged for."""
        return int(os.pread(self._used, _LONGEST, 0))

    def oom_kills(self) -> int:
        """How often the kernel has killed in this group for memory."""
        for line in os.pread(self._events, _LONGEST, 0).splitlines():
            if line.startswith(b"oom_kill "):
                return int(line.split()[1])
        return 0

    def remove(self) -> bool:
        """Removes the group; False while a process is still in it."""
        self._opened.close()
        for directory in self.directories:
            try:
                directory.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True


class Groups:
    """Where this process makes its groups. `None` from `find` where it may not."""

    def __init__(self, memory: Path, pids: Path, names: _Names) -> None:
        self._memory, self._pids, self._names = memory, pids, names
        self._own_name = _own_name()

    @classmethod
    def find(cls) -> "Groups | None":
        """Looks for a place, tries it out, and clears what runs that crashed have left there."""
        with contextlib.suppress(OSError, ValueError):
            groups = cls._version_1() or cls._version_2()
            if groups is not None:
                for directory in {groups._memory, groups._pids, groups._memory.parent}:
                    for stale in directory.glob(f"{_PREFIX}*"):
                        _remove_abandoned(stale)
                trial = groups.make()
                trial.allow(64, 8)
                trial.oom_kills()
                trial.remove()
                return groups
        return None

    def make(self) -> Group:
        """A new, empty group. Raises OSError."""
        name = f"{self._own_name}-{next(_numbers)}"
        return Group(self._memory / name, self._pids / name, self._names)

    @classmethod
    def _version_1(cls) -> "Groups | None":
        own = {}
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            own.update({name: path.lstrip("/") for name in controllers.split(",")})
        if "memory" not in own or "pids" not in own:
            return None
        memory, pids = (_ROOT / name / own[name] for name in ("memory", "pids"))
        if not memory.is_dir():  # in a container the path is the host's
            memory = _ROOT / "memory"
        if not pids.is_dir():
            pids = _ROOT / "pids"
        return cls(memory, pids, _V1)

    @classmethod
    def _version_2(cls) -> "Groups | None":
        if not (_ROOT / "cgroup.controllers").exists():
            return None
        # A group with processes in it cannot have limited children, so ours lie beside it, below the root.
        home = _ROOT / f"{_own_name()}-{next(_numbers)}"
        home.mkdir(exist_ok=True)
        for directory in (_ROOT, home):
            (directory / "cgroup.subtree_control").write_text("+memory +pids")
        return cls(home, home, _V2)

    def close(self) -> None:
        """Removes the directory of version 2."""
        if self._names is _V2:
            with contextlib.suppress(OSError):
                self._memory.rmdir()


def sweep() -> Iterator[Path]:
    """Removes, and names, the groups of processes that are gone, wherever they lie; ends what is left in them."""
    for directory, _, _ in os.walk(_ROOT, topdown=False):
        if _remove_abandoned(Path(directory)):
            yield Path(directory)


def _own_name() -> str:
    return _PREFIX + owners.owner().replace("/", "-")


def _remove_abandoned(group: Path) -> bool:
    """Removes `group` where its name says that it is ours and its process is gone."""
    parts = group.name.removeprefix(_PREFIX).split("-")
    if not group.name.startswith(_PREFIX) or len(parts) < 3 or not owners.is_gone("/".join(parts[:3])):
        return False
    for inner in group.glob(f"{_PREFIX}*"):
        _remove_abandoned(inner)
    until = time.monotonic() + _KILL_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            _kill_all(group)
            group.rmdir()
            return True
        time.sleep(0.02)
    return False


def _kill_all(group: Path) -> None:
    """Ends every process of a sandbox that outlived its owner."""
    members = group / "cgroup.procs"
    for pid in members.read_text().split():
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(int(pid))
            try:
                if pid in members.read_text().split():  # so the descriptor is not of a later process of that number
                    signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            finally:
                os.close(descriptor)

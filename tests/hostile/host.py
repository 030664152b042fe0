"""What a cell that broke out would leave on this machine.

Other tests run beside these, so a thing counts only where it can be attributed: it belongs to the cell's user, or bears
the mark that every attack puts on what it makes. Mounts and IPC count whosever they are; nothing else here makes any.
"""

import os
from pathlib import Path

MARK = "medlar"
_CELL_UID = 10_001
_RUN_LABEL = "medgym.run"
_PLACES = ("/", "/tmp", "/var/tmp", "/dev", "/dev/shm", "/dev/mqueue", "/run", "/sys/fs/cgroup")
_SETTINGS = ("core_pattern", "hostname", "domainname", "modprobe", "sysrq", "shmmax", "msgmni", "printk")
_INET = ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")


def traces(mark: str = MARK) -> dict[str, list[str]]:
    """Everything of that kind that is there now; an escape makes it grow."""
    return {
        "files": _files(mark),
        "mounts": _mounts(),
        "sockets": _sockets(mark),
        "ipc": _ipc(),
        "processes": _processes(),
        "settings": [_read(f"/proc/sys/kernel/{name}") for name in _SETTINGS],
    }


def processes(run_id: str) -> int:
    """How many processes the sandboxes of this run hold, seen from outside: children of this one, or in containers.

    gVisor's are left out: it keeps some to run others in, as it sees fit.
    """
    parents = {}
    for path in Path("/proc").glob("[0-9]*"):
        stat = _read(f"{path}/stat")
        if stat:
            parents[int(path.name)] = int(stat.rpartition(")")[2].split()[1])
    found, generation = 0, {os.getpid()}
    while generation:
        generation = {pid for pid, parent in parents.items() if parent in generation}
        found += len(generation)
    return found + len(_contained(run_id))


def _contained(run_id: str) -> list[str]:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=30)
    except DockerException:
        return []
    found = client.containers.list(all=True, filters={"label": f"{_RUN_LABEL}={run_id}"}, ignore_removed=True)
    client.close()
    ids = [str(container.id) for container in found if "runsc" not in container.attrs["HostConfig"]["Runtime"]]
    return [path.name for path in Path("/proc").glob("[0-9]*") if any(name in _read(f"{path}/cgroup") for name in ids)]


def _files(mark: str) -> list[str]:
    found = []
    for place in {*_PLACES, str(Path.cwd()), str(Path.home())}:
        try:
            entries = list(os.scandir(place))
        except OSError:
            continue
        for entry in entries:
            try:
                own = entry.stat(follow_symlinks=False).st_uid == _CELL_UID != os.getuid()
            except OSError:
                continue
            if own or mark in entry.name:
                found.append(entry.path)
    return sorted(found)


def _mounts() -> list[str]:
    """Where something is mounted, the engine's own mounts for its containers aside."""
    points = [line.split()[4] for line in _read("/proc/self/mountinfo").splitlines()]
    return sorted(point for point in points if "docker" not in point and "containerd" not in point)


def _sockets(mark: str) -> list[str]:
    named = [line.split()[-1] for line in _read("/proc/net/unix").splitlines() if mark in line]
    rows = [(kind, line.split()) for kind in _INET for line in _read(f"/proc/net/{kind}").splitlines()[1:]]
    return sorted(named + [f"{kind} {row[1]}" for kind, row in rows if row[7] == str(_CELL_UID)])


def _ipc() -> list[str]:
    return [f"{kind} {row.split()[1]}" for kind in ("shm", "sem", "msg") for row in _rows(f"/proc/sysvipc/{kind}")]


def _rows(path: str) -> list[str]:
    return _read(path).splitlines()[1:]


def _processes() -> list[str]:
    """The cell's user's, outside of every sandbox: in this process' own PID namespace."""
    own = Path("/proc/self/ns/pid").readlink()
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if path.stat().st_uid == _CELL_UID != os.getuid() and (path / "ns/pid").readlink() == own:
                found.append(f"{path.name} {_read(f'{path}/comm').strip()}")
        except OSError:
            continue
    return sorted(found)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

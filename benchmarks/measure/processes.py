"""The machine's processes: who they are, whose, and what memory they take."""

import contextlib
import math
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from medgym_ray.sandboxes.reaper import RUN_LABEL

CGROUPS = Path("/sys/fs/cgroup")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """A line of /proc: who, whose, how, and the seconds of processor time it and those it has reaped have used."""

    pid: int
    name: str
    state: str
    parent: int
    cpu_s: float
    reaped_s: float


def parse_stat(text: str) -> Process:
    """Reads /proc/PID/stat; a name may hold blanks and brackets."""
    head, _, tail = text.rpartition(")")
    pid, _, name = head.partition(" (")
    fields = tail.split()
    own, reaped = (sum(map(int, fields[place : place + 2])) / _TICKS for place in (11, 13))
    return Process(int(pid), name, fields[0], int(fields[1]), own, reaped)


def processes() -> dict[int, Process]:
    """All processes of the machine, by number."""
    found = {}
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(OSError):  # it has ended
                process = parse_stat((directory / "stat").read_text(encoding="utf-8", errors="replace"))
                found[process.pid] = process
    return found


def descendants(table: Mapping[int, Process], roots: Collection[int]) -> set[int]:
    """The processes below `roots`, without these."""
    below: set[int] = set()
    last = set(roots)
    while last:
        last = {process.pid for process in table.values() if process.parent in last} - below
        below |= last
    return below


def pss_mb(pids: Iterable[int], kinds: Sequence[str] = ("Pss",)) -> float:
    """Memory of processes together, each shared page divided among those who share it; nan where it may not be read."""
    starts = tuple(f"{kind}:" for kind in kinds)
    total = 0.0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue
        except OSError:
            return math.nan
        total += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(starts))
    return total / 1024


def without_cluster() -> dict[str, str]:
    """The environment of a command that is not to find the cluster of whoever runs the benchmark."""
    return {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}


@dataclass(frozen=True, slots=True)
class Container:
    """A running container, as this machine's processes."""

    name: str
    pid: int
    shim: int
    usage: Path | None


@contextlib.contextmanager
def engine() -> Iterator[Any]:
    """Docker's client, not kept open: its connections would be counted as the sandboxes'."""
    client = docker.from_env(timeout=60)
    try:
        yield client
    finally:
        client.close()


def containers(run_id: str) -> list[Container]:
    """The running containers of a run; none where they run on another machine."""
    found = []
    with engine() as client:
        for container in client.containers.list(filters={"label": f"{RUN_LABEL}={run_id}"}, ignore_removed=True):
            pid = int(container.attrs["State"]["Pid"])
            with contextlib.suppress(OSError):
                shim = parse_stat(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")).parent
                usage = usage_file(Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8"))
                found.append(Container(str(container.id), pid, shim, usage))
    return found


@dataclass(frozen=True, slots=True)
class Footprint:
    """Processes of this process' sandboxes: their own, and those they share (fork master) or are kept by (shims)."""

    own: set[int]
    shared: set[int]


def footprint(run_id: str | None) -> Footprint:
    """The namespace sandboxes below this process, and the containers of a run."""
    table = processes()
    below = descendants(table, {os.getpid()})
    # Bubblewrap waits outside; its child is the fork master, whose other descendants are the sandboxes.
    walls = {pid for pid in below if table[pid].name == "bwrap"}
    masters = {pid for pid in below if table[pid].parent in walls}
    shims = {container.shim for container in containers(run_id)} if run_id else set()
    return Footprint((below - walls - masters) | descendants(table, shims), walls | masters | shims)


def group_directory(text: str) -> Path | None:
    """Where the processor time of a process is accounted, out of its /proc/PID/cgroup."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update({name: path.lstrip("/") for name in controllers.split(",")})
    if "cpuacct" in paths:
        return CGROUPS / "cpuacct" / paths["cpuacct"]
    return CGROUPS / paths[""] if "" in paths else None


def usage_file(text: str) -> Path | None:
    """The file that holds a group's processor time; None where there is none in reach."""
    directory = group_directory(text)
    for name in ("cpuacct.usage", "cpu.stat"):
        if directory is not None and (directory / name).is_file():
            return directory / name
    return None

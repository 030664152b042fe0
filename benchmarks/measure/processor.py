"""Processor time, counted whole.

A benchmark moves itself into a control group, which also charges for every process it ever starts, dead ones included
(the plain interpreters; the fork master and its sandboxes); a container has a group of its own; the engine's daemons
and shims, which serve from outside both, are read from /proc with the helpers they have reaped (in steps of 10 ms, over
all repeats together). Without the right to make a group, the processes alive and those reaped are summed from /proc.
"""

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure.processes import (
    CGROUPS,
    Container,
    Process,
    descendants,
    group_directory,
    parse_stat,
    processes,
    usage_file,
)

ENGINE = ("dockerd", "containerd")


@dataclass(frozen=True, slots=True)
class Cpu:
    """Seconds of processor time, by who used them."""

    driver: float = 0.0
    engine: float = 0.0
    sandbox: float = 0.0

    def __add__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.driver + other.driver, self.engine + other.engine, self.sandbox + other.sandbox)

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(self.driver - other.driver, self.engine - other.engine, self.sandbox - other.sandbox)

    def each(self, count: int) -> "Cpu":
        """An equal share."""
        return Cpu(self.driver / count, self.engine / count, self.sandbox / count)

    @property
    def total(self) -> float:
        """All of it."""
        return self.driver + self.engine + self.sandbox


def parse_usage(text: str) -> float:
    """Seconds, out of version 1's `cpuacct.usage` or version 2's `cpu.stat`."""
    match = re.search(r"^usage_usec (\d+)$", text, re.MULTILINE)
    return int(match[1]) / 1e6 if match else int(text) / 1e9


def _used(file: Path | None) -> float:
    try:
        return parse_usage(file.read_text(encoding="ascii")) if file is not None else 0.0
    except OSError:
        return 0.0


class Meter:
    """Reads the processor time of everything that this process causes."""

    def __init__(self, group: Path | None) -> None:
        """`group`: the account of the control group made for this process, where one could be made."""
        self.group = group
        self._reading = 0.0

    def read(self, boxes: Sequence[Container] = (), *, with_engine: bool = False) -> Cpu:
        """So far, less what reading costs; `with_engine` counts the daemons of a container engine too."""
        began = time.process_time()
        driver = began - self._reading
        table = processes()
        served = {pid for pid, process in table.items() if with_engine and process.name in ENGINE}
        spent = Cpu(driver, sum(map(_with_reaped, (table[pid] for pid in served))), self._below(table))
        for box in boxes:
            spent += self.of(box)
        self._reading += time.process_time() - began
        return spent

    def of(self, box: Container) -> Cpu:
        """What a container and its shim have used in all their life."""
        used = Cpu(sandbox=_used(box.usage))
        with contextlib.suppress(OSError):
            shim = parse_stat(Path(f"/proc/{box.shim}/stat").read_text(encoding="utf-8"))
            used += Cpu(engine=_with_reaped(shim))
        return used

    def _below(self, table: Mapping[int, Process]) -> float:
        if self.group is None:
            below = descendants(table, {os.getpid()})
            return table[os.getpid()].reaped_s + sum(_with_reaped(table[pid]) for pid in below)
        driver = time.process_time()
        used = _used(self.group) - driver
        if self.group.name == "cpu.stat":
            # Version 2's sandboxes lie in a group beside this one, made by medgym_ray.sandboxes.cgroups.
            used += sum(map(_used, CGROUPS.glob(f"medgym-*-{os.getpid()}-*/cpu.stat")))
        return used


def _with_reaped(process: Process) -> float:
    return process.cpu_s + process.reaped_s


@contextlib.contextmanager
def metered() -> Iterator[Meter]:
    """Moves this process into a control group of its own, where that is allowed, and back."""
    home = group_directory(Path("/proc/self/cgroup").read_text(encoding="utf-8"))
    own = home / f"benchmark-{os.getpid()}" if home is not None else None
    usage = None
    with contextlib.suppress(OSError):
        if own is not None:
            own.mkdir()
            (own / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
            usage = usage_file(Path("/proc/self/cgroup").read_text(encoding="utf-8"))
    try:
        yield Meter(usage)
    finally:
        with contextlib.suppress(OSError):
            if own is not None and home is not None and own.is_dir():
                (home / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
                _remove(own)


def _remove(group: Path) -> None:
    for _ in range(40):  # the last processes may be ending
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.05)

"""Runs of our own command, measured from outside: time, processor time of everything, memory of everything."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.measure.processes import descendants, processes, pss_mb
from benchmarks.measure.processor import Meter

FAMILY, TASKS = "medcalcbench", 275
_SAMPLE_S = 0.5
REST = "cells and sandboxes"
_WHO = {
    "ray::SandboxExe": "executors",
    "ray::PolicyRepl": "replicas",
    "ray::Conductor": "conductor",
    "ray::ShardWrite": "writer",
    "raylet": "Ray",
    "gcs_server": "Ray",
    "python": "driver",
}
"""By the name that the kernel keeps, which has 15 letters."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the command: trajectories, seconds, seconds of processor time, and MB at most, of all its processes."""

    trajectories: int
    wall_s: float
    cpu_s: float
    memory_mb: float
    span_s: float
    """From the start of its first episode to the end of its last."""
    generate_s: float
    """That its turns waited for the policy, queueing aside, in all."""
    cpu_by: Mapping[str, float]
    """The seconds of processor time by who spent them; what is left of `cpu_s` are cells and sandboxes."""
    cpu_at: Sequence[tuple[float, float]]
    """The sum of these seconds, at moments of the run (seconds since the epoch)."""
    ends: Sequence[float]
    """When its trajectories ended (seconds since the epoch), in that order."""

    def between(self, first: int, last: int) -> tuple[float, float]:
        """Of the trajectories of these places: ms of processor time each, cells aside, and how many a second."""
        times, seconds = zip(*self.cpu_at, strict=True)
        began, ended = self.ends[first], self.ends[last - 1]
        spent = np.interp([began, ended], times, seconds)
        return float(spent[1] - spent[0]) / (last - first) * 1000, (last - first) / (ended - began)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one trajectory more, in a run that is under way."""

    cpu_ms: float
    per_s: float
    cpu_ms_by: Mapping[str, float]
    """Who spends it."""


def play(
    meter: Meter,
    folder: Path,
    rollouts: int,
    settings: Sequence[str],
    environment: Mapping[str, str],
    tasks: int = TASKS,
) -> Run:
    """One run of the command into a fresh `folder`. Raises RuntimeError where it fails."""
    command = [
        *(sys.executable, "-m", "medgym_ray.generate", f"tasks={FAMILY}", f"tasks.limit={tasks}"),
        *(f"sampling.rollouts={rollouts}", f"output.dir={folder}", "sandbox=namespace", *settings),
    ]
    before, own = meter.read().total, time.process_time()
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=dict(environment)
    )
    with _watched() as seen:
        said = process.communicate()[1]
    wall_s = time.perf_counter() - began
    cpu_s = meter.read().total - before - (time.process_time() - own)
    if process.returncode != 0:
        raise RuntimeError(f"the command ended with {process.returncode}: {said[-2000:]}")
    columns = ["started_at", "finished_at", "generate_ms", "queue_ms", "termination"]
    table = pq.read_table(folder / "trajectories", columns=columns)
    span = pc.max(table["finished_at"]).as_py() - pc.min(table["started_at"]).as_py()
    generate_ms = pc.sum(table["generate_ms"]).as_py() - pc.sum(table["queue_ms"]).as_py()
    ends = sorted(end.timestamp() for end in table["finished_at"].to_pylist())
    measured = (cpu_s, seen.memory_mb, span.total_seconds(), generate_ms / 1000)
    return Run(table.num_rows, wall_s, *measured, seen.cpu_by(), seen.cpu_at, ends)


def marginal(small: Run, large: Run) -> Cost:
    """What the larger run has more, per trajectory: starting and ending are the same in both."""
    more = large.trajectories - small.trajectories
    by = {who: (seconds - small.cpu_by.get(who, 0.0)) / more * 1000 for who, seconds in large.cpu_by.items()}
    cpu_ms = (large.cpu_s - small.cpu_s) / more * 1000
    return Cost(cpu_ms, more / (large.span_s - small.span_s), Counter(by | {REST: cpu_ms - sum(by.values())}))


@dataclass(slots=True)
class _Seen:
    memory_mb: float = 0.0
    cpu_at: list[tuple[float, float]] = field(default_factory=list)
    _cpu: dict[int, tuple[str, float]] = field(default_factory=dict)

    def look(self) -> None:
        table = processes()
        below = descendants(table, {os.getpid()})
        self.memory_mb = max(self.memory_mb, pss_mb(below))
        self._cpu |= {pid: (_WHO[table[pid].name], table[pid].cpu_s) for pid in below if table[pid].name in _WHO}
        self.cpu_at.append((time.time(), sum(seconds for _, seconds in self._cpu.values())))

    def cpu_by(self) -> dict[str, float]:
        total: Counter[str] = Counter()
        for who, seconds in self._cpu.values():
            total[who] += seconds
        return dict(total)


@contextlib.contextmanager
def _watched() -> Iterator[_Seen]:
    """Looks twice a second at all processes below this one."""
    seen, over = _Seen(), threading.Event()

    def look() -> None:
        while not over.wait(_SAMPLE_S):
            seen.look()

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()

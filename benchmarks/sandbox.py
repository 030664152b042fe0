"""What a cell costs: latency, processor time, throughput and memory of every sandbox, beside a plain interpreter.

`python -m benchmarks.sandbox [--backends namespace,docker,runsc] [--quick] [--write]` prints Markdown; `--write` puts
it into RESULTS.md, in place of what an earlier run wrote there. Nothing is asserted: speed belongs to the machine.

Processor time is counted whole. The benchmark moves itself into a control group, which also charges for every process
it ever starts, dead ones included (the plain interpreters; the fork master and its sandboxes); a container has a group
of its own; the engine's daemons and shims, which serve from outside both, are read from /proc with the helpers they
have reaped (in steps of 10 ms, over all repeats together). Without the right to make a group, the processes alive and
those reaped are summed from /proc instead.
"""

import argparse
import asyncio
import contextlib
import math
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import docker.errors

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox, SandboxFactory
from medgym_ray.sandboxes.bubblewrap import find_bubblewrap
from medgym_ray.sandboxes.environment import ensure_environment
from medgym_ray.sandboxes.image import image_tag
from medgym_ray.sandboxes.pool import SandboxPool
from medgym_ray.sandboxes.reaper import RUN_LABEL
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.sandboxes.supervisor.settings import ENVIRONMENT

RESULTS = Path(__file__).with_name("RESULTS.md")
BACKENDS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "namespace": ("namespace", {}),
    "docker": ("docker", {}),
    "runsc": ("docker", {"runtime": "runsc"}),
}
CELLS = {
    "trivial": "print(1)\n",
    "pandas": """\
import numpy as np
import pandas as pd
frame = pd.DataFrame({"group": np.arange(1000) % 7, "value": np.arange(1000.0)})
print(frame.groupby("group").value.mean().round(2).to_dict())
""",
    "sklearn": """\
import numpy as np
from scipy import stats
from sklearn.linear_model import LogisticRegression
random = np.random.default_rng(0)
x = random.normal(size=(300, 4))
y = x[:, 0] + random.normal(size=300) > 0
model = LogisticRegression().fit(x, y)
print(round(model.score(x, y), 3), f"{stats.ttest_ind(x[y, 0], x[~y, 0]).pvalue:.2e}")
""",
}
ENGINE = ("dockerd", "containerd")
_PAUSE_S = 0.03  # between cells, as an agent thinks: long enough for the next cell's process to be forked
_SETTLE_S = 0.5
_POLL_S = 1.0  # the original's loop
_IDLE = 8
_CGROUPS = Path("/sys/fs/cgroup")
_TICKS = os.sysconf("SC_CLK_TCK")
_SECTION = "benchmarks.sandbox"


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often each thing is measured."""

    starts: int
    creates: int
    resets: int
    cells: int
    heavy: int
    polls: int
    levels: tuple[int, ...]
    seconds: float


_FULL = Repeats(starts=3, creates=30, resets=30, cells=100, heavy=40, polls=5, levels=(1, 2, 4, 8, 16), seconds=4.0)
_QUICK = Repeats(starts=1, creates=5, resets=5, cells=10, heavy=5, polls=2, levels=(1, 2, 4), seconds=1.0)


def repeats(backend: str, quick: bool) -> Repeats:
    """Fewer where one repeat takes longer: a container's start costs seconds, and gVisor is slow at everything."""
    if backend == "docker":
        return replace(_QUICK, creates=2) if quick else replace(_FULL, creates=10)
    if backend == "runsc":
        if quick:
            return replace(_QUICK, creates=1, resets=2, cells=5, heavy=2, levels=(1, 2))
        return replace(_FULL, starts=1, creates=4, resets=12, cells=60, heavy=30)
    return _QUICK if quick else _FULL


# ---- What the machine's processes are and cost


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


# ---- Processor time


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


def group_directory(text: str) -> Path | None:
    """Where the processor time of a process is accounted, out of its /proc/PID/cgroup."""
    paths = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        paths.update({name: path.lstrip("/") for name in controllers.split(",")})
    if "cpuacct" in paths:
        return _CGROUPS / "cpuacct" / paths["cpuacct"]
    return _CGROUPS / paths[""] if "" in paths else None


def usage_file(text: str) -> Path | None:
    """The file that holds a group's processor time; None where there is none in reach."""
    directory = group_directory(text)
    for name in ("cpuacct.usage", "cpu.stat"):
        if directory is not None and (directory / name).is_file():
            return directory / name
    return None


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
            used += sum(map(_used, _CGROUPS.glob(f"medgym-*-{os.getpid()}-*/cpu.stat")))
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


# ---- Numbers


@dataclass(slots=True)
class Timing:
    """Milliseconds of each repeat, and the processor time of one."""

    ms: list[float]
    cpu: Cpu

    @property
    def median(self) -> float:
        """Half were faster."""
        return statistics.median(self.ms)

    @property
    def p95(self) -> float:
        """19 of 20 were faster."""
        return percentile(self.ms, 0.95)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed."""
    ranked = sorted(values)
    return ranked[max(math.ceil(share * len(ranked)) - 1, 0)]


def figure(value: float | None) -> str:
    """A number with the digits that mean something; a dash for none."""
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.2f}" if abs(value) < 1 else f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def put_section(text: str, name: str, body: str) -> str:
    """`text` with `body` between the markers of `name`, at its end where the markers are not there yet."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{body.strip()}\n{end}"
    head, found, rest = text.partition(begin)
    if not found:
        return f"{text.rstrip()}\n\n{section}\n"
    _, found, tail = rest.partition(end)
    if not found:
        raise ValueError(f"{begin} has no end")
    return head + section + tail


def write_section(name: str, body: str) -> None:
    """Replaces one part of RESULTS.md."""
    RESULTS.write_text(put_section(RESULTS.read_text(encoding="utf-8"), name, body), encoding="utf-8")


def say(text: str) -> None:
    """Progress, away from what is printed for the record."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Rate:
    """How many cells a second, and how long the slowest of them took, waiting for its turn included."""

    per_second: float
    slowest_s: float


# ---- The plain interpreter


class Plain:
    """A new interpreter of the sandboxes' own environment for each cell, with no isolation at all."""

    def __init__(self, meter: Meter) -> None:
        self._python = str(ensure_environment().path / "bin" / "python")
        self._meter = meter

    def run(self, code: str) -> str:
        """Runs code, gives back what it printed."""
        return subprocess.run(self._line(code), capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout

    def polled(self, code: str) -> str:
        """The original's design: whether the process has ended is looked at once a second."""
        with subprocess.Popen(self._line(code), stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
            while process.poll() is None:
                time.sleep(_POLL_S)
            return process.stdout.read() if process.stdout is not None else ""

    def time(self, how: Callable[[str], str], code: str, count: int) -> Timing:
        """Runs code `count` times, after once that is not counted."""
        how(code)
        before = self._meter.read()
        taken = []
        for _ in range(count):
            began = time.perf_counter()
            how(code)
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(_PAUSE_S)
        return Timing(taken, (self._meter.read() - before).each(count))

    async def rate(self, at_once: int, code: str, seconds: float) -> Rate:
        """Cells, no more at once than a pool of sandboxes would run."""
        running = asyncio.Semaphore(len(os.sched_getaffinity(0)))

        async def one() -> None:
            async with running:
                await asyncio.to_thread(self.run, code)

        return await closed_loop([one] * at_once, seconds)

    def _line(self, code: str) -> list[str]:
        return [self._python, "-c", code]


# ---- The sandboxes


@dataclass(slots=True)
class Report:
    """What was measured of one backend."""

    start: Timing
    create: Timing
    first: Timing
    reset: Timing
    destroy: Timing
    cells: dict[str, Timing]
    rates: dict[str, dict[int, Rate]]
    memory: dict[str, float]
    provenance: dict[str, str]


async def run_cell(sandbox: Sandbox, code: str, expected: str) -> None:
    """Runs a cell; what it does must be true, else its time means nothing. Raises SandboxError."""
    result = await sandbox.run(Cell(code))
    if result.status is not CellStatus.OK or result.stdout != expected:
        raise SandboxError(f"a cell went wrong: {result.status} {result.stdout!r} {result.stderr[-300:]!r}")


class Bench:
    """Measures one backend."""

    def __init__(self, backend: str, meter: Meter, expected: Mapping[str, str], repeats: Repeats) -> None:
        self._kind, self._options = BACKENDS[backend]
        self._backend = backend
        self._meter = meter
        self._expected = expected
        self._repeats = repeats
        self._engine = self._kind == "docker"
        self._run_id = f"benchmark-{backend}-{os.getpid()}"
        self._most = max(_IDLE, *repeats.levels)

    async def measure(self) -> Report:
        """All of it. Raises SandboxError."""
        starts, provenance = await self._starts()
        factory = await self._factory()
        try:
            created, first, resets, destroyed = await self._lives(factory)
            cells = await self._cells(factory)
            memory = await self._memory(factory)
        except BaseException:
            await factory.close()
            raise
        rates = await self._rates(factory)  # closes the factory with its pool
        return Report(starts, created, first, resets, destroyed, cells, rates, memory, provenance)

    async def _factory(self) -> SandboxFactory:
        factory = make_factory(self._kind, slots=self._most, run_id=self._run_id, **self._options)
        await factory.start()
        return factory

    def _boxes(self) -> list[Container]:
        return containers(self._run_id) if self._engine else []

    async def _trivial(self, sandbox: Sandbox) -> None:
        await run_cell(sandbox, CELLS["trivial"], self._expected["trivial"])

    async def _starts(self) -> tuple[Timing, dict[str, str]]:
        self._say("starts")
        taken, spent = [], Cpu()
        provenance: dict[str, str] = {}
        for _ in range(self._repeats.starts):
            before, began = self._meter.read(with_engine=self._engine), time.perf_counter()
            factory = await self._factory()
            taken.append(_since(began))
            spent += self._meter.read(with_engine=self._engine) - before
            provenance = factory.provenance()
            await factory.close()
        return Timing(taken, spent.each(len(taken))), provenance

    async def _lives(self, factory: SandboxFactory) -> tuple[Timing, Timing, Timing, Timing]:
        """Create, first cell and destroy of one sandbox after another; resets of the last."""
        self._say("create, reset, destroy")
        created, first, destroyed, resets = (Timing([], Cpu()) for _ in range(4))
        for number in range(self._repeats.creates):
            before, began = self._meter.read(with_engine=self._engine), time.perf_counter()
            sandbox = await factory.create()
            created.ms.append(_since(began))
            middle = time.perf_counter()
            await self._trivial(sandbox)
            first.ms.append(_since(middle))
            # The container is new, so all that it and its shim have used belongs to this; looking it up comes after.
            spent = self._meter.read(with_engine=self._engine) - before
            for box in self._boxes():
                spent += self._meter.of(box)
            created.cpu += spent.each(self._repeats.creates)
            if number == self._repeats.creates - 1:
                resets = await self._resets(sandbox)
            began = time.perf_counter()
            await sandbox.close()
            destroyed.ms.append(_since(began))
        return created, first, resets, destroyed

    async def _resets(self, sandbox: Sandbox) -> Timing:
        resets = Timing([], Cpu())
        boxes = self._boxes()
        for _ in range(self._repeats.resets):
            await self._trivial(sandbox)
            await asyncio.sleep(_PAUSE_S)
            before, began = self._meter.read(boxes, with_engine=self._engine), time.perf_counter()
            await sandbox.reset()
            resets.ms.append(_since(began))
            spent = self._meter.read(boxes, with_engine=self._engine) - before
            resets.cpu += spent.each(self._repeats.resets)
        return resets

    async def _cells(self, factory: SandboxFactory) -> dict[str, Timing]:
        sandbox = await factory.create()
        boxes = self._boxes()
        timings = {}
        for name, code in CELLS.items():
            count = self._repeats.heavy if name == "sklearn" else self._repeats.cells
            self._say(f"{count} {name} cells")
            for _ in range(2):
                await run_cell(sandbox, code, self._expected[name])
                await asyncio.sleep(_PAUSE_S)
            before, taken = self._meter.read(boxes, with_engine=self._engine), []
            for _ in range(count):
                began = time.perf_counter()
                await run_cell(sandbox, code, self._expected[name])
                taken.append(_since(began))
                await asyncio.sleep(_PAUSE_S)
            spent = self._meter.read(boxes, with_engine=self._engine) - before
            timings[name] = Timing(taken, spent.each(count))
        await sandbox.close()
        return timings

    async def _memory(self, factory: SandboxFactory) -> dict[str, float]:
        """Of sandboxes that wait after a cell."""
        self._say("memory")
        sandboxes: list[Sandbox] = []
        seen: dict[int, tuple[float, float]] = {}
        for count in (1, _IDLE):
            while len(sandboxes) < count:
                sandboxes.append(await factory.create())
                await run_cell(sandboxes[-1], CELLS["pandas"], self._expected["pandas"])
            await asyncio.sleep(_SETTLE_S)
            found = footprint(self._run_id if self._engine else None)
            seen[count] = pss_mb(found.own), pss_mb(found.shared)
        for sandbox in sandboxes:
            await sandbox.close()
        own, shared = seen[_IDLE]
        return {
            "total": own,
            "each": own / _IDLE,
            "marginal": (own + shared - sum(seen[1])) / (_IDLE - 1),
            "shared": shared,
        }

    async def _rates(self, factory: SandboxFactory) -> dict[str, dict[int, Rate]]:
        """Closed loops over sandboxes of a pool, as the executor of a run has one."""
        pool = SandboxPool(factory, self._most)
        rates: dict[str, dict[int, Rate]] = {"trivial": {}, "pandas": {}}
        held: list[Sandbox] = []
        try:
            async with contextlib.AsyncExitStack() as stack:
                for level in self._repeats.levels:
                    self._say(f"{level} at once")
                    new = (stack.enter_async_context(pool.acquire()) for _ in range(level - len(held)))
                    held += await asyncio.gather(*new)
                    for name, of_level in rates.items():

                        def one(sandbox: Sandbox, name: str = name) -> Callable[[], Any]:
                            return lambda: run_cell(sandbox, CELLS[name], self._expected[name])

                        of_level[level] = await closed_loop([one(sandbox) for sandbox in held], self._repeats.seconds)
        finally:
            await pool.close()
        return rates

    def _say(self, what: str) -> None:
        say(f"{self._backend}: {what}")


async def closed_loop(jobs: Sequence[Callable[[], Any]], seconds: float) -> Rate:
    """Each job is repeated, one after the other, beside the other jobs."""
    await asyncio.gather(*(job() for job in jobs))
    taken: list[float] = []
    began = time.perf_counter()

    async def repeat(job: Callable[[], Any]) -> None:
        while (start := time.perf_counter()) - began < seconds:
            await job()
            taken.append(time.perf_counter() - start)

    await asyncio.gather(*map(repeat, jobs))
    return Rate(len(taken) / (time.perf_counter() - began), max(taken))


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


# ---- The report


def environment_lines() -> list[str]:
    """What machine this is."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*:\s*(.*)$", info, re.MULTILINE)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    version = 2 if (_CGROUPS / "cgroup.controllers").exists() else 1
    return [
        f"{model[1] if model else platform.processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB",
        f"Linux {platform.release()}, control groups version {version}, Python {platform.python_version()}",
        ", ".join(_versions()),
    ]


def _versions() -> list[str]:
    found = []
    with contextlib.suppress(SandboxError):
        found.append(_first_line([find_bubblewrap(), "--version"]))
    with contextlib.suppress(docker.errors.DockerException, OSError), engine() as client:
        about = client.version()
        parts = {part["Name"]: part["Version"] for part in about.get("Components", [])}
        found.append(f"Docker {about['Version']} (runc {parts.get('runc', '?')}), image {image_tag()}")
    if shutil.which("runsc"):
        found.append(_first_line(["runsc", "--version"]))
    return found


def _first_line(line: list[str]) -> str:
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["?"])[0]


def _origin(report: Report) -> str:
    shown = {key: value for key, value in report.provenance.items() if key not in ("kind", "guarantees") and value}
    return ", ".join(f"{key} {value}" for key, value in shown.items())


def _lives_table(reports: Mapping[str, Report]) -> str:
    header = ["ms, median / p95", "start of the factory", "create", "first cell", "create + first cell"]
    header += ["reset", "destroy", "CPU: start", "CPU: create + first cell", "CPU: reset"]
    rows = []
    for name, report in reports.items():
        both = Timing([a + b for a, b in zip(report.create.ms, report.first.ms, strict=True)], Cpu())
        timings = (report.start, report.create, report.first, both, report.reset, report.destroy)
        spans = [f"{figure(timing.median)} / {figure(timing.p95)}" for timing in timings]
        cpus = [figure(timing.cpu.total * 1000) for timing in (report.start, report.create, report.reset)]
        rows.append([f"{name} (n={len(report.start.ms)}, {len(both.ms)}, {len(report.reset.ms)})", *spans, *cpus])
    return markdown(header, rows)


def _cells_table(reports: Mapping[str, Report], plain: Mapping[str, Timing], polled: Mapping[str, Timing]) -> str:
    header = ["cell", "where", "n", "p50 ms", "p95 ms", "CPU ms", "driver + engine + sandbox"]
    header += ["plain / it", "plain CPU / it", "polled / it"]
    rows = []
    for cell in CELLS:
        timings = {name: report.cells[cell] for name, report in reports.items()}
        timings |= {"plain python": plain[cell], "polled once a second": polled[cell]}
        for name, timing in timings.items():
            cpu = timing.cpu
            parts = " + ".join(figure(part * 1000) for part in (cpu.driver, cpu.engine, cpu.sandbox))
            numbers = [figure(value) for value in (timing.median, timing.p95, cpu.total * 1000)]
            ratios = (
                plain[cell].median / timing.median,
                plain[cell].cpu.total / cpu.total if cpu.total else math.nan,
                polled[cell].median / timing.median,
            )
            rows.append([cell, name, str(len(timing.ms)), *numbers, parts, *(f"{figure(ratio)}x" for ratio in ratios)])
    return markdown(header, rows)


def _rates_table(rates: Mapping[str, Mapping[str, Mapping[int, Rate]]]) -> str:
    levels = sorted({level for by_cell in rates.values() for of_level in by_cell.values() for level in of_level})
    rows = []
    for cell in ("trivial", "pandas"):
        for name, by_cell in rates.items():
            found = [by_cell[cell].get(level) for level in levels]
            rows.append(
                [cell, name, *(f"{figure(r.per_second)} ({figure(r.slowest_s)} s)" if r else "-" for r in found)]
            )
    return markdown(["cells per second (the slowest)", "sandboxes at once:", *map(str, levels)], rows)


def _memory_table(reports: Mapping[str, Report]) -> str:
    header = [f"PSS, MB, {_IDLE} idle after a pandas cell", "all", "each (all / 8)", "each more adds"]
    header += ["beside: fork master, or shims"]
    names = ("total", "each", "marginal", "shared")
    rows = [[name, *(figure(report.memory[key]) for key in names)] for name, report in reports.items()]
    return markdown(header, rows)


async def usable(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which backends can be measured, and why the others cannot: better known now than after minutes."""
    found, problems = [], []
    for name in names:
        kind, options = BACKENDS[name]
        factory = make_factory(kind, slots=1, run_id=f"benchmark-{name}-{os.getpid()}", **options)
        try:
            await factory.start()
            sandbox = await factory.create()
            await run_cell(sandbox, CELLS["trivial"], "1\n")
            found.append(name)
        except SandboxError as error:
            problems.append(f"{name} cannot be measured: {error}")
            say(problems[-1])
        finally:
            await factory.close()
    return found, problems


def others() -> list[str]:
    """Whether the engine works for somebody else too, whose processor time cannot be told from ours."""
    with contextlib.suppress(docker.errors.DockerException, OSError), engine() as client:
        count = len(client.containers.list(ignore_removed=True))
        if count:
            say(f"warning: {count} containers of others are running: the engine's processor time is theirs too")
            return [f"{count} containers of others were running: the engine's processor time is theirs too"]
    return []


async def main(names: Sequence[str], quick: bool) -> str:
    """Measures; gives back the section."""
    load = os.getloadavg()[0]
    if load > 1:
        say(f"warning: the load is {load:.1f} before anything has begun: times will be too high")
    names, notes = await usable(names)
    notes += others()
    with metered() as meter:
        plain = Plain(meter)
        expected = {name: plain.run(code) for name, code in CELLS.items()}
        own = repeats("plain", quick)
        say("plain interpreters")
        alone = {
            name: plain.time(plain.run, code, own.heavy if name == "sklearn" else own.cells)
            for name, code in CELLS.items()
        }
        polled = {name: plain.time(plain.polled, code, own.polls) for name, code in CELLS.items()}
        rates: dict[str, dict[int, Rate]] = {"trivial": {}, "pandas": {}}
        for name, of_level in rates.items():
            for level in own.levels:
                of_level[level] = await plain.rate(level, CELLS[name], own.seconds)
        reports = {}
        for name in names:
            try:
                reports[name] = await Bench(name, meter, expected, repeats(name, quick)).measure()
            except SandboxError as error:
                notes.append(f"{name} could not be measured to the end: {error}")
                say(notes[-1])
        counted = "a control group" if meter.group else "/proc (no control group could be made)"
    lines = [
        *environment_lines(),
        f"load at start {load:.2f}, at the end {os.getloadavg()[0]:.2f}" + (" (busy at start)" if load > 1 else ""),
        f"CPU: all of it, of driver and sandboxes from {counted}, of containers from theirs, of the engine from /proc",
        *(f"{name}: {_origin(report)}" for name, report in reports.items()),
        *notes,
    ]
    all_rates = {name: report.rates for name, report in reports.items()} | {"plain python": rates}
    tables = [_cells_table(reports, alone, polled), _lives_table(reports), _rates_table(all_rates)]
    title = "## Sandboxes: `python -m benchmarks.sandbox`" + (" (quick: not for the record)" if quick else "")
    facts = "\n".join(f"- {line}" for line in lines) + "\n"
    return "\n".join([title, "", facts, *tables, _memory_table(reports)])


def backend_names(text: str) -> list[str]:
    """The backends of a command line. Raises argparse.ArgumentTypeError."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in BACKENDS:
            raise argparse.ArgumentTypeError(f"unknown backend '{name}': use {', '.join(BACKENDS)}")
    return names


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__.splitlines()[0])
    parser.add_argument("--backends", type=backend_names, default=list(BACKENDS), help="default: all")
    parser.add_argument("--quick", action="store_true", help="few repeats: shows that it works, no more")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("--quick is too rough for the record: leave out --write")
    section = asyncio.run(main(options.backends, options.quick))
    print(section)
    if options.write:
        write_section(_SECTION, section)

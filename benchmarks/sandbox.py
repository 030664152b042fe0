"""What a cell costs: latency, processor time, throughput and memory of every sandbox, beside a plain interpreter.

`python -m benchmarks.sandbox [--backends namespace,docker,runsc] [--quick] [--write]` prints Markdown; `--write` puts
it into RESULTS.md, in place of what an earlier run wrote there. Nothing is asserted: speed belongs to the machine.

Throughput depends most on what else the machine's host is doing, so each rate is the median of several rounds, and the
time of a fixed piece of work, taken throughout, says how even the machine was.
"""

import argparse
import asyncio
import contextlib
import math
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import docker
import docker.errors

from benchmarks.measure.processes import Container, containers, engine, footprint, pss_mb
from benchmarks.measure.processor import Cpu, Meter, metered
from benchmarks.measure.results import environment_lines, figure, markdown, say, write_section
from benchmarks.measure.timing import Pulse, Rate, Timing, closed_loop, since
from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox, SandboxFactory
from medgym_ray.sandboxes.environment import ensure_environment
from medgym_ray.sandboxes.pool import SandboxPool
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.sandboxes.supervisor.settings import ENVIRONMENT

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
_PAUSE_S = 0.03  # between cells, as an agent thinks: long enough for the next cell's process to be forked
_SETTLE_S = 0.5
_POLL_S = 1.0  # the original's loop
_IDLE = 8
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
    rounds: int
    seconds: float


_FULL = Repeats(
    starts=3, creates=30, resets=30, cells=100, heavy=40, polls=5, levels=(1, 2, 4, 8, 16), rounds=5, seconds=1.5
)
_QUICK = Repeats(starts=1, creates=5, resets=5, cells=10, heavy=5, polls=2, levels=(1, 2, 4), rounds=1, seconds=1.0)


def repeats(backend: str, quick: bool) -> Repeats:
    """Fewer where one repeat takes longer: a container's start costs seconds, and gVisor is slow at everything."""
    if backend == "docker":
        return replace(_QUICK, creates=2) if quick else replace(_FULL, creates=10)
    if backend == "runsc":
        if quick:
            return replace(_QUICK, creates=1, resets=2, cells=5, heavy=2, levels=(1, 2))
        return replace(_FULL, starts=1, creates=4, resets=12, cells=60, heavy=30)
    return _QUICK if quick else _FULL


# ---- The plain interpreter


class Plain:
    """A new interpreter of the sandboxes' own environment for each cell, with no isolation at all."""

    def __init__(self, meter: Meter, pulse: Pulse) -> None:
        self._python = str(ensure_environment().path / "bin" / "python")
        self._meter = meter
        self._pulse = pulse

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
        self._pulse.take()
        before = self._meter.read()
        taken = []
        for _ in range(count):
            began = time.perf_counter()
            how(code)
            taken.append((time.perf_counter() - began) * 1000)
            time.sleep(_PAUSE_S)
        return Timing(taken, (self._meter.read() - before).each(count))

    async def rate(self, at_once: int, code: str, rounds: int, seconds: float) -> Rate:
        """Cells, no more at once than a pool of sandboxes would run."""
        running = asyncio.Semaphore(len(os.sched_getaffinity(0)))

        async def one() -> None:
            async with running:
                await asyncio.to_thread(self.run, code)

        return await closed_loop([one] * at_once, rounds, seconds, self._pulse)

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

    def __init__(self, backend: str, meter: Meter, pulse: Pulse, expected: Mapping[str, str], repeats: Repeats) -> None:
        self._kind, self._options = BACKENDS[backend]
        self._backend = backend
        self._meter = meter
        self._pulse = pulse
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
            taken.append(since(began))
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
            created.ms.append(since(began))
            middle = time.perf_counter()
            await self._trivial(sandbox)
            first.ms.append(since(middle))
            # The container is new, so all that it and its shim have used belongs to this; looking it up comes after.
            spent = self._meter.read(with_engine=self._engine) - before
            for box in self._boxes():
                spent += self._meter.of(box)
            created.cpu += spent.each(self._repeats.creates)
            if number == self._repeats.creates - 1:
                resets = await self._resets(sandbox)
            began = time.perf_counter()
            await sandbox.close()
            destroyed.ms.append(since(began))
        return created, first, resets, destroyed

    async def _resets(self, sandbox: Sandbox) -> Timing:
        resets = Timing([], Cpu())
        boxes = self._boxes()
        for _ in range(self._repeats.resets):
            await self._trivial(sandbox)
            await asyncio.sleep(_PAUSE_S)
            before, began = self._meter.read(boxes, with_engine=self._engine), time.perf_counter()
            await sandbox.reset()
            resets.ms.append(since(began))
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
                taken.append(since(began))
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

                        of_level[level] = await closed_loop(
                            [one(sandbox) for sandbox in held], self._repeats.rounds, self._repeats.seconds, self._pulse
                        )
        finally:
            await pool.close()
        return rates

    def _say(self, what: str) -> None:
        self._pulse.take()
        say(f"{self._backend}: {what}")


# ---- The report


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
                [
                    cell,
                    name,
                    *(
                        f"{figure(r.median)}, {figure(max(r.rounds))} ({figure(r.slowest_s)} s)" if r else "-"
                        for r in found
                    ),
                ]
            )
    return markdown(
        ["cells per second: median of the rounds, best (the slowest cell)", "sandboxes at once:", *map(str, levels)],
        rows,
    )


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
        pulse = Pulse()
        plain = Plain(meter, pulse)
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
                of_level[level] = await plain.rate(level, CELLS[name], own.rounds, own.seconds)
        reports = {}
        for name in names:
            try:
                reports[name] = await Bench(name, meter, pulse, expected, repeats(name, quick)).measure()
            except SandboxError as error:
                notes.append(f"{name} could not be measured to the end: {error}")
                say(notes[-1])
        counted = "a control group" if meter.group else "/proc (no control group could be made)"
    lines = [
        *environment_lines(),
        f"load at start {load:.2f}, at the end {os.getloadavg()[0]:.2f}" + (" (busy at start)" if load > 1 else ""),
        f"CPU: all of it, of driver and sandboxes from {counted}, of containers from theirs, of the engine from /proc",
        pulse.summary(),
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

"""Whether anything grows: thousands of cells in one sandbox after another, with a count of all that could be left over.

`python -m benchmarks.soak [--backends namespace,docker] [--cells 10000] [--write]`. The cells are a mixture of honest,
failing and nasty ones, with a reset after every hundred (through a pool, as in a run). Prints one Markdown table per
backend: before anything was started, along the way, and after all was closed; and says plainly what rose.
"""

import argparse
import asyncio
import contextlib
import gc
import math
import os
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure.processes import Footprint, containers, engine, footprint, processes, pss_mb
from benchmarks.measure.processor import ENGINE
from benchmarks.measure.results import environment_lines, figure, markdown, say, write_section
from benchmarks.sandbox.load import BACKENDS, CELLS, backend_names
from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellStatus, Limits, Sandbox
from medgym_ray.sandboxes.pool import SandboxPool
from medgym_ray.sandboxes.reaper import RUN_LABEL
from medgym_ray.sandboxes.registry import make_factory

_SECTION = "benchmarks.soak"
_BLOCK = 100
_EVERY = 1000
_SETTLE_S = 1.0
_LIMITS = Limits(cpu_s=10, wall_s=20, memory_mb=512)
_MACHINE = "machine: "
# A program's file costs the less the more others run it: its pages say nothing about growth.
_OWN_PAGES = ("Pss_Anon", "Pss_Shmem")
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of cell: how many of them a block has, and how each must end."""

    count: int
    cell: Cell
    status: CellStatus


def _short(**limits: float) -> Limits:
    return Limits(**{name: getattr(_LIMITS, name) for name in Limits.__slots__} | limits)


_LEAVES_FILES = """\
import os
for place in ("/work", "/tmp", "/dev/shm"):
    deep = f"{place}/" + "/".join(["left"] * 20)
    os.makedirs(deep, exist_ok=True)
    for number in range(20):
        with open(f"{deep}/{os.getpid()}-{number}", "w") as file:
            file.write("x" * 10_000)
    os.symlink("/", f"{place}/link-{os.getpid()}")
    os.mkfifo(f"{place}/pipe-{os.getpid()}")
os.chmod("/work/left", 0)
os.chmod("/work/left", 0o700)
"""
_LEAVES_CHILDREN = """\
import os, signal, subprocess, time
for _ in range(3):
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
"""
KINDS: Mapping[str, Kind] = {
    "trivial": Kind(38, Cell(CELLS["trivial"], limits=_LIMITS), CellStatus.OK),
    "pandas": Kind(20, Cell(CELLS["pandas"], limits=_LIMITS), CellStatus.OK),
    "answer": Kind(5, Cell("answer = {'a': [1, 2.5, None]}", limits=_LIMITS), CellStatus.OK),
    "shell": Kind(10, Cell("echo $((6 * 7)); ls -la / | wc -l", "shell", _LIMITS), CellStatus.OK),
    "error": Kind(8, Cell("values = {'a': 1}\nvalues['b']", limits=_LIMITS, debug=True), CellStatus.ERROR),
    "exit": Kind(2, Cell("import sys\nsys.exit(3)", limits=_LIMITS), CellStatus.ERROR),
    "abort": Kind(2, Cell("import os\nos.abort()", limits=_LIMITS), CellStatus.KILLED),
    "leaves files": Kind(6, Cell(_LEAVES_FILES, limits=_LIMITS), CellStatus.OK),
    "leaves children": Kind(4, Cell(_LEAVES_CHILDREN, limits=_LIMITS), CellStatus.OK),
    "floods": Kind(2, Cell("while True:\n    print('x' * 10_000)", limits=_LIMITS), CellStatus.OUTPUT_LIMIT),
    "sleeps": Kind(1, Cell("import time\ntime.sleep(60)", limits=_short(wall_s=0.3)), CellStatus.TIMEOUT),
    "spins": Kind(1, Cell("while True:\n    pass", limits=_short(wall_s=0.3)), CellStatus.TIMEOUT),
    "eats": Kind(
        1,
        Cell("import time\nheld = b'1' * (200 << 20)\ntime.sleep(10)", limits=_short(memory_mb=64)),
        CellStatus.MEMORY_LIMIT,
    ),
}
"""A block: its counts add up to a hundred."""

_LOOK = """\
import os
found = [os.path.join(top, name) for place in ("/work", "/tmp", "/dev/shm", "/dev/mqueue")
         for top, directories, files in os.walk(place) for name in directories + files]
answer = {"files": found, "processes": sum(name.isdigit() for name in os.listdir("/proc"))}
"""
"""What a sandbox that was reset finds of what was there before; it must be nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is counted. `noise`: how much it may rise, over the whole run, and mean nothing."""

    name: str
    noise: float
    returns: bool = True
    """Whether it must be as before once all is closed; memory that was once used need not be given back."""


ROWS = (
    Row("processes of ours", 0.5),
    Row("zombies among them", 0.5),
    Row("open files: driver", 0.5),
    Row("open files: sandboxes, fork master", 0.5),
    Row("open files: shims", 0.5),
    Row("PSS less files, MB: driver", 3, returns=False),
    Row("PSS less files, MB: sandboxes, fork master", 3),
    Row("PSS less files, MB: shims", 3),
    Row("files in our scratch directories", 0.5),
    Row("KB in our scratch directories", 8),
    Row("control groups of ours", 0.5),
    Row("containers of ours", 0.5),
    Row("mounts in the sandbox", 0.5),
    Row("left by resets: files, processes", 0.5),
    Row(f"{_MACHINE}entries in tmp", 0.5),
    Row(f"{_MACHINE}open files of the engine", 3),
    Row(f"{_MACHINE}PSS less files of the engine, MB", 8, returns=False),
    Row(f"{_MACHINE}mounts", 0.5),
    Row(f"{_MACHINE}removed control groups in memory", 50, returns=False),
    Row(f"{_MACHINE}unreclaimable slab, MB", 30, returns=False),
)


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """The straight line's rise per unit, by least squares; 0 for fewer than two points."""
    if len(xs) < 2:
        return 0.0
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle_x) ** 2 for x in xs)
    return sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def rose(cells: Sequence[int], values: Sequence[float], noise: float) -> bool:
    """Whether the trend over all cells is more than noise, and not one outlier's doing."""
    if len(values) < 2 or any(map(math.isnan, values)):
        return False
    return slope(cells, values) * (cells[-1] - cells[0]) > noise and values[-1] - values[0] > noise


def block(chance: random.Random) -> list[str]:
    """A hundred cells in some order."""
    names = [name for name, kind in KINDS.items() for _ in range(kind.count)]
    chance.shuffle(names)
    return names


@dataclass(slots=True)
class Soak:
    """One backend's run: what was counted, after how many cells, and what went wrong."""

    backend: str
    cells: int
    marks: list[int] = field(default_factory=list)
    seen: list[dict[str, float]] = field(default_factory=list)
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    left: int = 0
    containers: set[str] = field(default_factory=set)
    seconds: float = 0.0

    @property
    def run_id(self) -> str:
        """Names the containers."""
        return f"soak-{self.backend}-{os.getpid()}"

    def warm(self) -> tuple[list[int], list[dict[str, float]]]:
        """What was counted, less the first time: what the first cells touch for the first time is no growth."""
        first = 1 if len(self.marks) > 3 else 0
        return self.marks[first:], self.seen[first:]

    async def run(self) -> None:
        """All cells. Raises SandboxError where the backend cannot be used at all."""
        kind, options = BACKENDS[self.backend]
        self.before = await self._look()
        factory = make_factory(kind, slots=1, run_id=self.run_id, limits=_LIMITS, **options)
        await factory.start()
        pool = SandboxPool(factory, 1)
        try:
            chance, began = random.Random(0), time.perf_counter()
            every = max(min(_EVERY, self.cells // 5 // _BLOCK * _BLOCK), _BLOCK)
            done = 0
            await self._block(pool, [], 0)  # the first sandbox: what it takes to start is no growth
            await self._mark(0)
            while done < self.cells:
                names = block(chance)[: self.cells - done]
                await self._block(pool, names, done)
                done += len(names)
                if done % every == 0 or done == self.cells:
                    await self._mark(done)
                    say(f"{self.backend}: {done} cells, {time.perf_counter() - began:.0f} s")
            self.seconds = time.perf_counter() - began
        finally:
            await pool.close()
        self.after = await self._look()

    async def _block(self, pool: SandboxPool, names: Sequence[str], done: int) -> None:
        """Cells in one sandbox, and the reset that the pool makes at their end."""
        try:
            async with pool.acquire() as sandbox:
                await self._inspect(sandbox)
                await sandbox.put({"data/table.csv": b"a,b\n1,2\n" * 20_000})
                for name in names:
                    await self._cell(sandbox, name)
        except SandboxError as error:
            self.wrong[str(error)] += 1
            say(f"{self.backend}: after {done} cells: {error}")

    async def _cell(self, sandbox: Sandbox, name: str) -> None:
        try:
            result = await sandbox.run(KINDS[name].cell)
        except SandboxError as error:
            raise SandboxError(f"{name}: {error}") from error
        self.ended[result.status] += 1
        if result.status is not KINDS[name].status:
            self.wrong[f"{name}: {result.status} in place of {KINDS[name].status}"] += 1

    async def _inspect(self, sandbox: Sandbox) -> None:
        """From inside, right after a reset: itself, the supervisor, and in a container its first process."""
        result = await sandbox.run(Cell(_LOOK, limits=_LIMITS))
        if not result.has_answer:
            self.wrong[f"a look into a fresh sandbox failed: {result.status} {result.answer_error}"] += 1
            return
        files, running = result.answer["files"], result.answer["processes"]
        if files or running > 3:
            self.left += len(files) + max(running - 3, 0)
            self.wrong[f"a reset left {files[:3]} and {running} processes"] += 1

    async def _mark(self, done: int) -> None:
        self.marks.append(done)
        self.seen.append(await self._look())

    async def _look(self) -> dict[str, float]:
        """Counts, once things are quiet."""
        gc.collect()
        await asyncio.sleep(_SETTLE_S)
        docker = BACKENDS[self.backend][0] == "docker"
        boxes = containers(self.run_id) if docker else []
        self.containers |= {box.name for box in boxes}
        found = footprint(self.run_id if docker else None)
        shims = {box.shim for box in boxes}
        inside = (found.own | found.shared) - shims
        daemons = {process.pid for process in processes().values() if docker and process.name in ENGINE}
        scratch = _scratch()
        counts = (
            len(found.own | found.shared),
            _zombies(found),
            _open_files({os.getpid()}),
            _open_files(inside),
            _open_files(shims),
            pss_mb({os.getpid()}, _OWN_PAGES),
            pss_mb(inside, _OWN_PAGES),
            pss_mb(shims, _OWN_PAGES),
            len(scratch),
            sum(scratch) / 1024,
            _groups({f"-{os.getpid()}-", *self.containers}),
            _containers(self.run_id) if docker else 0,
            max((_mounts(pid) for pid in inside), default=0),
            self.left,
            sum(1 for _ in Path(tempfile.gettempdir()).iterdir()),
            _open_files(daemons),
            pss_mb(daemons, _OWN_PAGES),
            _mounts(os.getpid()),
            _dying_groups(),
            _slab_mb(),
        )
        return {row.name: float(count) for row, count in zip(ROWS, counts, strict=True)}


def _zombies(found: Footprint) -> int:
    table = processes()
    ours = found.own | found.shared | {os.getpid()}
    return sum(p.state == "Z" and (p.pid in ours or p.parent in ours) for p in table.values())


def _open_files(pids: set[int]) -> float:
    count = 0
    for pid in pids:
        try:
            count += sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        except FileNotFoundError:
            continue
        except OSError:
            return math.nan
    return count


def _scratch() -> list[int]:
    """Sizes of the files that our sandboxes have on the host."""
    sizes = []
    for directory in Path(tempfile.gettempdir()).glob(f"medgym-*-{os.getpid()}-*"):
        for path in directory.rglob("*"):
            with contextlib.suppress(OSError):
                sizes.append(path.lstat().st_size)
    return sizes


def _groups(ours: Collection[str]) -> int:
    """Those that have one of `ours` in their names, in all hierarchies."""
    names = (name for _, directories, _ in os.walk(_CGROUPS) for name in directories)
    return sum(any(part in name for part in ours) for name in names)


def _dying_groups() -> float:
    """Removed, but some page is still charged to them."""
    with contextlib.suppress(OSError):
        stat = (_CGROUPS / "cgroup.stat").read_text(encoding="ascii")
        return float(re.findall(r"nr_dying_descendants (\d+)", stat)[0])
    with contextlib.suppress(OSError, IndexError):
        text = Path("/proc/cgroups").read_text(encoding="ascii")
        known = int(re.findall(r"^memory\s+\d+\s+(\d+)", text, re.MULTILINE)[0])
        return known - 1 - sum(len(directories) for _, directories, _ in os.walk(_CGROUPS / "memory"))
    return math.nan


def _containers(run_id: str) -> int:
    with engine() as client:
        return len(client.containers.list(all=True, filters={"label": f"{RUN_LABEL}={run_id}"}, ignore_removed=True))


def _mounts(pid: int) -> int:
    with contextlib.suppress(OSError):
        return len(Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8").splitlines())
    return 0


def _slab_mb() -> float:
    match = re.search(r"SUnreclaim:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"))
    return int(match[1]) / 1024 if match else math.nan


# ---- The report


def verdict(soak: Soak) -> list[str]:
    """In plain words: what rose, what did not go back, what ended otherwise than it must."""
    marks, seen = soak.warm()
    lines = []
    for row in ROWS:
        values = [counts[row.name] for counts in seen]
        if rose(marks, values, row.noise):
            rate = figure(slope(marks, values) * 1000)
            lines.append(f"{_told(row, 'grew')}, {figure(values[0])} to {figure(values[-1])}, {rate} per 1000 cells")
    ran = sum(soak.ended.values())
    if not lines and ran == soak.cells:
        lines.append(f"nothing grew between cell {marks[0]} and cell {marks[-1]}")
    kept = [row for row in ROWS if row.returns and soak.after[row.name] - soak.before[row.name] > row.noise]
    for row in kept:
        before, after = figure(soak.before[row.name]), figure(soak.after[row.name])
        lines.append(f"{_told(row, 'not as before after closing')}, {before} before, {after} after")
    if not kept:
        lines.append("after closing, all was as before")
    if ran < soak.cells:
        lines.append(f"**not run**: {soak.cells - ran} of {soak.cells} cells, for their sandbox was lost before")
    lines += [f"**unexpected** ({count}x): {what}" for what, count in sorted(soak.wrong.items())]
    if not soak.wrong:
        lines.append("every cell ended as it must, and every reset left nothing")
    return lines


def _told(row: Row, what: str) -> str:
    """What is the whole machine's may be somebody else's doing."""
    return f"{what} (or others did it): {row.name}" if row.name.startswith(_MACHINE) else f"**{what}**: {row.name}"


def _table(soak: Soak) -> str:
    header = [f"{soak.backend}, after cells:", "before", *map(str, soak.marks), "closed", "trend per 1000 cells"]
    marks, seen = soak.warm()
    rows = []
    for row in ROWS:
        values = [counts[row.name] for counts in (soak.before, *soak.seen, soak.after)]
        trend = slope(marks, [counts[row.name] for counts in seen]) * 1000
        shown = [f"{value:.0f}" if value == round(value) else figure(value) for value in values]
        rows.append([row.name, *shown, f"{trend:+.2f}" if abs(trend) >= 0.005 else "0"])
    return markdown(header, rows)


async def main(names: Sequence[str], cells: int) -> str:
    """Runs all; gives back the section."""
    load = os.getloadavg()[0]
    parts = ["## Soak: `python -m benchmarks.soak`", ""]
    parts.append("\n".join(f"- {line}" for line in (*environment_lines(), f"load at start {load:.2f}")) + "\n")
    for name in names:
        soak = Soak(name, cells)
        try:
            await soak.run()
        except SandboxError as error:
            parts.append(f"{name} was not run: {error}\n")
            continue
        ended = ", ".join(f"{status} {count}" for status, count in soak.ended.most_common())
        parts.append(f"{name}: {sum(soak.ended.values())} cells in {soak.seconds:.0f} s ({ended})\n")
        parts.append("\n".join(f"- {line}" for line in verdict(soak)) + "\n")
        parts.append(_table(soak))
    return "\n".join(parts)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--backends", type=backend_names, default=["namespace", "docker"])
    parser.add_argument("--cells", type=int, default=10_000, help="in each backend (default: 10000)")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    options = parser.parse_args()
    if options.cells < 1:
        parser.error(f"--cells must be at least 1, not {options.cells}")
    section = asyncio.run(main(options.backends, options.cells))
    print(section)
    if options.write:
        write_section(_SECTION, section)

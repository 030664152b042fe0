"""Measures one backend."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.measure.processes import Container, containers, footprint, pss_mb
from benchmarks.measure.processor import Cpu, Meter
from benchmarks.measure.results import say
from benchmarks.measure.timing import Pulse, Rate, Timing, closed_loop, since
from benchmarks.sandbox.load import BACKENDS, CELLS, IDLE, PAUSE_S, Repeats, run_cell
from medgym_ray.sandboxes.base import Sandbox, SandboxFactory
from medgym_ray.sandboxes.pool import SandboxPool
from medgym_ray.sandboxes.registry import make_factory

_SETTLE_S = 0.5


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
        self._most = max(IDLE, *repeats.levels)

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
            await asyncio.sleep(PAUSE_S)
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
                await asyncio.sleep(PAUSE_S)
            before, taken = self._meter.read(boxes, with_engine=self._engine), []
            for _ in range(count):
                began = time.perf_counter()
                await run_cell(sandbox, code, self._expected[name])
                taken.append(since(began))
                await asyncio.sleep(PAUSE_S)
            spent = self._meter.read(boxes, with_engine=self._engine) - before
            timings[name] = Timing(taken, spent.each(count))
        await sandbox.close()
        return timings

    async def _memory(self, factory: SandboxFactory) -> dict[str, float]:
        """Of sandboxes that wait after a cell."""
        self._say("memory")
        sandboxes: list[Sandbox] = []
        seen: dict[int, tuple[float, float]] = {}
        for count in (1, IDLE):
            while len(sandboxes) < count:
                sandboxes.append(await factory.create())
                await run_cell(sandboxes[-1], CELLS["pandas"], self._expected["pandas"])
            await asyncio.sleep(_SETTLE_S)
            found = footprint(self._run_id if self._engine else None)
            seen[count] = pss_mb(found.own), pss_mb(found.shared)
        for sandbox in sandboxes:
            await sandbox.close()
        own, shared = seen[IDLE]
        return {
            "total": own,
            "each": own / IDLE,
            "marginal": (own + shared - sum(seen[1])) / (IDLE - 1),
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

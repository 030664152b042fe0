"""The plain interpreter that every sandbox is compared with."""

import asyncio
import os
import subprocess
import time
from collections.abc import Callable

from benchmarks.measure.processor import Meter
from benchmarks.measure.timing import Pulse, Rate, Timing, closed_loop
from benchmarks.sandbox.load import PAUSE_S
from medgym_ray.sandboxes.environment import ensure_environment
from medgym_ray.sandboxes.supervisor.settings import ENVIRONMENT

_POLL_S = 1.0  # the original's loop


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
            time.sleep(PAUSE_S)
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

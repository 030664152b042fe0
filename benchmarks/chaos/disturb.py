"""Plays a run and kills, one after the other at random moments, until it has come to its end."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from benchmarks.chaos.verdict import durable
from benchmarks.chaos.victims import Victim
from benchmarks.chaos.workload import Workload

DRIVER = "driver"
_LAST_S = 1200.0
_EARLY = 0.15
"""How often a driver is killed before the run is under way: while it recovers, or starts its actors."""
_EARLY_S = 8.0


@dataclass
class Disturbed:
    """One run with kills, and what was durable when each of them came."""

    kills: list[tuple[datetime, str]] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    said: str = ""
    code: int = 0

    def counts(self) -> Counter[str]:
        """By kind."""
        return Counter(kind for _, kind in self.kills)


@dataclass
class Disturbance:
    """Kills of every kind in turn, with pauses (seconds) between them. It remembers what it has killed in all runs."""

    victims: Mapping[str, Victim]
    random: Random
    pause_s: tuple[float, float]
    left: int
    killed: Counter[str] = field(default_factory=Counter)

    def __call__(self, work: Workload, run: Path) -> Disturbed:
        """Plays a run to its end; a driver that was killed is started again."""
        result = Disturbed()
        said = run.with_suffix(".txt")
        with said.open("wb") as file:
            while True:
                driver = work.start(run, file.fileno())
                try:
                    self._until_driver(driver, run, result)
                    driver.wait(_LAST_S)
                finally:
                    if driver.poll() is None:
                        driver.kill()
                        driver.wait()
                if driver.returncode != -signal.SIGKILL:
                    break
        result.code, result.said = driver.returncode, said.read_text(errors="replace")
        return result

    def _until_driver(self, driver: "subprocess.Popen[bytes]", run: Path, result: Disturbed) -> None:
        """Until the driver is dead, by a kill or because the run is over, or no kill is left."""
        if self.left and self.random.random() < _EARLY:
            time.sleep(self.random.uniform(0, _EARLY_S))
            self._kill(DRIVER, driver, run, result)
            return
        begun = len(durable(run)) if run.is_dir() else 0
        while driver.poll() is None and (not run.is_dir() or len(durable(run)) == begun):
            time.sleep(0.1)
        while self.left:
            time.sleep(self.random.uniform(*self.pause_s))
            if driver.poll() is not None:
                return
            kinds = [DRIVER, *self.victims]
            self.random.shuffle(kinds)
            for kind in sorted(kinds, key=lambda kind: self.killed[kind]):
                if self._kill(kind, driver, run, result):
                    break
            if driver.returncode is not None:
                return

    def _kill(self, kind: str, driver: "subprocess.Popen[bytes]", run: Path, result: Disturbed) -> bool:
        before, at = durable(run) if run.is_dir() else set(), datetime.now(UTC)
        if kind == DRIVER:
            if driver.poll() is not None:
                return False
            os.kill(driver.pid, signal.SIGKILL)
            driver.wait()
        elif not self.victims[kind].strike(self.random):
            return False
        result.acknowledged |= before
        result.kills.append((at, kind))
        self.killed[kind] += 1
        self.left -= 1
        return True

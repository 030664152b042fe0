"""What is measured: backends, cells, and how often."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellStatus, Sandbox

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
PAUSE_S = 0.03
"""Between cells, as an agent thinks: long enough for the next cell's process to be forked."""
IDLE = 8
"""Sandboxes that wait while their memory is measured."""


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


async def run_cell(sandbox: Sandbox, code: str, expected: str) -> None:
    """Runs a cell; what it does must be true, else its time means nothing. Raises SandboxError."""
    result = await sandbox.run(Cell(code))
    if result.status is not CellStatus.OK or result.stdout != expected:
        raise SandboxError(f"a cell went wrong: {result.status} {result.stdout!r} {result.stderr[-300:]!r}")


def backend_names(text: str) -> list[str]:
    """The backends of a command line. Raises argparse.ArgumentTypeError."""
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in BACKENDS:
            raise argparse.ArgumentTypeError(f"unknown backend '{name}': use {', '.join(BACKENDS)}")
    return names

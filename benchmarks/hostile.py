"""What was tried against the sandboxes, and what came of it: the hostile suite as a table.

`python -m benchmarks.hostile [--backends namespace,docker,docker+runsc] [--write]` runs tests/hostile. Each attack
counts as withstood only where it was contained, its report was right, the next cell worked, the machine showed no trace
and a reset made the sandbox as new. Exit code 1 where one was not.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.measure.results import environment_lines, markdown, write_section

BACKENDS = ("namespace", "docker", "docker+runsc")
SUITE = Path(__file__).parents[1] / "tests" / "hostile"
_SECTION = "benchmarks.hostile"


@dataclass(slots=True)
class Tally:
    """The variants of one attack on one backend."""

    withstood: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        parts = [f"{self.failed} FAILED"] * bool(self.failed) + [f"{self.skipped} skipped"] * bool(self.skipped)
        return ", ".join([str(self.withstood), *parts]) + f" ({self.seconds:.1f} s)"


Attacks = Mapping[str, Mapping[str, Tally]]


class Watcher:
    """Pytest's reports, by attack and backend."""

    def __init__(self, backends: Sequence[str]) -> None:
        self._backends = sorted(backends, key=len, reverse=True)  # "docker" begins "docker+runsc" as well
        self.attacks: defaultdict[str, defaultdict[str, Tally]] = defaultdict(lambda: defaultdict(Tally))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leaves out the backends that were not asked for, and what attacks none."""
        items[:] = [item for item in items if self._backend(item.nodeid)]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test is one report for each of set-up, call and what is looked at after the attack."""
        backend = self._backend(report.nodeid)
        path, _, name = report.nodeid.partition("::")
        attack = f"{Path(path).stem.removeprefix('test_')}: {name.partition('[')[0].removeprefix('test_')}"
        tally = self.attacks[attack.replace("_", " ")][backend]
        tally.seconds += report.duration
        tally.failed += report.failed
        tally.skipped += report.skipped
        tally.withstood += report.when == "call" and report.passed
        tally.withstood -= report.when == "teardown" and report.failed

    def _backend(self, nodeid: str) -> str:
        parameters = nodeid.partition("[")[2].removesuffix("]")
        return next((name for name in self._backends if parameters == name or parameters.startswith(f"{name}-")), "")


def section(attacks: Attacks, backends: Sequence[str]) -> str:
    """Markdown: an attack a row, a backend a column."""
    sums = {name: Tally() for name in backends}
    rows = []
    for attack, by_backend in attacks.items():
        rows.append([attack, *(str(by_backend[name]) if name in by_backend else "-" for name in backends)])
        for name, tally in by_backend.items():
            sums[name].withstood += tally.withstood
            sums[name].failed += tally.failed
            sums[name].skipped += tally.skipped
            sums[name].seconds += tally.seconds
    rows.append([f"**all ({len(attacks)} attacks)**", *(f"**{sums[name]}**" for name in backends)])
    facts = "\n".join(f"- {line}" for line in environment_lines())
    table = markdown(["attack: variants withstood (time of all)", *backends], rows)
    return f"## Attacks on the sandboxes: `python -m benchmarks.hostile`\n\n{facts}\n\n{table}"


def main() -> int:
    """Runs the suite; the exit code is pytest's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__.splitlines()[0])
    parser.add_argument("--backends", default=",".join(BACKENDS), help="default: all")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    backends = [name.strip() for name in options.backends.split(",")]
    if unknown := sorted(set(backends) - set(BACKENDS)):
        parser.error(f"unknown backend {', '.join(unknown)}: use {', '.join(BACKENDS)}")
    watcher = Watcher(backends)
    code = int(pytest.main(["-q", "-p", "no:xdist", "-p", "no:cacheprovider", str(SUITE)], plugins=[watcher]))
    text = section(watcher.attacks, backends)
    print(text)
    if options.write:
        write_section(_SECTION, text)
    return code


if __name__ == "__main__":
    sys.exit(main())

"""Kills parts of runs at random moments, resumes, and looks what was lost or counted twice.

`python -m benchmarks.chaos [--kills N] [--seed N] [--write]` plays recorded replies to a part of the bundled sample on
a Ray cluster of two raylets of its own, first in namespace sandboxes, then in containers of a Docker engine of its own:
each once undisturbed, then with kills until there were N of them. At each disturbed run's end every trajectory must be
there once, with the reward of the undisturbed run, and the manifest and every shard's sha256 must be right. Exit code 1
where one was not.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from benchmarks.chaos.disturb import DRIVER, Disturbance, Disturbed
from benchmarks.chaos.engine import own_engine
from benchmarks.chaos.lab import cluster
from benchmarks.chaos.verdict import Losses, judge, made_again, rewards
from benchmarks.chaos.victims import ACTORS, MASTER, Container, Daemon, Process, Raylet, Victim
from benchmarks.chaos.workload import SANDBOXES, Workload, play, workload
from benchmarks.measure.results import environment_lines, markdown, say, write_section

_SECTION = "benchmarks.chaos"
KINDS = (DRIVER, *ACTORS, "raylet", "sandbox master", "container", "dockerd")


@contextlib.contextmanager
def scene(folder: Path, sandbox: str, *, tasks: int, rollouts: int) -> Iterator[tuple[Workload, dict[str, Victim]]]:
    """A run on a cluster of two raylets, and all that can be killed there beside its driver."""
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(own_engine()) if sandbox == "docker" else None
        environment = {"DOCKER_HOST": engine.host} if engine else {}
        # Enough processors for the run when the other node is dead.
        lab = stack.enter_context(cluster(cpus=2, environment=environment))
        lab.join()
        raylet = Raylet(lab)
        stack.callback(raylet.wait)
        victims: dict[str, Victim] = {kind: Process(lab, marker) for kind, marker in ACTORS.items()}
        victims["raylet"] = raylet
        if engine:
            victims |= {"container": Container(engine), "dockerd": Daemon(engine)}
        else:
            victims["sandbox master"] = Process(lab, MASTER)
        variables = lab.variables() | environment
        work = workload(folder, variables, f"sandbox={sandbox}", tasks=tasks, rollouts=rollouts)
        yield work, victims


@dataclass
class Tally:
    """All disturbed runs. What is wrong with a run is charged to every kind of kill that it had."""

    runs: int = 0
    trajectories: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    losses: dict[str, Losses] = field(default_factory=lambda: {kind: Losses() for kind in KINDS})
    total: Losses = field(default_factory=Losses)

    def add(self, run: Path, disturbed: Disturbed, undisturbed: Mapping[str, float]) -> Losses:
        """One more run."""
        wrong = judge(run, disturbed.acknowledged, undisturbed)
        self.runs += 1
        self.trajectories += len(undisturbed)
        self.kills += disturbed.counts()
        self.again += made_again(run, disturbed.kills)
        self.total.add(wrong)
        for kind in disturbed.counts():
            self.losses[kind].add(wrong)
        return wrong

    def section(self, seed: int, seconds: float) -> str:
        """Markdown: a kind of kill a row."""
        rows = [self._row(kind, self.kills[kind], self.losses[kind], self._again(kind)) for kind in KINDS]
        rows.append(self._row("**all**", self.kills.total(), self.total, str(self.again.total())))
        facts = [
            *environment_lines(),
            f"{self.runs} disturbed runs, {self.trajectories} trajectories, two raylets, two executors of {SANDBOXES} "
            f"sandboxes, two replicas; seed {seed}; {seconds / 60:.0f} minutes",
        ]
        header = ["killed", "kills", "lost", "doubled", "torn shards, other rewards", "attempts lost and made again"]
        lines = "\n".join(f"- {line}" for line in facts)
        return f"## Kills: `python -m benchmarks.chaos`\n\n{lines}\n\n{markdown(header, rows)}"

    def _again(self, kind: str) -> str:
        if kind == DRIVER:
            return f"≤ {self.kills[kind] * 2 * SANDBOXES} (a killed driver records nothing)"
        return str(self.again[kind])

    @staticmethod
    def _row(name: str, kills: int, losses: Losses, again: str) -> list[str]:
        return [name, *map(str, (kills, losses.lost, losses.doubled, losses.torn)), again]


def campaign(tally: Tally, sandbox: str, kills: int, random: Random) -> bool:
    """Disturbs runs until there were so many kills; False where something was lost."""
    with (
        tempfile.TemporaryDirectory(prefix="chaos-") as name,
        scene(Path(name), sandbox, tasks=24, rollouts=6) as (work, victims),
    ):
        folder = Path(name)
        play(work, folder / "undisturbed")
        undisturbed = rewards(folder / "undisturbed")
        disturb = Disturbance(victims, random, (0.2, 1.2), kills)
        while disturb.left:
            run = folder / f"run-{tally.runs}"
            disturbed = disturb(work, run)
            wrong = tally.add(run, disturbed, undisturbed)
            say(f"{sandbox}, run {tally.runs}: {len(disturbed.kills)} kills, {tally.kills.total()} in all; {wrong}")
            if wrong or disturbed.code != 0:
                say(disturbed.said)
                return False
    return True


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--sandbox", choices=["namespace", "docker"], help="default: four fifths and one fifth")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended either way
    random, tally, began = Random(options.seed), Tally(), time.monotonic()
    # Containers add two kinds of kill to seven, and cost more time than the rest.
    shares = {"namespace": options.kills - options.kills // 5, "docker": options.kills // 5}
    if options.sandbox:
        shares = {options.sandbox: options.kills}
    for sandbox, share in shares.items():
        if not campaign(tally, sandbox, share, random):
            break
    text = tally.section(options.seed, time.monotonic() - began)
    print(text)
    if options.write:
        write_section(_SECTION, text)
    return 0 if tally.kills.total() == options.kills and not tally.total else 1


if __name__ == "__main__":
    sys.exit(main())

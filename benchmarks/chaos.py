"""Kills parts of runs at random moments, resumes, and looks what was lost or counted twice.

`python -m benchmarks.chaos [--kills N] [--seed N] [--write]` plays recorded replies to a part of the bundled sample in
namespace sandboxes on clusters of its own: once undisturbed, then with kills until there were N of them. At each
disturbed run's end every trajectory must be there once, with the reward of the undisturbed run, and the manifest and
every shard's sha256 must be right. Exit code 1 where one was not.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pyarrow.parquet as pq

from benchmarks.measure.results import environment_lines, markdown, say, write_section
from benchmarks.measure.victims import KINDS, kill_with_all, victims
from medgym_ray.actions import Action, ActionKind, render_json_action
from medgym_ray.config import TasksConfig
from medgym_ray.store.layout import FAILURES, TRAJECTORIES, logs, shards
from medgym_ray.store.log import read_log
from medgym_ray.store.shards import read_manifest
from medgym_ray.tasks.registry import load_tasks, make_family

DRIVER = "driver"
ALL_KINDS = (*KINDS, DRIVER)
_SECTION = "benchmarks.chaos"
_FAMILIES = ("medcalcbench", "npowerai")
_CELL_S = 0.15
"""What each cell takes: long enough to be hit."""
_SANDBOXES = 3
_LAST_S = 170.0
_CAUSES = {"SandboxError": "sandbox master", "PolicyError": "replica"}


@dataclass(slots=True)
class Losses:
    """What was wrong after kills."""

    lost: int = 0
    """Durable before a kill and not in the end, or not there at all."""
    doubled: int = 0
    torn: int = 0
    """Shards that are not what the manifest says, and rewards that are not those of the undisturbed run."""

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.torn)

    def add(self, other: "Losses") -> None:
        """Sums up."""
        self.lost, self.doubled, self.torn = (
            self.lost + other.lost,
            self.doubled + other.doubled,
            self.torn + other.torn,
        )


@dataclass(frozen=True)
class Workload:
    """A run that can be repeated: the arguments of the command."""

    arguments: tuple[str, ...]
    expected: int

    def command(self, run: Path, *more: str) -> list[str]:
        """The command with everything that does not depend on the disturbance."""
        line = [sys.executable, "-m", "medgym_ray.generate", *self.arguments, f"output.dir={run}", *more]
        return [*line, "cluster.address=local"]


def workload(folder: Path, *, tasks: int, rollouts: int, replicas: int = 2) -> Workload:
    """Writes the replies: gold for most tasks, something wrong for every third, each after cells that take a while."""
    loaded = load_tasks(TasksConfig(source="sample", families=list(_FAMILIES), limit=tasks), seed=0).tasks
    wait = Action(ActionKind.CODE_EXECUTION, {"code": f"import time; time.sleep({_CELL_S})"})
    wrong = Action(ActionKind.SUBMIT, {"answer": -12345})
    lines = []
    for number, task in enumerate(loaded):
        gold = make_family(task.family, TasksConfig()).oracle(task) or [wrong]
        actions = [wait, wait, *([wrong] if number % 3 == 2 else gold)]
        lines.append({"task_id": task.task_id, "replies": [render_json_action(action) for action in actions]})
    replies = folder / "replies.jsonl"
    replies.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    arguments = [
        *("+model=replay", f"model.path={replies}", "model.hosted=true", f"model.replicas={replicas}"),
        *(f"tasks.families=[{','.join(_FAMILIES)}]", f"tasks.limit={tasks}", f"sampling.rollouts={rollouts}"),
        *("agent.attempts=100", "cluster.executors=1", f"sandbox.concurrency={_SANDBOXES}"),
        *("output.shard_s=2", "cluster.drain_s=5"),
    ]
    return Workload(tuple(arguments), len(loaded) * rollouts)


def durable(run: Path) -> set[str]:
    """What a kill may not take: ids in committed shards, and in logs."""
    found = {row for row, _ in _committed(run)}
    for part in logs(run):
        if part.table == TRAJECTORIES.name:
            try:
                batches = list(read_log(run / part.log))
            except OSError:  # it has just become a shard
                continue
            found.update(i for batch in batches for i in batch.column("trajectory_id").to_pylist())
    return found


def _committed(run: Path) -> list[tuple[str, float]]:
    rows: list[tuple[str, float]] = []
    for entry in read_manifest(run):
        if entry.table == TRAJECTORIES.name:
            columns = pq.read_table(run / entry.shard, columns=["trajectory_id", "reward"]).to_pydict()
            rows += zip(columns["trajectory_id"], columns["reward"], strict=True)
    return rows


def rewards(run: Path) -> dict[str, float]:
    """By trajectory."""
    return dict(_committed(run))


def play(work: Workload, run: Path) -> None:
    """Undisturbed, to its end. Raises RuntimeError with what the command said."""
    ended = subprocess.run(work.command(run), capture_output=True, text=True, timeout=_LAST_S, env=_environment())
    if ended.returncode != 0:
        raise RuntimeError(f"exit code {ended.returncode}: {ended.stderr.strip()[-2000:]}")


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"HF_HUB_OFFLINE": "1"}


@dataclass
class Disturbed:
    """One run with kills, and what was durable when each of them came."""

    killed: Counter[str] = field(default_factory=Counter)
    acknowledged: set[str] = field(default_factory=set)
    said: str = ""
    code: int = 0


def disturb(work: Workload, run: Path, kinds: Sequence[str], random: Random, pause_s: tuple[float, float]) -> Disturbed:
    """Plays the run and kills, one after the other at random moments, what is named; a dead driver is started again.

    Returns when the run came to its end, and then it may have had fewer kills.
    """
    result = Disturbed()
    waiting = list(kinds)
    while True:
        with tempfile.TemporaryFile("w+") as said:
            driver = subprocess.Popen(
                work.command(run), stdout=said, stderr=said, start_new_session=True, env=_environment()
            )
            try:
                _kill_until_driver(driver, run, waiting, random, pause_s, result)
                driver.wait(_LAST_S)
            finally:
                if driver.poll() is None:
                    kill_with_all(driver.pid)
                    driver.wait()
            said.seek(0)
            result.said += said.read()
        if driver.returncode != -signal.SIGKILL:
            result.code = driver.returncode
            return result


def _kill_until_driver(
    driver: "subprocess.Popen[bytes]",
    run: Path,
    waiting: list[str],
    random: Random,
    pause_s: tuple[float, float],
    result: Disturbed,
) -> None:
    begun = len(durable(run)) if run.is_dir() else 0
    while driver.poll() is None and (not run.is_dir() or len(durable(run)) == begun):
        time.sleep(0.1)  # a cluster takes seconds to start, which is no moment of a run
    while waiting:
        time.sleep(random.uniform(*pause_s))
        kind = waiting[0]
        found = [driver.pid] if kind == DRIVER else victims(driver.pid, kind)
        if driver.poll() is not None:
            return
        if not found:
            continue  # the last of its kind was killed, its follower is on its way
        result.acknowledged |= durable(run)
        result.killed[waiting.pop(0)] += 1
        if kind == DRIVER:
            kill_with_all(driver.pid)
            return
        try:
            os.kill(random.choice(found), signal.SIGKILL)
        except ProcessLookupError:
            continue


def judge(run: Path, disturbed: Disturbed, undisturbed: Mapping[str, float]) -> Losses:
    """What is wrong with a run after its kills and its end."""
    rows = _committed(run)
    ids = Counter(row for row, _ in rows)
    return Losses(
        lost=len((disturbed.acknowledged | set(undisturbed)) - set(ids)),
        doubled=sum(count - 1 for count in ids.values()) + len(set(ids) - set(undisturbed)),
        torn=sum(undisturbed.get(row) != reward for row, reward in rows) + torn(run),
    )


def done_again(run: Path) -> Counter[str]:
    """Attempts that were lost and recorded, by what had been killed. A dead driver records nothing."""
    found: Counter[str] = Counter()
    for entry in read_manifest(run):
        if entry.table == FAILURES.name:
            columns = pq.read_table(run / entry.shard, columns=["error_class", "message"]).to_pydict()
            for error_class, message in zip(columns["error_class"], columns["message"], strict=True):
                found[_CAUSES.get(error_class, "other") if "executor" not in message else "executor"] += 1
    return found


def torn(run: Path) -> int:
    """Shards whose size, rows or sha256 are not the manifest's, files that it does not list, and logs left behind."""
    entries = read_manifest(run)
    wrong = len(logs(run))
    for entry in entries:
        data = (run / entry.shard).read_bytes()
        same = hashlib.sha256(data).hexdigest() == entry.sha256 and len(data) == entry.bytes
        wrong += not (same and pq.read_metadata(run / entry.shard).num_rows == entry.rows)
    listed = Counter(entry.shard for entry in entries)
    there = {part.shard for part in shards(run, TRAJECTORIES)}
    return wrong + sum(count - 1 for count in listed.values()) + len(there - set(listed))


def portions(kills: int, random: Random, per_run: int) -> list[list[str]]:
    """The kinds of all kills, as many of each, in portions for one run each."""
    kinds = [ALL_KINDS[n % len(ALL_KINDS)] for n in range(kills)]
    random.shuffle(kinds)
    return [kinds[start : start + per_run] for start in range(0, kills, per_run)]


@dataclass
class Tally:
    """All disturbed runs. What is wrong with a run is charged to every kind of kill that it had."""

    work: Workload
    runs: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    losses: dict[str, Losses] = field(default_factory=lambda: {kind: Losses() for kind in ALL_KINDS})
    total: Losses = field(default_factory=Losses)

    def add(self, run: Path, disturbed: Disturbed, undisturbed: Mapping[str, float]) -> Losses:
        """One more run."""
        wrong = judge(run, disturbed, undisturbed)
        self.runs += 1
        self.kills += disturbed.killed
        self.again += done_again(run)
        self.total.add(wrong)
        for kind in disturbed.killed:
            self.losses[kind].add(wrong)
        return wrong

    def section(self, seed: int) -> str:
        """Markdown: a kind of kill a row."""
        rows = [self._row(kind, self.kills[kind], self.losses[kind], self._again(kind)) for kind in ALL_KINDS]
        rows.append(self._row("**all**", self.kills.total(), self.total, str(self.again.total())))
        facts = [*environment_lines(), f"{self.runs} disturbed runs of {self.work.expected} trajectories, seed {seed}"]
        header = ["killed", "kills", "lost", "doubled", "torn shards, other rewards", "attempts lost and made again"]
        lines = "\n".join(f"- {line}" for line in facts)
        return f"## Kills: `python -m benchmarks.chaos`\n\n{lines}\n\n{markdown(header, rows)}"

    def _again(self, kind: str) -> str:
        return f"≤ {self.kills[kind] * _SANDBOXES} (unrecorded)" if kind == DRIVER else str(self.again[kind])

    @staticmethod
    def _row(name: str, kills: int, losses: Losses, again: str) -> list[str]:
        return [name, *map(str, (kills, losses.lost, losses.doubled, losses.torn)), again]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--per-run", type=int, default=14, help="kills that one run bears at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    random = Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        work = workload(folder, tasks=12, rollouts=4)
        play(work, folder / "undisturbed")
        undisturbed = rewards(folder / "undisturbed")
        tally = Tally(work)
        while (left := options.kills - tally.kills.total()) > 0:
            run = folder / f"run-{tally.runs}"
            kinds = portions(left, random, options.per_run)[0]
            disturbed = disturb(work, run, kinds, random, (0.3, 1.5))
            wrong = tally.add(run, disturbed, undisturbed)
            say(f"run {tally.runs}: {disturbed.killed.total()} kills, {tally.kills.total()} in all; {wrong}")
            if wrong or disturbed.code != 0:
                say(disturbed.said)
                break
    text = tally.section(options.seed)
    print(text)
    if options.write:
        write_section(_SECTION, text)
    return 1 if tally.total or tally.kills.total() < options.kills else 0


if __name__ == "__main__":
    sys.exit(main())

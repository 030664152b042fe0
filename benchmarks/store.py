"""How fast trajectories become durable, and how soon a long run that is resumed is at work again.

`python -m benchmarks.store [--write]`. Acknowledgements: trajectories of about 10 KB, 256 at a time, into a directory
on this machine's disk; side by side one at a time, so that the ratio shows what sharing an fsync brings. Resume: the
real command on a directory that holds 100,000 trajectories, and on an empty one, from its start to its first new
trajectory, where it has to start Ray itself and where a cluster runs already.
"""

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import yaml

from benchmarks.chaos.lab import cluster
from benchmarks.measure.processes import without_cluster
from benchmarks.measure.results import environment_lines, figure, markdown, say, write_section
from medgym_ray.store.layout import RUN_FILE, logs
from medgym_ray.store.recovery import prepare_directory, recover, successes
from medgym_ray.store.writer import DurableWriter
from medgym_ray.trajectory import Trajectory, Turn, trajectory_id

_SECTION = "benchmarks.store"
_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_SHARD_BYTES, _SHARD_S = 256 << 20, 300.0
_AT_ONCE = 256
_FAMILY = "medcalcbench"
_TOKENS = 400
_LETTERS = 5000
_VOCABULARY = range(150_000)


def trajectory(identity: str, random: Random, task_id: str = "npowerai/1") -> Trajectory:
    """About 10 KB: text that does not compress to nothing, tokens, log-probabilities."""
    text = random.randbytes(_LETTERS // 2).hex()
    tokens = random.choices(_VOCABULARY, k=_TOKENS)
    return Trajectory(
        trajectory_id=identity,
        run_id="run",
        group_id=f"run/{task_id}",
        code_version="0",
        config_hash="c",
        task_id=task_id,
        family="npowerai",
        category="c",
        split="test",
        rollout_index=0,
        attempt=0,
        seed=1,
        messages=[{"role": "user", "content": text[:2500]}, {"role": "assistant", "content": text[2500:]}],
        turns=[Turn(action="submit", arguments="{}")],
        token_ids=tokens,
        loss_mask=[1] * _TOKENS,
        logprobs=[-0.5] * _TOKENS,
        reward=1.0,
        success=True,
        score_reason="correct",
        scorer_version="1",
        termination="success",
        num_turns=1,
        model="replay",
        policy_version="0",
        sampling="{}",
        agent_format="json",
        protocol="submit",
        licence="open",
        restricted=False,
        started_at=_NOW,
        finished_at=_NOW,
        provenance="{}",
    )


async def _append(root: Path, records: Iterable[Trajectory], at_once: int) -> float:
    """Seconds until all were acknowledged."""
    prepare_directory(root)
    writer = DurableWriter(root, "0", successes(root), _SHARD_BYTES, _SHARD_S)
    waiting = iter(records)

    async def send() -> None:
        for record in waiting:
            await writer.append(record)

    began = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(at_once)))
    seconds = time.perf_counter() - began
    await writer.close()
    return seconds


def acknowledgements(folder: Path, count: int) -> tuple[float, float, float]:
    """(bytes of a record in the log, acknowledged per second one at a time, and many at a time)."""
    random = Random(0)
    one = [trajectory(f"a{n}", random) for n in range(count // 20)]
    many = [trajectory(f"b{n}", random) for n in range(count)]
    slow = len(one) / asyncio.run(_append(folder / "one", one, 1))
    fast = sorted(count / asyncio.run(_append(folder / f"many-{n}", many, _AT_ONCE)) for n in range(3))[1]
    return _log_bytes(folder / "size", many[:_AT_ONCE]), slow, fast


def _log_bytes(root: Path, records: list[Trajectory]) -> float:
    async def measure() -> float:
        prepare_directory(root)
        writer = DurableWriter(root, "0", (), _SHARD_BYTES, _SHARD_S)
        await asyncio.gather(*map(writer.append, records))
        size = sum((root / part.log).stat().st_size for part in logs(root)) / len(records)
        await writer.close()
        return size

    return asyncio.run(measure())


def _command(run: Path, rollouts: int) -> list[str]:
    return [
        *(sys.executable, "-m", "medgym_ray.generate", f"tasks={_FAMILY}", f"sampling.rollouts={rollouts}"),
        *(f"output.dir={run}", "sandbox=namespace", "cluster.executors=1"),
    ]


def _first_new(run: Path, rollouts: int, before: int, address: Mapping[str, str]) -> float:
    """Seconds from the command's start until a trajectory is there that was not. `address` names a cluster or none."""
    environment = without_cluster() | dict(address)
    command_line = _command(run, rollouts) + ([] if address else ["cluster.address=local"])
    began = time.perf_counter()
    command = subprocess.Popen(
        command_line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment, text=True
    )
    while not run.is_dir() or not any((run / part.log).stat().st_size > 10_000 for part in logs(run)):
        time.sleep(0.01)
        if command.poll() is not None:
            raise RuntimeError(f"the command ended: {command.communicate()[1][-2000:]}")
    seconds = time.perf_counter() - began
    if command.communicate()[1].count("trajectories are there") != bool(before):
        raise RuntimeError("the command did not resume what it was to resume")
    return seconds


def resume(folder: Path, held: int) -> list[tuple[str, float, float]]:
    """(where, seconds to the first trajectory of a fresh run, of one that holds `held`)."""
    fresh_run, run = folder / "fresh", folder / "held"
    fresh = _first_new(fresh_run, 1, 0, {})
    key = yaml.safe_load((fresh_run / RUN_FILE).read_text(encoding="utf-8"))
    tasks = sorted({row["task_id"] for row in _rows(fresh_run)})
    random = Random(0)
    rollouts = held // len(tasks) + 1
    names = [(trajectory_id(_run_key(fresh_run), task, n), task) for n in range(rollouts) for task in tasks][:held]
    say(f"writing {held} trajectories")
    asyncio.run(_append(run, (trajectory(name, random, task) for name, task in names), _AT_ONCE))
    (run / RUN_FILE).write_text(yaml.safe_dump(key), encoding="utf-8")
    recover(run)
    resumed = _first_new(run, rollouts, held, {})
    with cluster(2) as lab:
        variables = lab.variables()
        fresh_there = min(_first_new(folder / f"fresh-{n}", 1, 0, variables) for n in range(2))
        resumed_there = _first_new(run, rollouts + 1, held, variables)
    return [("where Ray has to be started", fresh, resumed), ("where it runs", fresh_there, resumed_there)]


def _rows(run: Path) -> list[dict[str, str]]:
    import pyarrow.parquet as pq

    rows: list[dict[str, str]] = pq.read_table(run / "trajectories", columns=["task_id", "config_hash"]).to_pylist()
    return rows


def _run_key(run: Path) -> str:
    return _rows(run)[0]["config_hash"]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20_000, help="trajectories that are acknowledged")
    parser.add_argument("--held", type=int, default=100_000, help="trajectories of the run that is resumed")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="store-", dir=Path.cwd()) as name:
        size, one, many = acknowledgements(Path(name), options.count)
        starts = resume(Path(name), options.held)
    acknowledged = markdown(
        ["bytes of a record in the log", "acknowledged/s, one at a time", f"acknowledged/s, {_AT_ONCE} at a time", "×"],
        [[figure(size), figure(one), figure(many), figure(many / one)]],
    )
    started = markdown(
        [
            "s from the command to its first trajectory",
            "a fresh run",
            f"a run that holds {options.held:,} trajectories",
            "what resuming costs",
        ],
        [[where, figure(fresh), figure(resumed), figure(resumed - fresh)] for where, fresh, resumed in starts],
    )
    facts = "\n".join(f"- {line}" for line in environment_lines())
    text = f"## Store: `python -m benchmarks.store`\n\n{facts}\n\n{acknowledged}\n{started}"
    print(text)
    if options.write:
        write_section(_SECTION, text)


if __name__ == "__main__":
    main()

"""What evaluating a large run takes: `python -m benchmarks.evaluate [--count N] [--write]`.

Runs of made-up trajectories of about 10 KB (text that does not compress, 400 tokens with log-probabilities), each
command a process of its own: seconds, and its peak resident memory beside that of one on a small run.
"""

import argparse
import asyncio
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.measure.results import environment_lines, figure, markdown, say, write_section
from benchmarks.store import trajectory
from medgym_ray.config import GenerateConfig, ModelConfig, SamplingConfig, SandboxConfig
from medgym_ray.identity import identity
from medgym_ray.store.recovery import prepare_directory, tally
from medgym_ray.store.run import write_run_file
from medgym_ray.store.writer import DurableWriter
from medgym_ray.trajectory import Trajectory, Turn

_SECTION = "benchmarks.evaluate"
_FAMILIES = 12
_ROLLOUTS = 8
_TURNS = 4
_AT_ONCE = 256
_SMALL = 104


def _played(count: int) -> Iterator[Trajectory]:
    """Tasks differ in how hard they are; each has 8 rollouts."""
    random = Random(0)
    for number in range(count):
        task, rollout = divmod(number, _ROLLOUTS)
        family = f"family{task % _FAMILIES}"
        success = random.random() < (task % 10) / 10
        turn = Turn(action="code_execution", prompt_tokens=1000, completion_tokens=100, cost_usd=0.001)
        yield dataclasses.replace(
            trajectory(f"{number:032x}", random, f"{family}/{task}"),
            family=family,
            rollout_index=rollout,
            success=success,
            reward=float(success),
            termination="success" if success else "wrong",
            turns=[turn] * _TURNS,
            num_turns=_TURNS,
        )


def _store(root: Path, count: int) -> Path:
    config = GenerateConfig(
        model=ModelConfig(name=root.name, kind="replay"),
        sampling=SamplingConfig(rollouts=_ROLLOUTS),
        sandbox=SandboxConfig(kind="namespace"),
    )
    prepare_directory(root)
    write_run_file(root, identity(config), dataclasses.asdict(config), {})

    async def append() -> None:
        writer = DurableWriter(root, "0", (), 256 << 20, 300.0)
        waiting = _played(count)

        async def send() -> None:
            for record in waiting:
                await writer.append(record)

        await asyncio.gather(*(send() for _ in range(_AT_ONCE)))
        await writer.close()

    asyncio.run(append())
    if tally(root).rows != count:
        raise RuntimeError(f"{root} does not hold {count} trajectories")
    return root


def _evaluated(runs: list[Path], target: Path) -> tuple[float, float]:
    """(seconds, MB at its peak) of the command."""
    names = ",".join(map(str, runs))
    began = time.perf_counter()
    command = subprocess.Popen(
        [sys.executable, "-m", "medgym_ray.evaluate", f"run=[{names}]", f"output.dir={target}"],
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(command.pid, 0)
    command.returncode = os.waitstatus_to_exitcode(status)
    if command.returncode:
        raise RuntimeError(f"the command ended with {command.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="trajectories of a run")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="evaluate-", dir=Path.cwd()) as name:
        folder = Path(name)
        cases = {
            f"a run of {_SMALL}": [_store(folder / "small", _SMALL)],
            f"a run of {options.count:,}": [_store(folder / "large", options.count)],
        }
        shutil.copytree(folder / "large", folder / "other")
        cases[f"two runs of {options.count:,}"] = [folder / "large", folder / "other"]
        for number, (case, runs) in enumerate(cases.items()):
            say(case)
            size = sum(shard.stat().st_size for run in runs for shard in run.glob("trajectories/*")) / 2**20
            rows.append([case, figure(size), *map(figure, _evaluated(runs, folder / f"out-{number}"))])
    facts = "\n".join(f"- {line}" for line in environment_lines())
    table = markdown(["evaluated", "MB of shards", "s", "MB at its peak"], rows)
    text = f"## Evaluation: `python -m benchmarks.evaluate`\n\n{facts}\n\n{table}"
    print(text)
    if options.write:
        write_section(_SECTION, text)


if __name__ == "__main__":
    main()

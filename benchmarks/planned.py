"""Whether a plan comes true: what `medgym_ray.plan` says a run will take, and what it takes.

`python -m benchmarks.planned [--write]`. A short run of simulated engines first, from which the plan takes what this
machine costs; then three longer ones, each planned before it is begun. The time is that of the whole command.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure.processes import without_cluster
from benchmarks.measure.results import environment_lines, figure, markdown, say, write_section

_SECTION = "benchmarks.planned"
_RUN = (
    *("model=simulated", "model.replicas=2", "model.mistakes=0.5", "model.max_in_flight=32"),
    *("model.simulation.step_ms=15", "model.simulation.sequence_ms=0.5", "model.simulation.reply_tokens=60"),
    *("sandbox=namespace", "cluster.address=local", "cluster.executors=1", "cluster.episodes=48"),
)
"""Two engines that have some sixteen sequences each at once, and cells that share two cores."""
_TASKS = ("tasks=sample", "tasks.families=[medcalcbench,npowerai]")
_SIZES = ((12, 4), (40, 4), (96, 5))
"""Tasks per family, rollouts of each."""


def _command(module: str, *settings: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", f"medgym_ray.{module}", *_TASKS, *_RUN, *settings]
    done = subprocess.run(line, capture_output=True, text=True, env=without_cluster(), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{module} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done


def planned_s(tasks: int, rollouts: int, measured: Path, folder: Path) -> float:
    """What the plan says, with figures of the run `measured`."""
    told = folder / f"plan-{tasks}-{rollouts}.json"
    _command("plan", f"tasks.limit={tasks}", f"rollouts={rollouts}", f"from={measured}", f"json={told}")
    seconds: float = json.loads(told.read_text(encoding="utf-8"))["prediction"]["wall_s"]
    return seconds


def taken_s(tasks: int, rollouts: int, run: Path) -> tuple[float, int]:
    """What a run takes, and how many trajectories it makes."""
    began = time.perf_counter()
    done = _command("generate", f"tasks.limit={tasks}", f"sampling.rollouts={rollouts}", f"output.dir={run}")
    seconds = time.perf_counter() - began
    return seconds, int(done.stdout.split(": ", 1)[1].split(" trajectories", 1)[0])


def rows(folder: Path) -> Sequence[Sequence[str]]:
    """Of the table."""
    say("a short run, to plan from")
    taken_s(60, 4, folder / "measured")
    found = []
    for tasks, rollouts in _SIZES:
        planned = planned_s(tasks, rollouts, folder / "measured", folder)
        seconds, trajectories = taken_s(tasks, rollouts, folder / f"run-{tasks}")
        say(f"{trajectories} trajectories: planned {planned:.1f} s, took {seconds:.1f} s")
        found.append([f"{trajectories:,}", figure(planned), figure(seconds), f"{planned / seconds - 1:+.0%}"])
    return found


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planned", description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="planned-", dir=Path.cwd()) as name:
        table = markdown(["trajectories", "planned, s", "took, s", "off by"], rows(Path(name)))
    facts = "\n".join(f"- {line}" for line in environment_lines())
    text = f"## Plans: `python -m benchmarks.planned`\n\n{facts}\n\n{table}"
    print(text)
    if options.write:
        write_section(_SECTION, text)


if __name__ == "__main__":
    main()

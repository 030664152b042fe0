"""Does a model learn from its own episodes? `python -m benchmarks.learning [--seeds 0,1] [--write]`.

The loop, as a user types it: SmolLM2-135M on a CPU is shown the oracle's way of a third of npowerai's training tasks,
practises on all of them in two rounds, learns from what succeeded, then from pairs; a verifier learns beside it. After
each training it plays the held-out tasks (`tasks.split=test`), which no training has seen. Each seed is a loop of its
own (demonstrations, data order, sampling); intervals are over tasks, whose success is the mean of all seeds.
A loop takes hours on two cores; with the same --directory it goes on where it was.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from benchmarks.measure.results import environment_lines, markdown, say, write_section
from medgym_ray.evaluate.intervals import DIFFERENCE, SHARE, Resampling
from medgym_ray.paths import cache_dir

_LOOP = (
    "generate=[model=smollm2,model.engine.dtype=bfloat16,model.max_in_flight=48,tasks=npowerai,agent.format=code,"
    "agent.max_turns=3,sampling.max_tokens=384]",
    "demonstrate=[tasks.split=train,tasks.limit=64]",
    "practise=[tasks.split=train,sampling.rollouts=2]",
    "hold_out=[tasks.split=test,sampling.rollouts=2]",
    "train=[precision=bfloat16,output.checkpoint_steps=12]",
    "sft=[optimizer.learning_rate=3e-4,optimizer.max_steps=24]",
    "dpo=[optimizer.learning_rate=5e-6,optimizer.max_steps=12]",
    "verifier=[optimizer.learning_rate=5e-5,optimizer.max_steps=24]",
    "restart=false",
    "rounds=2",
)
_RESAMPLING = Resampling(resamples=2000, confidence=0.95, seed=0)
_SECTION = "benchmarks.learning"
_SECTION_TEXT = """\
## Learning: `python -m benchmarks.learning --seeds {seeds}`

{environment}

{tasks} held-out tasks of npowerai's bundled sample, {rollouts} rollouts of each by each of {loops} seeds. In
brackets: 95 % intervals from draws of tasks; what another seed of training makes of it
the columns of seeds show. `medgym_ray.loop` with

```
{command}
```

{table}
"""


def play(seed: int, directory: Path) -> Path:
    """One loop, or what is missing of it; its directory."""
    root = directory / f"loop-{seed}"
    command = [sys.executable, "-m", "medgym_ray.loop", *_LOOP, f"seed={seed}", f"output.dir={root}"]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"{root}: the loop has not come to its end; the same command goes on")
    return root


def held_out(roots: dict[int, Path]) -> pd.DataFrame:
    """Success of each task: one row a seed, weights and task, weights in the order of the loop."""
    frames = [
        pd.read_parquet(root / "evaluation" / "per_task.parquet").assign(seed=seed) for seed, root in roots.items()
    ]
    frame = pd.concat(frames, ignore_index=True)
    frame["success"] = frame["successes"] / frame["rollouts"]
    frame["run"] = pd.Categorical(frame["run"], categories=frame["run"].unique(), ordered=True)
    return frame


def best_of(roots: dict[int, Path], rollouts: int) -> dict[str, str]:
    """Of each weights: the verifier's choice among the rollouts of a task, and what no choice can surpass."""
    frame = pd.concat([pd.read_parquet(root / "evaluation" / "evaluation.parquet") for root in roots.values()])
    of_all = frame[frame["against"].isna() & (frame["k"] == rollouts) & (frame["family"] == "npowerai")]
    means = of_all.groupby(["run", "metric"])["value"].mean()
    return {
        run: " / ".join(_percent(means[run, metric]) for metric in ("best@k", "pass@k") if (run, metric) in means)
        for run in of_all["run"].unique()
    }


def trained_on(roots: dict[int, Path], weights: str) -> str:
    """Examples, by seed."""
    counts = []
    for root in roots.values():
        file = root / weights / "weights" / "model" / "train.yaml"
        if file.is_file():
            counts.append(str(yaml.safe_load(file.read_text(encoding="utf-8"))["data"]["splits"]["train"]["rows"]))
    return ", ".join(counts) or "-"


def table(roots: dict[int, Path], frame: pd.DataFrame) -> str:
    """Held-out success of all weights, by seed and of all, and how much more it is than the base's."""
    by_task = frame.pivot_table("success", "task_id", "run", observed=True)
    values = by_task.to_numpy(float)
    gains = values - values[:, :1]
    success = _RESAMPLING.intervals(values, [SHARE] * values.shape[1])
    more = _RESAMPLING.intervals(gains, [DIFFERENCE] * values.shape[1])
    seeds = frame.groupby(["run", "seed"], observed=True)["success"].mean()
    chosen = best_of(roots, int(frame["rollouts"].max()))
    rows = []
    for place, run in enumerate(by_task.columns):
        rows.append(
            (
                str(run),
                trained_on(roots, str(run)),
                *(_percent(seeds.get((run, seed), np.nan)) for seed in roots),
                f"{_percent(success[place].value)} [{_percent(success[place].low)}, {_percent(success[place].high)}]",
                f"{more[place].value * 100:+.1f} [{more[place].low * 100:+.1f}, {more[place].high * 100:+.1f}]"
                if place
                else "-",
                chosen.get(str(run), "-"),
            )
        )
    header = ("weights", "trained on", *(f"seed {seed}" for seed in roots), "all seeds", "more than base, points")
    return markdown((*header, "best@k / pass@k"), rows)


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def main() -> None:
    """Plays the loops, prints, and with --write records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--directory", type=Path, default=cache_dir() / "benchmarks-learning")
    parser.add_argument("--write", action="store_true", help="into benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    roots = {}
    for seed in map(int, arguments.seeds.split(",")):
        say(f"seed {seed}")
        roots[seed] = play(seed, arguments.directory)
    frame = held_out(roots)
    text = _SECTION_TEXT.format(
        seeds=arguments.seeds,
        environment="\n".join(f"- {line}" for line in environment_lines()),
        tasks=frame["task_id"].nunique(),
        rollouts=int(frame["rollouts"].max()),
        loops=len(roots),
        command=" \\\n  ".join(f"'{each}'" for each in _LOOP),
        table=table(roots, frame),
    )
    print(text)
    if arguments.write:
        write_section(_SECTION, text)


if __name__ == "__main__":
    main()

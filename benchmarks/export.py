"""How fast a run becomes training data, and in how much memory.

`python -m benchmarks.export [--rows N] [--run DIR] [--views a,b] [--write]`. A made-up run (10 replies, about 8 KB of
text and 3,000 tokens a trajectory, four rollouts a task, a third of which fail) is exported as every view by the real
command, each in a process of its own. `--run` names where the made-up run is kept, so that views can be measured one
after the other.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.measure.results import environment_lines, markdown, say, write_section
from medgym_ray.export.views.registry import VIEWS
from medgym_ray.store.layout import TRAJECTORIES, Part
from medgym_ray.store.log import WriteAheadLog
from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.run import write_run_file
from medgym_ray.store.shards import seal
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Trajectory, Turn, to_batch, trajectory_id

_SECTION = "benchmarks.export"
_SECTION_TEXT = """## Export: `python -m benchmarks.export`

{environment}

{rows:,} made-up trajectories (10 replies, about 8 KB of text and 3,000 tokens each) as every view, each by the command
in a process of its own.

{table}"""
_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_FAMILIES = ("biocoder", "medcalcbench", "npowerai", "treqs")
_ROLLOUTS, _REPLIES, _TOKENS = 4, 10, 3000
_PROMPT_LETTERS, _LETTERS = 2000, 300
_REPLY_TOKENS = 120
_BATCH, _SHARD = 64, 4096
_WORDS = np.array(
    [f"{stem}{end}" for stem in ("sodi", "hepar", "glyc", "ren", "cardi") for end in ("um", "in", "o", "al")]
)


@dataclass(frozen=True, slots=True)
class Measured:
    """One view."""

    view: str
    seconds: float
    peak_gib: float
    said: str


def make_run(root: Path, rows: int) -> None:
    """Writes a run as `generate` leaves it."""
    prepare_directory(root)
    random = np.random.default_rng(0)
    for number, start in enumerate(range(0, rows, _SHARD)):
        part = Part(TRAJECTORIES.name, "0", number)
        log = WriteAheadLog(root / part.log, TRAJECTORY_SCHEMA)
        for first in range(start, min(start + _SHARD, rows), _BATCH):
            records = [_trajectory(n, random) for n in range(first, min(first + _BATCH, start + _SHARD, rows))]
            log.append([_with_tokens(to_batch(records, TRAJECTORY_SCHEMA), random).serialize().to_pybytes()])
        log.close()
        seal(root, part)
        say(f"made {min(start + _SHARD, rows)}/{rows}")
    write_run_file(root, {"made": "up", "rows": rows}, {}, {"medgym_ray": "made up"})


def _text(random: np.random.Generator, letters: int) -> str:
    return " ".join(random.choice(_WORDS, letters // 6))


def _trajectory(number: int, random: np.random.Generator) -> Trajectory:
    """The rollouts of a task begin alike: the first reply is one of two."""
    task, rollout = divmod(number, _ROLLOUTS)
    task_id = f"{_FAMILIES[task % len(_FAMILIES)]}/{task}"
    success = bool(random.random() < 2 / 3)
    messages = [
        {"role": "system", "content": "rules " * 50},
        {"role": "user", "content": f"task {task} " + _text(np.random.default_rng(task), _PROMPT_LETTERS)},
    ]
    for reply in range(_REPLIES):
        said = f"look {rollout % 2}" if reply == 0 else _text(random, _LETTERS)
        heard = f"saw {rollout % 2}" if reply == 0 else _text(random, _LETTERS)
        messages += [{"role": "assistant", "content": said}, {"role": "user", "content": heard}]
    return Trajectory(
        trajectory_id=trajectory_id("made up", task_id, rollout),
        run_id="run",
        group_id=f"run/{task_id}",
        code_version="0",
        config_hash="c",
        task_id=task_id,
        family=_FAMILIES[task % len(_FAMILIES)],
        category="c",
        split="train",
        rollout_index=rollout,
        attempt=0,
        seed=1,
        messages=messages[:-1],
        turns=[_turn(random) for _ in range(_REPLIES)],
        append_only=True,
        retokenize_match=True,
        reward=float(success),
        success=success,
        score_reason="correct" if success else "wrong",
        scorer_version="1",
        termination="success" if success else "wrong",
        num_turns=_REPLIES,
        model="made-up",
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


def _turn(random: np.random.Generator) -> Turn:
    return Turn(
        action="code_execution",
        arguments='{"code": "print(1)"}',
        observation=_text(random, _LETTERS),
        status="ok" if random.random() < 0.8 else "error",
        completion_token_ids=random.integers(0, 150_000, _REPLY_TOKENS).tolist(),
        completion_logprobs=random.normal(-0.5, 0.1, _REPLY_TOKENS).tolist(),
    )


def _with_tokens(batch: pa.RecordBatch, random: np.random.Generator) -> pa.RecordBatch:
    """The whole sequences, which are too many numbers to go through Python's."""
    rows = batch.num_rows
    offsets = pa.array(np.arange(rows + 1) * _TOKENS, pa.int32())
    mask = np.tile(np.arange(_TOKENS) % (_TOKENS // _REPLIES) >= _TOKENS // _REPLIES - _REPLY_TOKENS, rows)
    values = {
        "token_ids": random.integers(0, 150_000, rows * _TOKENS, dtype=np.int32),
        "loss_mask": mask.astype(np.int8),
        "logprobs": np.where(mask, random.normal(-0.5, 0.1, rows * _TOKENS), 0).astype(np.float32),
    }
    for name, numbers in values.items():
        column = pa.ListArray.from_arrays(offsets, pa.array(numbers))
        batch = batch.set_column(batch.schema.get_field_index(name), TRAJECTORY_SCHEMA.field(name), column)
    return batch


def measure(run: Path, view: str) -> Measured:
    """The command, in a process of its own."""
    with tempfile.TemporaryDirectory(dir=run.parent) as folder:
        command = [sys.executable, "-m", "medgym_ray.export", f"run={run}", f"view={view}", f"output.dir={folder}/view"]
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            said = process.stdout.read().strip() if process.stdout else ""
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{view}: exit code {process.returncode}")
        return Measured(
            view, time.perf_counter() - began, usage.ru_maxrss / 2**20, said.partition(f": {view}: ")[2].split(" (")[0]
        )


def _table(measured: Iterator[Measured], rows: int) -> str:
    cells = []
    for each in measured:
        cells.append(
            (each.view, each.said, f"{each.seconds:.1f}", f"{rows / each.seconds:,.0f}", f"{each.peak_gib:.2f}")
        )
        say(" ".join(cells[-1]))
    return markdown(("view", "made", "s", "trajectories/s", "peak GiB"), cells)


def main() -> None:
    """Measures, prints, and with --write records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--views", default=",".join(VIEWS))
    parser.add_argument("--write", action="store_true", help="into benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = arguments.run or Path(folder) / "run"
        if not run.exists():
            make_run(run, arguments.rows)
        views = [view for view in arguments.views.split(",") if view]
        table = _table((measure(run, view) for view in views), arguments.rows)
    text = _SECTION_TEXT.format(
        environment="\n".join(f"- {line}" for line in environment_lines()), rows=arguments.rows, table=table
    )
    print(text)
    if arguments.write:
        write_section(_SECTION, text)


if __name__ == "__main__":
    main()

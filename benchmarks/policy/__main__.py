"""How much of a raw engine's speed the pipeline keeps, and how many tokens are not generated for nothing.

`python -m benchmarks.policy [--gpu] [--rounds N] [--write]`. A real run of the command; then a vLLM engine by itself is
asked the same: the same prompts, as many tokens, as many sessions at once; and again with Ray's idle processes beside
it, which take their share where an engine runs on CPUs. They take turns, for a machine's speed drifts by more than what
they differ in. Without `--gpu` smollm2, twice: on all CPUs, where whatever else runs takes its time from the engine,
and with one CPU left to all else, as a GPU leaves them. With `--gpu` a 7B model whose weights are made up
(`load_format=dummy`) on one GPU.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure.processes import without_cluster
from benchmarks.measure.results import environment_lines, figure, markdown, say, write_section
from benchmarks.policy.dummy import write_dummy
from benchmarks.policy.idle import idle_ray
from benchmarks.policy.recorded import Recorded, cached_share, recorded
from medgym_ray.store.run import read_run_file

_SECTION = "benchmarks.policy"
_NICENESS = 15
"""Ray's default for its workers; whatever else the machine does then disturbs both sides alike."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is run."""

    name: str
    settings: Sequence[str]
    tasks: int
    rollouts: int
    at_once: int


def _cpus() -> Sequence[Load]:
    settings = ("model=smollm2", "agent.max_turns=4", "sampling.max_tokens=128")
    apart = "model.env.VLLM_CPU_NUM_OF_RESERVED_CPU='1'"
    return (
        Load("the engine on all CPUs", settings, 16, 1, 16),
        Load("one CPU left to all else", (*settings, apart), 16, 1, 16),
    )


def _gpu(folder: Path) -> Load:
    settings = (
        "model=qwen7b",
        f"model.path={write_dummy(folder / 'dummy-7b')}",
        "model.engine.load_format=dummy",
        "model.max_model_len=8192",
        "model.max_in_flight=256",
        *("agent.max_turns=4", "sampling.max_tokens=256"),
    )
    return Load("the engine on a GPU", settings, 256, 4, 256)


@dataclass(frozen=True, slots=True)
class Round:
    """A run, what it asked of its engine, and what an engine made of the same by itself and beside an idle Ray."""

    found: Recorded
    generated: int
    """Tokens that the run's engine sampled, also those that nobody got."""
    raw_s: float
    beside_s: float

    @property
    def ratio(self) -> float:
        """The run's speed, as a share of the raw engine's."""
        return self.raw_s / self.found.span_s


def _generate(load: Load, run: Path, seed: int) -> None:
    command = [
        *(sys.executable, "-m", "medgym_ray.generate", "tasks=medcalcbench", f"tasks.limit={load.tasks}"),
        *(f"sampling.rollouts={load.rollouts}", f"seed={seed}", f"output.dir={run}", "sandbox=namespace"),
        *(*load.settings, "cluster.address=local", "cluster.executors=1", f"cluster.episodes={load.at_once}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=without_cluster(), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the command ended with {done.returncode}: {done.stderr[-2000:]}")


def _raw_s(model: Mapping[str, Any], requests: Path, at_once: int) -> float:
    environment = {**os.environ, **model["env"], "VLLM_LOGGING_LEVEL": "WARNING"}
    line = [
        "nice",
        "-n",
        str(_NICENESS),
        sys.executable,
        "-m",
        "benchmarks.policy.raw",
        json.dumps(model),
        str(requests),
        str(at_once),
    ]
    done = subprocess.run(line, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the raw engine ended with {done.returncode}: {done.stderr[-2000:]}")
    seconds: float = json.loads(done.stdout.splitlines()[-1])["seconds"]
    return seconds


def _round(load: Load, run: Path, seed: int) -> Round:
    _generate(load, run, seed)
    found = recorded(run)
    model = read_run_file(run)["config"]["model"]
    found.write(run / "requests.json")
    raw_s = _raw_s(model, run / "requests.json", load.at_once)
    with idle_ray():
        beside_s = _raw_s(model, run / "requests.json", load.at_once)
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    generated = next(event["engine_tokens"] for event in map(json.loads, reversed(lines)) if "engine_tokens" in event)
    measured = Round(found, max(generated, found.tokens), raw_s, beside_s)
    spans = f"pipeline {found.span_s:.1f} s, raw engine {raw_s:.1f} s, beside Ray {beside_s:.1f} s"
    say(f"{found.tokens} tokens: {spans}: {measured.ratio:.1%}")
    return measured


def _figures(rounds: Sequence[Round]) -> Mapping[str, str]:
    tokens = sum(one.found.tokens for one in rounds)
    own_s, raw_s = sum(one.found.span_s for one in rounds), sum(one.raw_s for one in rounds)
    beside_s = sum(one.beside_s for one in rounds)
    sessions = [session for one in rounds for session in one.found.sessions]
    ratios = ", ".join(f"{one.ratio:.1%}" for one in rounds)
    return {
        "trajectories, turns": f"{len(sessions):,}, {sum(map(len, sessions)):,}",
        "tokens/s, pipeline": figure(tokens / own_s),
        "tokens/s, raw engine": figure(tokens / raw_s),
        "tokens/s, raw engine beside Ray's idle processes": figure(tokens / beside_s),
        "pipeline / raw engine beside Ray's idle processes": f"{beside_s / own_s:.1%}",
        "pipeline / raw engine": f"{raw_s / own_s:.1%} (taking turns: {ratios})",
        "of the prompt tokens that were sent again: from the cache": f"{cached_share(sessions):.1%}",
        "of the tokens that the engine generated: for nothing": (
            f"{1 - tokens / sum(one.generated for one in rounds):.1%}"
        ),
    }


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy", description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", action="store_true", help="a 7B model's shape on one GPU")
    parser.add_argument("--rounds", type=int, default=4, help="how often the two take turns")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="policy-", dir=Path.cwd()) as name:
        loads = [_gpu(Path(name))] if options.gpu else _cpus()
        found = {
            load.name: [_round(load, Path(name) / f"run-{place}-{seed}", seed) for seed in range(options.rounds)]
            for place, load in enumerate(loads)
        }
    columns = [_figures(rounds) for rounds in found.values()]
    rows = [[row, *(column[row] for column in columns)] for row in columns[0]]
    policy = "Qwen2.5-7B's shape, made-up weights (bfloat16)" if options.gpu else "smollm2 (135M, float32)"
    table = markdown([policy, *found], rows)
    facts = "\n".join(f"- {line}" for line in environment_lines())
    text = f"## Policy: `python -m benchmarks.policy{' --gpu' if options.gpu else ''}`\n\n{facts}\n\n{table}"
    print(text)
    if options.write:
        write_section(f"{_SECTION}{'.gpu' if options.gpu else ''}", text)


if __name__ == "__main__":
    main()

"""How much of a raw engine's speed the pipeline keeps, and how many tokens are not generated for nothing.

`python -m benchmarks.policy [--gpu] [--write]`. A real run of the command first; then a vLLM engine by itself is asked
the same: the same prompts, as many tokens, as many sessions at once. Without `--gpu` smollm2 on the CPUs; with it a 7B
model whose weights are made up (`load_format=dummy`) on one GPU.
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
from benchmarks.policy.recorded import Recorded, recorded
from medgym_ray.store.run import read_run_file

_SECTION = "benchmarks.policy"


@dataclass(frozen=True, slots=True)
class Load:
    """What is run."""

    name: str
    settings: Sequence[str]
    tasks: int
    rollouts: int
    at_once: int


def _cpu() -> Load:
    return Load("smollm2 (135M, float32) on the CPUs", ("model=smollm2", "sampling.max_tokens=128"), 16, 2, 16)


def _gpu(folder: Path) -> Load:
    settings = (
        "model=qwen7b",
        f"model.path={write_dummy(folder / 'dummy-7b')}",
        "model.engine.load_format=dummy",
        "model.max_model_len=8192",
        "model.max_in_flight=256",
        *("agent.max_turns=4", "sampling.max_tokens=256"),
    )
    return Load("Qwen2.5-7B's shape, made-up weights (bfloat16), on one GPU", settings, 256, 4, 256)


def _generate(load: Load, run: Path) -> None:
    command = [
        *(sys.executable, "-m", "medgym_ray.generate", "tasks=medcalcbench", f"tasks.limit={load.tasks}"),
        *(f"sampling.rollouts={load.rollouts}", f"output.dir={run}", "sandbox=namespace", *load.settings),
        *("cluster.address=local", "cluster.executors=1", f"cluster.episodes={load.at_once}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=without_cluster(), check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the command ended with {done.returncode}: {done.stderr[-2000:]}")


def _raw_tokens_s(model: Mapping[str, Any], found: Recorded, at_once: int, folder: Path) -> float:
    requests = folder / "requests.json"
    found.write(requests)
    environment = {**os.environ, **model["env"], "VLLM_LOGGING_LEVEL": "WARNING"}
    line = [sys.executable, "-m", "benchmarks.policy.raw", json.dumps(model), str(requests), str(at_once)]
    done = subprocess.run(line, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the raw engine ended with {done.returncode}: {done.stderr[-2000:]}")
    tokens_s: float = json.loads(done.stdout.splitlines()[-1])["tokens_s"]
    return tokens_s


def _rows(load: Load, folder: Path) -> Sequence[Sequence[str]]:
    run = folder / "run"
    _generate(load, run)
    found = recorded(run)
    own = found.tokens / found.span_s
    say(f"pipeline: {found.tokens} tokens in {found.span_s:.1f} s, {own:.1f}/s")
    model = read_run_file(run)["config"]["model"]
    raw = _raw_tokens_s(model, found, load.at_once, folder)
    say(f"raw engine: {raw:.1f}/s")
    lines = (run / "events.jsonl").read_text(encoding="utf-8").splitlines()
    generated = next(event["engine_tokens"] for event in map(json.loads, reversed(lines)) if "engine_tokens" in event)
    return [
        ["trajectories, turns", f"{len(found.sessions):,}, {sum(map(len, found.sessions)):,}"],
        ["tokens/s, pipeline", figure(own)],
        ["tokens/s, raw engine", figure(raw)],
        ["pipeline / raw engine", f"{own / raw:.1%}"],
        ["of the prompt tokens that were sent again: from the cache", f"{found.cached_share():.1%}"],
        [
            "of the tokens that the engine generated: for nothing",
            f"{1 - found.tokens / max(generated, found.tokens):.1%}",
        ],
    ]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy", description=__doc__.splitlines()[0])
    parser.add_argument("--gpu", action="store_true", help="a 7B model's shape on one GPU")
    parser.add_argument("--write", action="store_true", help="put the table into RESULTS.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="policy-", dir=Path.cwd()) as name:
        load = _gpu(Path(name)) if options.gpu else _cpu()
        table = markdown([load.name, ""], _rows(load, Path(name)))
    facts = "\n".join(f"- {line}" for line in environment_lines())
    text = f"## Policy: `python -m benchmarks.policy{' --gpu' if options.gpu else ''}`\n\n{facts}\n\n{table}"
    print(text)
    if options.write:
        write_section(f"{_SECTION}{'.gpu' if options.gpu else ''}", text)


if __name__ == "__main__":
    main()

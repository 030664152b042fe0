"""What an episode takes, figure by figure, and where each comes from: a run, the configuration, or a default.

Defaults of time are of the bundled sample on two cores of an AMD EPYC (benchmarks/RESULTS.md); what no run has shown
yet, how long a language model talks and how often, is an assumption and says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from medgym_ray.config import ModelConfig, SandboxConfig
from medgym_ray.errors import ConfigError
from medgym_ray.planning.prediction import Costs
from medgym_ray.planning.recorded import RecordedRun
from medgym_ray.planning.workload import EpisodeShape, LogNormal, Means, Recorded, TurnShape, Workload
from medgym_ray.policies.shapes import SHAPES

_SAMPLE = "the oracle on the bundled sample"
_PROMPT_TOKENS = 620
"""2,419 characters, the sample's opening messages, families weighed by the paper's counts, at 3.9 a token."""
_OBSERVATION_TOKENS = 80
"""315 characters, as the oracle is answered on the bundled sample."""
_ORACLE_TURNS = {2: 431, 3: 301, 4: 212, 5: 68, 6: 6, 7: 2}
"""Episodes by turns: the oracle on the bundled sample."""
_MODEL_TURNS = ((10.0, 6), (40.0, 5), (float("inf"), 4))
"""Mean turns by billions of parameters: larger models repair less."""
_MODEL_SPREAD = 4
"""Turns around the mean, to either side, that an episode of a language model takes, all equally often."""
_EXECUTED = 0.7
"""Of the turns: 2.08 of 2.94, the oracle on the bundled sample. The others look tables up or are not understood."""
_CELL_CPU_S = {"namespace": 0.017, "docker": 0.018, "runsc": 0.2}
_TRAJECTORY_CPU_S = 0.095
"""1,020 trajectories of the oracle took two cores 73 s: 0.144 s each, less 2.9 cells of 17 ms (graders run some)."""
_WRITER_S = 0.004
"""To receive, serialise and put into Parquet: 2 to 3 ms for 900 to 3,600 generated tokens, and Ray's part."""
_BYTES_PER_TOKEN = {"vllm": 14.0}
"""Token ids, masks, log-probabilities and text, each twice, as zstd leaves them: 10 (smollm2) to 15 (random tokens)."""
_BYTES_PER_TEXT_TOKEN = 1.0
_RECORD_BYTES = 600.0
_LAUNCH_S = 5.0
"""From the command to run.yaml: the interpreter, imports, reading the tasks of the sample."""
_ACTORS_S = 9.0
"""From run.yaml to the first episode: Ray, actors, the fork masters' warm interpreters."""
_END_S = 3.0
_WEIGHTS_BYTES_S = 2e9
_COMPILE_S = 60.0
"""torch.compile and CUDA graphs: an assumption, as is that weights are read at 2 GB/s from a disk of the node."""
_RESTART_S = 6.0
"""Of a replica actor without weights."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number and where it comes from."""

    value: float
    source: str


def _default(value: float, why: str) -> Figure:
    return Figure(value, f"default: {why}")


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one episode in the mean, unless said otherwise."""

    prompt_tokens: Figure
    """Of the first turn."""
    reply_tokens: Figure
    """Of one reply."""
    observation_tokens: Figure
    """Of one turn."""
    turns: Figure
    executions: Figure
    cell_cpu_s: Figure
    """Of one execution."""
    trajectory_cpu_s: Figure
    """Of everything else: preparing, grading, resetting, Ray."""
    writer_s: Figure
    """Of the run's one writer."""
    bytes: Figure
    """In Parquet."""
    start_s: Figure
    """Of the run, from the command to its first episode."""
    end_s: Figure
    """Of the run, from its last episode to the command's end."""
    failures_per_hour: Figure
    """Of one engine."""
    restart_s: Figure

    def costs(self) -> Costs:
        """As the prediction takes them."""
        return Costs(
            cell_cpu_s=self.cell_cpu_s.value,
            trajectory_cpu_s=self.trajectory_cpu_s.value,
            writer_s=self.writer_s.value,
            start_s=self.start_s.value,
            end_s=self.end_s.value,
            failures_per_hour=self.failures_per_hour.value,
            restart_s=self.restart_s.value,
        )


def workload_of(model: ModelConfig, max_turns: int, max_tokens: int, run: RecordedRun | None) -> Workload:
    """Episodes as in the run, or as the defaults have them. A simulated engine's replies are of its own lengths."""
    replies = _replies(model, max_tokens, run)
    shapes: Sequence[EpisodeShape]
    if run is None:
        shapes = _default_shapes(model)
    elif model.kind == "simulated":
        shapes = [_undrawn(shape) for shape in run.shapes]
    else:
        shapes = run.shapes
    return Workload(shapes, replies, max_turns, model.max_model_len)


def _replies(model: ModelConfig, max_tokens: int, run: RecordedRun | None) -> LogNormal | Recorded:
    simulation = model.simulation
    if run is not None and run.reply_lengths and model.kind != "simulated":
        return Recorded(run.reply_lengths, max_tokens)
    if simulation.recorded is not None and model.kind == "simulated":
        lengths = RecordedRun.read(simulation.recorded).reply_lengths
        if not lengths:
            raise ConfigError(f"model.simulation.recorded={simulation.recorded}: no reply there has a number of tokens")
        return Recorded(lengths, max_tokens)
    return LogNormal(simulation.reply_tokens, simulation.reply_spread, max_tokens)


def _undrawn(shape: EpisodeShape) -> EpisodeShape:
    return EpisodeShape(shape.prompt, tuple(TurnShape(None, t.observation, t.executed) for t in shape.turns))


def _default_shapes(model: ModelConfig) -> list[EpisodeShape]:
    if model.kind == "vllm":
        mean = _mean_turns(model)
        counts = dict.fromkeys(range(max(1, mean - _MODEL_SPREAD), mean + _MODEL_SPREAD + 1), 10)
    else:
        counts = _ORACLE_TURNS
    return [EpisodeShape(_PROMPT_TOKENS, _turns(number)) for number, count in counts.items() for _ in range(count)]


def _mean_turns(model: ModelConfig) -> int:
    billions = SHAPES[model.name].billions if model.name in SHAPES else 0.0
    return next(turns for most, turns in _MODEL_TURNS if billions <= most)


def _turns(number: int) -> tuple[TurnShape, ...]:
    """The last turns are those that execute."""
    executed = max(1, round(_EXECUTED * number))
    return tuple(TurnShape(None, _OBSERVATION_TOKENS, n >= number - executed) for n in range(number))


def rates_of(model: ModelConfig, sandbox: SandboxConfig, workload: Workload, run: RecordedRun | None) -> Rates:
    """Every figure, with its source."""
    means = workload.mean()
    if run is not None:
        lengths = f"measured in {run.name}"
        turns = executions = prompt = observation = lengths
    elif model.kind == "vllm":
        turns = "default: assumed for a model of this size"
        executions = f"default: {_EXECUTED:.0%} of the turns, as {_SAMPLE}"
        prompt, observation = "default: the bundled sample's, by the paper's counts", f"default: {_SAMPLE}"
    else:
        turns = executions = observation = f"default: {_SAMPLE}"
        prompt = "default: the bundled sample's, by the paper's counts"
    return Rates(
        prompt_tokens=Figure(means.prompt_tokens, prompt),
        reply_tokens=Figure(means.reply_tokens, _reply_source(model, run)),
        observation_tokens=Figure(means.observation_tokens, observation),
        turns=Figure(means.turns, turns),
        executions=Figure(means.executions, executions),
        cell_cpu_s=_measured(run, run.cell_cpu_s if run else None) or _cell_cpu(sandbox),
        trajectory_cpu_s=_measured(run, run.trajectory_cpu_s if run else None) or _default(_TRAJECTORY_CPU_S, _SAMPLE),
        writer_s=_default(_WRITER_S, "a record of 1,000 to 4,000 generated tokens"),
        bytes=_measured(run, run.bytes if run and run.kind == model.kind else None) or _bytes(model, means),
        start_s=_start(model, run),
        end_s=_measured(run, run.end_s if run else None) or _default(_END_S, "shards, card, shutdown"),
        failures_per_hour=_failures(model),
        restart_s=_restart(model),
    )


def _measured(run: RecordedRun | None, value: float | None) -> Figure | None:
    return None if run is None or value is None else Figure(value, f"measured in {run.name}")


def _reply_source(model: ModelConfig, run: RecordedRun | None) -> str:
    if model.kind == "simulated":
        recorded = model.simulation.recorded
        return "model.simulation.reply_tokens" if recorded is None else f"measured in {recorded}"
    if run is not None and run.reply_lengths:
        return f"measured in {run.name}"
    return "default: assumed (model.simulation.reply_tokens)" if model.engines() else "no engine: replies take no time"


def _cell_cpu(sandbox: SandboxConfig) -> Figure:
    kind = "runsc" if sandbox.runtime == "runsc" else sandbox.kind
    if kind not in _CELL_CPU_S:
        return _default(_CELL_CPU_S["namespace"], f"assumed for {kind}, as a pandas cell in namespace")
    return _default(_CELL_CPU_S[kind], f"a pandas cell in {kind}, benchmarks/RESULTS.md")


def _bytes(model: ModelConfig, means: Means) -> Figure:
    if model.kind in _BYTES_PER_TOKEN:
        each = _BYTES_PER_TOKEN[model.kind]
        return _default(_RECORD_BYTES + each * means.tokens, f"{each:g} bytes per token with ids and log-probabilities")
    each = _BYTES_PER_TEXT_TOKEN
    return _default(_RECORD_BYTES + each * means.tokens, f"{each:g} byte per token of text")


def _start(model: ModelConfig, run: RecordedRun | None) -> Figure:
    """Actors start side by side, so the slowest counts."""
    if run is not None and run.start_s is not None and (model.kind != "vllm" or run.model == model.name):
        return Figure(_LAUNCH_S + run.start_s, f"measured in {run.name}")
    if model.kind == "vllm":
        return _default(_LAUNCH_S + max(_ACTORS_S, _load_s(model)), "weights at 2 GB/s, compilation 60 s")
    return _default(_LAUNCH_S + _ACTORS_S, "the bundled sample, Ray started on two cores")


def _load_s(model: ModelConfig) -> float:
    return SHAPES[model.name].weights_bytes / _WEIGHTS_BYTES_S + _COMPILE_S if model.name in SHAPES else _COMPILE_S


def _failures(model: ModelConfig) -> Figure:
    if model.kind == "simulated":
        return Figure(model.simulation.failures_per_hour, "model.simulation.failures_per_hour")
    return _default(0.0, "assumed none")


def _restart(model: ModelConfig) -> Figure:
    if model.kind == "vllm":
        return _default(_load_s(model), "weights at 2 GB/s, compilation 60 s")
    return _default(_RESTART_S, "a replica actor without weights")

"""What a trajectory costs from end to end: processor time, time, memory; alone and beside a peer.

`python -m benchmarks.pipeline [--parts cost,policy,episodes,conductor,flat] [--peer inspect_ai] [--write]`. Everything
is the real command: Ray, sandboxes, durable records. An episode has three turns and two executions; what is reported is
what the trajectories of a long run cost more than those of a short one, starting and ending aside. Processor time is
that of everything: driver, actors, Ray, sandboxes.
"""

import argparse
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure.processes import without_cluster
from benchmarks.measure.processor import Meter, metered
from benchmarks.measure.results import environment_lines, figure, markdown, say, write_section
from benchmarks.pipeline import ours, peers
from benchmarks.pipeline.conductor import leases_per_second
from benchmarks.pipeline.ours import Cost, Run
from benchmarks.pipeline.workload import PROFILES, TRIVIAL, Profile, answer_only, replies, write_replies

_SECTION = "benchmarks.pipeline"
PARTS = ("cost", "policy", "episodes", "conductor", "flat")
_LATENCY_MS = 200
_POLICY = (
    "model=simulated",
    *("model.simulation.prefill_tokens_s=1e9", "model.simulation.kv_tokens=1000000000"),
    *("model.simulation.step_ms=1", "model.simulation.sequence_ms=0"),
    *(f"model.simulation.reply_tokens={_LATENCY_MS}", "model.simulation.reply_spread=0"),
)
"""Every reply takes 200 ms, whatever else is under way."""
_SIZES = {"trivial": (1, 9), "pandas": (1, 4)}
"""Rollouts per task of the short run and of the long one."""
_PEER_SIZES = {"trivial": (20, 320), "pandas": (8, 68)}
_AT_ONCE = 16
_LONG = "6 s"
_FLAT = ((1_000, 10_000), (10_000, 20_000), (20_000, 50_000), (50_000, 90_000), (90_000, 100_000))


@dataclass
class Bench:
    """Where runs go, and what they are measured with."""

    meter: Meter
    folder: Path
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def play(self, spoken: Sequence[str], rollouts: int, *settings: str, tasks: int = ours.TASKS) -> Run:
        """A run of our command in which every episode has these replies."""
        number = next(self._numbers)
        path = write_replies(self.folder / f"replies-{number}.jsonl", list(spoken))
        settings = (f"model.path={path}", *settings, "cluster.address=local", "cluster.executors=1")
        run = ours.play(self.meter, self.folder / f"run-{number}", rollouts, settings, without_cluster(), tasks)
        say(f"{' '.join(settings[1:])}: {run.trajectories} in {run.span_s:.1f} s, {run.cpu_s:.1f} s of processor time")
        return run

    def marginal(self, spoken: Sequence[str], sizes: tuple[int, int], *settings: str) -> Cost:
        """What the trajectories of a long run cost more than those of a short one."""
        small, large = (self.play(spoken, rollouts, *settings) for rollouts in sizes)
        return ours.marginal(small, large)


def cost(bench: Bench, peer: str | None) -> str:
    """Both profiles with a policy that takes no time, and the peer's."""
    rows, where = [], []
    for profile in PROFILES.values():
        own = bench.marginal(replies(profile), _SIZES[profile.name], "model=replay")
        rows.append([profile.name, "medgym_ray", figure(own.cpu_ms), figure(own.per_s), "1", "1"])
        where.append([profile.name, *(figure(own.cpu_ms_by[who]) for who in _WHO)])
        if peer is not None:
            other = _peer_cost(bench.meter, peer, profile)
            ratios = [f"{figure(other.cpu_ms / own.cpu_ms)} ×", f"1 / {figure(own.per_s / other.per_s)}"]
            rows.append([profile.name, peer, figure(other.cpu_ms), figure(other.per_s), *ratios])
    header = ["profile", "who", "CPU ms per trajectory", "trajectories/s", "CPU, ours = 1", "rate, ours = 1"]
    shares = markdown(["profile", *(f"{who}, CPU ms" for who in _WHO)], where)
    return f"{markdown(header, rows)}\n{shares}"


_WHO = ("driver", "executors", "conductor", "writer", "Ray", ours.REST)


def _peer_cost(meter: Meter, peer: str, profile: Profile) -> Cost:
    small, large = (peers.play(meter, peer, profile, count, _AT_ONCE) for count in _PEER_SIZES[profile.name])
    more = large.trajectories - small.trajectories
    say(f"{peer}, {profile.name}: {large.trajectories} in {large.span_s:.1f} s, {large.cpu_s:.1f} s of processor time")
    return Cost((large.cpu_s - small.cpu_s) / more * 1000, more / (large.span_s - small.span_s), {})


def policy(bench: Bench, _: str | None) -> str:
    """A policy of 200 ms that answers eight requests at a time, and more and more episodes."""
    rows, at_once = [], 8
    for many in (4, 8, 16, 32, 64):
        settings = (*_POLICY, f"model.max_in_flight={at_once}", f"cluster.episodes={many}")
        run = bench.play(replies(TRIVIAL), 2, *settings)
        busy = run.generate_s / (run.span_s * at_once)
        rows.append([str(many), figure(run.trajectories / run.span_s), f"{busy:.1%}"])
    return markdown(
        ["episodes at once", "trajectories/s", f"share of the {at_once} × 200 ms policy that is busy"], rows
    )


def episodes(bench: Bench, _: str | None) -> str:
    """More and more episodes at once, with policies that take no time, a little, and so long that all wait for it."""
    policies = {
        "none": ("model=replay",),
        "200 ms": _POLICY,
        _LONG: (*_POLICY, "model.simulation.step_ms=30"),
    }
    rows = []
    for name, settings in policies.items():
        for at_once in (8, 64, 256, 1024):
            many = (*settings, f"model.max_in_flight={at_once}", f"cluster.episodes={at_once}")
            # Where all wait for the policy, twice as many as there may be at once take long enough.
            tasks = min(at_once, ours.TASKS) if name == _LONG else ours.TASKS
            run = bench.play(replies(TRIVIAL), max(2, -(-2 * at_once // tasks)), *many, tasks=tasks)
            figures = (run.trajectories / run.span_s, run.cpu_s / run.trajectories * 1000, run.memory_mb)
            rows.append([name, f"{at_once:,}", f"{run.trajectories:,}", *map(figure, figures)])
    return markdown(
        [
            *("a reply takes", "episodes at once", "trajectories", "per s", "CPU ms each, starting included"),
            "PSS of everything, MB",
        ],
        rows,
    )


def conductor(_: Bench, __: str | None) -> str:
    """Leases that are lent and reported done, by a real conductor and a real writer, no episode between."""
    return f"The conductor lends and takes back {figure(leases_per_second())} leases/s (16 at a time, one executor).\n"


def flat(bench: Bench, _: str | None) -> str:
    """One long run of episodes that cost nothing but the pipeline, looked at in parts."""
    run = bench.play(answer_only(), -(-_FLAT[-1][1] // ours.TASKS), "model=replay")
    rows = [[f"{first:,} to {last:,}", *map(figure, run.between(first, last))] for first, last in _FLAT]
    return markdown(["of a run's trajectories (one turn, no execution)", "CPU ms per trajectory", "per s"], rows)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=__doc__.splitlines()[0])
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--peer", choices=sorted(peers.REQUIREMENTS), help="play the same episodes on it, side by side")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    options = parser.parse_args()
    measures = {"cost": cost, "policy": policy, "episodes": episodes, "conductor": conductor, "flat": flat}
    facts = [*environment_lines(), *([peers.versions(options.peer)] if options.peer else [])]
    for part in options.parts.split(","):
        with metered() as meter, tempfile.TemporaryDirectory(prefix="pipeline-", dir=Path.cwd()) as name:
            body = measures[part](Bench(meter, Path(name)), options.peer)
        lines = "\n".join(f"- {line}" for line in facts)
        text = f"## Pipeline, {part}: `python -m benchmarks.pipeline --parts {part}`\n\n{lines}\n\n{body}"
        print(text, flush=True)
        if options.write:
            write_section(f"{_SECTION}.{part}", text)


if __name__ == "__main__":
    main()

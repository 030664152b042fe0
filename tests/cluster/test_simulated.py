"""Engines in numbers, in real actors: what a run records of them, and that it outlives them."""

from pathlib import Path

from tests.cluster.command import generate, rows

FAST = ("model.simulation.step_ms=2", "model.simulation.prefill_tokens_s=1e6", "model.simulation.reply_tokens=50")


def test_episodes_wait_for_simulated_engines_and_outlive_their_deaths(tmp_path: Path) -> None:
    run = tmp_path / "run"
    ended = generate(
        *("+model=simulated", "model.replicas=2", "model.mistakes=0.5", *FAST),
        *("model.simulation.failures_per_hour=900", "sandbox.concurrency=3", "cluster.episodes=12"),
        *("tasks.families=[medcalcbench,npowerai]", "tasks.limit=8", "sampling.rollouts=4", f"output.dir={run}"),
    )
    assert ended.code == 0, ended.err
    found = rows(run)
    assert len({row["trajectory_id"] for row in found}) == len(found) == 64
    assert all(row["success"] for row in found)
    assert {row["attempt"] for row in found} == {0}, "an engine's death costs turns, not episodes"
    turns = [turn for row in found for turn in row["turns"]]
    assert {turn["replica"] for turn in turns} == {"replica-0", "replica-1"}
    assert all(turn["generate_ms"] >= 2 * turn["completion_tokens"] for turn in turns)
    assert all(turn["prompt_tokens"] > 0 for turn in turns)
    later = [turn for row in found for turn in row["turns"][1:]]
    cached = sum(turn["cached_tokens"] for turn in later) / sum(turn["prompt_tokens"] for turn in later)
    assert cached > 0.5, "a session stays where its prefix is"


def test_a_simulation_that_cannot_be_meant_is_one_line(tmp_path: Path) -> None:
    out = f"output.dir={tmp_path / 'run'}"
    ended = generate("+model=simulated", "model.simulation.step_ms=0", out)
    assert (ended.code, ended.complaint) == (2, "medgym_ray: model.simulation.step_ms=0.0: must be above 0")
    ended = generate(
        "+model=simulated", f"model.simulation.recorded={tmp_path}", "tasks=npowerai", "tasks.limit=1", out
    )
    assert ended.code == 2
    assert ended.complaint.startswith(f"medgym_ray: model.simulation.recorded={tmp_path}: no trajectories")

"""A real engine and a real (small) model through the real pipeline: exact tokens, aligned log-probabilities."""

import json
import os
import signal
from pathlib import Path

import pytest

from benchmarks.measure.processes import descendants, processes
from tests.cluster.command import generate, rows, start, until_durable

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]


def test_smollm2_leaves_exact_tokens_of_several_turns(tmp_path: Path) -> None:
    run = tmp_path / "run"
    ended = generate(
        "+model=smollm2",
        "tasks=npowerai",
        "tasks.limit=2",
        "sampling.rollouts=2",
        "sampling.max_tokens=24",
        "agent.max_turns=2",
        f"output.dir={run}",
        timeout=800,
    )
    assert ended.code == 0, ended.err
    found = rows(run)
    assert len(found) == 4
    for row in found:
        assert len(row["token_ids"]) == len(row["loss_mask"]) == len(row["logprobs"])
        assert row["append_only"] is True
        assert row["num_turns"] == len(row["turns"]) == 2
        generated = [t for t, mask in zip(row["token_ids"], row["loss_mask"], strict=True) if mask]
        assert generated == [t for turn in row["turns"] for t in turn["completion_token_ids"]]
        sampled = [p for p, mask in zip(row["logprobs"], row["loss_mask"], strict=True) if mask]
        assert all(p <= 0 for p in sampled)
        assert any(p < 0 for p in sampled)
        assert row["token_ids"][: len(row["prompt_token_ids"])] == row["prompt_token_ids"]
        first, second = row["turns"]
        assert second["prompt_tokens"] > first["prompt_tokens"] + first["completion_tokens"]
        assert second["cached_tokens"] > 0, "the second turn shares its prefix with the first"
        assert row["messages"][2]["role"] == "assistant"
        assert json.loads(row["provenance"])["vllm"]
        assert row["termination"] in ("max_turns", "wrong", "success")
    assert len({tuple(row["token_ids"]) for row in found}) == 4, "rollouts have seeds of their own"


def _engine(driver: int) -> int | None:
    """The process that holds the weights."""
    below = descendants(processes(), [driver])
    named = {pid: Path(f"/proc/{pid}/cmdline").read_text(errors="replace") for pid in below}
    return next((pid for pid, name in named.items() if "EngineCore" in name), None)


def test_an_engine_that_is_killed_is_replaced_and_its_turns_go_on_from_their_tokens(tmp_path: Path) -> None:
    run = tmp_path / "run"
    driver = start(
        *("+model=smollm2", "tasks=npowerai", "tasks.limit=3", "sampling.rollouts=2", "sampling.max_tokens=32"),
        *("agent.max_turns=2", "sandbox.concurrency=3", f"output.dir={run}"),
    )
    try:
        until_durable(run, 1, driver, patience_s=300)
        engine = _engine(driver.pid)
        assert engine is not None
        os.kill(engine, signal.SIGKILL)
        _, err = driver.communicate(timeout=600)
    finally:
        driver.kill()
    assert driver.returncode == 0, err
    assert "replica-0: EngineDead" in err
    assert "another is started" in err
    found = rows(run)
    assert len({row["trajectory_id"] for row in found}) == len(found) == 6
    assert {row["attempt"] for row in found} == {0}, "a dead engine costs turns, not episodes"
    assert all(row["append_only"] for row in found)
    assert not list((run / "failures").glob("*.parquet"))

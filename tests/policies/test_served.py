"""vLLM's own server, asked as anybody's: exact tokens come through the chat API too."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from medgym_ray.policies.vllm import load_template
from medgym_ray.tasks.base import Message
from tests.cluster.command import generate, rows
from tests.policies.tiny import write_model

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600), pytest.mark.xdist_group("served")]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A directory of weights, and the address where they are served."""
    tmp_path = tmp_path_factory.mktemp("served")
    weights = tmp_path / "weights"
    write_model(weights, seed=1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(weights), "--port", str(port)]
    line += ["--host", "127.0.0.1", "--dtype", "float32", "--enforce-eager", "--max-model-len", "2048"]
    line += ["--served-model-name", "tiny", "--no-enable-chunked-prefill", "--max-num-batched-tokens", "2048"]
    env = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_NUM_OF_RESERVED_CPU": "0"}
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen(line, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/health", server, tmp_path / "server.log")
        yield weights, f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(60)


def _wait(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text(errors="replace")[-2000:]
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.5)
    pytest.fail(log.read_text(errors="replace")[-2000:])


def test_episodes_with_exact_tokens(served: tuple[Path, str], tmp_path: Path) -> None:
    weights, url = served
    run = tmp_path / "run"
    ended = generate(
        *("+model=openai", f"model.endpoint.base_url={url}", "model.endpoint.model=tiny", "tasks=npowerai"),
        *("tasks.limit=2", "sampling.rollouts=2", "sampling.max_tokens=40", "agent.max_turns=2", f"output.dir={run}"),
        timeout=400,
    )
    assert ended.code == 0, ended.err
    played = rows(run)
    assert len(played) == 4
    template = load_template(str(weights))
    for row in played:
        opening = [Message(m["role"], m["content"]) for m in row["messages"][:2]]
        assert row["prompt_token_ids"] == template.prompt(opening)
        assert len(row["token_ids"]) == len(row["loss_mask"]) == len(row["logprobs"])
        turn = row["turns"][-1]
        assert row["token_ids"][-turn["completion_tokens"] :] == turn["completion_token_ids"]
        assert all(p < 0 for p, mask in zip(row["logprobs"], row["loss_mask"], strict=True) if mask)
        assert row["policy_version"] == "tiny"
    assert len({str(row["turns"][0]["completion_token_ids"]) for row in played}) > 1, "rollouts have seeds of their own"


def test_a_prompt_that_does_not_fit_ends_the_trajectory(served: tuple[Path, str], tmp_path: Path) -> None:
    _, url = served
    run = tmp_path / "run"
    ended = generate(
        *("+model=openai", f"model.endpoint.base_url={url}", "model.endpoint.model=tiny", "tasks=medcalcbench"),
        *("tasks.limit=1", "sampling.max_tokens=2000", f"output.dir={run}"),
        timeout=400,
    )
    assert ended.code == 0, ended.err
    assert [row["termination"] for row in rows(run)] == ["max_tokens"]

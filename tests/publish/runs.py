"""Runs to be published, and the command as it is typed, with a Hub that is not the Hub."""

import asyncio
import contextlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from huggingface_hub import constants

from medgym_ray.publish.__main__ import main
from medgym_ray.store.layout import TRAJECTORIES, Part
from medgym_ray.store.log import WriteAheadLog
from medgym_ray.store.recovery import prepare_directory
from medgym_ray.store.run import write_run_file
from medgym_ray.store.writer import DurableWriter
from medgym_ray.trajectory import TRAJECTORY_SCHEMA, Failure, Trajectory, Turn, to_batch
from tests.conftest import REPOSITORY
from tests.publish.hub import TOKEN
from tests.records import make_trajectory

CONFIG = {
    "model": {"name": "oracle", "path": "/home/somebody/weights"},
    "tasks": {"root": "/data/mimic", "source": "all", "families": ["mimic_iii"], "split": "test"},
    "sampling": {"rollouts": 2, "temperature": 0.7},
    "seed": 0,
}


def played(family: str, number: int, *, restricted: bool = False, **fields: Any) -> Trajectory:
    """A trajectory with tokens; every third fails."""
    success = number % 3 != 2
    turn = Turn(
        action="submit",
        arguments='{"answer": 1}',
        observation="seen",
        status="ok",
        prompt_tokens=3,
        completion_tokens=2,
        completion_token_ids=[4, 5],
        completion_logprobs=[-0.5, -0.25],
        finish_reason="stop",
        policy_version="v1",
    )
    content: dict[str, Any] = {
        "task_id": f"{family}/{number // 2}",
        "group_id": f"run/{family}/{number // 2}",
        "family": family,
        "split": "test" if number % 4 else "train",
        "rollout_index": number % 2,
        "turns": [turn],
        "token_ids": [1, 2, 3, 4, 5],
        "loss_mask": [0, 0, 0, 1, 1],
        "logprobs": [0.0, 0.0, 0.0, -0.5, -0.25],
        "answer": "1",
        "reward": float(success),
        "success": success,
        "termination": "success" if success else "wrong",
        "licence": "physionet-1.5.0" if restricted else "open",
        "restricted": restricted,
        "provenance": '{"task_sha256": "aa"}',
    }
    return make_trajectory(f"{family}{number:024x}", **(content | fields))


def write_run(
    root: Path,
    rows: Sequence[Trajectory],
    failures: Sequence[Failure] = (),
    *,
    in_log: Sequence[Trajectory] = (),
) -> Path:
    """A run's directory with a shard for each trajectory, and what a killed writer left in its log."""
    prepare_directory(root)
    write_run_file(root, {"key": "one"}, CONFIG, {"medgym_ray": "0"})
    asyncio.run(_append(root, rows, failures))
    if in_log:
        log = WriteAheadLog(root / Part(TRAJECTORIES.name, "0", 99).log, TRAJECTORY_SCHEMA)
        log.append([to_batch(in_log, TRAJECTORY_SCHEMA).serialize().to_pybytes()])
        log.close()
    return root


async def _append(root: Path, rows: Sequence[Trajectory], failures: Sequence[Failure]) -> None:
    writer = DurableWriter(root, "0", (), shard_bytes=1, shard_s=1e6)
    for row in rows:
        await writer.append(row)
    for failure in failures:
        await writer.append_failure(failure)
    await writer.close()


def environment(url: str, home: Path) -> dict[str, str]:
    """Of a process for which the Hub is at `url`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    ours = {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN, "HF_HOME": str(home)}
    return {**kept, **ours, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(home)}


def command(*arguments: object) -> list[str]:
    """As it is typed."""
    return [sys.executable, "-m", "medgym_ray.publish", *map(str, arguments)]


def publish_alone(url: str, home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own."""
    return subprocess.run(command(*arguments), env=environment(url, home), capture_output=True, text=True, timeout=120)


def publish(
    url: str, home: Path, *arguments: object, token: str = TOKEN, offline: bool = False
) -> subprocess.CompletedProcess[str]:
    """The command, in this process: what huggingface_hub takes from the environment once is set as if it had."""
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, environment(url, home) | {"HF_TOKEN": token}, clear=True),
        mock.patch.multiple(
            constants, ENDPOINT=url, HF_HUB_DISABLE_XET=True, HF_HUB_OFFLINE=offline, HF_TOKEN_PATH=str(home / "token")
        ),
        mock.patch.object(tempfile, "tempdir", str(home)),
        mock.patch.object(sys, "argv", ["publish", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
            code = None
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(list(map(str, arguments)), code, out.getvalue(), err.getvalue())

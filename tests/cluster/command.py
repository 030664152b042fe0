"""Runs the real command in a process of its own, as a user would."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medgym_ray.store.layout import logs
from medgym_ray.store.log import read_log
from medgym_ray.store.shards import read_manifest
from tests.conftest import REPOSITORY


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line that an error may take."""
        lines = [line for line in self.err.splitlines() if line.startswith("medgym_ray: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err, self.err
        return lines[0]


def start(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path = REPOSITORY, command: str = "medgym_ray.generate"
) -> subprocess.Popen[str]:
    """Starts `python -m medgym_ray.generate ARGUMENTS`; Ray stays private unless `env` says otherwise."""
    variables = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"HF_HUB_OFFLINE": "1"} | dict(env or {})
    if not any(a.startswith("cluster.address=") for a in arguments) and "RAY_ADDRESS" not in variables:
        arguments = (*arguments, "cluster.address=local")
    return subprocess.Popen(
        [sys.executable, "-m", command, *arguments],
        cwd=cwd,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def generate(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    cwd: Path = REPOSITORY,
    timeout: float = 280,
    command: str = "medgym_ray.generate",
) -> Ended:
    """Runs the command to its end."""
    process = start(*arguments, env=env, cwd=cwd, command=command)
    out, err = process.communicate(timeout=timeout)
    return Ended(process.returncode, out, err)


def table(directory: Path, name: str = "trajectories") -> pa.Table:
    """What a reader sees: the shards that the manifest lists."""
    shards = [directory / entry.shard for entry in read_manifest(directory) if entry.table == name]
    return pa.concat_tables([pq.read_table(shard) for shard in shards])


def rows(directory: Path, name: str = "trajectories") -> list[dict[str, Any]]:
    """The same, as Python values."""
    found: list[dict[str, Any]] = table(directory, name).to_pylist()
    return found


def replay_file(path: Path, *replies: dict[str, object] | str, task_id: str = "*") -> Path:
    """Adds to a file of recorded replies."""
    texts = [reply if isinstance(reply, str) else json.dumps(reply) for reply in replies]
    with path.open("a") as file:
        file.write(json.dumps({"task_id": task_id, "replies": texts}) + "\n")
    return path


def durable(run: Path) -> set[str]:
    """Ids that are on disk in a log, which is when they were acknowledged."""
    return {i for part in logs(run) for b in read_log(run / part.log) for i in b.column("trajectory_id").to_pylist()}


def until_durable(run: Path, count: int, driver: "subprocess.Popen[str]", patience_s: float = 120) -> None:
    """Waits for so many in the logs."""
    deadline = time.monotonic() + patience_s
    while not run.is_dir() or len(durable(run)) < count:
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < deadline, "nothing was written"
        time.sleep(0.05)

"""Starting an agent of somebody else's: on this host, where it is trusted, or in the rollout's own sandbox."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgym_ray.errors import ConfigError, PolicyError
from medgym_ray.sandboxes.base import Cell, CellStatus, Limits, Sandbox
from medgym_ray.sessions.routes import InsideService
from medgym_ray.sessions.session import Session

_LAST_WORDS = 400
_INSIDE = "http://localhost:8080"


def read_folder(folder: str) -> dict[str, bytes]:
    """The files that an agent brings along, by relative path. Raises ConfigError."""
    root = Path(folder).expanduser()
    try:
        files = {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
    except OSError as error:
        raise ConfigError(f"gateway.folder={folder}: {error.filename}: {error.strerror}") from error
    return files


async def run_outside(command: str, url: str, session: Session) -> None:
    """Until it has ended or its session is over.

    It finds the chat API in OPENAI_BASE_URL, the session in MEDGYM_SESSION, and in MEDGYM_TASK what is to be done.
    """
    environment = {**os.environ, "OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": "session", "MEDGYM_SESSION": url}
    environment["MEDGYM_TASK"] = json.dumps(session.task())
    process = await asyncio.create_subprocess_shell(
        command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        _, said = await process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    _judge(session, process.returncode or 0, said.decode(errors="replace"))


async def run_inside(
    command: str, sandbox: Sandbox, files: Mapping[str, bytes], service: InsideService, session: Session, limits: Limits
) -> None:
    """As a cell, which reaches the session at http://localhost:8080."""
    await sandbox.put(files)
    variables = f"export OPENAI_BASE_URL={_INSIDE}/v1 OPENAI_API_KEY=session MEDGYM_SESSION={_INSIDE}"
    result = await sandbox.run(Cell(f"{variables}\n{command}", language="shell", limits=limits, service=service))
    if result.status is CellStatus.OK or session.handed_in:
        await session.end_inside()
    else:
        _judge(session, result.exit_code or 1, f"{result.status.value}: {result.stderr}")


def _judge(session: Session, code: int, said: str) -> None:
    """One that ends without a word to the policy was not able to start: that is no rollout."""
    if code and not session.replies:
        words = " ".join(said.split())[-_LAST_WORDS:]
        session.fail(PolicyError(f"the agent ended with {code} before it asked for anything: {words}"))
    session.leave()


def described(agent: str, command: str | None) -> dict[str, Any]:
    """For the provenance of each record."""
    return {"agent": agent, **({"agent_command": command} if command else {})}

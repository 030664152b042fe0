"""What an execution hands in, gathered where it ran: its answer, the files it left, what it wrote to the service."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from medgym_ray.sandboxes.base import Cell, CellResult, CellStatus, Limits, Sandbox
from medgym_ray.services import Service
from medgym_ray.tasks.base import Family, Submission

_COLLECTED_BYTES = 8 * 1024 * 1024
_COLLECT = """\
import os
answer = {{}}
for name in {names!r}:
    if os.path.isfile(name) and os.path.getsize(name) <= {most}:
        with open(name, "rb") as file:
            answer[name] = file.read()
"""


class Desk:
    """Takes the submissions of one episode."""

    def __init__(self, family: Family, sandbox: Sandbox, service: Service | None, limits: Limits) -> None:
        self._family = family
        self._sandbox = sandbox
        self._service = service
        self._limits = limits

    async def take_answer(self, answer: Any) -> Submission:
        """An answer stated outright. Raises SandboxError."""
        return await self._complete(Submission(answer=answer, has_answer=True))

    async def take_cell(self, code: str, result: CellResult) -> Submission:
        """What a cell has brought about, which was the last to run. Raises SandboxError."""
        submission = Submission(
            answer=result.answer,
            has_answer=result.has_answer,
            code=code,
            stdout=result.stdout,
            stderr=result.stderr,
            ran=result.status is CellStatus.OK,
        )
        return await self._complete(submission)

    async def _complete(self, submission: Submission) -> Submission:
        writes = tuple(self._service.log()) if self._service else ()
        return replace(submission, writes=writes, files=await self._files())

    async def _files(self) -> Mapping[str, bytes]:
        if not self._family.collects:
            return {}
        code = _COLLECT.format(names=self._family.collects, most=_COLLECTED_BYTES)
        result = await self._sandbox.run(Cell(code, limits=replace(self._limits, answer_bytes=2 * _COLLECTED_BYTES)))
        found = result.answer if result.has_answer and isinstance(result.answer, dict) else {}
        return {name: _bytes(found[name]) for name in self._family.collects if name in found}


def _bytes(value: Any) -> bytes:
    """Out of typed JSON; what the cell made of its own working directory may still be anything."""
    held = value.get("value") if isinstance(value, dict) else None
    try:
        return base64.b64decode(held) if isinstance(held, str) else b""
    except ValueError:
        return b""

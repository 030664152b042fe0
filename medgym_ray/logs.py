"""Log records as lines of JSON, with nothing in them that a model or a patient's record may have said.

A message is what our code wrote. An exception that nobody foresaw may quote what it choked on, so of it a record keeps
the type and the places in the code; its words are in `failures/`, which is guarded as the trajectories are.
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

OURS = ("medgym_ray", "actors")
"""Whose records these are: everything else (Ray, vLLM) keeps its own logs."""

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class JsonFormatter(logging.Formatter):
    """One object per record: at, level, logger, message, run_id, actor, exception."""

    def __init__(self, run_id: str, actor: str) -> None:
        super().__init__()
        self._origin = {"run_id": run_id, "actor": actor}

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._origin,
        }
        if record.exc_info:
            fields["exception"] = _described(record.exc_info)
        return json.dumps(fields)


def _described(exc_info: _ExcInfo) -> dict[str, Any] | None:
    kind, _, trace = exc_info
    if kind is None:
        return None
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)]
    return {"type": kind.__name__, "places": places}


class LineHandler(logging.Handler):
    """Hands each formatted record on as bytes."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Never raises: a log is no reason to end a run."""
        try:
            self._write(self.format(record).encode())
        except Exception:
            self.handleError(record)


def to_stderr(run_id: str, actor: str) -> None:
    """Warnings and worse of this process, to stderr; for processes that hold one actor."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(run_id, actor))
    for name in OURS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)

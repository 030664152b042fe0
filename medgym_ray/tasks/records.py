"""Strict, streaming reading of JSON-lines task files: every broken record is named with file and line."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medgym_ray.errors import TaskError
from medgym_ray.tasks.base import LoadReport


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a task file."""

    path: Path
    line: int
    fields: dict[str, Any]
    sha256: str
    """Of the line's bytes without the line break."""


def read_jsonl(path: Path, report: LoadReport) -> Iterator[Record]:
    """Yields the object on each line; a line that is no JSON object is reported and passed over.

    Raises TaskError where the file is missing or cannot be read.
    """
    try:
        lines = path.open("rb")
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error
    with lines:
        for number, raw in enumerate(lines, start=1):
            line = raw.strip()
            if not line:
                continue
            try:
                fields = json.loads(line)
                # Half of a surrogate pair is legal in JSON and in no text that could be stored.
                json.dumps(fields, ensure_ascii=False).encode()
            except (ValueError, RecursionError) as error:
                report.record_broken(path, number, f"not JSON ({error})")
                continue
            if not isinstance(fields, dict):
                report.record_broken(path, number, f"a JSON {type(fields).__name__}, not an object")
                continue
            yield Record(path, number, fields, hashlib.sha256(line).hexdigest())

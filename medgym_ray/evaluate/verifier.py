"""A verifier's opinion of each trajectory: a file of `trajectory_id` and `score`, Parquet or JSON lines."""

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from medgym_ray.errors import ConfigError

_WANTED = 'give "trajectory_id" (text) and "score" (a finite number)'


def read_scores(names: Sequence[str]) -> dict[str, float]:
    """Scores by trajectory id, of all files; the higher the better. Raises ConfigError naming the place."""
    scores: dict[str, float] = {}
    for name in names:
        before = len(scores)
        for where, identity, score in _rows(name):
            number = isinstance(score, int | float) and not isinstance(score, bool) and math.isfinite(score)
            if not isinstance(identity, str) or not number:
                raise ConfigError(f"{where}: {_WANTED}")
            if identity in scores:
                raise ConfigError(f"{where}: a second score for {identity}; keep one")
            scores[identity] = float(score)
        if len(scores) == before:
            raise ConfigError(f"verifier={name}: no scores in it; {_WANTED}")
    return scores


def _rows(name: str) -> Iterator[tuple[str, Any, Any]]:
    path = Path(name).expanduser()
    try:
        yield from _parquet_rows(path) if path.suffix == ".parquet" else _json_rows(path)
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise ConfigError(f"verifier={name}: {reason}") from error


def _parquet_rows(path: Path) -> Iterator[tuple[str, Any, Any]]:
    with pq.ParquetFile(path) as file:
        if not {"trajectory_id", "score"} <= set(file.schema_arrow.names):
            raise ConfigError(f"verifier={path}: its columns are {', '.join(file.schema_arrow.names)}; {_WANTED}")
        number = 0
        for batch in file.iter_batches(columns=["trajectory_id", "score"]):
            for row in batch.to_pylist():
                yield f"{path}: row {number}", row["trajectory_id"], row["score"]
                number += 1


def _json_rows(path: Path) -> Iterator[tuple[str, Any, Any]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in _filled(lines):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ConfigError(f"{path}:{number}: not JSON ({error})") from error
            if not isinstance(row, dict):
                raise ConfigError(f"{path}:{number}: {_WANTED}")
            yield f"{path}:{number}", row.get("trajectory_id"), row.get("score")


def _filled(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in enumerate(lines, start=1) if line.strip())

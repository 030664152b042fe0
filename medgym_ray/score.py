"""A verifier's opinion of a run: `python -m medgym_ray.score run=DIR model.path=DIR output.file=FILE`.

The file is Parquet with `trajectory_id` and `score`, the probability of success. Exit code 0: done; 2: a command that
cannot be used.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from medgym_ray import cli
from medgym_ray.config import MISSING
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.stored import StoredRun, open_run
from medgym_ray.train.config import BaseConfig
from medgym_ray.train.training import require_packages

_COLUMNS = ("trajectory_id", "messages")
_BATCH_ROWS = 256
"""Trajectories in memory: enough of them to find some of like lengths."""
_SCHEMA = pa.schema([("trajectory_id", pa.string()), ("score", pa.float64())])
Conversations = Sequence[Sequence[dict[str, str]]]


@dataclass
class FileConfig:
    """Where scores go."""

    file: str = MISSING
    """Parquet, which is not there yet."""


@dataclass
class ScoreConfig:
    """Which run, by which verifier."""

    run: str = MISSING
    model: BaseConfig = field(default_factory=BaseConfig)
    output: FileConfig = field(default_factory=FileConfig)
    max_tokens: int | None = None
    """Of a conversation; the beginning of a longer one is not read. Unset: what the model has positions for."""
    batch_tokens: int = 32768
    """At once on the device."""


def run(config: ScoreConfig) -> int:
    """Scores one run; returns the exit code. Raises ConfigError, StorageError."""
    stored, target = open_run(config.run), _new_file(config.output.file)
    if (config.max_tokens is not None and config.max_tokens < 1) or config.batch_tokens < 1:
        raise ConfigError("max_tokens and batch_tokens must be above 0")
    require_packages()
    from medgym_ray.train.verifier import Verifier
    from medgym_ray.train.weights import device, load_scorer

    base, model = load_scorer(config.model.path, device())
    verifier = Verifier(base, model, min(config.max_tokens or base.positions, base.positions), config.batch_tokens)
    rows = write_scores(target, scored(stored, verifier.scores))
    if verifier.cut:
        told = Console(file=sys.stderr, highlight=False, soft_wrap=True)
        told.print(f"of {verifier.cut} conversations the beginning was not read: they are longer than the verifier")
    print(f"{target}: {rows} trajectories scored")  # noqa: T201 - the result of the command
    return 0


def scored(stored: StoredRun, scores: Callable[[Conversations], Sequence[float]]) -> Iterator[pa.RecordBatch]:
    """Batches of trajectory_id and score, in the order of the run. Raises StorageError."""
    for batch in stored.trajectories(_COLUMNS, _BATCH_ROWS):
        found = scores(batch.column("messages").to_pylist())
        yield pa.record_batch([batch.column("trajectory_id"), pa.array(found, pa.float64())], schema=_SCHEMA)


def write_scores(target: Path, batches: Iterator[pa.RecordBatch]) -> int:
    """Writes a file that is there whole or not at all; gives back its rows. Raises StorageError."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    rows = 0
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(draft, _SCHEMA, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                rows += batch.num_rows
        draft.rename(target)
    except OSError as error:
        raise error if isinstance(error, StorageError) else StorageError(f"{target}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return rows


def _new_file(name: str) -> Path:
    if not name.strip():
        raise ConfigError("output.file is empty; give output.file=FILE.parquet")
    target = Path(name).expanduser().absolute()
    if target.exists():
        raise ConfigError(f"output.file={name} is there already; choose one that is not")
    return target


def main() -> None:
    """The command."""
    cli.main("score", ScoreConfig, run)


if __name__ == "__main__":
    main()

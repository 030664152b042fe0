"""Parquet shards and the manifest that lists them: a shard exists for a reader once its manifest line does."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from medgym_ray.errors import StorageError
from medgym_ray.store.layout import MANIFEST, TABLES, Part, temporary
from medgym_ray.store.log import read_log

_ROW_GROUP_BYTES = 32 * 1024 * 1024
# What `datasets` itself writes, so that a re-push uploads only what changed.
_CHUNKING = {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0}


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One committed shard."""

    table: str
    shard: str
    rows: int
    bytes: int
    sha256: str
    schema_sha256: str
    committed_at: str


def seal(root: Path, part: Part) -> ManifestEntry | None:
    """Turns a closed log into a shard, lists it, and removes the log; None where the log has no whole row.

    Write-temp, fsync, rename, manifest, unlink: a crash between any two steps is mended by sealing again.
    Raises StorageError; the log is then still there.
    """
    log, shard = root / part.log, root / part.shard
    schema = TABLES[part.table].schema
    try:
        rows = _write_parquet(temporary(shard), schema, read_log(log))
        entry = None
        if rows:
            temporary(shard).replace(shard)
            entry = _entry(root, part, rows, schema)
            append_manifest(root, entry)
        else:
            temporary(shard).unlink(missing_ok=True)
        log.unlink()
    except OSError as error:
        temporary(shard).unlink(missing_ok=True)
        raise StorageError(f"{shard}: {error.strerror or error}") from error
    return entry


def _write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    with path.open("wb") as sink:
        with pq.ParquetWriter(
            sink, schema, compression="zstd", write_page_index=True, use_content_defined_chunking=_CHUNKING
        ) as writer:
            for group in _row_groups(batches):
                table = pa.Table.from_batches(group, schema)
                writer.write_table(table, row_group_size=max(1, table.num_rows))
                rows += table.num_rows
        sink.flush()
        os.fsync(sink.fileno())
    return rows


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        group.append(batch)
        size += batch.nbytes
        if size >= _ROW_GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _entry(root: Path, part: Part, rows: int, schema: pa.Schema) -> ManifestEntry:
    path = root / part.shard
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ManifestEntry(
        table=part.table,
        shard=part.shard,
        rows=rows,
        bytes=path.stat().st_size,
        sha256=digest,
        schema_sha256=hashlib.sha256(schema.serialize().to_pybytes()).hexdigest(),
        committed_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def append_manifest(root: Path, entry: ManifestEntry) -> None:
    """Commits a shard. Raises OSError."""
    with (root / MANIFEST).open("ab") as manifest:
        manifest.write(json.dumps(asdict(entry)).encode() + b"\n")
        manifest.flush()
        os.fsync(manifest.fileno())


def read_manifest(root: Path) -> list[ManifestEntry]:
    """The committed shards, oldest first; a torn last line (a crash while committing) is not one.

    Raises StorageError naming the line where the manifest cannot be read.
    """
    path = root / MANIFEST
    if not path.exists():
        return []
    entries = []
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            entries.append(ManifestEntry(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise StorageError(f"{path}:{number}: not a manifest line ({error}); restore it from a copy") from error
    return entries

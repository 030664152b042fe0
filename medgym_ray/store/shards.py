"""Parquet shards and the manifest that lists them: a shard exists for a reader once its manifest line does."""

import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from medgym_ray.errors import StorageError
from medgym_ray.store.layout import TABLES, TRAJECTORIES, Part
from medgym_ray.store.roots import Root, directory

ROW_GROUP_BYTES = 32 * 1024 * 1024
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


def seal(root: Root, part: Part, known: set[str] | None = None) -> ManifestEntry | None:
    """Turns a closed log into a shard, lists it, and removes the log; None where the log has no whole row.

    Draft, place, manifest, remove: a crash between any two steps is mended by sealing again. Trajectories whose ids are
    in `known` are passed over; the others' ids are added to it. Raises StorageError; the log is then still there.
    """
    store = directory(root)
    schema = TABLES[part.table].schema
    batches = store.read_log(part)
    if known is not None and part.table == TRAJECTORIES.name:
        batches = _new(batches, known)
    try:
        with store.draft(part.shard) as draft:
            entry = None
            if rows := _write_parquet(draft, schema, batches):
                entry = _entry(draft, part, rows, schema)
                store.place(draft, part.shard)
                append_manifest(root, entry)
        store.remove_log(part)
    except StorageError:
        raise
    except OSError as error:
        raise StorageError(f"{store}/{part.shard}: {error.strerror or error}") from error
    return entry


def _new(batches: Iterable[pa.RecordBatch], known: set[str]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        fresh = []
        for identity in batch.column("trajectory_id").to_pylist():
            fresh.append(identity not in known)
            known.add(identity)
        if any(fresh):
            yield batch.filter(pa.array(fresh))


def parquet_writer(sink: BinaryIO, schema: pa.Schema) -> pq.ParquetWriter:
    """What every Parquet file of ours is written with; one call of `write_table` should be one row group."""
    return pq.ParquetWriter(
        sink, schema, compression="zstd", write_page_index=True, use_content_defined_chunking=_CHUNKING
    )


def _write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    rows = 0
    with path.open("wb") as sink:
        with parquet_writer(sink, schema) as writer:
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
    for batch in itertools.chain.from_iterable(map(pieces, batches)):
        group.append(batch)
        size += batch.nbytes
        if size >= ROW_GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch holds what was appended together, which may be more than a row group."""
    rows = max(1, batch.num_rows * ROW_GROUP_BYTES // max(1, batch.nbytes))
    return (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))


def _entry(draft: Path, part: Part, rows: int, schema: pa.Schema) -> ManifestEntry:
    with draft.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ManifestEntry(
        table=part.table,
        shard=part.shard,
        rows=rows,
        bytes=draft.stat().st_size,
        sha256=digest,
        schema_sha256=hashlib.sha256(schema.serialize().to_pybytes()).hexdigest(),
        committed_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def append_manifest(root: Root, entry: ManifestEntry) -> None:
    """Commits a shard. Raises StorageError."""
    directory(root).commit(entry.shard, json.dumps(asdict(entry)).encode())


def read_manifest(root: Root) -> list[ManifestEntry]:
    """The committed shards, oldest first.

    Raises StorageError naming the line where the manifest cannot be read.
    """
    store = directory(root)
    entries = []
    for where, line in store.committed():
        try:
            entries.append(ManifestEntry(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise StorageError(f"{where}: not a manifest line ({error}); restore it from a copy") from error
    return entries

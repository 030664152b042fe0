"""The Parquet files of a view: `data/train-00000.parquet` and so on, none without a row."""

import os
from pathlib import Path
from typing import Self

import pyarrow as pa

from medgym_ray.errors import StorageError
from medgym_ray.store.shards import ROW_GROUP_BYTES, parquet_writer, pieces

DATA = "data"
_FILE_BYTES = 256 << 20


class ShardFiles:
    """One split's files. What is written is kept for a row group, and a file is closed when it is large enough."""

    def __init__(self, folder: Path, split: str, schema: pa.Schema, group_bytes: int | None = None) -> None:
        """`folder` is there; a file is begun with the first row. `group_bytes` where many are written at once."""
        self._folder, self._split, self._schema = folder, split, schema
        self._group_bytes = group_bytes or ROW_GROUP_BYTES
        self._group: list[pa.RecordBatch] = []
        self._bytes = self._number = 0
        self._open: _File | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows. Raises StorageError."""
        for piece in pieces(batch):
            self._group.append(piece)
            self._bytes += piece.nbytes
            if self._bytes >= self._group_bytes:
                self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Writes what is left; nothing more after an error."""
        if kind is None:
            self._flush()
        if self._open is not None:
            self._open.close()

    def _flush(self) -> None:
        if not self._group:
            return
        if self._open is None:
            self._open = _File(self._folder / f"{self._split}-{self._number:05d}.parquet", self._schema)
            self._number += 1
        self._open.write(pa.Table.from_batches(self._group, self._schema))
        self._group, self._bytes = [], 0
        if self._open.bytes >= _FILE_BYTES:
            self._open.close()
            self._open = None


class _File:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        try:
            self._path, self._sink = path, path.open("wb")
            self._writer = parquet_writer(self._sink, schema)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror or error}") from error

    @property
    def bytes(self) -> int:
        return self._sink.tell()

    def write(self, group: pa.Table) -> None:
        try:
            self._writer.write_table(group, row_group_size=group.num_rows)
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror or error}") from error

    def close(self) -> None:
        try:
            self._writer.close()
            self._sink.flush()
            os.fsync(self._sink.fileno())
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror or error}") from error
        finally:
            self._sink.close()

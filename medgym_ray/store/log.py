"""The write-ahead log: an Arrow IPC stream that only grows. What `append` returned from survives a crash."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from medgym_ray.errors import StorageError


class WriteAheadLog:
    """An open log. A failed append (disk full) leaves the file as it was before it."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """Creates the log; raises StorageError where it exists or cannot be written."""
        self.path = path
        self.bytes = 0
        try:
            self._fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o644)
            try:
                self._write(schema.serialize().to_pybytes())
                _sync_directory(path.parent)
            except OSError:
                os.close(self._fd)
                path.unlink()
                raise
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error

    def append(self, batches: Sequence[bytes]) -> None:
        """Appends serialised batches and waits until they are on disk. Raises StorageError."""
        try:
            self._write(b"".join(batches))
        except OSError as error:
            raise StorageError(f"{self.path}: {error.strerror}") from error

    def _write(self, data: bytes) -> None:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
            os.fsync(self._fd)
        except OSError:
            os.ftruncate(self._fd, self.bytes)
            raise
        self.bytes += len(data)

    def close(self) -> None:
        """Closes the file; safe to call once only."""
        os.close(self._fd)


def read_log(path: Path) -> Iterator[pa.RecordBatch]:
    """The whole batches of a log; a torn tail (a crash in mid-append) was never acknowledged."""
    with pa.OSFile(str(path), "rb") as source:
        try:
            reader = pa.ipc.open_stream(source)
            while True:
                yield reader.read_next_batch()
        except (StopIteration, pa.ArrowInvalid, OSError):
            return


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

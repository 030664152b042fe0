"""A file of lines beside the shards, for people and machines that watch a run. Losing a line never ends a run."""

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from medgym_ray.errors import StorageError
from medgym_ray.store.directory import Directory
from medgym_ray.store.layout import is_line_file, line_file, line_object
from medgym_ray.store.roots import Root, directory


class Lines(Protocol):
    """Only the process that holds the run writes one."""

    def append(self, line: bytes) -> None:
        """Adds a line (given without its end), whole or not at all. Raises nothing where it cannot be written."""

    def close(self) -> None:
        """Nothing more is added."""


def open_lines(root: Root, name: str) -> Lines:
    """The lines called `name`: a run that is resumed adds to its file, or in a bucket begins another object."""
    if isinstance(root, Path):
        return LineFile(root / line_file(name))
    return LineObject(root, line_object(name, datetime.now(UTC)))


def read_lines(root: Root, name: str) -> list[bytes]:
    """The lines called `name` of every command so far, oldest first; none where they cannot be read."""
    store = directory(root)
    try:
        names = [line_file(name)] if isinstance(root, Path) else sorted(store.names(""))
        contents = [store.read(found) or b"" for found in names if is_line_file(found, name)]
    except StorageError:
        return []
    return [line for content in contents for line in content.splitlines()]


class LineFile:
    """On a disk: each line is one write to the file's end."""

    def __init__(self, path: Path) -> None:
        """Mends what a crash left of a last line."""
        self._lock = threading.Lock()
        self._file: int | None = None
        self._size = 0
        with contextlib.suppress(OSError):
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._size = _whole(path)
            os.ftruncate(self._file, self._size)

    def append(self, line: bytes) -> None:
        """See Lines."""
        data = line + b"\n"
        with self._lock, contextlib.suppress(OSError):
            if self._file is None:
                return
            try:
                written = os.write(self._file, data)
            except OSError:
                written = 0
            if written == len(data):
                self._size += written
            else:  # the disk is full: half a line would spoil the next
                os.ftruncate(self._file, self._size)

    def close(self) -> None:
        """See Lines."""
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                os.close(file)


def _whole(path: Path) -> int:
    """The size up to the end of the last whole line."""
    return path.read_bytes().rfind(b"\n") + 1


class LineObject:
    """In a bucket, where nothing can be appended to: one object per command, put again as a whole after each change.

    It is put in the background, never twice at a time, so that changes that come meanwhile share the next.
    """

    def __init__(self, store: Directory, name: str) -> None:
        """Puts nothing yet."""
        self._store, self._name = store, name
        self._lock = threading.Lock()
        self._text = ""
        self._changed = False
        self._putter = ThreadPoolExecutor(1, thread_name_prefix="lines")

    def append(self, line: bytes) -> None:
        """See Lines."""
        with self._lock:
            self._text += line.decode() + "\n"
            if not self._changed:
                self._changed = True
                self._putter.submit(self._put)

    def _put(self) -> None:
        with self._lock:
            text, self._changed = self._text, False
        with contextlib.suppress(StorageError):
            self._store.write(self._name, text)

    def close(self) -> None:
        """See Lines. Waits for the last put."""
        self._putter.shutdown()

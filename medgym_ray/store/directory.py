"""A run's directory wherever it lies: what the store asks of a file system, local disk or object store."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from medgym_ray.store.layout import Part


class Log(Protocol):
    """An open write-ahead log. What `append` returned from survives a crash."""

    def append(self, batches: Sequence[bytes]) -> None:
        """Appends serialised batches. Raises StorageError; nothing of them was then appended."""

    @property
    def bytes(self) -> int:
        """What was appended."""

    def close(self) -> None:
        """Nothing more is appended."""


class Held(Protocol):
    """A lock that is held. It goes with `close` or, sooner or later, with the process."""

    def close(self) -> None:
        """Gives it back."""


class Directory(Protocol):
    """Names are relative, with slashes; `str` is what a user types. Every method raises StorageError, and only that."""

    group_s: float
    """Appends to one log are no closer together than this."""
    repeats: bool
    """Whether a log may hold a row that another log or a shard holds too."""

    def prepare(self) -> None:
        """Makes what a run needs, and checks that it can be written."""

    def lock(self, name: str, wait_s: float) -> Held:
        """Takes a lock; StorageError where another process holds it for longer than that."""

    def read(self, name: str) -> bytes | None:
        """A file's content; None where there is none."""

    def write(self, name: str, text: str) -> None:
        """A file that is there whole or not at all."""

    def names(self, folder: str) -> list[str]:
        """What lies in a folder; nothing where there is no such folder."""

    def open_shard(self, name: str) -> Any:
        """What pyarrow reads a shard from. Raises OSError."""

    def draft(self, name: str) -> AbstractContextManager[Path]:
        """A file on local disk that may become `name`; it is removed where it did not."""

    def place(self, draft: Path, name: str) -> None:
        """Makes a draft the file `name`, whole or not at all."""

    def discard(self, name: str) -> None:
        """Removes what a crash left of drafts of `name`."""

    def commit(self, shard: str, line: bytes) -> None:
        """Adds a line to the manifest."""

    def committed(self) -> list[tuple[str, bytes]]:
        """The manifest: (where it is written, line)."""

    def mend(self) -> None:
        """Removes what a crash left of a commit."""

    def create_log(self, part: Part, schema: pa.Schema) -> Log:
        """A new log."""

    def read_log(self, part: Part) -> Iterator[pa.RecordBatch]:
        """The whole batches of a log that is closed."""

    def remove_log(self, part: Part) -> None:
        """Removes a log whose rows are in a shard."""

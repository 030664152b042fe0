"""A run's directory on a file system of this machine."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa

from medgym_ray.errors import StorageError
from medgym_ray.store.atomic import write_text
from medgym_ray.store.layout import LOG_DIR, MANIFEST, TABLES, Part, names_in, temporary
from medgym_ray.store.log import WriteAheadLog, read_log


class LocalDirectory:
    """Files, fsync, rename and flock."""

    group_s = 0.0
    repeats = False

    def __init__(self, root: Path) -> None:
        """Touches nothing yet."""
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def prepare(self) -> None:
        """Makes the folders."""
        try:
            for folder in (LOG_DIR, *TABLES):
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            probe = self.root / LOG_DIR / ".probe"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StorageError(f"output.dir={self.root}: cannot write there ({error.strerror})") from error

    def lock(self, name: str, wait_s: float) -> IO[bytes]:
        """A flock; it goes with the file object or with the process."""
        file = (self.root / LOG_DIR / f"{name}.lock").open("wb")
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    file.close()
                    raise StorageError(
                        f"{self.root}: another run is writing there; choose another output.dir"
                    ) from None
                time.sleep(0.2)
            else:
                os.set_inheritable(file.fileno(), False)
                return file

    def read(self, name: str) -> bytes | None:
        """The file's content."""
        with self._told(name):
            path = self.root / name
            return path.read_bytes() if path.exists() else None

    def write(self, name: str, text: str) -> None:
        """Write-temp, fsync, rename."""
        write_text(self.root / name, text)

    def names(self, folder: str) -> list[str]:
        """What lies in a folder."""
        return names_in(self.root, folder)

    def open_shard(self, name: str) -> Path:
        """Its path."""
        return self.root / name

    @contextlib.contextmanager
    def draft(self, name: str) -> Iterator[Path]:
        """Beside the file itself, so that a rename places it."""
        path = temporary(self.root / name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def place(self, draft: Path, name: str) -> None:
        """Renames."""
        with self._told(name):
            draft.replace(self.root / name)

    def discard(self, name: str) -> None:
        """Unlinks the temporary file."""
        with self._told(name):
            temporary(self.root / name).unlink(missing_ok=True)

    def commit(self, shard: str, line: bytes) -> None:
        """Appends and syncs."""
        with self._told(shard), (self.root / MANIFEST).open("ab") as manifest:
            manifest.write(line + b"\n")
            manifest.flush()
            os.fsync(manifest.fileno())

    def committed(self) -> list[tuple[str, bytes]]:
        """The whole lines; a torn last one (a crash while committing) is not one."""
        lines = (self.read(MANIFEST) or b"").split(b"\n")[:-1]
        return [(f"{self.root / MANIFEST}:{number}", line) for number, line in enumerate(lines, start=1)]

    def mend(self) -> None:
        """Cuts off a torn last line."""
        content = self.read(MANIFEST) or b""
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            with self._told(MANIFEST):
                os.truncate(self.root / MANIFEST, whole)

    def create_log(self, part: Part, schema: pa.Schema) -> WriteAheadLog:
        """A file that only grows."""
        return WriteAheadLog(self.root / part.log, schema)

    def read_log(self, part: Part) -> Iterator[pa.RecordBatch]:
        """The whole batches."""
        return read_log(self.root / part.log)

    def remove_log(self, part: Part) -> None:
        """Unlinks."""
        with self._told(part.log):
            (self.root / part.log).unlink()

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"{self.root / name}: {error.strerror or error}") from error

"""Files and directories that are there whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from medgym_ray.errors import StorageError
from medgym_ray.store.layout import temporary


def write_text(path: Path, text: str) -> None:
    """Write-temp, fsync, rename. Raises StorageError."""
    try:
        with temporary(path).open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary(path).replace(path)
    except OSError as error:
        temporary(path).unlink(missing_ok=True)
        raise StorageError(f"{path}: {error.strerror}") from error


@contextlib.contextmanager
def whole_directory(target: Path) -> Iterator[Path]:
    """A directory beside the target, which becomes it; it is removed where it did not. Raises StorageError."""
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        draft.mkdir(parents=True)
        yield draft
        draft.rename(target)
    except OSError as error:
        raise error if isinstance(error, StorageError) else StorageError(f"{target}: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)

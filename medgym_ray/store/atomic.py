"""Text files that are there whole or not at all."""

import os
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

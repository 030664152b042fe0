"""What is made of a large file once, kept under the user's cache by the content of that file."""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.paths import cache_dir

_digests: dict[tuple[Path, int, int], str] = {}


def converted(source: Path, form: str, convert: Callable[[Path, Path], None]) -> Path:
    """The directory that `convert(source, directory)` fills; `form` names what it makes, with its version.

    Processes that ask at the same time convert once. Raises TaskError where the source cannot be read or converted,
    ConfigError for a cache that cannot be written.
    """
    key = f"{form}-{_digest(source)[:32]}"
    home = cache_dir() / "features"
    target = home / key
    try:
        # What was made of restricted data is this user's alone.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (home / f"{key}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.is_dir():
                for stale in home.glob(f"{key}.*/"):  # of a process that was killed: nobody else has the lock
                    shutil.rmtree(stale)
                with tempfile.TemporaryDirectory(prefix=f"{key}.", dir=home) as scratch:
                    made = Path(scratch, "made")
                    made.mkdir(mode=0o700)
                    convert(source, made)
                    made.rename(target)
    except OSError as error:
        raise ConfigError(
            f"cannot convert {source} into {home}: {error.strerror or error}; it needs space there or in another "
            "directory (XDG_CACHE_HOME)"
        ) from None
    return target


def _digest(path: Path) -> str:
    """sha256 of a file; computed once as long as the file looks the same."""
    try:
        stat = path.stat()
        known = (path, stat.st_size, stat.st_mtime_ns)
        if known not in _digests:
            with path.open("rb") as file:
                _digests[known] = hashlib.file_digest(file, "sha256").hexdigest()
        return _digests[known]
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error

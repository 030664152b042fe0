"""Directories that are built once per user and then only read: locked while built, renamed when whole."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from medgym_ray.paths import cache_dir

_LOCK = ".lock"


def build_once(name: str, build: Callable[[Path], Path]) -> Path:
    """The cached directory `name`, built where it is missing. Raises OSError, and what `build` raises.

    `build` is given an empty directory and says what in it is to have the name: what is half-built never has.
    """
    target = cache_dir() / name
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(name + _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.is_dir():  # another process may have built it while this one waited
            building = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=target.parent))
            try:
                building.chmod(0o755)
                build(building).rename(target)
            finally:
                shutil.rmtree(building, ignore_errors=True)
    return target


def log_file(name: str) -> Path:
    """Where the building of `name` is told."""
    return cache_dir() / f"{name}.log"


def sweep() -> Iterator[Path]:
    """Removes, and names, what killed processes have left half-built: it lies beside a lock that nobody holds."""
    for directory in (cache_dir(), cache_dir() / "weights"):
        for path in sorted(directory.glob(f"*{_LOCK}")):
            half_built = [found for found in directory.iterdir() if _is_half_built(found, path)]
            if half_built:
                with contextlib.suppress(OSError), path.open("r+") as lock:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    for found in half_built:
                        shutil.rmtree(found)
                        yield found


def _is_half_built(path: Path, lock: Path) -> bool:
    return path.name.rpartition(".")[0] == lock.name.removesuffix(_LOCK) and path.is_dir() and not path.is_symlink()

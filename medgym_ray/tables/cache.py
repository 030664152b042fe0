"""Indexes, built once per user and machine and kept under the user's cache."""

import contextlib
import fcntl
import hashlib
import json
import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from medgym_ray.errors import ConfigError
from medgym_ray.paths import cache_dir
from medgym_ray.tables.contents import VERSION, add_table, create, finish
from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.sources import TableFile, find_files, read_tables
from medgym_ray.tables.summary import summarise

_LOG = logging.getLogger(__name__)
_INDEX = "index.sqlite"
_DIGEST = "sha256"


def open_index(mounts: Mapping[str, Path]) -> TableIndex:
    """The index of the tables in `mounts` (path in the sandbox → file or directory outside), built where it is missing.

    Processes that ask at the same time build once. Raises TaskError for tables that cannot be read, ConfigError for a
    cache that cannot be written.
    """
    files = find_files(mounts)
    key = _key(files)
    home = cache_dir() / "tables"
    target = home / key
    try:
        # What was read out of restricted tables is this user's alone.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _lock(home / f"{key}.lock"):
            if not _sound(target):
                shutil.rmtree(target, ignore_errors=True)
                _build(files, target)
            return TableIndex(target / _INDEX, key)
    except (OSError, sqlite3.OperationalError) as error:
        raise ConfigError(
            f"cannot index tables in {home}: {error}; it needs SQLite 3.34 with FTS5, and space there or in another "
            "directory (XDG_CACHE_HOME)"
        ) from None


def _key(files: Sequence[TableFile]) -> str:
    """What the files are, without reading them. 32 hex digits."""
    facts = [(file.path, (stat := file.source.stat()).st_size, stat.st_mtime_ns) for file in files]
    return hashlib.sha256(json.dumps([VERSION, facts]).encode()).hexdigest()[:32]


def _sound(target: Path) -> bool:
    """A whole index lies there: one flipped bit would be a wrong answer."""
    try:
        return (target / _DIGEST).read_text(encoding="ascii") == _digest(target / _INDEX)
    except (OSError, UnicodeDecodeError):
        return False


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _build(files: Sequence[TableFile], target: Path) -> None:
    """Builds beside the target and renames, so that a half-built index never has its name."""
    for stale in target.parent.glob(f"{target.name}.*/"):  # of a builder that was killed: nobody else has the lock
        shutil.rmtree(stale)
    _LOG.info("indexing %d table files (once; large ones take minutes)", len(files))
    with tempfile.TemporaryDirectory(prefix=f"{target.name}.", dir=target.parent) as scratch:
        building = Path(scratch, "built")
        building.mkdir(mode=0o700)
        with contextlib.closing(sqlite3.connect(building / _INDEX)) as database:
            create(database)
            for file in files:
                for table in read_tables(file):
                    with summarise(table, Path(scratch)) as summary:
                        add_table(database, table, summary)
            database.commit()
            finish(database)
        (building / _DIGEST).write_text(_digest(building / _INDEX), encoding="ascii")
        building.rename(target)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

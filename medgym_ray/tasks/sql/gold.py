"""Gold rows, computed once per machine: by database, query and the version of what computes them."""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple, Self

from medgym_ray.errors import ConfigError
from medgym_ray.paths import cache_dir
from medgym_ray.tasks.sql.checks import complaint
from medgym_ray.tasks.sql.execution import Database, Rows

_VERSION: Final = f"1/{sqlite3.sqlite_version}"
"""Of execution and checks: a change of either makes every gold new, as does another SQLite."""
_FLUSHED_EVERY: Final = 500
_WAIT_S: Final = 120.0
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS gold (
    key TEXT NOT NULL, query TEXT NOT NULL, entry TEXT NOT NULL, PRIMARY KEY (key, query)
) WITHOUT ROWID
"""


class Gold(NamedTuple):
    """What a query gives, and why that is no gold (vacuous, ambiguous), if it is none."""

    rows: Rows
    complaint: str | None


class GoldCache:
    """The golds of one database, as a context: what was computed is kept when it ends.

    Several processes may use the file at once; what two of them compute is the same.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._empty = database.empty()
        self._path = cache_dir() / "gold" / "gold.sqlite"
        self._known: dict[str, Gold] = {}
        self._new: dict[str, Gold] = {}

    def __enter__(self) -> Self:
        """Reads what is known. Raises ConfigError for a cache that cannot be used."""
        with self._opened() as cache:
            found = cache.execute("SELECT query, entry FROM gold WHERE key = ?", (self._key,)).fetchall()
        self._known = {query: Gold(*json.loads(entry)) for query, entry in found}
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()

    def get(self, sql: str) -> Gold:
        """The gold of a query that is ready to run. Raises TaskError where it does not run, ConfigError."""
        name = hashlib.sha256(sql.encode()).hexdigest()
        if name not in self._known:
            rows = self._database.rows(sql)
            self._known[name] = self._new[name] = Gold(rows, complaint(self._database, self._empty, sql, rows))
            if len(self._new) >= _FLUSHED_EVERY:
                self._flush()
        return self._known[name]

    @property
    def _key(self) -> str:
        return f"{self._database.sha256}/{_VERSION}"

    def _flush(self) -> None:
        if not self._new:
            return
        entries = [(self._key, name, json.dumps(gold)) for name, gold in self._new.items()]
        with self._opened() as cache, cache:
            cache.executemany("INSERT OR REPLACE INTO gold VALUES (?, ?, ?)", entries)
        self._new.clear()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            # What was computed from restricted tables is this user's alone.
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self._path, timeout=_WAIT_S)) as cache:
                cache.execute(_TABLE)
                yield cache
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(
                f"cannot keep gold in {self._path}: {error}; delete it if it is broken, or name another directory "
                "(XDG_CACHE_HOME)"
            ) from None

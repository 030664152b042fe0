"""Running gold SQL: one SELECT at a time on a file that is only read, within limits, never by the machine's clock."""

import hashlib
import math
import sqlite3
import sys
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from medgym_ray.errors import TaskError
from medgym_ray.tasks.sql.clock import clock_read
from medgym_ray.tasks.sql.tokens import without_space

Scalar = str | int | float | None
Rows = list[list[Scalar]]

_ALLOWED: Final = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
_FORBIDDEN_FUNCTIONS: Final = frozenset(
    {"random", "randomblob", "changes", "total_changes", "last_insert_rowid", "load_extension"}
    | {"current_time", "current_date", "current_timestamp"}
)
_STEPS_BETWEEN_LOOKS: Final = 10_000
"""Of SQLite's machine, between two looks at the time."""
_SCHEMA: Final = (
    "SELECT sql FROM sqlite_master WHERE type IN ('table', 'view') AND sql IS NOT NULL "
    "AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY type, rowid"
)


class Queries:
    """A database that answers SELECTs. For one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, *, seconds: float, most_rows: int) -> None:
        self._connection = connection
        self._seconds = seconds
        self._most_rows = most_rows
        connection.set_authorizer(_authorise)

    def rows(self, sql: str) -> Rows:
        """The rows of one SELECT. Raises TaskError: it does not run, takes or gives too much, reads a clock."""
        found = self._run(sql).fetched
        if len(found) > self._most_rows:
            raise TaskError(f"the SQL gives more than {self._most_rows} rows")
        return [[_scalar(value) for value in row] for row in found]

    def columns(self, sql: str) -> list[str]:
        """The names of the columns that a SELECT gives. Raises TaskError where it does not run by itself."""
        return self._run(f"SELECT * FROM ({sql.rstrip().rstrip(';')}\n) LIMIT 0").columns

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def _run(self, sql: str) -> "_Result":
        if not (words := without_space(sql)) or not words[0].says("select", "with"):
            raise TaskError("the SQL is no SELECT")
        if reading := clock_read(sql):
            raise TaskError(f"the SQL reads the machine's clock by {reading}")
        deadline = time.monotonic() + self._seconds
        self._connection.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS_BETWEEN_LOOKS)
        try:
            cursor = self._connection.execute(sql)
            return _Result([name for name, *_ in cursor.description], cursor.fetchmany(self._most_rows + 1))
        except (sqlite3.Error, sqlite3.Warning) as error:
            if time.monotonic() > deadline:
                raise TaskError(f"the SQL ran for more than {self._seconds:g} s") from None
            raise TaskError(f"the SQL does not run: {' '.join(str(error).split())}") from None


class Database(Queries):
    """A SQLite file, taken to be unchanging."""

    def __init__(self, path: Path, *, seconds: float = 60.0, most_rows: int = 10_000) -> None:
        """Opens it. Raises TaskError where it is missing or no database."""
        self.path = path
        if not path.is_file():
            raise TaskError(f"{path}: no such file")
        try:
            connection = _connect(f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1")
            self._schema = [sql for (sql,) in connection.execute(_SCHEMA)]
        except sqlite3.Error as error:
            raise TaskError(f"{path}: is no SQLite database that can be read: {error}") from None
        super().__init__(connection, seconds=seconds, most_rows=most_rows)

    @cached_property
    def sha256(self) -> str:
        """Of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def empty(self) -> Queries:
        """The same tables without a row. Raises TaskError where they cannot be made again."""
        connection = _connect(":memory:")
        try:
            for statement in self._schema:
                connection.execute(statement)
        except sqlite3.Error as error:
            raise TaskError(f"{self.path}: its tables cannot be made again: {error}") from None
        return Queries(connection, seconds=self._seconds, most_rows=self._most_rows)


class _Result(NamedTuple):
    columns: list[str]
    fetched: Sequence[Sequence[Any]]


def _connect(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    if sys.version_info >= (3, 12):  # some builds forbid strings in double quotes, which MIMICSQL writes
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DQS_DML, True)
    return connection


def _authorise(action: int, first: str | None, second: str | None, _schema: str | None, _by: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in _FORBIDDEN_FUNCTIONS else sqlite3.SQLITE_OK
    is_internal = action == sqlite3.SQLITE_READ and (first or "").lower().startswith(("sqlite_", "pragma_"))
    return sqlite3.SQLITE_OK if action in _ALLOWED and not is_internal else sqlite3.SQLITE_DENY


def _scalar(value: Any) -> Scalar:
    if isinstance(value, bytes):
        raise TaskError("the SQL gives binary data")
    if isinstance(value, float) and not math.isfinite(value):
        raise TaskError("the SQL gives an infinite number")
    scalar: Scalar = value
    return scalar

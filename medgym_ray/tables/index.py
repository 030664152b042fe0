"""An index of tables, opened: what their columns are and hold, without a look at the tables."""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TypeVar
from urllib.parse import quote

from medgym_ray.errors import TaskError
from medgym_ray.tables.contents import Column, read_tables
from medgym_ray.tables.search import Found, TermSearch
from medgym_ray.tables.summary import Indexed

_T = TypeVar("_T")


class TableIndex:
    """Safe to ask from several threads."""

    def __init__(self, path: Path, key: str) -> None:
        """Opens an index file; `key` names what was indexed, for the record. Raises sqlite3.Error."""
        self.key = key
        self._path = path
        self._lock = Lock()
        self._database = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        self.tables = tuple(read_tables(self._database))
        self._search = TermSearch(self._database)

    def values(self, column: Column, limit: int) -> list[tuple[str, int]]:
        """Distinct values with the rows that hold each, the most frequent first; a few where not all are indexed.

        Raises TaskError where the index cannot be read.
        """
        if limit <= len(column.examples) or column.indexed is not Indexed.VALUES:
            return list(column.examples[:limit])
        return self._read(
            lambda: self._database.execute(
                "SELECT value, rows FROM entries JOIN texts ON texts.id = text_id "
                "WHERE column_id = ? ORDER BY place LIMIT ?",
                (column.id, limit),
            ).fetchall()
        )

    def search(self, term: str, columns: Sequence[Column]) -> Found:
        """Where a term is among the values of `columns`. Raises TaskError where the index cannot be read."""
        return self._read(lambda: self._search.find(term, columns))

    def close(self) -> None:
        """Lets go of the file."""
        with self._lock:
            self._database.close()

    def _read(self, query: Callable[[], _T]) -> _T:
        try:
            with self._lock:
                return query()
        except sqlite3.Error as error:
            raise TaskError(f"{self._path}: the index of the tables cannot be read ({error}); remove it") from None

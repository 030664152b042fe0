"""What an index file holds: a SQLite database of tables, columns, values and words.

SQLite, for its full-text index of trigrams (FTS5) finds a substring without reading every value, and the executors of a
node share its pages.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from medgym_ray.tables.folding import fold, words
from medgym_ray.tables.sources import Kind, SourceTable
from medgym_ray.tables.summary import ColumnSummary, Indexed, TableSummary

VERSION = "1"
"""Of this format and of the rules in `summary`: a change of either makes every index new."""

_SCHEMA = """
CREATE TABLE tables (id INTEGER PRIMARY KEY, path TEXT NOT NULL, name TEXT, rows INTEGER NOT NULL);
CREATE TABLE columns (
    id INTEGER PRIMARY KEY, table_id INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, declared TEXT,
    distinct_values INTEGER NOT NULL, empty INTEGER NOT NULL, low TEXT, high TEXT,
    indexed TEXT NOT NULL, complete INTEGER NOT NULL, examples TEXT NOT NULL
);
CREATE TABLE texts (id INTEGER PRIMARY KEY, value TEXT NOT NULL UNIQUE, folded TEXT NOT NULL);
CREATE INDEX texts_folded ON texts (folded);
CREATE TABLE entries (
    column_id INTEGER NOT NULL, place INTEGER NOT NULL, text_id INTEGER NOT NULL, rows INTEGER NOT NULL,
    PRIMARY KEY (column_id, place)
) WITHOUT ROWID;
CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE);
CREATE TABLE word_rows (
    word_id INTEGER NOT NULL, column_id INTEGER NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (word_id, column_id)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE trigrams USING fts5 (
    folded, content='', detail='none', columnsize=0, tokenize='trigram case_sensitive 1'
);
"""
_FINISH = """
CREATE INDEX entries_text ON entries (text_id);
INSERT INTO trigrams (rowid, folded)
    SELECT id, folded FROM texts WHERE id IN (
        SELECT text_id FROM entries JOIN columns ON columns.id = column_id WHERE kind = 'text'
    );
INSERT INTO trigrams (trigrams) VALUES ('optimize');
ANALYZE;
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an indexed table; see ColumnSummary for what the fields mean."""

    id: int
    name: str
    kind: Kind
    declared: str | None
    distinct: int
    empty: int
    low: str | None
    high: str | None
    indexed: Indexed
    complete: bool
    examples: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """An indexed table: `path` is the file's in the sandbox, `name` the table's in a database."""

    path: str
    name: str | None
    rows: int
    columns: tuple[Column, ...]

    @property
    def label(self) -> str:
        """`FILE` or `DATABASE:TABLE`, by which an agent asks for it."""
        return self.path if self.name is None else f"{self.path}:{self.name}"


def create(database: sqlite3.Connection) -> None:
    """Makes the empty tables. The file is written once and renamed, so it needs no journal."""
    database.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {_SCHEMA}")


def add_table(database: sqlite3.Connection, table: SourceTable, summary: TableSummary) -> None:
    """Writes one table."""
    inserted = database.execute(
        "INSERT INTO tables (path, name, rows) VALUES (?, ?, ?)", (table.file.path, table.name, summary.rows)
    )
    for column in summary.columns:
        _add_column(database, inserted.lastrowid, column)


def finish(database: sqlite3.Connection) -> None:
    """Writes what needs all tables."""
    database.executescript(_FINISH)


def read_tables(database: sqlite3.Connection) -> Iterator[Table]:
    """The tables with their columns, in the order they were added."""
    for number, path, name, rows in database.execute("SELECT id, path, name, rows FROM tables ORDER BY id"):
        found = database.execute(
            "SELECT id, name, kind, declared, distinct_values, empty, low, high, indexed, complete, examples "
            "FROM columns WHERE table_id = ? ORDER BY id",
            (number,),
        )
        columns = tuple(
            Column(
                *(key, title, Kind(kind), declared, distinct, empty, low, high, Indexed(indexed), bool(complete)),
                tuple((value, count) for value, count in json.loads(examples)),
            )
            for key, title, kind, declared, distinct, empty, low, high, indexed, complete, examples in found
        )
        yield Table(path, name, rows, columns)


def _add_column(database: sqlite3.Connection, table_id: int | None, column: ColumnSummary) -> None:
    inserted = database.execute(
        "INSERT INTO columns (table_id, name, kind, declared, distinct_values, empty, low, high, indexed, complete,"
        " examples) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(table_id, column.column.name, column.kind, column.column.declared, column.distinct, column.empty),
            *(column.low, column.high, column.indexed, column.complete, json.dumps(column.examples)),
        ),
    )
    key = inserted.lastrowid
    if column.indexed is Indexed.VALUES:
        _add_values(database, key, column)
    elif column.indexed is Indexed.WORDS:
        rows: dict[str, int] = {}
        for word, count in column.entries:  # duckdb's lower case is not quite ours
            for folded in words(fold(word)):
                rows[folded] = rows.get(folded, 0) + count
        _add_words(database, rows)
        database.executemany(
            "INSERT INTO word_rows SELECT id, ?, ? FROM words WHERE word = ?",
            ((key, count, word) for word, count in rows.items()),
        )


def _add_values(database: sqlite3.Connection, column_id: int | None, column: ColumnSummary) -> None:
    folded = {value: fold(value) for value, _ in column.entries}
    database.executemany("INSERT OR IGNORE INTO texts (value, folded) VALUES (?, ?)", folded.items())
    database.executemany(
        "INSERT INTO entries SELECT ?, ?, id, ? FROM texts WHERE value = ?",
        ((column_id, place, rows, value) for place, (value, rows) in enumerate(column.entries)),
    )
    if column.kind is Kind.TEXT:
        _add_words(database, {word for text in folded.values() for word in words(text)})


def _add_words(database: sqlite3.Connection, found: Iterable[str]) -> None:
    database.executemany("INSERT OR IGNORE INTO words (word) VALUES (?)", ((word,) for word in found))

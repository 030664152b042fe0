"""What a table's columns hold, by streaming the table once.

duckdb does the counting: it takes Arrow batches, and spills to disk what goes over its memory limit, tables and groups
alike.

How a column is indexed (`Indexed`) depends on what it holds, so that notes, identifiers and times cost little:
- text of at most MAX_VALUES distinct values, none longer than LONG: every value, with its rows;
- other text: every word of it with the number of rows that hold it, the MAX_WORDS most frequent ones;
- numbers, times and booleans of at most MAX_NUMBERS distinct values: every value; else only range and frequent values.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb

from medgym_ray.errors import TaskError
from medgym_ray.tables.sources import Kind, SourceColumn, SourceTable

MAX_VALUES = 50_000
MAX_NUMBERS = 1_000
MAX_WORDS = 200_000
LONG = 300
"""Characters."""
EXAMPLES = 20
_LONG_EXAMPLES = 3
_EXAMPLE_CHARACTERS = LONG + 1  # one more than are shown: they can be seen to be cut
_LONGEST_WORD = 40
_PROBED = 1_000  # values that every kind is first tried on
_MEMORY = "1GB"
# What pandas reads as a missing value; a column of numbers stays one where they occur.
_MISSING = "('NA', 'N/A', 'NaN', 'nan', 'NULL', 'null', 'None', '#N/A', 'n/a', '<NA>')"
_INTEGER = "'[+-]?(0|[1-9][0-9]{0,17})'"  # 0389 is a code
_NUMBER = "'[+-]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?'"
_TIME = "'[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T].*)?'"


class Indexed(StrEnum):
    """What of a column is in the index."""

    VALUES = "values"
    WORDS = "words"
    EXAMPLES = "examples"


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """What a column holds. `entries` are its values or words with the number of rows, the most frequent first."""

    column: SourceColumn
    kind: Kind
    distinct: int
    empty: int
    """Rows without a value."""
    low: str | None
    high: str | None
    indexed: Indexed
    complete: bool
    """False where words were left out."""
    examples: list[tuple[str, int]]
    """Frequent values and their rows; long ones are cut."""
    entries: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class TableSummary:
    """A table's rows, and its columns one after the other: each is gone when the next is asked for."""

    rows: int
    columns: Iterator[ColumnSummary]


@contextlib.contextmanager
def summarise(table: SourceTable, scratch: Path) -> Iterator[TableSummary]:
    """Reads a table, to be kept (under `scratch`, if it is large) while its columns are looked at. Raises TaskError."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": _MEMORY,
        "temp_directory": str(scratch / "spilled"),
        "preserve_insertion_order": False,
        # Nothing is fetched from the network.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=settings) as database:
            database.execute("SET TimeZone = 'UTC'")
            rows = _stage(table, database)
            yield TableSummary(rows, (_column(database, n, c, rows) for n, c in enumerate(table.columns)))
    except duckdb.Error as error:
        raise TaskError(f"{table.file.source}: cannot be indexed: {str(error).splitlines()[0][:200]}") from None


def _stage(table: SourceTable, database: duckdb.DuckDBPyConnection) -> int:
    """Batch by batch: a complaint of the reader arrives as it is, not wrapped in duckdb's. Returns the rows."""
    rows = 0
    statement = "CREATE TABLE staged AS SELECT * FROM batch"
    for batch in table.batches():
        database.register("batch", batch)
        database.execute(statement)
        database.unregister("batch")
        statement = "INSERT INTO staged SELECT * FROM batch"
        rows += batch.num_rows
    return rows


def _column(database: duckdb.DuckDBPyConnection, number: int, column: SourceColumn, rows: int) -> ColumnSummary:
    if rows == 0 or column.kind is Kind.BINARY:
        filled = _one(database, f"SELECT count(c{number}) FROM staged")[0] if rows else 0
        kind = column.kind or Kind.TEXT
        return ColumnSummary(column, kind, 0, rows - filled, None, None, Indexed.EXAMPLES, True, [], [])
    text = f"c{number}::VARCHAR"
    filled, longest = _one(database, f"SELECT count(c{number}), coalesce(max(length({text})), 0) FROM staged")
    long = longest > LONG
    # Long texts are told apart by their hashes: groups of whole notes would fill the memory.
    kept, group = (f"any_value(left({text}, {_EXAMPLE_CHARACTERS}))", f"hash({text})") if long else (text, text)
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE held AS SELECT {kept} AS value, count(*) AS n "
        f"FROM staged WHERE c{number} IS NOT NULL GROUP BY {group}"
    )
    (distinct,) = _one(database, "SELECT count(*) FROM held")
    kind = Kind.TEXT if long or not distinct else _kind(database, column.kind)
    limit = MAX_VALUES if kind is Kind.TEXT else MAX_NUMBERS
    if long or (distinct > limit and kind is Kind.TEXT):
        indexed, entries = Indexed.WORDS, _words(database, f"c{number}" if long else None)
    elif distinct > limit:
        indexed, entries = Indexed.EXAMPLES, []
    else:
        indexed, entries = Indexed.VALUES, _frequent(database, limit)
    return ColumnSummary(
        *(column, kind, distinct, rows - filled),
        *_range(database, kind),
        *(indexed, len(entries) <= MAX_WORDS),
        *(_frequent(database, _LONG_EXAMPLES if long else EXAMPLES), entries[:MAX_WORDS]),
    )


def _kind(database: duckdb.DuckDBPyConnection, known: Kind | None) -> Kind:
    if known not in (None, Kind.TEXT):
        return known
    kind = _likely_kind(database, f"(SELECT value FROM held LIMIT {_PROBED})", known)
    return kind if kind is Kind.TEXT else _likely_kind(database, "held", known)


def _likely_kind(database: duckdb.DuckDBPyConnection, values: str, known: Kind | None) -> Kind:
    """What all of `values` are; a few show what most columns are not."""
    integer, number, time = _one(
        database,
        f"SELECT bool_and(regexp_full_match(value, {_INTEGER})),"
        f" bool_and(regexp_full_match(value, {_NUMBER}) AND TRY_CAST(value AS DOUBLE) IS NOT NULL),"
        f" bool_and(regexp_full_match(value, {_TIME}) AND TRY_CAST(value AS TIMESTAMP) IS NOT NULL)"
        f" FROM {values} WHERE value NOT IN {_MISSING}",
    )
    if time:
        return Kind.TIME
    if known is Kind.TEXT:  # text by its file's word: digits in it are codes
        return Kind.TEXT
    return Kind.INTEGER if integer else Kind.NUMBER if number else Kind.TEXT


def _range(database: duckdb.DuckDBPyConnection, kind: Kind) -> tuple[str | None, str | None]:
    """The least and the greatest value as they are written."""
    types = {Kind.INTEGER: "DOUBLE", Kind.NUMBER: "DOUBLE", Kind.TIME: "TIMESTAMP"}
    if kind not in types:
        return None, None
    ordered = f"TRY_CAST(value AS {types[kind]})"
    low, high = _one(database, f"SELECT arg_min(value, {ordered}), arg_max(value, {ordered}) FROM held")
    return low, high


def _frequent(database: duckdb.DuckDBPyConnection, limit: int) -> list[tuple[str, int]]:
    return database.execute(f"SELECT value, n FROM held ORDER BY n DESC, value LIMIT {limit}").fetchall()


def _words(database: duckdb.DuckDBPyConnection, long: str | None) -> list[tuple[str, int]]:
    """One more than MAX_WORDS, where there are more. `long` is the column whose texts are not in `held` whole."""
    texts = f"SELECT {long} AS value, 1 AS n FROM staged WHERE {long} IS NOT NULL" if long else "SELECT * FROM held"
    return database.execute(
        "SELECT word, sum(n)::BIGINT AS n FROM (SELECT unnest(list_distinct(regexp_extract_all("
        f"lower(nfc_normalize(value)), '[\\p{{L}}\\p{{N}}]+'))) AS word, n FROM ({texts})) "
        f"WHERE length(word) <= {_LONGEST_WORD} GROUP BY word ORDER BY sum(n) DESC, word LIMIT {MAX_WORDS + 1}"
    ).fetchall()


def _one(database: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    found = database.execute(query).fetchone()
    assert found is not None, "an aggregate has one row"
    return found

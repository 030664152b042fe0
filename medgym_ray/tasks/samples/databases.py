"""SQLite and CSV files of the samples, the same bytes on every machine."""

import contextlib
import csv
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

_PAGE_BYTES = 4096
_CHANGES_AT, _VERSION_AT = slice(24, 28), slice(92, 100)
_VERSION = 3_040_001
"""Stands in the header as the version that wrote the file, whichever it was."""


def write_database(
    path: Path, schema: Mapping[str, Mapping[str, str]], tables: Mapping[str, Iterable[Sequence[Any]]]
) -> None:
    """Writes tables (name → rows) with the columns and types of `schema` (name → column → declared type)."""
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        database.execute("PRAGMA encoding = 'UTF-8'")
        database.execute("PRAGMA secure_delete = ON")  # builds differ in whether freed bytes keep what they held
        database.execute("BEGIN")
        for name, columns in schema.items():
            declared = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            database.execute(f'CREATE TABLE "{name}" ({declared})')
            places = ", ".join("?" * len(columns))
            database.executemany(f'INSERT INTO "{name}" VALUES ({places})', tables[name])
        database.execute("COMMIT")
        database.execute("VACUUM")
    content = bytearray(path.read_bytes())
    content[_VERSION_AT] = content[_CHANGES_AT] + _VERSION.to_bytes(4, "big")
    path.write_bytes(content)


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes one table with a header line; None is an empty field."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)

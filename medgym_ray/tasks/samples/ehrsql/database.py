"""The tables of a hospital as CSV files and as one SQLite file."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from medgym_ray.tasks.samples.databases import write_csv, write_database

Value = str | int | float | datetime | None
Row = tuple[Value, ...]


def write(folder: Path, name: str, schema: Mapping[str, str], tables: Mapping[str, Sequence[Row]]) -> None:
    """Writes `<folder>/<table>.csv` for each table of the schema (its columns with their types), and `<name>.db`."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = {table: dict(column.split() for column in declared.split(", ")) for table, declared in schema.items()}
    stored = {table: [tuple(_stored(value) for value in row) for row in tables[table]] for table in schema}
    for table, rows in stored.items():
        write_csv(folder / f"{table}.csv", columns[table], rows)
    write_database(folder / f"{name}.db", columns, stored)


def _stored(value: Value) -> str | int | float | None:
    return value.strftime("%Y-%m-%d %H:%M:%S") if isinstance(value, datetime) else value

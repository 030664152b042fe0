"""Questions to tables in memory, in SQL: DuckDB sorts and groups on disk where they get too large."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping

import duckdb
import pyarrow as pa

from medgym_ray.errors import StorageError

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    # Nothing is fetched from the network.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def ask(query: str, tables: Mapping[str, pa.Table], *values: object) -> pa.Table:
    """The answer to a query over `tables`, by name; `values` stand for its question marks. Raises StorageError."""
    with _database() as database:
        for name, table in tables.items():
            database.register(name, table)
        return database.sql(query, params=list(values)).to_arrow_table()


@contextlib.contextmanager
def _database() -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        with (
            tempfile.TemporaryDirectory() as spilled,
            duckdb.connect(config={**_SETTINGS, "temp_directory": spilled}) as database,
        ):
            yield database
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        raise StorageError(f"what sorts the trajectories: {str(error).splitlines()[0][:200]}") from None

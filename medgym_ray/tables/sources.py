"""The tables among a family's files, and one of them as a stream of Arrow batches.

pyarrow reads CSV and Parquet in blocks, the standard library's sqlite3 reads databases: none guesses a dialect, none
needs a table in memory.
"""

import contextlib
import csv
import io
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import quote

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from medgym_ray.errors import TaskError

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_PARQUET = (".parquet",)
_SQLITE = (".db", ".sqlite", ".sqlite3")
_GZIP = ".gz"
_BLOCK_BYTES = 16 * 1024 * 1024
"""Also the longest row of a CSV file."""
_BATCH_ROWS = 65_536
_NOT_UTF8 = ": is not UTF-8; convert it (iconv -f latin1 -t utf-8)"
_PROBED = 400
"""Columns that one query may look at: SQLite allows 2,000 results."""


class Kind(StrEnum):
    """What a column's values are."""

    INTEGER = "integer"
    NUMBER = "number"
    TIME = "date/time"
    BOOLEAN = "boolean"
    TEXT = "text"
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file that holds tables: its path as the agent sees it, and where it lies outside."""

    path: str
    source: Path


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as its file describes it. `kind` is None where the file holds nothing but text (CSV)."""

    name: str
    kind: Kind | None
    declared: str | None = None
    """The type that the file itself names, where it names one."""


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One table, not yet read. The batches' columns are called c0, c1, … in the order of `columns`."""

    file: TableFile
    name: str | None
    """Within a database; None where the file is the table."""
    columns: tuple[SourceColumn, ...]
    batches: Callable[[], Iterator[pa.RecordBatch]]
    """Raises TaskError where the file breaks off or does not keep its form."""


def find_files(mounts: Mapping[str, Path]) -> list[TableFile]:
    """The table files in what is mounted, by path inside; opens none. Raises TaskError where something is missing."""
    found: dict[str, TableFile] = {}
    for target, source in mounts.items():
        if not source.exists():
            raise TaskError(f"{source}: no such file or directory (it is to be {target} in the sandbox)")
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            inside = str(PurePosixPath(target, *path.relative_to(source).parts))
            hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
            if not hidden and _form(path) and path.is_file():
                found[inside] = TableFile(inside, path)
    if not found:
        forms = ", ".join((*_SEPARATORS, *_PARQUET, *_SQLITE))
        raise TaskError(f"no table in {', '.join(map(str, mounts.values())) or 'no mounts'}; it needs files of {forms}")
    return [found[path] for path in sorted(found)]


def read_tables(file: TableFile) -> Iterator[SourceTable]:
    """The tables of a file. Raises TaskError with one line where it is not what its name says."""
    form = _form(file.source)
    try:
        if form in _SQLITE:
            yield from _sqlite_tables(file)
        elif form in _PARQUET:
            yield _parquet_table(file)
        else:
            yield _csv_table(file, _SEPARATORS[form])
    except OSError as error:
        raise TaskError(f"{file.source}: cannot be read: {error.strerror or error}") from None


def _form(path: Path) -> str:
    """The suffix that says how to read a file; empty for one that holds no table."""
    suffix = Path(path.stem).suffix if path.suffix.lower() == _GZIP else path.suffix
    known = _SEPARATORS if path.suffix.lower() == _GZIP else (*_SEPARATORS, *_PARQUET, *_SQLITE)
    return suffix.lower() if suffix.lower() in known else ""


def _csv_table(file: TableFile, separator: str) -> SourceTable:
    names, has_rows = _header(file.source, separator)
    columns = tuple(SourceColumn(name, None) for name in names)
    return SourceTable(
        file, None, columns, lambda: _csv_batches(file.source, separator, len(names)) if has_rows else iter(())
    )


def _header(path: Path, separator: str) -> tuple[list[str], bool]:
    """Column names as pandas would call them (the agent's programs read the file with it); whether more follows."""
    try:
        with _opened(path) as raw, io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text:
            fields = next(csv.reader(text, delimiter=separator, strict=True), [])
            has_rows = bool(text.read(1))
    except UnicodeDecodeError:
        raise TaskError(f"{path}{_NOT_UTF8}") from None
    except (csv.Error, pa.ArrowException) as error:
        raise TaskError(f"{path}: its header cannot be read: {error}") from None
    if not fields:
        raise TaskError(f"{path}: is empty; the first line must name the columns")
    names: list[str] = []
    for position, field in enumerate(fields):
        name = field or f"Unnamed: {position}"
        candidates = (name, *(f"{name}.{again}" for again in range(1, len(fields) + 1)))
        names.append(next(candidate for candidate in candidates if candidate not in names))
    return names, has_rows


def _csv_batches(path: Path, separator: str, width: int) -> Iterator[pa.RecordBatch]:
    wrong: list[pa.csv.InvalidRow] = []

    def refuse(row: pa.csv.InvalidRow) -> str:
        wrong.append(row)
        return "error"

    names = [f"c{position}" for position in range(width)]
    try:
        # Without threads a broken row has a number. Everything is text: a code keeps its leading zeros.
        with _opened(path) as raw:
            yield from pa.csv.open_csv(
                raw,
                pa.csv.ReadOptions(
                    block_size=_BLOCK_BYTES, use_threads=False, column_names=names, skip_rows_after_names=1
                ),
                pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=refuse),
                pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
                ),
            )
    except (pa.ArrowException, OSError) as error:  # its text may hold a row, which is somebody's data
        raise TaskError(f"{path}{_complaint(error, wrong)}") from None


def _opened(path: Path) -> pa.NativeFile:
    return pa.CompressedInputStream(str(path), "gzip") if path.suffix.lower() == _GZIP else pa.OSFile(str(path))


def _complaint(error: Exception, wrong: "list[pa.csv.InvalidRow]") -> str:
    text = str(error)
    if wrong:
        row = wrong[0]
        fields = f"{row.actual_columns} field{'' if row.actual_columns == 1 else 's'}"
        return f": row {row.number} has {fields}, the header {row.expected_columns}; repair or quote it"
    if "UTF8" in text:
        return _NOT_UTF8
    if "straddling" in text:
        return f": a row is longer than {_BLOCK_BYTES >> 20} MiB; is a quote left open?"
    return f": cannot be read as CSV: {text.splitlines()[0][:100]}"


def _parquet_table(file: TableFile) -> SourceTable:
    try:
        schema = pa.parquet.read_schema(file.source)
    except pa.ArrowException as error:
        raise TaskError(f"{file.source}: is no Parquet file: {str(error).splitlines()[0][:150]}") from None
    columns = tuple(SourceColumn(field.name, _kind(field.type), str(field.type)) for field in schema)
    return SourceTable(file, None, columns, lambda: _parquet_batches(file.source, len(columns)))


def _parquet_batches(path: Path, width: int) -> Iterator[pa.RecordBatch]:
    try:
        with pa.parquet.ParquetFile(path) as opened:
            for batch in opened.iter_batches(_BATCH_ROWS):
                yield batch.rename_columns([f"c{position}" for position in range(width)])
    except (pa.ArrowException, OSError) as error:
        raise TaskError(f"{path}: cannot be read as Parquet: {str(error).splitlines()[0][:150]}") from None


def _kind(arrow: pa.DataType) -> Kind:
    if pa.types.is_dictionary(arrow):
        return _kind(arrow.value_type)
    tests = {
        Kind.INTEGER: pa.types.is_integer,
        Kind.NUMBER: lambda kind: pa.types.is_floating(kind) or pa.types.is_decimal(kind),
        Kind.TIME: pa.types.is_temporal,
        Kind.BOOLEAN: pa.types.is_boolean,
        Kind.BINARY: lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
    }
    return next((kind for kind, test in tests.items() if test(arrow)), Kind.TEXT)


def _sqlite_tables(file: TableFile) -> Iterator[SourceTable]:
    with _sqlite(file.source) as database:
        listed = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        names = [name for (name,) in listed if not name.startswith("sqlite_")]
        if not names:
            raise TaskError(f"{file.source}: holds no tables")
        for name in names:
            declared = {row[1]: row[2] or None for row in database.execute(f"PRAGMA table_info({_quoted(name)})")}
            kinds = _stored_kinds(database, name, list(declared))
            columns = tuple(SourceColumn(c, kinds[c], declared[c]) for c in declared)
            yield SourceTable(file, name, columns, partial(_sqlite_batches, file.source, name, kinds))


def _stored_kinds(database: sqlite3.Connection, table: str, columns: list[str]) -> dict[str, Kind]:
    """What the values are: SQLite's declared types bind nobody."""
    kinds: dict[str, Kind] = {}
    for start in range(0, len(columns), _PROBED):
        portion = columns[start : start + _PROBED]
        tests = [f"max(typeof({_quoted(c)}) = '{t}')" for c in portion for t in ("text", "real", "integer", "blob")]
        (found,) = database.execute(f"SELECT {', '.join(tests)} FROM {_quoted(table)}").fetchall()
        for number, column in enumerate(portion):
            text, real, integer, blob = found[number * 4 : number * 4 + 4]
            if text or (blob and (real or integer)):
                kinds[column] = Kind.TEXT
            else:
                kinds[column] = Kind.NUMBER if real else Kind.INTEGER if integer else Kind.BINARY if blob else Kind.TEXT
    return kinds


def _sqlite_batches(path: Path, table: str, kinds: Mapping[str, Kind]) -> Iterator[pa.RecordBatch]:
    read = {
        Kind.INTEGER: (pa.int64(), "{0}"),
        Kind.NUMBER: (pa.float64(), "CAST({0} AS REAL)"),
        Kind.BINARY: (pa.binary(), "substr({0}, 1, 1)"),
        Kind.TEXT: (pa.string(), "CASE typeof({0}) WHEN 'blob' THEN NULL ELSE CAST({0} AS TEXT) END"),
    }
    schema = pa.schema([(f"c{number}", read[kind][0]) for number, kind in enumerate(kinds.values())])
    selected = ", ".join(read[kind][1].format(_quoted(column)) for column, kind in kinds.items())
    with _sqlite(path) as database:
        rows = database.execute(f"SELECT {selected} FROM {_quoted(table)}")
        while portion := rows.fetchmany(_BATCH_ROWS):
            columns = zip(zip(*portion, strict=True), schema, strict=True)
            yield pa.record_batch([pa.array(values, field.type) for values, field in columns], schema=schema)


@contextlib.contextmanager
def _sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """Read-only, and taken as it lies there: what the sandbox sees is mounted read-only too."""
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)
    database.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        yield database
    except sqlite3.Error as error:
        raise TaskError(f"{path}: cannot be read as SQLite: {error}") from None
    finally:
        database.close()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

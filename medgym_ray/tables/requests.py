"""The answers to `request_info`: what the agent reads about its task's tables."""

import itertools
import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medgym_ray.tables.contents import Column, Table
from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.names import UnknownName, find_column, find_tables
from medgym_ray.tables.search import Hit, Match
from medgym_ray.tables.sources import Kind
from medgym_ray.tables.summary import LONG, Indexed

_LONGEST_REQUEST = 300
"""Characters of a path or a term: no name and no value that is listed is longer."""
_VALUES = 100
_GROUPS = 20
_HITS = 8
"""Per column."""
_EXAMPLES = 3
_EXAMPLE_LENGTH = 60
_VALUE_LENGTH = LONG
_COLUMNS = 100
"""Of one table; of more, the names alone."""

_MATCHES = {
    Match.EXACT: "exact",
    Match.SAME_BUT_CASE: "same but for case",
    Match.CONTAINS: "contains it",
    Match.SIMILAR: "similar",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What the agent is told. `ok` is False where the request names what is not there."""

    text: str
    ok: bool = True
    truncated: bool = False


def answer(index: TableIndex | None, arguments: Mapping[str, Any], most_bytes: int) -> Reply:
    """Answers the arguments of a `request_info` from the tables of the task's family (None: it has none).

    Raises TaskError where the index cannot be read.
    """
    if index is None:
        return Reply("this task has no data tables", ok=False)
    try:
        tables = find_tables(index.tables, _short("data_path", arguments["data_path"]))
        match arguments["info_type"]:
            case "column_names":
                lines = _describe(tables)
            case "column_values":
                lines = _values(index, *find_column(tables, _keyterm(arguments, "the name of a column")))
            case "term":
                lines = _search(index, tables, _keyterm(arguments, "the text to look for"))
            case other:
                raise UnknownName(f'no info_type "{other}"; one of: column_names, column_values, term')
    except UnknownName as error:
        return Reply(str(error), ok=False)
    return _capped(lines, most_bytes)


def _keyterm(arguments: Mapping[str, Any], what: str) -> str:
    term = arguments.get("keyterm")
    if isinstance(term, int | float) and not isinstance(term, bool):
        return str(term)
    if not isinstance(term, str) or not term.strip():
        raise UnknownName(f'"keyterm" is missing or no text; give {what}')
    return _short("keyterm", term)


def _short(name: str, text: str) -> str:
    if len(text) > _LONGEST_REQUEST:
        raise UnknownName(f'"{name}" is longer than {_LONGEST_REQUEST} characters')
    return text


def _capped(lines: Iterator[str], most_bytes: int) -> Reply:
    kept: list[str] = []
    room = most_bytes
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            return Reply("\n".join(kept), truncated=True)
        kept.append(line)
    return Reply("\n".join(kept))


def _describe(tables: Sequence[Table]) -> Iterator[str]:
    if len(tables) == 1:
        yield from _describe_one(tables[0])
        return
    short = _short_names(tables)
    yield f"{len(tables)} tables in {_folder(tables)}; ask for one to see its values:"
    for table in tables:
        columns = ", ".join(f"{c.name} ({c.kind})" for c in table.columns[:_COLUMNS])
        more = f", … {len(table.columns) - _COLUMNS} more" if len(table.columns) > _COLUMNS else ""
        yield f"- {short[table.label]}, {_count(table.rows, 'row')}: {columns}{more}"


def _describe_one(table: Table) -> Iterator[str]:
    yield f"{table.label}: {_count(table.rows, 'row')}, {_count(len(table.columns), 'column')}"
    for column in table.columns[:_COLUMNS]:
        parts = [_type(column), f"{column.distinct:,} distinct"]
        if column.low is not None:
            parts.append(f"{column.low} to {column.high}")
        elif column.examples:
            some = column.examples[: 1 if column.indexed is Indexed.WORDS else _EXAMPLES]
            shown = (_quoted(value, column, _EXAMPLE_LENGTH) for value, _ in some)
            parts.append(f"e.g. {', '.join(shown)}")
        if column.empty:
            parts.append(f"{column.empty:,} empty")
        yield f"- {column.name}: {', '.join(parts)}"
    if len(table.columns) > _COLUMNS:
        yield "Further columns: " + ", ".join(column.name for column in table.columns[_COLUMNS:])


def _values(index: TableIndex, table: Table, column: Column) -> Iterator[str]:
    ranged = f", from {column.low} to {column.high}" if column.low is not None else ""
    yield (
        f"{table.label}, column {column.name}: {_type(column)}, {_count(column.distinct, 'distinct value')}{ranged}, "
        f"in {_count(table.rows, 'row')} ({column.empty:,} empty)"
    )
    values = index.values(column, _VALUES)
    if len(values) < column.distinct:
        how = {
            Indexed.VALUES: "; find others with info_type term",
            Indexed.WORDS: "; info_type term finds words in them",
        }
        yield f"The {len(values)} most frequent (rows){how.get(column.indexed, '')}:"
    for value, rows in values:
        yield f"- {_quoted(value, column, _VALUE_LENGTH)} ({rows:,})"


def _search(index: TableIndex, tables: Sequence[Table], term: str) -> Iterator[str]:
    columns = {column.id: (table, column) for table in tables for column in table.columns}
    found = index.search(term, [column for _, column in columns.values()])
    short = _short_names(tables)
    where = tables[0].label if len(tables) == 1 else f"{len(tables)} tables in {_folder(tables)}"
    groups: dict[int, list[Hit]] = {}
    for hit in found.hits:
        groups.setdefault(hit.column_id, []).append(hit)
    if not groups:
        outcome = "not found, nor anything like it"
    elif found.hits[0].match is Match.SIMILAR:
        outcome = f"not found; what is like it is in {_count(len(groups), 'column')}"
    else:
        outcome = f"found in {_count(len(groups), 'column')}"
    yield f"{json.dumps(term, ensure_ascii=False)} in {where}: {outcome}"
    for number, hits in itertools.islice(groups.items(), _GROUPS):
        table, column = columns[number]
        yield f"{short[table.label]}, column {column.name}" + (", by word:" if hits[0].is_word else ":")
        yield from (f"- {_hit(hit, column)}" for hit in hits[:_HITS])
        if len(hits) > _HITS:
            rest = Counter(_MATCHES[hit.match] for hit in hits[_HITS:])
            yield f"- … and {', '.join(f'{count:,} more ({match})' for match, count in rest.items())}"
    if len(groups) > _GROUPS:
        yield f"… and {_count(len(groups) - _GROUPS, 'more column')}; give one table as data_path"
    if found.cut:
        yield "More values hold it than were looked at; a longer term or one table as data_path finds the rest."
    yield from _left_out([column for _, column in columns.values()])


def _left_out(columns: Sequence[Column]) -> Iterator[str]:
    """What a search does not see."""
    by_word = [column for column in columns if column.indexed is Indexed.WORDS]
    if by_word:
        partly = "" if all(column.complete for column in by_word) else ", rare words aside"
        names = ", ".join(dict.fromkeys(column.name for column in by_word[:_GROUPS]))
        yield f"(long texts and columns of very many values are searched by whole word{partly}: {names})"
    unseen = [c for c in columns if c.indexed is Indexed.EXAMPLES and c.distinct]
    if unseen:
        names = ", ".join(dict.fromkeys(column.name for column in unseen[:_GROUPS]))
        yield f"(not searched, numbers and times of very many values: {names})"


def _hit(hit: Hit, column: Column) -> str:
    if hit.is_word:
        return f"{hit.value} ({_count(hit.rows, 'row')})"
    return f"{_quoted(hit.value, column, _VALUE_LENGTH)} ({_count(hit.rows, 'row')}, {_MATCHES[hit.match]})"


def _type(column: Column) -> str:
    return f"{column.kind} [{column.declared}]" if column.declared else str(column.kind)


def _quoted(value: str, column: Column, most: int) -> str:
    """On one line; texts in quotes, so that blanks can be seen."""
    text = value if len(value) <= most else f"{value[:most]}…"
    return json.dumps(text, ensure_ascii=False) if column.kind is Kind.TEXT else text


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _folder(tables: Sequence[Table]) -> str:
    paths = {table.path for table in tables}
    return next(iter(paths)) if len(paths) == 1 else posixpath.commonpath(paths)


def _short_names(tables: Sequence[Table]) -> dict[str, str]:
    """By label: the label relative to the directory that all are in."""
    folder = posixpath.commonpath({posixpath.dirname(table.path) for table in tables})
    return {table.label: table.label.removeprefix(folder).lstrip("/") for table in tables}

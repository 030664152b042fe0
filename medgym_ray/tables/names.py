"""Which tables and which column an agent means."""

import posixpath
from collections.abc import Callable, Iterable, Sequence

from rapidfuzz import fuzz, process

from medgym_ray.tables.contents import Column, Table

_SUGGESTED = 5
_SUGGESTION_SCORE = 60.0


class UnknownName(ValueError):
    """Nothing has that name, or too much; the message says to the agent what there is."""


def find_tables(tables: Sequence[Table], asked: str) -> list[Table]:
    """The tables at a path: of a directory, a file, `DATABASE` or `DATABASE:TABLE`.

    Its end alone (`ADMISSIONS.csv`, `admissions`) will do where that is unambiguous, and so will another case where
    nothing has that very spelling. Raises UnknownName.
    """
    wanted = posixpath.normpath(asked.strip())
    for spell in (str, str.casefold):
        if found := _at(tables, spell(wanted), spell):
            return found
    ends = {posixpath.basename(name): name for table in tables for name in (table.label, *_above(table))}
    near = _near(posixpath.basename(wanted), ends)
    raise UnknownName(f'no table or directory "{asked}"; {_suggest([ends[name] for name in near], ends.values())}')


def find_column(tables: Sequence[Table], asked: str) -> tuple[Table, Column]:
    """The column of that name, `COLUMN` or `TABLE.COLUMN`, among the tables. Raises UnknownName."""
    for spell in (str, str.casefold):
        wanted = spell(asked.strip())
        found = [(t, c) for t in tables for c in t.columns if spell(c.name) == wanted] or [
            (t, c) for t in tables for c in t.columns if wanted in {spell(f"{name}.{c.name}") for name in _names(t)}
        ]
        if len({table.label for table, _ in found}) > 1:
            holders = [table.label for table, _ in found]
            raise UnknownName(
                f'column "{asked}" is in {len(found)} tables; give one as data_path: {_listed(holders, 20)}'
            )
        if found:
            return found[0]
    where = f"in {tables[0].label}" if len(tables) == 1 else f"in any of {len(tables)} tables"
    names = list(dict.fromkeys(column.name for table in tables for column in table.columns))
    raise UnknownName(f'no column "{asked}" {where}; {_suggest(_near(asked, names), names)}')


def _at(tables: Sequence[Table], wanted: str, spell: Callable[[str], str]) -> list[Table]:
    if wanted.startswith("/"):
        folder = f"{wanted.rstrip('/')}/"
        return [t for t in tables if wanted in (spell(t.label), spell(t.path)) or spell(t.path).startswith(folder)]
    if inside := [t for t in tables if f"/{wanted}/" in spell(t.path)]:
        return inside
    meant = {table.label: _ending(table, wanted, spell) for table in tables}
    places = {place for place in meant.values() if place}
    if len(places) > 1:
        raise UnknownName(f'"{wanted}" is ambiguous; it may be {_listed(sorted(places), 20)}')
    return [t for t in tables if meant[t.label]]


def _ending(table: Table, wanted: str, spell: Callable[[str], str]) -> str | None:
    """The path of the table's file or the table's label, if `wanted` is the end of it."""
    if wanted in map(spell, _file_names(table)) or spell(table.path).endswith(f"/{wanted}"):
        return table.path
    if wanted in map(spell, _names(table)) or spell(table.label).endswith(f"/{wanted}"):
        return table.label
    return None


def _file_names(table: Table) -> tuple[str, str]:
    file = posixpath.basename(table.path)
    return file, file.partition(".")[0]


def _names(table: Table) -> list[str]:
    """Short names of the table itself."""
    files = _file_names(table)
    return list(files) if table.name is None else [table.name, *(f"{file}:{table.name}" for file in files)]


def _above(table: Table) -> list[str]:
    """The directory of a table's file, and the database that it is in."""
    return [posixpath.dirname(table.path), *([] if table.name is None else [table.path])]


def _near(asked: str, names: Iterable[str]) -> list[str]:
    found = process.extract(
        asked,
        list(names),
        scorer=fuzz.WRatio,
        processor=str.casefold,
        limit=_SUGGESTED,
        score_cutoff=_SUGGESTION_SCORE,
    )
    return [name for name, *_ in found]


def _suggest(near: Sequence[str], every: Iterable[str]) -> str:
    return f"did you mean {_listed(near, _SUGGESTED)}?" if near else f"there are: {_listed(list(every), 20)}"


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more

"""What a record holds beside the original's fields: which rows a note's statements are about, and what disagrees.

The original's records tell the verdict only, which a coin meets half the time; with evidence nothing is met by chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medgym_ray.tasks.ehrcon.schema import EVENT_TABLES

_FIELDS = ("table", "name", "statements", "rows", "columns")


@dataclass(frozen=True, slots=True)
class Evidence:
    """The proof of a verdict. JSON values only."""

    table: str
    name: str
    """The entity as the tables name it."""
    statements: Sequence[Mapping[str, Any]]
    """What the note states, by column, each of one row."""
    rows: Sequence[int]
    """ROW_IDs of the rows that the statements are about."""
    columns: Sequence[str]
    """Those of the table that disagree with a statement."""

    def fields(self) -> dict[str, Any]:
        """As it stands in a record."""
        return {
            "table": self.table,
            "name": self.name,
            "statements": [dict(statement) for statement in self.statements],
            "rows": list(self.rows),
            "columns": list(self.columns),
        }

    def qualified(self) -> list[str]:
        """The columns as TABLE.COLUMN."""
        return [f"{self.table}.{column}" for column in self.columns]


def read_evidence(fields: Any) -> Evidence:
    """Evidence out of a record. Raises ValueError that says what is wrong."""
    if not isinstance(fields, dict) or set(fields) != set(_FIELDS):
        raise ValueError(f"Evidence: needs {', '.join(_FIELDS)}")
    evidence = Evidence(**fields)
    known = EVENT_TABLES.get(evidence.table) if isinstance(evidence.table, str) else None
    if known is None:
        raise ValueError(f"Evidence: no table {evidence.table!r}; one of: {', '.join(EVENT_TABLES)}")
    if not isinstance(evidence.name, str) or not evidence.name:
        raise ValueError("Evidence: name is no text")
    if not _is_list_of(evidence.statements, dict) or not all(evidence.statements):
        raise ValueError("Evidence: statements are no list of objects")
    if not _is_list_of(evidence.columns, str) and evidence.columns != []:
        raise ValueError("Evidence: columns are no list of names")
    if not _is_list_of(evidence.rows, int) or len(set(evidence.rows)) < len(evidence.rows):
        raise ValueError("Evidence: rows are no list of distinct ROW_IDs")
    stated = {column for statement in evidence.statements for column in statement}
    if unknown := sorted((stated | set(evidence.columns)) - known.columns.keys()):
        raise ValueError(f"Evidence: {evidence.table} has no comparable column {', '.join(unknown)}")
    if silent := sorted(set(evidence.columns) - stated):
        raise ValueError(f"Evidence: nothing is stated of {', '.join(silent)}")
    return evidence


def _is_list_of(value: Any, kind: type) -> bool:
    return isinstance(value, list) and bool(value) and all(type(item) is kind for item in value)

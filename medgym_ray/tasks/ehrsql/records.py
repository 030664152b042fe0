"""What a record of EHRSQL must hold, and the queries of a later edition."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from medgym_ray.errors import TaskError
from medgym_ray.tasks.ehrsql.topics import TOPICS

_REQUIRED: Final[Mapping[str, type]] = {"id": str, "question": str, "is_impossible": bool, "answer": list}
_OPTIONAL: Final[Mapping[str, type | tuple[type, ...]]] = {
    "db_id": str,
    "template": str,
    "value": dict,
    "q_tag": str,
    "t_tag": list,
    "o_tag": list,
    "tag": str,
    "department": (str, list),
    "importance": str,
    "para_type": str,
    "split": str,
    "category": str,
}
"""May be absent or null, as a task can do without."""
_IDENTIFIER: Final = re.compile(r"[\w.\-]+")
_RANGE: Final = re.compile(r"\b([a-z]\w*)_(?:lower|upper)\b")


def complaint(fields: Mapping[str, Any], database: str) -> str | None:
    """What keeps a record from being one of a family, if anything."""
    for name, kind in _REQUIRED.items():
        if name not in fields:
            return f"field {name} is missing"
        if not isinstance(fields[name], kind):
            return f"field {name} is a {type(fields[name]).__name__}"
    for name, kinds in _OPTIONAL.items():
        if fields.get(name) is not None and not isinstance(fields[name], kinds):
            return f"field {name} is a {type(fields[name]).__name__}"
    if not _IDENTIFIER.fullmatch(fields["id"]):
        return f"the id {fields['id']!r} is no identifier"
    if not fields["question"].strip():
        return "the question is empty"
    if (fields.get("db_id") or database) != database:
        return f"it belongs to the database {fields['db_id']}"
    if (fields.get("category") or TOPICS[0]) not in TOPICS:
        return f"unknown category {fields['category']!r}"
    if not fields["is_impossible"] and not isinstance(fields.get("query"), str):
        return "field query is missing or no string"
    return None


def newer_queries(path: Path) -> dict[str, str]:
    """The queries, by id, of a later edition of the set (a JSON list of records), none where there is no such file.

    Raises TaskError where it can't be read.
    """
    if not path.is_file():
        return {}
    try:
        records = json.loads(path.read_bytes())
        return {record["id"]: record["query"] for record in records if isinstance(record["query"], str)}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise TaskError(f"{path}: no JSON list of records with id and query ({type(error).__name__})") from None


def vitals_of(query: str) -> list[str]:
    """The vital signs whose normal range a query leaves to the post-processing."""
    return sorted(set(_RANGE.findall(query.lower())))

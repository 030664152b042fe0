"""Builds the ehr_seqsql sample on the database of the mimic_iii sample, which has to be there.

The same seed and the same database write the same bytes.
"""

import contextlib
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from medgym_ray.tasks.ehr_seqsql.interaction import read_interaction
from medgym_ray.tasks.samples.ehr_seqsql.conversation import Conversation
from medgym_ray.tasks.samples.ehr_seqsql.events import EVENTS
from medgym_ray.tasks.samples.ehr_seqsql.measures import MEASURES
from medgym_ray.tasks.sql.checks import complaint, is_printed
from medgym_ray.tasks.sql.execution import Database, Queries, Rows, Scalar

CONVERSATIONS: Final = (*EVENTS, *MEASURES)
_PER_TEMPLATE: Final = {"test": 3, "train": 2}
_MOST_ROWS: Final = 12


def build(root: Path, seed: int) -> None:
    """Writes both splits under `root/ehr_seqsql`. Raises TaskError where `root/mimic_iii/mimic_iii.db` is missing."""
    folder = root / "ehr_seqsql"
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, list[dict[str, Any]]] = {split: [] for split in _PER_TEMPLATE}
    with contextlib.closing(Database(root / "mimic_iii" / "mimic_iii.db")) as database:
        empty = database.empty()
        for place, conversation in enumerate(CONVERSATIONS):
            records = _records(random.Random(f"{seed}/ehr_seqsql/{place}"), conversation, database, empty)
            for split, count in _PER_TEMPLATE.items():
                made[split] += [{**record, "split": split} for record in records[:count]]
                del records[:count]
    for split, records in made.items():
        lines = (
            json.dumps({"id": f"{split}-{n:03}", **record}, ensure_ascii=False) + "\n"
            for n, record in enumerate(records)
        )
        (folder / f"{split}_tasks.jsonl").write_text("".join(lines), encoding="utf-8")


def _records(
    rng: random.Random, conversation: Conversation, database: Database, empty: Queries
) -> list[dict[str, Any]]:
    """As many as both splits need, no two with the same answers. Raises ValueError where the tables lack them."""
    slots = _slots(conversation.draw, database)
    rng.shuffle(slots)
    found: dict[str, dict[str, Any]] = {}
    for values in slots:
        record = _record(conversation, values)
        turns = _turns(record, database, empty)
        if turns:
            record["ans"] = turns
            found.setdefault(json.dumps(turns[1:]), record)
        if len(found) == sum(_PER_TEMPLATE.values()):
            return list(found.values())
    raise ValueError(f"the tables hold too little for a conversation about {conversation.aim}")


def _slots(draw: str, database: Database) -> list[dict[str, Scalar]]:
    names = database.columns(draw)
    return [dict(zip(names, row, strict=True)) for row in sorted(database.rows(draw), key=str)]


def _record(conversation: Conversation, values: Mapping[str, Scalar]) -> dict[str, Any]:
    return {
        "db_id": "mimic_iii",
        "category": conversation.category,
        "seed_question": f"{conversation.aim.format(**values)[:1].upper()}{conversation.aim.format(**values)[1:]}.",
        "question": [question.format(**values) for question, _ in conversation.turns],
        "sql": [sql.format(**values) for _, sql in conversation.turns],
    }


def _turns(record: Mapping[str, Any], database: Database, empty: Queries) -> list[Rows] | None:
    """The rows of each turn, if all of them say something, differ from one another and stand in no question."""
    said = "\n".join((record["seed_question"], *record["question"]))
    turns = []
    for sql in read_interaction(record).sql():
        rows = database.rows(sql)
        is_clear = 0 < len(rows) <= _MOST_ROWS and len({json.dumps(row) for row in rows}) == len(rows)
        if not is_clear or any(None in row for row in rows) or is_printed(rows, said):
            return None
        if complaint(database, empty, sql, rows):
            return None
        turns.append(rows)
    return turns if len({json.dumps(rows) for rows in turns}) == len(turns) else None

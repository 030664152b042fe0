"""What a note states of a row, truly or not, such that nobody can doubt which row is meant and what disagrees."""

import random
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from medgym_ray.tasks.ehrcon.evidence import Evidence
from medgym_ray.tasks.ehrcon.schema import EVENT_TABLES, Compared
from medgym_ray.tasks.samples.ehrcon.admissions import Admission, Entity, Row

_ATTEMPTS: Final = 1000
_OPTIONAL: Final = {"VALUEUOM": 0.6, "ROUTE": 0.8}
"""Columns that a note may be silent of, and how often it is not."""
_TIMES: Final = ("CHARTTIME", "STARTDATE")
_TWO_STATEMENTS: Final = 0.3
_TWO_FAULTS: Final = 0.25

Statement = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mention:
    """All that a note says about an entity, and what of it is wrong."""

    entity: Entity
    statements: list[Statement]
    rows: list[Row]
    faults: list[set[str]]
    """Columns that disagree, by statement."""

    @property
    def count(self) -> int:
        """Of inconsistencies."""
        return sum(map(len, self.faults))

    def evidence(self) -> Evidence:
        """The proof for a task, in the order of the tables."""
        columns = set().union(*self.faults)
        return Evidence(
            self.entity.table,
            self.entity.name,
            self.statements,
            sorted(row.row_id for row in self.rows),
            [column for column in EVENT_TABLES[self.entity.table].columns if column in columns],
        )


def mention(rng: random.Random, admission: Admission, entity: Entity, wrong: bool) -> Mention | None:
    """Statements about rows within the note's window; with `wrong`, one of them disagrees with its row.

    None where the entity has no such row.
    """
    spoken_of = [row for row in entity.rows if _in_window(row, admission)]
    if not spoken_of:
        return None
    for _ in range(_ATTEMPTS):
        count = 2 if len(spoken_of) > 1 and rng.random() < _TWO_STATEMENTS else 1
        rows = rng.sample(spoken_of, count)
        statements = [_true_statement(rng, row) for row in rows]
        faults: list[set[str]] = [set() for _ in rows]
        if wrong:
            faults[-1] = _corrupt(rng, statements[-1], rows[-1], entity, admission)
        drafted = Mention(entity, statements, rows, faults)
        if _is_clear(drafted):
            return drafted
    raise RuntimeError(f"no clear statement about {entity.name} in {_ATTEMPTS} drafts")


def verify(database: sqlite3.Connection, hadm: int, evidence: Evidence) -> None:
    """Finds rows and faults again, by SQL. Raises RuntimeError where they are not those of the evidence."""
    table = EVENT_TABLES[evidence.table]
    compared = {
        Compared.TIME: "substr({0}, 1, length(:{0})) = :{0}",
        Compared.NUMBER: "abs(CAST({0} AS REAL) - :{0}) < 1e-9",
        Compared.TEXT: "lower({0}) = lower(:{0})",
    }
    rows, columns = set(), set()
    for statement in evidence.statements:
        tests = {column: compared[table.columns[column]].format(column) for column in statement}
        entity_rows = table.select(evidence.table).replace("?", ":hadm", 1).replace("?", ":name", 1)
        found = database.execute(
            f"SELECT ROW_ID, {', '.join(tests.values())} FROM ({entity_rows}) "
            f"ORDER BY {' + '.join(f'({test})' for test in tests.values())} DESC LIMIT 2",
            {**statement, "hadm": hadm, "name": evidence.name.lower()},
        ).fetchall()
        if len(found) == 2 and sum(found[0][1:]) == sum(found[1][1:]):
            raise RuntimeError(f"two rows agree equally with {statement} in admission {hadm}")
        rows.add(found[0][0])
        columns |= {column for column, agrees in zip(tests, found[0][1:], strict=True) if not agrees}
    if sorted(rows) != list(evidence.rows) or columns != set(evidence.columns):
        raise RuntimeError(f"the tables give {rows} and {columns} for {evidence}")


def _in_window(row: Row, admission: Admission) -> bool:
    start, end = admission.window
    return "STARTDATE" in row.values or start <= row.values["CHARTTIME"] < end


def _true_statement(rng: random.Random, row: Row) -> Statement:
    return {
        column: _stated(column, value)
        for column, value in row.values.items()
        if column not in _OPTIONAL or rng.random() < _OPTIONAL[column]
    }


def _stated(column: str, value: Any) -> Any:
    """A row's value as a note gives it: days and minutes, doses as numbers."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d" if column == "STARTDATE" else "%Y-%m-%d %H:%M")
    if column == "DOSE_VAL_RX":
        return float(value) if "." in value else int(value)
    return value


def _corrupt(rng: random.Random, statement: Statement, row: Row, entity: Entity, admission: Admission) -> set[str]:
    """Puts other values into one or two columns of a statement; which ones."""
    values = [column for column in row.values if column not in _TIMES]
    count = 2 if len(row.values) > 2 and rng.random() < _TWO_FAULTS else 1
    chosen = dict.fromkeys(rng.sample([*row.values, *values], count))  # a value twice as often as a time
    for column in chosen:
        if column == "STARTDATE":
            other: Any = datetime.combine(rng.choice(admission.days()), datetime.min.time())
        elif column == "CHARTTIME":
            start, end = admission.window
            other = start + (end - start) * rng.random()
        else:
            other = rng.choice(entity.others[column])
        statement[column] = _stated(column, other)
    return set(chosen)


def _is_clear(drafted: Mention) -> bool:
    """Each statement's own row agrees with it in more columns than any other, and disagrees in just the faults."""
    for statement, row, faults in zip(drafted.statements, drafted.rows, drafted.faults, strict=True):
        if _disagreeing(statement, row) != faults:
            return False
        others = [_disagreeing(statement, other) for other in drafted.entity.rows if other is not row]
        if len(faults) == len(statement) or any(len(other) <= len(faults) for other in others):
            return False
    return True


def _disagreeing(statement: Mapping[str, Any], row: Row) -> set[str]:
    return {column for column, said in statement.items() if said != _stated(column, row.values[column])}

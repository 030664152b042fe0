"""What a question template is, and the times and visits that a question may be narrowed to."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_MACRO: Final = re.compile(r"<(\w+)((?: [\w.]+)*)>")


@dataclass(frozen=True, slots=True)
class Template:
    """A question and its query with the same slots; `draw` names the source that the slots' values come from."""

    topic: str
    draw: str
    question: str
    sql: str

    @property
    def operation(self) -> str:
        """What the query does beyond looking up, in a word."""
        return next((name for name, mark in _OPERATIONS.items() if re.search(mark, self.sql)), "")

    def expanded(self, macros: Mapping[str, str]) -> str:
        """The query with `<macro argument …>` written out."""

        def written(found: re.Match[str]) -> str:
            text = macros[found[1]]
            for number, argument in enumerate(found[2].split(), start=1):
                text = text.replace(f"${number}", argument)
            return _MACRO.sub(written, text)

        return _MACRO.sub(written, self.sql)


_OPERATIONS: Final = {
    "ranking": r"dense_rank",
    "truth": r"^select (?:sum\(.*\)|\(select.*\)) > ",
    "difference": r"\) - \(select|<days ",
    "count": r"count\(",
    "total": r"sum\(",
    "mean": r"avg\(",
    "extreme": r"m(?:in|ax)\(",
    "first or last": r"limit 1",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """A narrowing of a question: formatted plainly its phrase, formatted with a table or column its condition."""

    phrase: str
    condition: str
    tag: str

    def __format__(self, what: str) -> str:
        return self.condition.replace("$", what) if what else self.phrase


def ranked(column: str, rest: str, by: str = "count(*)") -> str:
    """A query for the values of a column in the first {n} places by a count; equal counts share a place."""
    return (
        f"select t.name from (select {column} as name, dense_rank() over (order by {by} desc) as place "
        f"{rest} group by {column}) as t where t.place <= {{n}}"
    )


def _since(amount: int, unit: str) -> Scope:
    what = f"{amount} {unit}s" if amount > 1 else f"a {unit}"
    return Scope(f"since {what} ago", f"datetime($) >= datetime(current_time,'-{amount} {unit}')", f"rel-{unit}-since")


def _calendar(phrase: str, unit: str, back: int) -> Scope:
    condition = f"datetime($,'start of {unit}') = datetime(current_time,'start of {unit}','-{back} {unit}')"
    return Scope(phrase, condition, f"rel-{unit}-{phrase.split()[0]}")


TIMES: Final = (
    *(Scope(f"since {year}", f"strftime('%y',$) >= '{year}'", "abs-year-since") for year in range(2101, 2106)),
    *(Scope(f"until {year}", f"strftime('%y',$) <= '{year}'", "abs-year-until") for year in range(2100, 2105)),
    *(Scope(f"in {year}", f"strftime('%y',$) = '{year}'", "abs-year-in") for year in range(2100, 2106)),
    *(
        Scope(f"in {month:02}/{year}", f"strftime('%y-%m',$) = '{year}-{month:02}'", "abs-month-in")
        for year in range(2100, 2106)
        for month in (2, 5, 8, 11)
    ),
    *(
        Scope(f"since {month:02}/{year}", f"strftime('%y-%m',$) >= '{year}-{month:02}'", "abs-month-since")
        for year in range(2101, 2106)
        for month in (4, 9)
    ),
    *(_since(amount, "year") for amount in (1, 2, 3) for _ in range(2)),
    *(_since(amount, "month") for amount in (1, 2, 3, 6) for _ in range(2)),
    *(
        _calendar(phrase, unit, back)
        for unit in ("year", "month")
        for phrase, back in ((f"last {unit}", 1), (f"this {unit}", 0))
        for _ in range(4)
    ),
)
"""Absolute times, and times relative to now: as often as they occur here."""

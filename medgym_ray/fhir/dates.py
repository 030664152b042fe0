"""FHIR dates: one of any precision is the span of time it may mean, and a search compares spans."""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

# A "+" that was not percent-encoded arrives as a space; nothing else could be meant by it.
_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d{1,9})?)?"
    r"(?P<zone>Z|[-+ ]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_STEPS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "day": timedelta(days=1),
}

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")


class Span(NamedTuple):
    """From `start` up to, but without, `end`."""

    start: datetime
    end: datetime


@lru_cache(maxsize=8192)
def span(text: str) -> Span | None:
    """What a FHIR date or dateTime covers (without a zone: UTC); None for what is no date."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    parts = {name: int(value) for name, value in found.groupdict().items() if value is not None and name != "zone"}
    try:
        start = datetime(
            parts["year"],
            parts.get("month", 1),
            parts.get("day", 1),
            parts.get("hour", 0),
            parts.get("minute", 0),
            parts.get("second", 0),
            tzinfo=_zone(found["zone"]),
        )
        return Span(start, _end(start, parts))
    except (ValueError, OverflowError):
        return None


def matches(value: Span, prefix: str, sought: Span) -> bool:
    """Whether a resource's span satisfies a search for `prefix` and a span."""
    within = sought.start <= value.start and value.end <= sought.end
    return {
        "eq": within,
        "ne": not within,
        "gt": value.end > sought.end,
        "lt": value.start < sought.start,
        "ge": value.end > sought.start,
        "le": value.start < sought.end,
        "sa": value.start >= sought.end,
        "eb": value.end <= sought.start,
    }[prefix]


def _zone(spelled: str | None) -> timezone:
    if spelled is None or spelled == "Z":
        return UTC
    offset = timedelta(hours=int(spelled[1:3]), minutes=int(spelled[4:6]))
    return timezone(-offset if spelled[0] == "-" else offset)


def _end(start: datetime, parts: dict[str, int]) -> datetime:
    for name, step in _STEPS.items():
        if name in parts:
            return start + step
    if "month" in parts and parts["month"] < 12:
        return start.replace(month=start.month + 1)
    return start.replace(year=start.year + 1, month=1)

"""What else could be handed in for a gold: honest forms of it, and faults that come close to it, as programs."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from medgym_ray.scoring import formats
from medgym_ray.tasks.medcalcbench.catalogue import Calculator, Kind


def honest(calculator: Calculator, gold: Mapping[str, Any]) -> dict[str, str]:
    """Name of the form → program."""
    match calculator.kind:
        case Kind.DATE:
            return _honest_date(datetime.fromisoformat(gold["answer"]))
        case Kind.GESTATION:
            return _programs(_honest_gestation(*gold["answer"]))
        case Kind.INTEGER:
            return _honest_integer(int(gold["answer"]), calculator.units)
        case Kind.DECIMAL:
            return _honest_decimal(gold, calculator.units)


def near_misses(calculator: Calculator, gold: Mapping[str, Any]) -> dict[str, str]:
    """Name of the fault → program."""
    match calculator.kind:
        case Kind.DATE:
            return _programs(_near_dates(datetime.fromisoformat(gold["answer"])))
        case Kind.GESTATION:
            return _programs(_near_gestations(*gold["answer"]))
        case Kind.INTEGER:
            return _programs(_near_integers(int(gold["answer"])))
        case Kind.DECIMAL:
            return _programs(_near_decimals(*(Decimal(gold[key]) for key in ("answer", "lower", "upper"))))


def _programs(values: Mapping[str, str]) -> dict[str, str]:
    return {name: formats.program(value) for name, value in values.items()}


def _honest_date(day: datetime) -> dict[str, str]:
    american = {
        "M/D/YYYY": f"{day.month}/{day.day}/{day.year}",
        "MM/DD/YYYY": f"{day:%m/%d/%Y}",
        "spaced M/D/YYYY": f" {day.month}/{day.day}/{day.year} ",
    }
    built = {
        "date": f"pd.Timestamp({day.year}, {day.month}, {day.day}).date()",
        "formatted": f"datetime.fromisoformat('{day:%Y-%m-%d}').strftime('%m/%d/%Y')",
        "calculated": f"np.datetime64('{day:%Y-%m-%d}') - 280 + np.timedelta64(280, 'D')",
    }
    written = {name: repr(text) for name, text in american.items()}
    return formats.honest(f"{day:%Y-%m-%d}") | formats.honest(f"{day:%Y-%m-%d} 00:00:00") | _programs(written | built)


def _honest_gestation(weeks: int, days: int) -> dict[str, str]:
    return {
        "tuple": f"({weeks}, {days})",
        "list": f"[{weeks}, {days}]",
        "divmod": f"divmod({7 * weeks + days}, 7)",
        "floats": f"({weeks}.0, {days}.0)",
        "array": f"np.array([{weeks}, {days}])",
        "array of floats": f"np.array([{weeks}.0, {days}.0])",
        "numpy integers": f"(np.int64({weeks}), np.int64({days}))",
        "texts": f"('{weeks}', '{days}')",
        "texts with units": f"('{weeks} weeks', '{days} days')",
        "text of a tuple": f"str(({weeks}, {days}))",
        "text of texts": f"str(('{weeks} weeks', '{days} days'))",
        "text": f"'{weeks} weeks, {days} days'",
        "text with and": f"'{weeks} weeks and {days} days'",
        "text in brackets": f"'({weeks} weeks, {days} days)'",
        "short text": f"'{weeks}w {days}d'",
    }


def _honest_integer(gold: int, units: tuple[str, ...]) -> dict[str, str]:
    values = {
        "rounded down": repr(gold + 0.3),
        "rounded up": repr(gold - 0.3),
        "text with a unit": repr(f"{gold} {units[0]}"),
        "text with a unit in capitals": repr(f"{gold} {units[0].upper()}"),
    }
    return formats.honest(gold) | _programs(values)


def _honest_decimal(gold: Mapping[str, Any], units: tuple[str, ...]) -> dict[str, str]:
    value, lower, upper = (Decimal(gold[key]) for key in ("answer", "lower", "upper"))
    values = {
        "lower limit": f"Decimal('{lower}')",
        "upper limit": f"Decimal('{upper}')",
        "halfway to a limit": repr(float((value + upper) / 2)),
        "scientific text": repr(f"{value:e}"),
        "thousands": repr(f"{value:,f}"),
    }
    for unit in units:
        values[f"in {unit}"] = repr(f"{value:f} {unit}")
    if units:
        values["unit without a space"] = repr(f"{value:f}{units[0]}")
    for places in (2, 1):
        shown = f"{value:.{places}f}"
        if lower <= Decimal(shown) <= upper:
            values[f"text of {places} decimals"] = repr(shown)
    return formats.honest(float(value)) | _programs(values)


def _near_dates(day: datetime) -> dict[str, str]:
    after, before = day + timedelta(days=1), day - timedelta(days=1)
    values = {
        "a day later": f"{after:%m/%d/%Y}",
        "a day earlier": f"{before:%m/%d/%Y}",
        "a week later": f"{day + timedelta(days=7):%Y-%m-%d}",
        "another year": f"{day.month}/{day.day}/{day.year + 1 if (day.month, day.day) != (2, 29) else day.year + 4}",
        "at ten": f"{day:%Y-%m-%d} 10:00:00",
        "either day": f"{day:%m/%d/%Y} or {after:%m/%d/%Y}",
        "without the century": f"{day:%m/%d/%y}",
        "in a sentence": f"due on {day:%m/%d/%Y}",
    }
    if day.day != day.month:
        values["day first"] = f"{day:%d/%m/%Y}"
    both = {"both days": repr([f"{day:%m/%d/%Y}", f"{after:%m/%d/%Y}"])}
    return {name: repr(text) for name, text in values.items()} | both


def _near_gestations(weeks: int, days: int) -> dict[str, str]:
    values = {
        "a day more": f"({weeks}, {days + 1})",
        "a week more": f"({weeks + 1}, {days})",
        "a week less": f"({weeks - 1}, {days})",
        "not carried over": f"({weeks - 1}, {days + 7})",
        "days alone": repr(7 * weeks + days),
        "weeks alone": repr(weeks),
        "weeks as a fraction": repr(weeks + days / 7),
        "units swapped": f"('{weeks} days', '{days} weeks')",
        "wrong sign": f"(-{weeks}, -{days})",
        "three numbers": f"({weeks}, {days}, 0)",
    }
    return values | ({"swapped": f"({days}, {weeks})"} if days != weeks else {})


def _near_integers(gold: int) -> dict[str, str]:
    values = {
        "one more": repr(gold + 1),
        "one less": repr(gold - 1),
        "rounds to one more": repr(gold + 0.6),
        "rounds to one less": repr(gold - 0.6),
        "one more as text": repr(f"{gold + 1} points"),
        "out of a total": repr(f"{gold} of 99"),
        "one or the other": repr(f"{gold} or {gold + 1}"),
        "a range": repr([gold, gold + 1]),
        "as a bool": repr(bool(gold)),
        "in per cent": repr(f"{gold}%"),
    }
    return values | ({"wrong sign": repr(-gold)} if gold else {})


def _near_decimals(gold: Decimal, lower: Decimal, upper: Decimal) -> dict[str, str]:
    beyond = max(abs(gold) / 100, Decimal("0.001"))
    numbers = {
        "just above": upper + beyond,
        "just below": lower - beyond,
        "six per cent beyond the limits": upper + 6 * beyond,
        "wrong sign": -gold,
        "ten times": 10 * gold,
        "a tenth": gold / 10,
    }
    return {name: repr(float(value)) for name, value in numbers.items() if not lower <= value <= upper} | {
        "just above as text": repr(f"{upper + beyond:f}"),
        "both limits": repr([float(lower), float(upper)]),
        "a range in words": repr(f"{lower:f} to {upper:f}"),
        "in a sentence": repr(f"the result is {gold:f}"),
        "another unit": repr(f"{gold:f} furlongs"),
        "twice": repr([float(gold), float(gold)]),
    }

"""Reading a search from its query, and running it."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medgym_ray.fhir import dates
from medgym_ray.fhir.outcomes import Refused
from medgym_ray.fhir.parameters import PARAMETERS, Parameter, values
from medgym_ray.fhir.store import EpisodeStore, Resource, patient_id

DEFAULT_COUNT = 50
MAX_COUNT = 1000
OFFSET = "_offset"
"""Ours: where the next page of a search begins."""

_IGNORED = frozenset({"_format", "_pretty", "_total", "_summary", "_elements"})
_JSON_FORMATS = frozenset({"json", "application/json", "application/fhir+json"})
_MODIFIERS = {
    "string": ("", "exact", "contains"),
    "token": ("",),
    "date": ("",),
    "reference": ("", "Patient"),
}
_MAX_SORT_KEYS = 5
_MAX_ALTERNATIVES = 40
"""Of all filters together: each is compared with every resource of the type."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One parameter of a search; a resource passes it if one of the alternatives fits one of its values."""

    parameter: Parameter
    modifier: str
    alternatives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """All that a query asks for."""

    kind: str
    filters: tuple[Filter, ...]
    sort: tuple[tuple[Parameter, bool], ...]
    """By what, and whether descending."""
    count: int
    offset: int

    def run(self, store: EpisodeStore) -> tuple[Sequence[Resource], int]:
        """The page that was asked for, and how many match in all."""
        found = [
            resource
            for resource in store.candidates(self.kind, self._patients())
            if all(_passes(resource, condition) for condition in self.filters)
        ]
        for parameter, descending in reversed(self.sort):
            _sort(found, parameter, descending)
        return found[self.offset : self.offset + self.count], len(found)

    def _patients(self) -> Iterable[str] | None:
        """The patients that matches can be about, where a filter says so."""
        for condition in self.filters:
            if condition.parameter.kind == "reference":
                return dict.fromkeys(filter(None, map(patient_id, condition.alternatives)))
        return None


def parse_search(kind: str, query: Iterable[tuple[str, str]]) -> Search:
    """Reads a query's name-value pairs. Raises Refused, which says what cannot be searched for."""
    filters: list[Filter] = []
    sort: tuple[tuple[Parameter, bool], ...] = ()
    numbers = {"_count": DEFAULT_COUNT, OFFSET: 0}
    for name, value in query:
        if name == "_format" and value.lower() not in _JSON_FORMATS:
            raise Refused(400, "not-supported", f"_format={value}: this server speaks JSON only")
        if name in _IGNORED:
            continue
        if name in numbers:
            numbers[name] = _number(name, value)
        elif name == "_sort":
            sort = tuple(_sort_key(kind, key) for key in value.split(",")[:_MAX_SORT_KEYS] if key)
        else:
            filters.append(_filter(kind, name, value))
    if sum(len(condition.alternatives) for condition in filters) > _MAX_ALTERNATIVES:
        raise Refused(400, "too-costly", f"more than {_MAX_ALTERNATIVES} values are searched for")
    return Search(kind, tuple(filters), sort, min(numbers["_count"], MAX_COUNT), numbers[OFFSET])


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Refused(400, "invalid", f"{name}={value}: not a whole number")
    return int(value)


def _sort_key(kind: str, key: str) -> tuple[Parameter, bool]:
    name = key.removeprefix("-")
    if name not in PARAMETERS[kind]:
        raise Refused(400, "not-supported", f"_sort={key}: {_offered(kind)}")
    return PARAMETERS[kind][name], key.startswith("-")


def _filter(kind: str, name: str, value: str) -> Filter:
    base, _, modifier = name.partition(":")
    parameter = PARAMETERS[kind].get(base)
    if parameter is None:
        raise Refused(400, "not-supported", f"unknown search parameter '{base}' for {kind}: {_offered(kind)}")
    if modifier not in _MODIFIERS[parameter.kind]:
        raise Refused(400, "not-supported", f"the modifier :{modifier} is not supported for '{base}'")
    alternatives = tuple(_split(value))
    if not alternatives:
        raise Refused(400, "invalid", f"the search parameter '{name}' has no value")
    if parameter.kind == "date":
        for alternative in alternatives:
            if dates.span(_prefixed(alternative)[1]) is None:
                raise Refused(400, "invalid", f"{name}={alternative}: not a date such as ge2023-01-31T08:00:00Z")
    return Filter(parameter, modifier, alternatives)


def _offered(kind: str) -> str:
    return f"{kind} knows {', '.join(PARAMETERS[kind])}"


def _split(value: str) -> list[str]:
    """The alternatives of a value: commas part them, unless escaped."""
    marked = value.replace("\\,", "\0").replace("\\|", "|").replace("\\$", "$").replace("\\\\", "\\")
    return [part.replace("\0", ",").strip() for part in marked.split(",") if part.strip()]


def _prefixed(value: str) -> tuple[str, str]:
    return (value[:2], value[2:]) if value[:2] in dates.PREFIXES else ("eq", value)


def _passes(resource: Resource, condition: Filter) -> bool:
    fits = {"string": _string_fits, "token": _token_fits, "date": _date_fits, "reference": _reference_fits}
    held = list(values(resource, condition.parameter))
    test = fits[condition.parameter.kind]
    return any(test(held, alternative, condition.modifier) for alternative in condition.alternatives)


def _string_fits(held: Sequence[Any], sought: str, modifier: str) -> bool:
    """Each word begins a word of the values; with a modifier, a whole value or a part of one."""
    texts = [text for text in held if isinstance(text, str)]
    if modifier == "exact":
        return sought in texts
    folded = [_folded(text) for text in texts]
    if modifier == "contains":
        return any(_folded(sought) in text for text in folded)
    words = [word for text in folded for word in (text, *text.split())]
    return all(any(word.startswith(part) for word in words) for part in _folded(sought).split())


def _folded(text: str) -> str:
    """Without case and accents, as FHIR compares strings."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def _token_fits(held: Sequence[Any], sought: str, _modifier: str) -> bool:
    """`code`, `system|code`, `|code` (no system) or `system|`; case does not count."""
    system, bar, code = sought.rpartition("|")
    wanted = code.casefold()
    for has_system, has_code in _tokens(held):
        if bar and has_system != system:
            continue
        if wanted == has_code.casefold() or (bar and not wanted):
            return True
    return False


def _tokens(held: Iterable[Any]) -> Iterable[tuple[str, str]]:
    """System and code of plain codes, codings, concepts (a text counts as a code), identifiers and contact points."""
    for value in held:
        if isinstance(value, str):
            yield "", value
        elif isinstance(value, Mapping):
            if isinstance(value.get("coding"), list):
                yield from _tokens(value["coding"])
            if isinstance(value.get("text"), str):
                yield "", value["text"]
            code = value.get("code", value.get("value"))
            if isinstance(code, str):
                yield str(value.get("system") or ""), code


def _date_fits(held: Sequence[Any], sought: str, _modifier: str) -> bool:
    prefix, spelled = _prefixed(sought)
    wanted = dates.span(spelled)
    return wanted is not None and any(dates.matches(one, prefix, wanted) for one in _spans(held))


def _spans(held: Iterable[Any]) -> Iterable[dates.Span]:
    for value in held:
        if isinstance(value, str):
            ends = (value, value)
        elif isinstance(value, Mapping) and isinstance(value.get("start"), str):
            ends = (value["start"], str(value.get("end") or "9998"))  # a period without an end goes on
        else:
            continue
        first, last = map(dates.span, ends)
        if first and last:
            yield dates.Span(first.start, last.end)


def _reference_fits(held: Sequence[Any], sought: str, _modifier: str) -> bool:
    wanted = patient_id(sought)
    references = [value.get("reference") for value in held if isinstance(value, Mapping)]
    return wanted is not None and wanted in [patient_id(one) for one in references if isinstance(one, str)]


def _sort(found: list[Resource], parameter: Parameter, descending: bool) -> None:
    """Stable; what has no value comes last either way."""

    def key(resource: Resource) -> Any:
        held = list(values(resource, parameter))
        if parameter.kind == "date":
            return min((one.start for one in _spans(held)), default=None)
        if parameter.kind == "token":
            return min((code.casefold() for _, code in _tokens(held)), default=None)
        if parameter.kind == "reference":
            return min((str(value.get("reference")) for value in held if isinstance(value, Mapping)), default=None)
        return min((_folded(text) for text in held if isinstance(text, str)), default=None)

    keyed = [(key(resource), resource) for resource in found]
    known = [pair for pair in keyed if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    found[:] = [resource for _, resource in known] + [resource for own, resource in keyed if own is None]

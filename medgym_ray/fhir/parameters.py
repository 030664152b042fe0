"""What can be searched for: per resource type the parameters, their kind, and where their values stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["string", "token", "date", "reference"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter; a path leads through objects and through every element of the arrays on its way."""

    kind: Kind
    paths: tuple[str, ...]


def _string(*paths: str) -> Parameter:
    return Parameter("string", paths)


def _token(*paths: str) -> Parameter:
    return Parameter("token", paths)


def _date(*paths: str) -> Parameter:
    return Parameter("date", paths)


_ID: Final = {"_id": _token("id")}
_SUBJECT: Final = {
    "patient": Parameter("reference", ("subject",)),
    "subject": Parameter("reference", ("subject",)),
    "identifier": _token("identifier"),
    **_ID,
}
_ADDRESS: Final = ("address.line", "address.city", "address.state", "address.postalCode", "address.country")

PARAMETERS: Final[Mapping[str, Mapping[str, Parameter]]] = {
    "Patient": {
        "name": _string("name.family", "name.given", "name.prefix", "name.suffix", "name.text"),
        "family": _string("name.family"),
        "given": _string("name.given"),
        "birthdate": _date("birthDate"),
        "gender": _token("gender"),
        "legal-sex": _token("gender"),
        "identifier": _token("identifier"),
        "address": _string(*_ADDRESS, "address.text"),
        "address-city": _string("address.city"),
        "address-state": _string("address.state"),
        "address-postalcode": _string("address.postalCode"),
        "telecom": _token("telecom"),
        "phone": _token("telecom"),
        "email": _token("telecom"),
        **_ID,
    },
    "Observation": {
        "code": _token("code"),
        "category": _token("category"),
        "date": _date("effectiveDateTime", "effectivePeriod"),
        "status": _token("status"),
        **_SUBJECT,
    },
    "Condition": {
        "code": _token("code"),
        "category": _token("category"),
        "clinical-status": _token("clinicalStatus"),
        "onset-date": _date("onsetDateTime", "onsetPeriod"),
        "recorded-date": _date("recordedDate"),
        **_SUBJECT,
    },
    "MedicationRequest": {
        "code": _token("medicationCodeableConcept"),
        "category": _token("category"),
        "status": _token("status"),
        "intent": _token("intent"),
        "authoredon": _date("authoredOn"),
        "date": _date("dosageInstruction.timing.repeat.boundsPeriod", "authoredOn"),
        **_SUBJECT,
    },
    "Procedure": {
        "code": _token("code"),
        "category": _token("category"),
        "status": _token("status"),
        "date": _date("performedDateTime", "performedPeriod"),
        **_SUBJECT,
    },
    "ServiceRequest": {
        "code": _token("code"),
        "category": _token("category"),
        "status": _token("status"),
        "intent": _token("intent"),
        "priority": _token("priority"),
        "authored": _date("authoredOn"),
        "occurrence": _date("occurrenceDateTime", "occurrencePeriod"),
        **_SUBJECT,
    },
}
CREATABLE: Final = ("Observation", "MedicationRequest", "ServiceRequest")


def values(resource: Any, parameter: Parameter) -> Iterator[Any]:
    """What stands at the paths of a parameter."""
    for path in parameter.paths:
        yield from _at(resource, path.split("."))


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    if isinstance(value, list):
        for element in value:
            yield from _at(element, path)
    elif not path:
        yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])

"""Synthetic people: nobody in here was ever anybody's patient."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

_GIVEN: Final = {
    "female": (
        *("Adaeze", "Birgit", "Carmela", "Dunja", "Elodie", "Farida", "Greta", "Hanako", "Imelda", "Jolanta"),
        *("Katya", "Leocadia", "Marit", "Nayeli", "Odile", "Paloma", "Runa", "Saoirse", "Tamsin", "Ursula"),
    ),
    "male": (
        *("Anselm", "Bartolo", "Cedric", "Dragan", "Emeka", "Fionn", "Gustav", "Haruto", "Ignace", "Jarek"),
        *("Kofi", "Lorcan", "Matteo", "Nikhil", "Osvaldo", "Piet", "Rasmus", "Sandor", "Tariq", "Wendel"),
    ),
}
_FAMILY: Final = (
    *("Abernethy", "Bjornstad", "Castellano", "Dvorak", "Eszterhas", "Fitzwarren", "Gunnarsen", "Hollister"),
    *("Iwasaki", "Jankovic", "Kowalczyk", "Lindqvist", "Mbeki", "Novotny", "Okonjo", "Pellegrini", "Quintero"),
    *("Ravndal", "Szabo", "Thorvald", "Underhay", "Vasilenko", "Wetherby", "Yamanaka", "Zielinski"),
)
_STREETS: Final = ("Alder Lane", "Beacon Street", "Canal Walk", "Dogwood Drive", "Elm Terrace", "Foundry Road")
_PLACES: Final = (
    ("Harrowgate", "VT", "05999"),
    ("Millbrook Falls", "OR", "97999"),
    ("Sandpoint Bay", "ME", "04999"),
    ("Cedar Crossing", "NM", "87999"),
)
_OLDEST: Final = date(1931, 1, 1)
_DAYS: Final = 27_000


@dataclass(frozen=True, slots=True)
class Person:
    """Who a patient is."""

    mrn: str
    given: str
    family: str
    gender: str
    birth_date: date

    @property
    def name(self) -> str:
        """Given name and family name."""
        return f"{self.given} {self.family}"


def people(rng: random.Random, count: int) -> list[Person]:
    """Persons of different names. Every tenth shares the day of birth of the one before, and every tenth the name of
    the one after it with another day of birth."""
    numbers = rng.sample(range(100_000, 1_000_000), count)
    names = [
        (gender, given, family) for gender, given_names in _GIVEN.items() for given in given_names for family in _FAMILY
    ]
    chosen = rng.sample(names, count)
    made: list[Person] = []
    for index, (number, (gender, given, family)) in enumerate(zip(numbers, chosen, strict=True)):
        born = _OLDEST + timedelta(days=rng.randrange(_DAYS))
        if index % 10 == 9:
            born = made[-1].birth_date
        if index % 10 == 5:
            gender, given, family = made[-1].gender, made[-1].given, made[-1].family
        made.append(Person(f"P{number}", given, family, gender, born))
    return made


def patient_resource(person: Person, rng: random.Random) -> dict[str, Any]:
    """A person as a FHIR Patient."""
    city, state, code = rng.choice(_PLACES)
    number = f"555-01{rng.randrange(100):02}"
    return {
        "resourceType": "Patient",
        "id": person.mrn,
        "identifier": [
            {
                "type": {
                    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}],
                },
                "system": "http://hospital.example.org/mrn",
                "value": person.mrn,
            }
        ],
        "name": [{"use": "official", "family": person.family, "given": [person.given]}],
        "telecom": [{"system": "phone", "value": number}],
        "gender": person.gender,
        "birthDate": person.birth_date.isoformat(),
        "address": [
            {
                "line": [f"{rng.randrange(1, 400)} {rng.choice(_STREETS)}"],
                "city": city,
                "state": state,
                "postalCode": code,
            }
        ],
    }


def strangers_name(rng: random.Random, everybody: Sequence[Person]) -> str:
    """A name that nobody has, though there are people with either part of it."""
    taken = {person.name for person in everybody}
    while True:
        name = f"{rng.choice(everybody).given} {rng.choice(everybody).family}"
        if name not in taken:
            return name

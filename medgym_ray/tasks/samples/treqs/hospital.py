"""The synthetic patients of the treqs sample, written as the five tables of MIMICSQL."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from medgym_ray.tasks.samples.treqs import vocabulary as words

Row = tuple[Any, ...]

_PATIENTS: Final = 190
_FIRST_DAY: Final = datetime(2101, 1, 1)  # noqa: DTZ001 - the tables know no zones
_DAYS: Final = 365 * 6

SCHEMA: Final[Mapping[str, Mapping[str, str]]] = {
    "DEMOGRAPHIC": {
        "SUBJECT_ID": "TEXT",
        "HADM_ID": "TEXT",
        "NAME": "TEXT",
        "MARITAL_STATUS": "TEXT",
        "AGE": "INTEGER",
        "DOB": "TEXT",
        "GENDER": "TEXT",
        "LANGUAGE": "TEXT",
        "RELIGION": "TEXT",
        "ADMISSION_TYPE": "TEXT",
        "DAYS_STAY": "INTEGER",
        "INSURANCE": "TEXT",
        "ETHNICITY": "TEXT",
        "EXPIRE_FLAG": "INTEGER",
        "ADMISSION_LOCATION": "TEXT",
        "DISCHARGE_LOCATION": "TEXT",
        "DIAGNOSIS": "TEXT",
        "DOD": "TEXT",
        "DOB_YEAR": "INTEGER",
        "DOD_YEAR": "REAL",
        "ADMITTIME": "TEXT",
        "DISCHTIME": "TEXT",
        "ADMITYEAR": "INTEGER",
    },
    "DIAGNOSES": dict.fromkeys(("SUBJECT_ID", "HADM_ID", "ICD9_CODE", "SHORT_TITLE", "LONG_TITLE"), "TEXT"),
    "PROCEDURES": dict.fromkeys(("SUBJECT_ID", "HADM_ID", "ICD9_CODE", "SHORT_TITLE", "LONG_TITLE"), "TEXT"),
    "PRESCRIPTIONS": dict.fromkeys(
        ("SUBJECT_ID", "HADM_ID", "ICUSTAY_ID", "DRUG_TYPE", "DRUG", "FORMULARY_DRUG_CD", "ROUTE", "DRUG_DOSE"), "TEXT"
    ),
    "LAB": dict.fromkeys(
        ("SUBJECT_ID", "HADM_ID", "ITEMID", "CHARTTIME", "FLAG", "VALUE_UNIT", "LABEL", "FLUID", "CATEGORY"), "TEXT"
    ),
}


@dataclass(frozen=True, slots=True)
class _Patient:
    subject: str
    name: str
    gender: str
    born: datetime
    marital: str
    language: str
    religion: str
    ethnicity: str


@dataclass(frozen=True, slots=True)
class _Stay:
    hadm: str
    start: datetime
    end: datetime
    dies: bool


def tables(rng: random.Random) -> dict[str, list[Row]]:
    """All rows, by table. Names are unique; an admission names each diagnosis, procedure and drug once."""
    made: dict[str, list[Row]] = {name: [] for name in SCHEMA}
    subjects = sorted(rng.sample(range(2_000, 99_000), _PATIENTS))
    hadms = iter(rng.sample(range(100_000, 199_999), 3 * _PATIENTS))
    names = rng.sample(
        [(sex, f, n) for sex, fs in words.FIRST_NAMES.items() for f in fs for n in words.LAST_NAMES], _PATIENTS
    )
    for subject, (gender, first, last) in zip(subjects, names, strict=True):
        patient = _patient(rng, str(subject), f"{first} {last}", gender)
        stays = _stays(rng, hadms)
        died = stays[-1].end if stays[-1].dies else None
        if died is None and rng.random() < 0.18:
            died = stays[-1].end + timedelta(days=rng.randint(3, 500))
        for stay in stays:
            made["DEMOGRAPHIC"].append(_demographic(rng, patient, stay, died))
            made["DIAGNOSES"] += _coded(rng, patient, stay, words.DIAGNOSES, rng.randint(3, 7))
            made["PROCEDURES"] += _coded(rng, patient, stay, words.PROCEDURES, rng.randint(1, 3))
            made["PRESCRIPTIONS"] += _prescriptions(rng, patient, stay)
            made["LAB"] += _lab(rng, patient, stay)
    return made


def _patient(rng: random.Random, subject: str, name: str, gender: str) -> _Patient:
    born = _FIRST_DAY - timedelta(days=round(rng.triangular(19, 91, 68) * 365.25))
    return _Patient(
        subject,
        name,
        gender,
        born,
        _weighted(rng, words.MARITAL),
        _weighted(rng, words.LANGUAGES),
        _weighted(rng, words.RELIGIONS),
        _weighted(rng, words.ETHNICITIES),
    )


def _stays(rng: random.Random, hadms: Any) -> list[_Stay]:
    count = rng.choice((1, 1, 1, 1, 2, 2, 3))
    starts = sorted(rng.sample(range(0, _DAYS, 61), count))
    stays = []
    for place, day in enumerate(starts, start=1):
        start = _FIRST_DAY + timedelta(days=day, minutes=rng.randint(0, 1439))
        end = start + timedelta(days=min(48, 1 + int(rng.expovariate(1 / 8))), minutes=rng.randint(0, 300))
        stays.append(_Stay(str(next(hadms)), start, end, place == count and rng.random() < 0.13))
    return stays


def _demographic(rng: random.Random, patient: _Patient, stay: _Stay, died: datetime | None) -> Row:
    age = int((stay.start - patient.born).days / 365.25)
    return (
        patient.subject,
        stay.hadm,
        patient.name,
        patient.marital,
        age,
        _day(patient.born),
        patient.gender,
        patient.language,
        patient.religion,
        _weighted(rng, words.ADMISSION_TYPES),
        (stay.end.date() - stay.start.date()).days,
        "Medicare" if age > 66 and rng.random() < 0.8 else rng.choice(words.INSURANCES[1:]),
        patient.ethnicity,
        int(died is not None),
        _weighted(rng, words.ADMISSION_LOCATIONS),
        words.DEAD if stay.dies else _weighted(rng, words.DISCHARGE_LOCATIONS),
        rng.choice(words.COMPLAINTS),
        _day(died) if died else None,
        patient.born.year,
        float(died.year) if died else None,
        str(stay.start),
        str(stay.end),
        stay.start.year,
    )


def _coded(rng: random.Random, patient: _Patient, stay: _Stay, codes: tuple[words.Code, ...], count: int) -> list[Row]:
    favoured = codes[: len(codes) // 3] * 3 + codes
    chosen = dict.fromkeys(rng.choice(favoured) for _ in range(count))
    return [(patient.subject, stay.hadm, *code) for code in chosen]


def _prescriptions(rng: random.Random, patient: _Patient, stay: _Stay) -> list[Row]:
    icu = str(200_000 + int(stay.hadm) % 97_013) if rng.random() < 0.7 else None
    return [
        (
            patient.subject,
            stay.hadm,
            icu,
            drug.kind,
            drug.name,
            drug.formulary,
            rng.choice(drug.routes),
            rng.choice(drug.doses),
        )
        for drug in rng.sample(words.DRUGS, rng.randint(4, 11))
    ]


def _lab(rng: random.Random, patient: _Patient, stay: _Stay) -> list[Row]:
    rows = []
    minutes = int((stay.end - stay.start).total_seconds() // 60)
    for at in sorted(rng.sample(range(minutes), rng.randint(4, 11))):
        test = rng.choice(words.TESTS[:17] * 2 + words.TESTS)
        value = round(rng.uniform(test.low, test.high), test.decimals)
        odd = not test.normal[0] <= value <= test.normal[1]
        spelled = f"{value:.{test.decimals}f}{test.unit}"
        charted = str(stay.start + timedelta(minutes=at))
        flag = "abnormal" if odd else None
        rows.append(
            (patient.subject, stay.hadm, test.item, charted, flag, spelled, test.label, test.fluid, test.category)
        )
    return rows


def _weighted(rng: random.Random, values: Sequence[str]) -> str:
    """Early values come more often."""
    return rng.choices(values, [1 / (place + 1) for place in range(len(values))])[0]


def _day(when: datetime) -> str:
    return f"{when:%Y-%m-%d} 00:00:00"

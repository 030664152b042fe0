"""Builds the synthetic EHRCon sample: admissions, their tables, one note each, and two tasks of each note.

What is wrong is planted, so the gold is known; it is found again by SQL in the finished database before a task is
written, and a third time by the oracle's program when the tests run.
"""

import contextlib
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from medgym_ray.tasks.base import Split
from medgym_ray.tasks.ehrcon.notes import STYLES
from medgym_ray.tasks.ehrcon.schema import DATABASE
from medgym_ray.tasks.samples.databases import write_csv, write_database
from medgym_ray.tasks.samples.ehrcon import vocabulary
from medgym_ray.tasks.samples.ehrcon.admissions import Admission, draw
from medgym_ray.tasks.samples.ehrcon.layout import TABLES
from medgym_ray.tasks.samples.ehrcon.statements import Mention, mention, verify
from medgym_ray.tasks.samples.ehrcon.wording import compose

_SPLITS: Final[tuple[Split, ...]] = ("test", "train")
_NOTES_PER_STYLE: Final = 12
_UNASKED_WRONG: Final = 0.35
"""Of what a note says beside the entities asked for: how much is wrong."""
_MENTIONED: Final[Mapping[str, Mapping[str, int]]] = {
    "discharge": {
        "LABEVENTS": 4,
        "PRESCRIPTIONS": 4,
        "DIAGNOSES_ICD": 3,
        "PROCEDURES_ICD": 2,
        "MICROBIOLOGYEVENTS": 2,
    },
    "nursing": {"CHARTEVENTS": 4, "LABEVENTS": 2, "INPUTEVENTS_CV": 2, "OUTPUTEVENTS": 2, "PRESCRIPTIONS": 2},
    "physician": {
        "CHARTEVENTS": 3,
        "LABEVENTS": 4,
        "INPUTEVENTS_CV": 1,
        "OUTPUTEVENTS": 1,
        "PRESCRIPTIONS": 3,
        "MICROBIOLOGYEVENTS": 1,
    },
}
"""Entities in a note, by table."""
_CATEGORIES: Final = {"discharge": "Discharge summary", "nursing": "Nursing", "physician": "Physician "}
_NOTE_COLUMNS: Final = (
    *("ROW_ID", "SUBJECT_ID", "HADM_ID", "CHARTDATE", "CHARTTIME", "STORETIME", "CATEGORY", "DESCRIPTION"),
    *("CGID", "ISERROR", "TEXT", "ADMITTIME"),
)

_Tables = dict[str, list[dict[str, Any]]]


def build(root: Path, seed: int) -> None:
    """Writes `root/ehrcon/`: database, notes and both splits, byte for byte the same for the same seed."""
    folder = root / "ehrcon"
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"ehrcon/{seed}")
    cohort = {split: _cohort(rng, number) for number, split in enumerate(_SPLITS)}
    admissions = [admission for split in _SPLITS for admission in cohort[split]]
    tables = _tables(rng, admissions)
    stored = {
        table: [[row[column] for column in columns] for row in tables[table]] for table, columns in TABLES.items()
    }
    write_database(folder / DATABASE, TABLES, stored)
    notes: list[tuple[Admission, str]] = []
    with contextlib.closing(sqlite3.connect(f"file:{folder / DATABASE}?mode=ro&immutable=1", uri=True)) as opened:
        for split in _SPLITS:
            records = list(_records(rng, split, cohort[split], notes, opened))
            lines = [json.dumps(record, ensure_ascii=False) for record in records]
            (folder / f"{split}_tasks.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    write_csv(folder / "clinical_notes.csv", _NOTE_COLUMNS, _note_rows(rng, notes))


def _cohort(rng: random.Random, number: int) -> list[Admission]:
    count = len(STYLES) * _NOTES_PER_STYLE
    hadms = rng.sample(range(610_000 + 100_000 * number, 690_000 + 100_000 * number), count)
    subjects = rng.sample(range(20_000 + 10_000 * number, 29_000 + 10_000 * number), count)
    styles = [style for style in STYLES for _ in range(_NOTES_PER_STYLE)]
    return [draw(rng, *who) for who in zip(styles, subjects, hadms, strict=True)]


def _records(
    rng: random.Random,
    split: Split,
    admissions: Sequence[Admission],
    notes: list[tuple[Admission, str]],
    opened: sqlite3.Connection,
) -> Iterator[dict[str, Any]]:
    """The tasks of a split; half of those of each style are about something wrong."""
    for style in STYLES:
        own = [admission for admission in admissions if admission.style == style]
        tables = list(_MENTIONED[style])
        # Diagnoses have one row each, which anyone finds: they are asked for less often.
        turns = [table for table in tables for _ in range(2 if table == "DIAGNOSES_ICD" else 5)]
        asked = [turns[number * len(turns) // (2 * len(own))] for number in range(2 * len(own))]
        # Both verdicts in turn within each table, so that the table tells nothing.
        wrong = [number % 2 == 0 for number in range(2 * len(own))]
        pairs = list(zip(asked, wrong, strict=True))
        rng.shuffle(pairs)
        for place, admission in enumerate(own):
            chosen, others = _mentions(rng, admission, pairs[2 * place : 2 * place + 2])
            notes.append((admission, compose(rng, admission, [*chosen, *others])))
            for said in chosen:
                evidence = said.evidence()
                verify(opened, admission.hadm, evidence)
                yield {
                    "Hospital admission": f"{admission.hadm}.0",
                    "Medical entity": said.entity.spoken,
                    "Number of inconsistencies": said.count,
                    "Has error": str(said.count > 0),
                    "split": split,
                    "category": style,
                    "Evidence": evidence.fields(),
                }


def _mentions(
    rng: random.Random, admission: Admission, asked: Sequence[tuple[str, bool]]
) -> tuple[list[Mention], list[Mention]]:
    """What the tasks are about, and what else the note says."""
    wanted = Counter(_MENTIONED[admission.style])
    for table, _ in asked:
        wanted[table] = max(wanted[table] - 1, 0)
    left = rng.sample(admission.entities, len(admission.entities))

    def next_of(table: str, wrong: bool) -> Mention:
        for entity in [entity for entity in left if entity.table == table]:
            left.remove(entity)
            if said := mention(rng, admission, entity, wrong):
                return said
        raise RuntimeError(f"admission {admission.hadm}: nothing of {table} to speak of")

    chosen = [next_of(*pair) for pair in asked]
    return chosen, [
        next_of(table, rng.random() < _UNASKED_WRONG) for table, count in wanted.items() for _ in range(count)
    ]


def _tables(rng: random.Random, admissions: Sequence[Admission]) -> _Tables:
    """All rows; ROW_IDs rise within a table, with gaps, and no two tables share one."""
    tables: _Tables = {table: [] for table in TABLES}
    codes = _dictionaries(tables)
    for admission in admissions:
        _stay(rng, admission, tables)
        ids = {"SUBJECT_ID": admission.subject, "HADM_ID": admission.hadm}
        for entity in admission.entities:
            for row in entity.rows:
                known = {**ids, "ICUSTAY_ID": admission.hadm + 1_000, "ITEMID": codes.get((entity.table, entity.name))}
                named = {
                    "DRUG": entity.name,
                    "SPEC_TYPE_DESC": entity.name,
                    "ENDDATE": f"{admission.discharged:%Y-%m-%d} 00:00:00",
                }
                values = {column: _stored(value) for column, value in row.values.items()}
                tables[entity.table].append({**known, **named, **values, "row": row})
    count = sum(map(len, tables.values()))
    row_ids = iter(sorted(rng.sample(range(1_000_000, 9_999_999), count)))
    for rows in tables.values():
        for fields in rows:
            fields["ROW_ID"] = next(row_ids)
            if "row" in fields:
                fields["row"].row_id = fields["ROW_ID"]
    return tables


def _dictionaries(tables: _Tables) -> dict[tuple[str, str], int]:
    """Fills the dictionaries; the item numbers by table and label."""
    codes: dict[tuple[str, str], int] = {}
    for number, lab in enumerate(vocabulary.LABS):
        codes["LABEVENTS", lab.label] = 57_001 + 7 * number
        tables["D_LABITEMS"].append({"ITEMID": 57_001 + 7 * number, "LABEL": lab.label})
    items = [
        *(("CHARTEVENTS", item.label) for item in vocabulary.VITALS),
        *(("INPUTEVENTS_CV", item.label) for item in vocabulary.INTAKE),
        *(("OUTPUTEVENTS", item.label) for item in vocabulary.OUTPUT),
    ]
    for number, (table, label) in enumerate(items):
        codes[table, label] = 310_001 + 11 * number
        tables["D_ITEMS"].append({"ITEMID": 310_001 + 11 * number, "LABEL": label, "LINKSTO": table.lower()})
    for table, coded in (("D_ICD_DIAGNOSES", vocabulary.DIAGNOSES), ("D_ICD_PROCEDURES", vocabulary.PROCEDURES)):
        tables[table] += [{"ICD9_CODE": c.code, "SHORT_TITLE": c.short, "LONG_TITLE": c.label} for c in coded]
    return codes


def _stay(rng: random.Random, admission: Admission, tables: _Tables) -> None:
    """The patient, the admission and its stay on a ward."""
    age = rng.randint(28, 86)
    born = admission.admitted - timedelta(days=round(365.25 * age) + rng.randrange(300))
    ids = {"SUBJECT_ID": admission.subject, "HADM_ID": admission.hadm}
    tables["PATIENTS"].append({**ids, "GENDER": rng.choice("FM"), "DOB": f"{born:%Y-%m-%d} 00:00:00", "DOD": None})
    tables["ADMISSIONS"].append(
        {
            **ids,
            "ADMITTIME": _stored(admission.admitted),
            "DISCHTIME": _stored(admission.discharged),
            "ADMISSION_TYPE": rng.choice(("EMERGENCY", "ELECTIVE", "URGENT")),
            "ADMISSION_LOCATION": "EMERGENCY ROOM ADMIT",
            "DISCHARGE_LOCATION": rng.choice(("HOME", "REHAB", "SNF")),
            "INSURANCE": rng.choice(("Medicare", "Private", "Medicaid")),
            "LANGUAGE": "ENGL",
            "MARITAL_STATUS": rng.choice(("MARRIED", "SINGLE", "WIDOWED")),
            "ETHNICITY": "UNKNOWN",
            "AGE": age,
        }
    )
    ward = rng.randint(11, 48)
    tables["ICUSTAYS"].append(
        {
            **ids,
            "ICUSTAY_ID": admission.hadm + 1_000,
            "FIRST_CAREUNIT": "MICU",
            "LAST_CAREUNIT": "MICU",
            "FIRST_WARDID": ward,
            "LAST_WARDID": ward,
            "INTIME": _stored(admission.admitted),
            "OUTTIME": _stored(admission.discharged),
        }
    )


def _stored(value: Any) -> Any:
    return f"{value:%Y-%m-%d %H:%M:%S}" if isinstance(value, datetime) else value


def _note_rows(rng: random.Random, notes: Sequence[tuple[Admission, str]]) -> Iterator[Sequence[Any]]:
    row_ids = sorted(rng.sample(range(300_000, 900_000), len(notes)))
    for row_id, (admission, text) in zip(row_ids, notes, strict=True):
        written = _stored(admission.written)
        ids = (row_id, admission.subject, f"{admission.hadm}.0", written[:10], written, written)
        yield (*ids, _CATEGORIES[admission.style], "Report", None, None, text, _stored(admission.admitted))

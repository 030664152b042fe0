"""The MIMIC-III-like sample: 200 synthetic patients, and questions about them."""

import random
from pathlib import Path
from typing import Final

from medgym_ray.tasks.samples.ehrsql import course, database, mimic_tables
from medgym_ray.tasks.samples.ehrsql.builder import Bank, write_tasks
from medgym_ray.tasks.samples.ehrsql.mimic_bedside import COSTS, CULTURES, VITALS
from medgym_ray.tasks.samples.ehrsql.mimic_people import DEMOGRAPHICS, DIAGNOSES, STAYS
from medgym_ray.tasks.samples.ehrsql.mimic_sources import MACROS, SOURCES, VISITS
from medgym_ray.tasks.samples.ehrsql.mimic_treatment import DRUGS, LABS, PROCEDURES

PATIENTS: Final = 200
BANK: Final = Bank(
    "mimic_iii",
    (*DEMOGRAPHICS, *STAYS, *DIAGNOSES, *PROCEDURES, *DRUGS, *LABS, *VITALS, *CULTURES, *COSTS),
    SOURCES,
    MACROS,
    VISITS,
)


def build(root: Path, seed: int) -> None:
    """Writes `root/mimic_iii`: tables as CSV, the database, both splits. The same seed writes the same bytes."""
    folder = root / BANK.name
    rng = random.Random(f"{BANK.name}/{seed}")
    people = course.patients(rng, PATIENTS)
    database.write(folder, BANK.name, mimic_tables.SCHEMA, mimic_tables.tables(rng, people))
    write_tasks(folder, BANK, seed)

"""The eICU-like sample: synthetic patients of intensive care units, and questions about them."""

import random
from pathlib import Path
from typing import Final

from medgym_ray.tasks.samples.ehrsql import course, database, eicu_tables
from medgym_ray.tasks.samples.ehrsql.builder import Bank, write_tasks
from medgym_ray.tasks.samples.ehrsql.eicu_bedside import COSTS, CULTURES, LABS, VITALS
from medgym_ray.tasks.samples.ehrsql.eicu_sources import MACROS, SOURCES, VISITS
from medgym_ray.tasks.samples.ehrsql.eicu_treatment import DEMOGRAPHICS, DIAGNOSES, DRUGS, STAYS, TREATMENTS

PATIENTS: Final = 200
BANK: Final = Bank(
    "eicu",
    (*DEMOGRAPHICS, *STAYS, *DIAGNOSES, *TREATMENTS, *DRUGS, *LABS, *VITALS, *CULTURES, *COSTS),
    SOURCES,
    MACROS,
    VISITS,
)


def build(root: Path, seed: int) -> None:
    """Writes `root/eicu`: tables as CSV, the database, both splits. The same seed writes the same bytes."""
    folder = root / BANK.name
    rng = random.Random(f"{BANK.name}/{seed}")
    people = course.patients(rng, PATIENTS)
    database.write(folder, BANK.name, eicu_tables.SCHEMA, eicu_tables.tables(rng, people))
    write_tasks(folder, BANK, seed)

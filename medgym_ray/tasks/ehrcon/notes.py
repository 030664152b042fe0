"""The clinical notes of admissions, out of `clinical_notes.csv`."""

import csv
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medgym_ray.errors import TaskError
from medgym_ray.scoring import canonical
from medgym_ray.tasks.base import LoadReport

STYLES = ("discharge", "nursing", "physician")
"""The kinds of notes that EHRCon has; the families' categories."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note; `style` is None where its CATEGORY is none of ours."""

    style: str | None
    text: str


def read_notes(path: Path, admissions: Collection[int], report: LoadReport) -> Mapping[int, Sequence[Note]]:
    """The notes of these admissions in file order; a row without admission or text is reported.

    Raises TaskError where the file is missing or is no such CSV file.
    """
    found: defaultdict[int, list[Note]] = defaultdict(list)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if missing := {"HADM_ID", "TEXT"} - set(reader.fieldnames or ()):
                raise TaskError(f"{path}: has no column {' and '.join(sorted(missing))}")
            for row in reader:
                admission = whole(row["HADM_ID"])
                if admission is None or not (row["TEXT"] or "").strip():
                    report.record_broken(path, reader.line_num, "a note without admission or text")
                elif admission in admissions:
                    found[admission].append(Note(_style(row.get("CATEGORY")), row["TEXT"]))
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise TaskError(f"{path}: cannot be read as CSV: {error}") from error
    return found


def about(entity: str, notes: Sequence[Note]) -> Sequence[Note]:
    """The notes that mention an entity; all of them where none spells it so."""
    mentioned = entity.casefold()
    return [note for note in notes if mentioned in note.text.casefold()] or notes


def whole(value: Any) -> int | None:
    """A whole number that may be spelled as a float ("127294.0"), else None."""
    stated = canonical.number(value)
    return int(stated) if stated is not None and stated == int(stated) else None


def _style(category: str | None) -> str | None:
    """Of a CATEGORY as it is in the hospital's tables: "Discharge summary", "Nursing/other", "Physician "."""
    spelled = (category or "").strip().casefold()
    return next((style for style in STYLES if spelled.startswith(style)), None)

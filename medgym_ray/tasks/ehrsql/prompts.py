"""What the agent is told beside the question: where the tables are, what time it is, how to state the answer."""

from collections.abc import Sequence
from typing import Final

from medgym_ray.tasks.sql.clock import NOW, postprocess

_PROMPT: Final = """\
{question}

The tables lie in {folder}, each as a CSV file and all of them in the SQLite database {folder}/{name}.db. {notes} It \
is now {now}: “ago”, “current” and this or the last (calendar) month or year are meant by this instant, not by the \
clock of the machine.{ranges}
Assign to the variable `answer` the value that is asked for, or a list of values, or a list of rows with the columns \
in the question's order; the order of rows does not matter. State texts and times as the tables have them, numbers \
unrounded, yes or no as True or False, and None where there is no value. List a value that several rows hold once, \
and count a patient once, unless the question says otherwise. In a ranking, equal counts share a place and the next \
lower count has the next place. A duration is exact, with its fraction, in the unit of the question."""

_NOTES: Final = {
    "mimic_iii": (
        "A row of ADMISSIONS is a hospital visit (HADM_ID), a row of ICUSTAYS a stay in an intensive care unit; the "
        "current ones have no DISCHTIME or OUTTIME. COST has one row for each diagnosis, procedure, laboratory test "
        "and prescription: EVENT_TYPE names its table and EVENT_ID the ROW_ID there."
    ),
    "eicu": (
        "A row of patient is a stay in an intensive care unit (patientunitstayid) within a hospital visit "
        "(patienthealthsystemstayid); the current ones have no unitdischargetime or hospitaldischargetime. A patient "
        "is a uniquepid. cost has one row for each diagnosis, treatment, laboratory test and medication: eventtype "
        "names its table and eventid the id there."
    ),
}


def prompt_text(name: str, folder: str, question: str, vitals: Sequence[str]) -> str:
    """The first message's part on a task; `vitals` are those whose normal range the question speaks of."""
    ranges = "; ".join(
        f"{vital.replace('_', ' ')} from {postprocess(f'{vital}_lower')} to {postprocess(f'{vital}_upper')}"
        for vital in vitals
    )
    return _PROMPT.format(
        question=question.strip(),
        folder=folder,
        name=name,
        notes=_NOTES[name],
        now=NOW,
        ranges=f" Normal ranges, bounds included: {ranges}." if ranges else "",
    )

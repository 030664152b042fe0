"""The nine categories that both families share, and which of them a query without a category belongs to."""

import re
from typing import Final

TOPICS: Final = (
    "demographics",
    "hospital_stay",
    "diagnosis",
    "procedure",
    "medication",
    "laboratory",
    "vitals_and_fluids",
    "microbiology",
    "cost",
)
_SUBJECTS: Final = {
    "cost": r"cost",
    "microbiology": r"microbiologyevents|microlab|spec_type_desc|org_name|culturesite|organism",
    "vitals_and_fluids": r"chartevents|inputevents_cv|outputevents|d_items|vitalperiodic|intakeoutput|celllabel",
    "laboratory": r"labevents|d_labitems|lab|labname",
    "medication": r"prescriptions|medication|allergy|drug|drugname",
    "procedure": r"procedures_icd|d_icd_procedures|treatment|treatmentname",
    "diagnosis": r"diagnoses_icd|d_icd_diagnoses|diagnosis|diagnosisname",
    "hospital_stay": (
        r"icustays|transfers|(?:admissions|patient)\.(?:admittime|dischtime|admission_type|admission_location"
        r"|discharge_location|hospitaladmittime|hospitaladmitsource|hospitaldischargetime|unitadmittime"
        r"|unitdischargetime|wardid|hospitalid)"
    ),
    "demographics": (
        r"(?:patients|admissions|patient)\.(?:gender|dob|dod|age|ethnicity|language|insurance|marital_status"
        r"|admissionheight|admissionweight|dischargeweight|hospitaldischargestatus)"
    ),
}
"""What a query is about, by the tables and columns that speak for it; keys join the tables and speak for nothing."""
_NAMED: Final = re.compile(r"\b(?:" + "|".join(f"(?P<{topic}>{named})" for topic, named in _SUBJECTS.items()) + r")\b")
_LITERAL: Final = re.compile(r"'(?:[^']|'')*'")


def topic_of(sql: str) -> str:
    """The category of what a query names first: what it selects, or else what it selects by."""
    named = _NAMED.search(_LITERAL.sub("''", sql.lower()))
    return named.lastgroup or "" if named else "demographics"

"""The question templates of the treqs sample: what is selected, under which conditions, and how one asks for it.

In a SELECT, `$key` is a column of COLUMNS. A condition is a key and an operator, the value being drawn from an
admission, or a key, an operator and a value. In a question, `{key}` is the value that was drawn.
"""

from typing import Final, NamedTuple

COLUMNS: Final = {
    "subject": ("DEMOGRAPHIC", "SUBJECT_ID"),
    "hadm": ("DEMOGRAPHIC", "HADM_ID"),
    "name": ("DEMOGRAPHIC", "NAME"),
    "marital": ("DEMOGRAPHIC", "MARITAL_STATUS"),
    "age": ("DEMOGRAPHIC", "AGE"),
    "dob": ("DEMOGRAPHIC", "DOB"),
    "gender": ("DEMOGRAPHIC", "GENDER"),
    "language": ("DEMOGRAPHIC", "LANGUAGE"),
    "religion": ("DEMOGRAPHIC", "RELIGION"),
    "kind": ("DEMOGRAPHIC", "ADMISSION_TYPE"),
    "stay": ("DEMOGRAPHIC", "DAYS_STAY"),
    "insurance": ("DEMOGRAPHIC", "INSURANCE"),
    "ethnicity": ("DEMOGRAPHIC", "ETHNICITY"),
    "expired": ("DEMOGRAPHIC", "EXPIRE_FLAG"),
    "source": ("DEMOGRAPHIC", "ADMISSION_LOCATION"),
    "destination": ("DEMOGRAPHIC", "DISCHARGE_LOCATION"),
    "complaint": ("DEMOGRAPHIC", "DIAGNOSIS"),
    "dod": ("DEMOGRAPHIC", "DOD"),
    "born": ("DEMOGRAPHIC", "DOB_YEAR"),
    "died": ("DEMOGRAPHIC", "DOD_YEAR"),
    "admitted": ("DEMOGRAPHIC", "ADMITTIME"),
    "discharged": ("DEMOGRAPHIC", "DISCHTIME"),
    "year": ("DEMOGRAPHIC", "ADMITYEAR"),
    "dx_subject": ("DIAGNOSES", "SUBJECT_ID"),
    "dx_hadm": ("DIAGNOSES", "HADM_ID"),
    "dx_code": ("DIAGNOSES", "ICD9_CODE"),
    "dx": ("DIAGNOSES", "SHORT_TITLE"),
    "dx_long": ("DIAGNOSES", "LONG_TITLE"),
    "px_hadm": ("PROCEDURES", "HADM_ID"),
    "px_code": ("PROCEDURES", "ICD9_CODE"),
    "px": ("PROCEDURES", "SHORT_TITLE"),
    "px_long": ("PROCEDURES", "LONG_TITLE"),
    "rx_hadm": ("PRESCRIPTIONS", "HADM_ID"),
    "drug": ("PRESCRIPTIONS", "DRUG"),
    "drug_code": ("PRESCRIPTIONS", "FORMULARY_DRUG_CD"),
    "drug_type": ("PRESCRIPTIONS", "DRUG_TYPE"),
    "route": ("PRESCRIPTIONS", "ROUTE"),
    "dose": ("PRESCRIPTIONS", "DRUG_DOSE"),
    "lab_hadm": ("LAB", "HADM_ID"),
    "lab": ("LAB", "LABEL"),
    "item": ("LAB", "ITEMID"),
    "fluid": ("LAB", "FLUID"),
    "lab_category": ("LAB", "CATEGORY"),
    "flag": ("LAB", "FLAG"),
    "value": ("LAB", "VALUE_UNIT"),
    "charted": ("LAB", "CHARTTIME"),
}
"""Key → table and column."""


class Template(NamedTuple):
    """A question with its SELECT and its conditions."""

    select: str
    conditions: tuple[str, ...]
    question: str


_PATIENTS: Final = "COUNT(DISTINCT $subject)"
_ADMISSIONS: Final = "COUNT(DISTINCT $hadm)"


def _templates(*rows: tuple[str, str, str]) -> tuple[Template, ...]:
    return tuple(
        Template(select, tuple(part.strip() for part in conditions.split(";")), question)
        for select, conditions, question in rows
    )


TEMPLATES: Final = _templates(
    # Counts
    (_PATIENTS, "gender =; dx =", "How many {gender} patients were diagnosed with '{dx}'?"),
    (_PATIENTS, "drug =; age <", "Count the patients given {drug} in an admission at an age below {age}."),
    (_PATIENTS, "insurance =; px =", "How many patients had the procedure '{px}' in an admission paid by {insurance}?"),
    (
        _PATIENTS,
        "dx_code =; kind =",
        "How many patients have the diagnosis code {dx_code} in an admission of type {kind}?",
    ),
    (_PATIENTS, "px_code =; gender =", "Give the number of {gender} patients with procedure code {px_code}."),
    (_PATIENTS, "lab =; ethnicity =", "How many patients of ethnicity {ethnicity} had {lab} measured?"),
    (
        _PATIENTS,
        "lab =; flag = abnormal; gender =",
        "For how many {gender} patients was a result of {lab} flagged abnormal?",
    ),
    (
        _PATIENTS,
        "fluid =; flag = abnormal; year =",
        "Among admissions of the year {year}, how many patients had an abnormal result in the fluid {fluid}?",
    ),
    (
        _PATIENTS,
        "religion =; destination =",
        "How many patients of religion {religion} were discharged to {destination}?",
    ),
    (
        _PATIENTS,
        "language =; stay >",
        "How many patients with language {language} stayed longer than {stay} days in one admission?",
    ),
    (
        _PATIENTS,
        "marital =; complaint =",
        "How many patients with marital status {marital} came with {complaint} as the primary complaint?",
    ),
    (_PATIENTS, "born <; source =", "How many patients born before {born} were admitted from {source}?"),
    (_PATIENTS, "route =; drug =; gender =", "How many {gender} patients got {drug} by the route {route}?"),
    (
        _PATIENTS,
        "drug_code =; expired = 1",
        "How many of the patients with an order of formulary code {drug_code} have died at any time?",
    ),
    (_PATIENTS, "dx_long =; age >=", "How many patients aged {age} or more when admitted were coded as '{dx_long}'?"),
    (
        _PATIENTS,
        "dx =; drug =",
        "How many patients had both the diagnosis '{dx}' and an order of {drug} in the same admission?",
    ),
    (
        _PATIENTS,
        "dx =; px =",
        "In how many patients do the diagnosis '{dx}' and the procedure '{px}' fall into the same admission?",
    ),
    (
        _PATIENTS,
        "px =; lab =; flag = abnormal",
        "How many patients with the procedure '{px}' had an abnormal {lab} during that admission?",
    ),
    (_PATIENTS, "died <=; gender =", "How many {gender} patients died in {died} or earlier?"),
    (_ADMISSIONS, "kind =; year =", "How many admissions of type {kind} began in {year}?"),
    (_ADMISSIONS, "insurance =; stay <", "How many admissions paid by {insurance} lasted less than {stay} days?"),
    (
        _ADMISSIONS,
        "drug_type =; route =; year =",
        "In how many admissions of {year} was a drug of type {drug_type} given by the route {route}?",
    ),
    (
        _ADMISSIONS,
        "lab_category =; fluid =; kind =",
        "How many admissions of type {kind} have a {lab_category} test on {fluid}?",
    ),
    (
        "COUNT(DISTINCT $drug)",
        "name =",
        "How many different drugs were ordered for the patient {name} over all admissions?",
    ),
    (
        "COUNT(DISTINCT $lab)",
        "subject =; flag = abnormal",
        "How many different laboratory tests were flagged abnormal for patient ID {subject}?",
    ),
    # Extremes
    (
        "MAX($age)",
        "dx =; gender =",
        "How old was the oldest {gender} patient at an admission with the diagnosis '{dx}'?",
    ),
    (
        "MIN($age)",
        "drug =; insurance =",
        "What is the lowest age at an admission paid by {insurance} in which {drug} was ordered?",
    ),
    ("MAX($stay)", "px =", "What was the longest stay in days of an admission with the procedure '{px}'?"),
    (
        "MIN($stay)",
        "dx_code =; kind =",
        "Give the shortest stay in days among admissions of type {kind} with diagnosis code {dx_code}.",
    ),
    (
        "MAX($stay)",
        "religion =; marital =",
        "What is the longest stay in days of a patient with religion {religion} and marital status {marital}?",
    ),
    (
        "MIN($born)",
        "ethnicity =; language =",
        "In which year was the first-born patient of ethnicity {ethnicity} with language {language} born?",
    ),
    (
        "MAX($born)",
        "drug =; destination =",
        "What is the latest year of birth among patients given {drug} and discharged to {destination}?",
    ),
    (
        "MAX($age)",
        "source =; complaint =",
        "What was the greatest age of a patient admitted from {source} with {complaint}?",
    ),
    (
        "MIN($age)",
        "px_long =",
        "What was the youngest age at an admission with the procedure described as '{px_long}'?",
    ),
    (
        "MAX($stay)",
        "lab =; flag = abnormal; year =",
        "Of the admissions in {year} with an abnormal {lab}, how many days did the longest last?",
    ),
    (
        "MAX($admitted)",
        "dx =; expired = 1",
        "When did the latest admission with '{dx}' begin among patients who have died at any time?",
    ),
    (
        "MIN($admitted)",
        "px =; gender =",
        "When was a {gender} patient first admitted in whose admission '{px}' was done?",
    ),
    (
        "MAX($discharged)",
        "drug =; route =",
        "When ended the admission that was discharged last among those with {drug} given by the route {route}?",
    ),
    ("MIN($dod)", "dx =", "What is the earliest date of death among patients diagnosed with '{dx}'?"),
    ("MAX($charted)", "lab =; name =", "When was {lab} last charted for the patient {name}?"),
    # Averages
    ("AVG($age)", "gender =; kind =", "What is the mean age over all admissions of type {kind} of {gender} patients?"),
    ("AVG($age)", "dx =", "Over the admissions with the diagnosis '{dx}', what is the average age?"),
    (
        "AVG($age)",
        "drug =; gender =",
        "What is the average age over admissions of {gender} patients in which {drug} was ordered?",
    ),
    ("AVG($age)", "px_code =", "Average the age over the admissions that have the procedure code {px_code}."),
    (
        "AVG($age)",
        "insurance =; year >=",
        "What is the average age over admissions paid by {insurance} in {year} or later?",
    ),
    ("AVG($stay)", "dx_code =", "What is the average stay in days over admissions with diagnosis code {dx_code}?"),
    (
        "AVG($stay)",
        "destination =; gender =",
        "How many days does an admission of a {gender} patient discharged to {destination} last on average?",
    ),
    (
        "AVG($stay)",
        "px =; kind =",
        "What is the mean stay in days over admissions of type {kind} with the procedure '{px}'?",
    ),
    (
        "AVG($stay)",
        "drug =; born <",
        "Over admissions with {drug} of patients born before {born}, what is the average stay in days?",
    ),
    (
        "AVG($stay)",
        "religion =",
        "Give the average stay in days over the admissions of patients of religion {religion}.",
    ),
    (
        "AVG($stay)",
        "ethnicity =; source =",
        "What is the average number of days stayed when a patient of ethnicity {ethnicity} is admitted from {source}?",
    ),
    ("AVG($born)", "complaint =", "What is the average year of birth over the admissions for {complaint}?"),
    # Retrieval
    ("$age, $gender", "hadm =", "What were age and gender of the patient of admission {hadm}?"),
    ("$kind, $insurance", "hadm =", "State type and insurance of the admission {hadm}."),
    ("$admitted, $discharged", "name =", "When did each admission of {name} begin and end?"),
    ("$hadm, $stay", "name =", "List the IDs of all admissions of {name}, each with its stay in days."),
    ("DISTINCT $dob", "name =", "What is the date of birth of {name}?"),
    ("DISTINCT $religion, $language", "subject =", "What are religion and language of the patient with ID {subject}?"),
    (
        "$source, $destination",
        "hadm =",
        "From where was the patient of admission {hadm} admitted, and where did they go afterwards?",
    ),
    (
        "$complaint, $year",
        "subject =",
        "List the primary complaint and the year of every admission of patient ID {subject}.",
    ),
    ("DISTINCT $dod", "name =; expired = 1", "On which date did {name} die?"),
    ("$dx", "dx_hadm =", "Which diagnoses, by short title, belong to admission {dx_hadm}?"),
    ("$dx_code, $dx_long", "dx_hadm =", "List code and long title of every diagnosis of admission {dx_hadm}."),
    ("DISTINCT $dx_long", "name =; year =", "Give the long titles of the diagnoses of {name} in {year}."),
    ("$px, $px_code", "px_hadm =", "List short title and code of every procedure of admission {px_hadm}."),
    ("DISTINCT $px_long", "name =", "Which procedures, by long title, did {name} undergo?"),
    ("DISTINCT $dx_code", "dx =", "Which ICD-9 code has the diagnosis '{dx}'?"),
    ("DISTINCT $px_long", "px_code =", "What is the long title of procedure code {px_code}?"),
    (
        "$dose, $route",
        "rx_hadm =; drug =",
        "In which dose and by which route was {drug} ordered in admission {rx_hadm}?",
    ),
    ("$drug", "rx_hadm =; route =", "Which drugs were given by the route {route} in admission {rx_hadm}?"),
    ("DISTINCT $drug_code", "drug =", "What is the formulary code of {drug}?"),
    (
        "DISTINCT $drug, $dose",
        "name =; year =",
        "List the drugs with their doses that were ordered for {name} in {year}.",
    ),
    (
        "DISTINCT $lab",
        "lab_hadm =; flag = abnormal",
        "Which laboratory tests were flagged abnormal in admission {lab_hadm}?",
    ),
    (
        "$value, $charted",
        "lab_hadm =; lab =",
        "List the values, with their units, and the times of {lab} in admission {lab_hadm}.",
    ),
    (
        "DISTINCT $name",
        "dx =; drug =; px =",
        "Name the patients with the diagnosis '{dx}', the drug {drug} and the procedure '{px}' in one admission.",
    ),
    (
        "DISTINCT $name",
        "complaint =; year =; gender =",
        "Name all {gender} patients who were admitted for {complaint} in {year}.",
    ),
    (
        "DISTINCT $subject, $age",
        "source =; destination =; dx =",
        "For admissions from {source} with '{dx}' that led to {destination}, list patient ID and age.",
    ),
)

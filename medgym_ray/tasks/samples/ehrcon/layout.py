"""The tables of the sample's database: those of MIMIC-III, with the columns that EHRCon's tasks were given."""

from collections.abc import Mapping
from typing import Final

_TIME: Final = "TIMESTAMP(0)"
_ROW: Final = {"ROW_ID": "INTEGER PRIMARY KEY"}
_STAY: Final = {**_ROW, "SUBJECT_ID": "INT", "HADM_ID": "INT"}
_UNIT: Final = {**_STAY, "ICUSTAY_ID": "INT"}
_CODED: Final = {**_STAY, "ICD9_CODE": "VARCHAR(10)", "CHARTTIME": _TIME}
_TITLES: Final = {
    **_ROW,
    "ICD9_CODE": "VARCHAR(10)",
    "SHORT_TITLE": "VARCHAR(50)",
    "LONG_TITLE": "VARCHAR(255)",
}

TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "PATIENTS": {
        **_ROW,
        "SUBJECT_ID": "INT",
        "GENDER": "VARCHAR(5)",
        "DOB": _TIME,
        "DOD": _TIME,
    },
    "ADMISSIONS": {
        **_STAY,
        "ADMITTIME": _TIME,
        "DISCHTIME": _TIME,
        "ADMISSION_TYPE": "VARCHAR(50)",
        "ADMISSION_LOCATION": "VARCHAR(50)",
        "DISCHARGE_LOCATION": "VARCHAR(50)",
        "INSURANCE": "VARCHAR(255)",
        "LANGUAGE": "VARCHAR(10)",
        "MARITAL_STATUS": "VARCHAR(50)",
        "ETHNICITY": "VARCHAR(200)",
        "AGE": "INT",
    },
    "ICUSTAYS": {
        **_UNIT,
        "FIRST_CAREUNIT": "VARCHAR(20)",
        "LAST_CAREUNIT": "VARCHAR(20)",
        "FIRST_WARDID": "SMALLINT",
        "LAST_WARDID": "SMALLINT",
        "INTIME": _TIME,
        "OUTTIME": _TIME,
    },
    "D_ITEMS": {
        **_ROW,
        "ITEMID": "INT",
        "LABEL": "VARCHAR(200)",
        "LINKSTO": "VARCHAR(50)",
    },
    "D_LABITEMS": {
        **_ROW,
        "ITEMID": "INT",
        "LABEL": "VARCHAR(200)",
    },
    "D_ICD_DIAGNOSES": _TITLES,
    "D_ICD_PROCEDURES": _TITLES,
    "CHARTEVENTS": {
        **_UNIT,
        "ITEMID": "INT",
        "CHARTTIME": _TIME,
        "VALUENUM": "DOUBLE",
        "VALUEUOM": "VARCHAR(50)",
    },
    "LABEVENTS": {
        **_STAY,
        "ITEMID": "INT",
        "CHARTTIME": _TIME,
        "VALUENUM": "DOUBLE",
        "VALUEUOM": "VARCHAR(20)",
    },
    "INPUTEVENTS_CV": {
        **_UNIT,
        "CHARTTIME": _TIME,
        "ITEMID": "INT",
        "AMOUNT": "DOUBLE",
    },
    "OUTPUTEVENTS": {
        **_UNIT,
        "CHARTTIME": _TIME,
        "ITEMID": "INT",
        "VALUE": "DOUBLE",
    },
    "PRESCRIPTIONS": {
        **_STAY,
        "STARTDATE": _TIME,
        "ENDDATE": _TIME,
        "DRUG": "VARCHAR(100)",
        "DOSE_VAL_RX": "VARCHAR(120)",
        "DOSE_UNIT_RX": "VARCHAR(120)",
        "ROUTE": "VARCHAR(120)",
    },
    "DIAGNOSES_ICD": _CODED,
    "PROCEDURES_ICD": _CODED,
    "MICROBIOLOGYEVENTS": {
        **_STAY,
        "CHARTTIME": _TIME,
        "SPEC_TYPE_DESC": "VARCHAR(100)",
        "ORG_NAME": "VARCHAR(100)",
    },
}
"""Columns and their types, by table."""

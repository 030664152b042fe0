"""MIMIC-III-like question templates on procedures, drugs, laboratory tests and their charges."""

from typing import Final

from medgym_ray.tasks.samples.ehrsql.templates import Template, ranked

_TITLED: Final = "procedures_icd join d_icd_procedures on d_icd_procedures.icd9_code = procedures_icd.icd9_code"

PROCEDURES: Final = tuple(
    Template("procedure", *parts)
    for parts in (
        (
            "patient",
            "What are the short titles of the procedures that patient {patient} underwent {visit}?",
            "select distinct d_icd_procedures.short_title from d_icd_procedures where d_icd_procedures.icd9_code in "
            "(select procedures_icd.icd9_code from procedures_icd where {visit:procedures_icd})",
        ),
        (
            "patient_procedure",
            "When did patient {patient} last undergo “{procedure}” {when}?",
            "select procedures_icd.charttime from procedures_icd where <px> and <of procedures_icd> "
            "and {when:procedures_icd.charttime} order by procedures_icd.charttime desc limit 1",
        ),
        (
            "patient",
            "How many procedures, repetitions included, did patient {patient} undergo {when}?",
            "select count(*) from procedures_icd where <of procedures_icd> and {when:procedures_icd.charttime}",
        ),
        (
            "procedure",
            "How many patients underwent “{procedure}” {when}?",
            "select <patients> (select procedures_icd.hadm_id from procedures_icd where <px> "
            "and {when:procedures_icd.charttime})",
        ),
        (
            "none",
            "Give the short titles of the procedures in the first {n} places by how often they were done {when}.",
            ranked("d_icd_procedures.short_title", f"from {_TITLED} where {{when:procedures_icd.charttime}}"),
        ),
        (
            "patient",
            "What is the short title of the first procedure on patient {patient} {visit}?",
            "select d_icd_procedures.short_title from d_icd_procedures where d_icd_procedures.icd9_code in "
            "(select procedures_icd.icd9_code from procedures_icd where {visit:procedures_icd} "
            "order by procedures_icd.charttime asc limit 1)",
        ),
        (
            "procedure",
            "What does the long title of the procedure “{procedure}” say?",
            "select d_icd_procedures.long_title from d_icd_procedures "
            "where d_icd_procedures.short_title = '{procedure}'",
        ),
        (
            "any_procedure",
            "Has patient {patient}, among the procedures {when}, had “{procedure}”?",
            "select sum(<px>) > 0 from procedures_icd where <of procedures_icd> and {when:procedures_icd.charttime}",
        ),
        (
            "diagnosis",
            "Which procedures (short titles) hold the first {n} places by how often they were done on visits with "
            "the diagnosis “{diagnosis}”?",
            ranked("d_icd_procedures.short_title", f"from {_TITLED} where <with_dx procedures_icd>"),
        ),
        (
            "diagnosis_procedure",
            "How many patients underwent “{procedure}” on a visit with the diagnosis “{diagnosis}”?",
            "select <patients> (select procedures_icd.hadm_id from procedures_icd where <px> "
            "and <with_dx procedures_icd>)",
        ),
        (
            "patient",
            "How many hours after admission was the first procedure on patient {patient} {visit}?",
            "select (select strftime('%j',min(procedures_icd.charttime)) from procedures_icd where "
            "{visit:procedures_icd}) * 24 - (select strftime('%j',admissions.admittime) from admissions "
            "where {visit:admissions}) * 24",
        ),
    )
)
DRUGS: Final = tuple(
    Template("medication", *parts)
    for parts in (
        (
            "patient",
            "Which drugs was patient {patient} prescribed {visit}?",
            "select distinct prescriptions.drug from prescriptions where {visit:prescriptions}",
        ),
        (
            "patient_drug",
            "By which routes has patient {patient} been given {drug}?",
            "select distinct prescriptions.route from prescriptions where <of prescriptions> "
            "and prescriptions.drug = '{drug}'",
        ),
        (
            "patient_drug",
            "State the dose and its unit of the first prescription of {drug} for patient {patient} {when}.",
            "select prescriptions.dose_val_rx, prescriptions.dose_unit_rx from prescriptions where <of prescriptions> "
            "and prescriptions.drug = '{drug}' and {when:prescriptions.startdate} "
            "order by prescriptions.startdate asc limit 1",
        ),
        (
            "patient_drug",
            "What do the doses of all prescriptions of {drug} for patient {patient} {visit} add up to?",
            "select sum(prescriptions.dose_val_rx) from prescriptions where {visit:prescriptions} "
            "and prescriptions.drug = '{drug}'",
        ),
        (
            "drug",
            "How many patients were prescribed {drug} {when}?",
            "select <patients> (select prescriptions.hadm_id from prescriptions where prescriptions.drug = '{drug}' "
            "and {when:prescriptions.startdate})",
        ),
        (
            "none",
            "Which drugs hold the first {n} places by the number of prescriptions begun {when}?",
            ranked("prescriptions.drug", "from prescriptions where {when:prescriptions.startdate}"),
        ),
        (
            "patient_drug",
            "When did the last prescription of {drug} for patient {patient} begin?",
            "select prescriptions.startdate from prescriptions where <of prescriptions> "
            "and prescriptions.drug = '{drug}' order by prescriptions.startdate desc limit 1",
        ),
        (
            "patient",
            "What was the first drug prescribed to patient {patient} {visit}?",
            "select prescriptions.drug from prescriptions where {visit:prescriptions} "
            "order by prescriptions.startdate asc limit 1",
        ),
        (
            "patient",
            "How many prescriptions did patient {patient} get {when}?",
            "select count(*) from prescriptions where <of prescriptions> and {when:prescriptions.startdate}",
        ),
        (
            "drugs",
            "How many patients were prescribed both {drug} and {other} on one visit?",
            "select <patients> (select prescriptions.hadm_id from prescriptions where prescriptions.drug = '{drug}' "
            "intersect select prescriptions.hadm_id from prescriptions where prescriptions.drug = '{other}')",
        ),
        (
            "current",
            "Which of the drugs that patient {patient} was prescribed on the current visit have no end yet?",
            "select distinct prescriptions.drug from prescriptions where prescriptions.enddate is null and "
            "prescriptions.hadm_id in (select admissions.hadm_id from admissions "
            "where admissions.subject_id = {patient} and admissions.dischtime is null)",
        ),
        (
            "patient_drug",
            "How many hours did the first prescription of {drug} for patient {patient} last?",
            "select <days prescriptions.enddate prescriptions.startdate> * 24 from prescriptions "
            "where <of prescriptions> and prescriptions.drug = '{drug}' order by prescriptions.startdate asc limit 1",
        ),
        (
            "diagnosis",
            "Which drugs hold the first {n} places by the number of prescriptions on visits with the diagnosis "
            "“{diagnosis}”?",
            ranked("prescriptions.drug", "from prescriptions where <with_dx prescriptions>"),
        ),
        (
            "any_drug",
            "Did patient {patient} get {drug} among the prescriptions begun {when}?",
            "select sum(prescriptions.drug = '{drug}') > 0 from prescriptions where <of prescriptions> "
            "and {when:prescriptions.startdate}",
        ),
        (
            "drug_route",
            "In how many prescriptions was the route of {drug} {route}?",
            "select count(*) from prescriptions where prescriptions.drug = '{drug}' "
            "and prescriptions.route = '{route}'",
        ),
    )
)
LABS: Final = tuple(
    Template("laboratory", *parts)
    for parts in (
        (
            "patient_lab",
            "What was the last {lab} value of patient {patient} {when}?",
            "select labevents.valuenum from labevents where <of labevents> and <lab> "
            "and {when:labevents.charttime} order by labevents.charttime desc limit 1",
        ),
        (
            "patient_lab",
            "What was the second {lab} value of patient {patient} {visit}?",
            "select labevents.valuenum from labevents where {visit:labevents} and <lab> "
            "order by labevents.charttime asc limit 1 offset 1",
        ),
        (
            "patient_lab",
            "What was the mean {lab} of patient {patient} {visit}?",
            "select avg(labevents.valuenum) from labevents where {visit:labevents} and <lab>",
        ),
        (
            "patient_lab",
            "What was the least {lab} value of patient {patient} {when}?",
            "select min(labevents.valuenum) from labevents where <of labevents> and <lab> "
            "and {when:labevents.charttime}",
        ),
        (
            "patient_lab",
            "By how much did the last {lab} value of patient {patient} {visit} exceed the first one (negative if it "
            "was smaller)?",
            "select (select labevents.valuenum from labevents where {visit:labevents} and <lab> "
            "order by labevents.charttime desc limit 1) - (select labevents.valuenum from labevents "
            "where {visit:labevents} and <lab> order by labevents.charttime asc limit 1)",
        ),
        (
            "patient_lab",
            "How often was {lab} measured in patient {patient} {when}?",
            "select count(*) from labevents where <of labevents> and <lab> and {when:labevents.charttime}",
        ),
        (
            "patient_lab",
            "When was the greatest {lab} value of patient {patient} measured {visit}?",
            "select labevents.charttime from labevents where {visit:labevents} and <lab> "
            "order by labevents.valuenum desc limit 1",
        ),
        (
            "lab",
            "In what unit is {lab} given?",
            "select distinct labevents.valueuom from labevents where <lab>",
        ),
        (
            "patient_lab",
            "Was the last {lab} value of patient {patient} greater than the first one ever?",
            "select (select labevents.valuenum from labevents where <of labevents> and <lab> "
            "order by labevents.charttime desc limit 1) > (select labevents.valuenum from labevents "
            "where <of labevents> and <lab> order by labevents.charttime asc limit 1)",
        ),
        (
            "lab_value",
            "How many patients had a {lab} value above {threshold} {when}?",
            "select <patients> (select labevents.hadm_id from labevents where <lab> "
            "and labevents.valuenum > {threshold} and {when:labevents.charttime})",
        ),
        (
            "none",
            "Which laboratory tests hold the first {n} places by how often they were done {when}?",
            ranked(
                "d_labitems.label",
                "from labevents join d_labitems on d_labitems.itemid = labevents.itemid "
                "where {when:labevents.charttime}",
            ),
        ),
        (
            "patient",
            "Which laboratory tests were done on patient {patient} {visit}?",
            "select distinct d_labitems.label from d_labitems where d_labitems.itemid in "
            "(select labevents.itemid from labevents where {visit:labevents})",
        ),
        (
            "patient_lab",
            "How many hours lay between the first and the last {lab} measurement of patient {patient} {visit}?",
            "select (strftime('%j',max(labevents.charttime)) - strftime('%j',min(labevents.charttime))) * 24 "
            "from labevents where {visit:labevents} and <lab>",
        ),
        (
            "lab",
            "What was the mean of the {lab} values measured {when} in female patients?",
            "select avg(labevents.valuenum) from labevents where <lab> and {when:labevents.charttime} "
            "and labevents.subject_id in (select patients.subject_id from patients where patients.gender = 'f')",
        ),
    )
)

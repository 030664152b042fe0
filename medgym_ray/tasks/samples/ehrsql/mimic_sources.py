"""What the slots of the MIMIC-III-like templates are filled with, and the parts that their queries share."""

from typing import Final

from medgym_ray.tasks.samples.ehrsql.templates import Scope

_VISITS: Final = "$.hadm_id in (select admissions.hadm_id from admissions where admissions.subject_id = {patient}"
VISITS: Final = (
    Scope("on the current hospital visit", f"{_VISITS} and admissions.dischtime is null)", "rel-visit-current"),
    Scope("on the first hospital visit", f"{_VISITS} order by admissions.admittime asc limit 1)", "rel-visit-first"),
    Scope(
        "on the last hospital visit that is over",
        f"{_VISITS} and admissions.dischtime is not null order by admissions.admittime desc limit 1)",
        "rel-visit-last",
    ),
)
MACROS: Final = {
    "of": "$1.hadm_id in (select admissions.hadm_id from admissions where admissions.subject_id = {patient})",
    "lab": "labevents.itemid in (select d_labitems.itemid from d_labitems where d_labitems.label = '{lab}')",
    "item": (
        "$1.itemid in (select d_items.itemid from d_items where d_items.label = '{item}' and d_items.linksto = '$1')"
    ),
    "dx": (
        "diagnoses_icd.icd9_code in (select d_icd_diagnoses.icd9_code from d_icd_diagnoses "
        "where d_icd_diagnoses.short_title = '{diagnosis}')"
    ),
    "px": (
        "procedures_icd.icd9_code in (select d_icd_procedures.icd9_code from d_icd_procedures "
        "where d_icd_procedures.short_title = '{procedure}')"
    ),
    "with_dx": "$1.hadm_id in (select diagnoses_icd.hadm_id from diagnoses_icd where <dx>)",
    "patients": "count(distinct admissions.subject_id) from admissions where admissions.hadm_id in",
    "days": "(strftime('%j',$1) - strftime('%j',$2))",
}

_STAYED: Final = "select subject_id as patient from admissions group by subject_id"
SOURCES: Final = {
    "patient": "select subject_id as patient from patients",
    "dead": "select subject_id as patient from patients where dod is not null",
    "current": "select subject_id as patient from admissions where dischtime is null",
    "returned": f"{_STAYED} having count(dischtime) > 1",
    "intensive": "select distinct subject_id as patient from icustays",
    "two_patients": "select a.subject_id as patient, b.subject_id as other from patients a, patients b "
    "where a.row_id < b.row_id and a.row_id % 9 = b.row_id % 9",
    "admission": "select distinct insurance, admission_type as kind, admission_location as source, ethnicity, "
    "language, discharge_location as destination from admissions",
    "gender": "select distinct gender from patients",
    "unit": "select distinct first_careunit as unit from icustays",
    "none": "select 1 as whole",
    "diagnosis": "select short_title as diagnosis from d_icd_diagnoses",
    "diagnoses": "select a.short_title as diagnosis, b.short_title as other from d_icd_diagnoses a, d_icd_diagnoses b "
    "where a.row_id <> b.row_id",
    "patient_diagnosis": "select distinct subject_id as patient, short_title as diagnosis "
    "from diagnoses_icd join d_icd_diagnoses using (icd9_code)",
    "any_diagnosis": "select subject_id as patient, short_title as diagnosis from diagnoses_icd e "
    "join d_icd_diagnoses d on d.icd9_code = e.icd9_code or d.row_id = e.row_id % 43 + 1",
    "procedure": "select short_title as procedure from d_icd_procedures",
    "patient_procedure": "select distinct subject_id as patient, short_title as procedure "
    "from procedures_icd join d_icd_procedures using (icd9_code)",
    "any_procedure": "select subject_id as patient, short_title as procedure from procedures_icd e "
    "join d_icd_procedures d on d.icd9_code = e.icd9_code or d.row_id = e.row_id % 28 + 1",
    "diagnosis_procedure": "select distinct d.short_title as diagnosis, p.short_title as procedure "
    "from diagnoses_icd e join procedures_icd f using (hadm_id) join d_icd_diagnoses d on d.icd9_code = e.icd9_code "
    "join d_icd_procedures p on p.icd9_code = f.icd9_code",
    "drug": "select distinct drug from prescriptions",
    "patient_drug": "select distinct subject_id as patient, drug, route from prescriptions",
    "any_drug": "select p.subject_id as patient, q.drug from prescriptions p join prescriptions q "
    "on q.row_id in (p.row_id, p.row_id % 997 + 1)",
    "drugs": "select distinct a.drug, b.drug as other from prescriptions a join prescriptions b using (hadm_id) "
    "where a.drug < b.drug",
    "drug_route": "select distinct drug, route from prescriptions",
    "diagnosis_drug": "select distinct short_title as diagnosis, drug from prescriptions "
    "join diagnoses_icd using (hadm_id) join d_icd_diagnoses using (icd9_code)",
    "lab": "select label as lab from d_labitems",
    "lab_value": "select label as lab, valuenum as threshold from labevents join d_labitems using (itemid)",
    "patient_lab": "select subject_id as patient, label as lab from labevents join d_labitems using (itemid) "
    "group by 1, 2 having count(*) > 2",
    "vital": "select label as item, replace(label, ' ', '_') as vital from d_items "
    "where linksto = 'chartevents' and label <> 'body weight'",
    "patient_vital": "select distinct subject_id as patient, label as item, replace(label, ' ', '_') as vital "
    "from chartevents join d_items using (itemid) where label <> 'body weight'",
    "patient_intake": "select distinct subject_id as patient, label as item "
    "from inputevents_cv join d_items using (itemid)",
    "patient_output": "select distinct subject_id as patient, label as item "
    "from outputevents join d_items using (itemid)",
    "specimen": "select distinct spec_type_desc as specimen from microbiologyevents",
    "organism": "select distinct org_name as organism from microbiologyevents where org_name is not null",
    "patient_specimen": "select distinct subject_id as patient, spec_type_desc as specimen from microbiologyevents",
    "organism_drug": "select distinct org_name as organism, drug from microbiologyevents "
    "join prescriptions using (hadm_id) where org_name is not null",
    "event": "select distinct event_type as event, replace(event_type, '_icd', '') as events from cost",
    "returned_event": f"select * from ({_STAYED} having count(dischtime) > 1), "
    "(select distinct event_type as event, replace(event_type, '_icd', '') as events from cost)",
    "amount": "select distinct event_type as event, replace(event_type, '_icd', '') as events, "
    "cast(cost as int) as amount from cost",
}

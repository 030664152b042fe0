"""Conversations that end with what happened, or how often: lookups and counts."""

from typing import Final

from medgym_ray.tasks.samples.ehr_seqsql.conversation import Conversation

_DX: Final = (
    "select admissions.subject_id from admissions where admissions.hadm_id in (select diagnoses_icd.hadm_id from "
    "diagnoses_icd where diagnoses_icd.icd9_code = (select d_icd_diagnoses.icd9_code from d_icd_diagnoses where "
    "d_icd_diagnoses.short_title = '{dx}'))"
)

EVENTS: Final = (
    Conversation(
        "lookup",
        "the history of patient {patient}",
        "select subject_id as patient from admissions group by subject_id having count(*) > 1",
        (
            (
                "Which hospital visits, by ID, has patient {patient} had?",
                "select admissions.hadm_id from admissions where admissions.subject_id = {patient}",
            ),
            (
                "When did the earliest of them begin?",
                "select min(admissions.admittime) from admissions where admissions.hadm_id in ( prev_query )",
            ),
            (
                "Which diagnoses, by short title, were made in that earliest visit?",
                "select distinct d_icd_diagnoses.short_title from d_icd_diagnoses join diagnoses_icd on "
                "diagnoses_icd.icd9_code = d_icd_diagnoses.icd9_code join admissions on admissions.hadm_id = "
                "diagnoses_icd.hadm_id where admissions.subject_id = {patient} "
                "and admissions.admittime = ( prev_query )",
            ),
        ),
    ),
    Conversation(
        "lookup",
        "drugs of patient {patient}",
        "select distinct subject_id as patient, strftime('%Y', startdate) as year, route from prescriptions",
        (
            (
                "How many different drugs were ordered for patient {patient} to start in {year}?",
                "select count(distinct prescriptions.drug) from prescriptions "
                "where prescriptions.subject_id = {patient} and strftime('%y', prescriptions.startdate) = '{year}'",
            ),
            (
                "Which of them were given by the route {route}?",
                "select distinct prescriptions.drug from prescriptions where prescriptions.subject_id = {patient} "
                "and strftime('%y', prescriptions.startdate) = '{year}' and prescriptions.route = '{route}'",
            ),
        ),
    ),
    Conversation(
        "lookup",
        "cultures of patient {patient}",
        "select distinct subject_id as patient, spec_type_desc as specimen from microbiologyevents "
        "where org_name is not null",
        (
            (
                "From how many different kinds of specimen was patient {patient} cultured?",
                "select count(distinct microbiologyevents.spec_type_desc) from microbiologyevents "
                "where microbiologyevents.subject_id = {patient}",
            ),
            (
                "Which organisms did specimens of the kind {specimen} grow?",
                "select distinct microbiologyevents.org_name from microbiologyevents where "
                "microbiologyevents.subject_id = {patient} and microbiologyevents.spec_type_desc = '{specimen}' "
                "and microbiologyevents.org_name is not null",
            ),
            (
                "And when was the earliest such specimen that grew one taken?",
                "select min(microbiologyevents.charttime) from microbiologyevents where "
                "microbiologyevents.subject_id = {patient} and microbiologyevents.spec_type_desc = '{specimen}' "
                "and microbiologyevents.org_name is not null",
            ),
        ),
    ),
    Conversation(
        "lookup",
        "procedures of patient {patient} within a year",
        "select distinct subject_id as patient from procedures_icd where charttime >= '2104-12-31 23:59:00'",
        (
            (
                "Which procedures, by short title, did patient {patient} undergo within the last year, counted back "
                "from this instant?",
                "select distinct d_icd_procedures.short_title from d_icd_procedures "
                "where d_icd_procedures.icd9_code in (select procedures_icd.icd9_code from procedures_icd "
                "where procedures_icd.subject_id = {patient} "
                "and datetime(procedures_icd.charttime) >= datetime(current_time, '-1 year'))",
            ),
            (
                "When was the latest of them done?",
                "select max(procedures_icd.charttime) from procedures_icd where procedures_icd.subject_id = {patient} "
                "and datetime(procedures_icd.charttime) >= datetime(current_time, '-1 year')",
            ),
        ),
    ),
    Conversation(
        "count",
        "patients with {dx}",
        "select distinct d_icd_diagnoses.short_title as dx, prescriptions.drug from diagnoses_icd "
        "join d_icd_diagnoses on d_icd_diagnoses.icd9_code = diagnoses_icd.icd9_code "
        "join patients on patients.subject_id = diagnoses_icd.subject_id "
        "join prescriptions on prescriptions.subject_id = patients.subject_id "
        "where patients.gender = 'f'",
        (
            (
                "How many patients have ever been diagnosed with {dx}?",
                f"select count(distinct patients.subject_id) from patients where patients.subject_id in ({_DX})",
            ),
            (
                "How many of these are women?",
                "select count(distinct patients.subject_id) from patients where patients.gender = 'f' "
                f"and patients.subject_id in ({_DX})",
            ),
            (
                "For how many of those women was {drug} ever ordered?",
                "select count(distinct patients.subject_id) from patients where patients.gender = 'f' "
                f"and patients.subject_id in ({_DX}) and patients.subject_id in (select prescriptions.subject_id from "
                "prescriptions where prescriptions.drug = '{drug}')",
            ),
        ),
    ),
    Conversation(
        "count",
        "hospital visits of {year}",
        "select distinct strftime('%Y', admittime) as year, admission_type as kind, discharge_location as place "
        "from admissions where discharge_location is not null",
        (
            (
                "How many hospital visits began in {year}?",
                "select count(*) from admissions where strftime('%y', admissions.admittime) = '{year}'",
            ),
            (
                "How many of them were of the type {kind}?",
                "select count(*) from admissions where strftime('%y', admissions.admittime) = '{year}' "
                "and admissions.admission_type = '{kind}'",
            ),
            (
                "And how many of the latter ended with a discharge to: {place}?",
                "select count(*) from admissions where strftime('%y', admissions.admittime) = '{year}' "
                "and admissions.admission_type = '{kind}' and admissions.discharge_location = '{place}'",
            ),
        ),
    ),
    Conversation(
        "count",
        "who is in hospital at this time",
        "select distinct prescriptions.drug, admissions.insurance from admissions join prescriptions on "
        "prescriptions.hadm_id = admissions.hadm_id where admissions.dischtime is null",
        (
            (
                "How many patients are in hospital at present with insurance {insurance}?",
                "select count(distinct admissions.subject_id) from admissions where admissions.dischtime is null "
                "and admissions.insurance = '{insurance}'",
            ),
            (
                "How many patients are there at present whatever their insurance?",
                "select count(distinct admissions.subject_id) from admissions where admissions.dischtime is null",
            ),
            (
                "Which of all these patients, by ID, have got an order of {drug} in this visit?",
                "select distinct admissions.subject_id from admissions join prescriptions on prescriptions.hadm_id = "
                "admissions.hadm_id where admissions.dischtime is null and prescriptions.drug = '{drug}'",
            ),
            (
                "How many orders of {drug} do they have in it all together?",
                "select count(*) from prescriptions join admissions on admissions.hadm_id = prescriptions.hadm_id "
                "where admissions.dischtime is null and prescriptions.drug = '{drug}'",
            ),
        ),
    ),
    Conversation(
        "count",
        "cultures of {specimen}",
        "select distinct spec_type_desc as specimen, org_name as organism from microbiologyevents "
        "where org_name is not null",
        (
            (
                "How many cultures of {specimen} are on record?",
                "select count(*) from microbiologyevents where microbiologyevents.spec_type_desc = '{specimen}'",
            ),
            (
                "How many of them grew an organism?",
                "select count(*) from microbiologyevents where microbiologyevents.spec_type_desc = '{specimen}' "
                "and microbiologyevents.org_name is not null",
            ),
            (
                "In how many of the latter was it {organism}?",
                "select count(*) from microbiologyevents where microbiologyevents.spec_type_desc = '{specimen}' "
                "and microbiologyevents.org_name = '{organism}'",
            ),
        ),
    ),
)

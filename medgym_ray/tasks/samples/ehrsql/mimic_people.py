"""MIMIC-III-like question templates on patients, their stays, diagnoses and procedures."""

from typing import Final

from medgym_ray.tasks.samples.ehrsql.templates import Template, ranked

_FIRST: Final = "order by admissions.admittime asc limit 1"
_LAST: Final = "order by admissions.admittime desc limit 1"

DEMOGRAPHICS: Final = tuple(
    Template("demographics", *parts)
    for parts in (
        (
            "patient",
            "What is the gender of patient {patient}?",
            "select patients.gender from patients where patients.subject_id = {patient}",
        ),
        (
            "patient",
            "When was patient {patient} born?",
            "select patients.dob from patients where patients.subject_id = {patient}",
        ),
        (
            "dead",
            "When did patient {patient} die?",
            "select patients.dod from patients where patients.subject_id = {patient}",
        ),
        (
            "patient",
            "Which language was noted for patient {patient} at the latest admission?",
            f"select admissions.language from admissions where admissions.subject_id = {{patient}} {_LAST}",
        ),
        (
            "patient",
            "How was patient {patient} insured at the first admission?",
            f"select admissions.insurance from admissions where admissions.subject_id = {{patient}} {_FIRST}",
        ),
        (
            "patient",
            "What was the marital status of patient {patient} when last admitted {when}?",
            "select admissions.marital_status from admissions where admissions.subject_id = {patient} "
            f"and {{when:admissions.admittime}} {_LAST}",
        ),
        (
            "patient",
            "To which ethnicity does patient {patient} belong?",
            "select distinct admissions.ethnicity from admissions where admissions.subject_id = {patient}",
        ),
        (
            "patient",
            "What age was noted for patient {patient} at the first admission {when}?",
            "select admissions.age from admissions where admissions.subject_id = {patient} "
            f"and {{when:admissions.admittime}} {_FIRST}",
        ),
        (
            "admission",
            "How many patients with {insurance} insurance were admitted {when}?",
            "select count(distinct admissions.subject_id) from admissions "
            "where admissions.insurance = '{insurance}' and {when:admissions.admittime}",
        ),
        (
            "gender",
            "How many patients of gender {gender} were admitted {when} with a noted age above {age}?",
            "select count(distinct admissions.subject_id) from admissions where admissions.age > {age} and "
            "admissions.subject_id in (select patients.subject_id from patients where patients.gender = '{gender}') "
            "and {when:admissions.admittime}",
        ),
        (
            "none",
            "How many patients died {when}?",
            "select count(distinct patients.subject_id) from patients where {when:patients.dod}",
        ),
        (
            "admission",
            "What is the mean of the ages noted at the {kind} admissions {when}?",
            "select avg(admissions.age) from admissions where admissions.admission_type = '{kind}' "
            "and {when:admissions.admittime}",
        ),
        (
            "none",
            "Which ethnicities hold the first {n} places by the number of hospital visits that began {when}?",
            ranked("admissions.ethnicity", "from admissions where {when:admissions.admittime}"),
        ),
        (
            "two_patients",
            "Was the age noted at the first admission of patient {patient} above that of patient {other}?",
            f"select (select admissions.age from admissions where admissions.subject_id = {{patient}} {_FIRST}) > "
            f"(select admissions.age from admissions where admissions.subject_id = {{other}} {_FIRST})",
        ),
    )
)
STAYS: Final = tuple(
    Template("hospital_stay", *parts)
    for parts in (
        (
            "patient",
            "When was patient {patient} admitted for the first time {when}?",
            "select admissions.admittime from admissions where admissions.subject_id = {patient} "
            f"and {{when:admissions.admittime}} {_FIRST}",
        ),
        (
            "patient",
            "What type of admission was the latest one of patient {patient}?",
            f"select admissions.admission_type from admissions where admissions.subject_id = {{patient}} {_LAST}",
        ),
        (
            "returned",
            "How many hospital visits of patient {patient} began {when}?",
            "select count(distinct admissions.hadm_id) from admissions where admissions.subject_id = {patient} "
            "and {when:admissions.admittime}",
        ),
        (
            "patient",
            "How many days did the last hospital visit of patient {patient} that is over take?",
            "select <days admissions.dischtime admissions.admittime> from admissions "
            f"where admissions.subject_id = {{patient}} and admissions.dischtime is not null {_LAST}",
        ),
        (
            "admission",
            "How many patients are in hospital now after an admission of type {kind}?",
            "select count(distinct admissions.subject_id) from admissions where admissions.dischtime is null "
            "and admissions.admission_type = '{kind}'",
        ),
        (
            "patient",
            "When was patient {patient} last discharged from hospital {when}?",
            "select admissions.dischtime from admissions where admissions.subject_id = {patient} "
            "and {when:admissions.dischtime} order by admissions.dischtime desc limit 1",
        ),
        (
            "intensive",
            "In which care unit was the first intensive care stay of patient {patient} {when}?",
            "select icustays.first_careunit from icustays where <of icustays> and {when:icustays.intime} "
            "order by icustays.intime asc limit 1",
        ),
        (
            "intensive",
            "How many hours did the longest finished intensive care stay of patient {patient} take?",
            "select max(<days icustays.outtime icustays.intime>) * 24 from icustays where <of icustays>",
        ),
        (
            "patient",
            "What is the number of the ward that patient {patient} was first transferred to {visit}?",
            "select transfers.wardid from transfers where transfers.eventtype = 'transfer' and {visit:transfers} "
            "order by transfers.intime asc limit 1",
        ),
        (
            "admission",
            "How many patients were discharged to the destination “{destination}” {when}?",
            "select count(distinct admissions.subject_id) from admissions "
            "where admissions.discharge_location = '{destination}' and {when:admissions.dischtime}",
        ),
        (
            "current",
            "How many days has patient {patient} been in hospital by now?",
            "select <days current_time admissions.admittime> from admissions "
            "where admissions.subject_id = {patient} and admissions.dischtime is null",
        ),
        (
            "admission",
            "How many days did the finished visits that began {when} by way of “{source}” take on average?",
            "select avg(<days admissions.dischtime admissions.admittime>) from admissions "
            "where admissions.admission_location = '{source}' and {when:admissions.admittime}",
        ),
        (
            "none",
            "Which care units hold the first {n} places by the number of intensive care stays begun {when}?",
            ranked("icustays.first_careunit", "from icustays where {when:icustays.intime}"),
        ),
        (
            "returned",
            "Did the last finished hospital visit of patient {patient} take longer than the first one?",
            "select (select <days admissions.dischtime admissions.admittime> from admissions where "
            f"admissions.subject_id = {{patient}} and admissions.dischtime is not null {_LAST}) > "
            "(select <days admissions.dischtime admissions.admittime> from admissions where "
            f"admissions.subject_id = {{patient}} and admissions.dischtime is not null {_FIRST})",
        ),
        (
            "unit",
            "How many patients entered the {unit} intensive care unit {when}?",
            "select count(distinct icustays.subject_id) from icustays where icustays.first_careunit = '{unit}' "
            "and {when:icustays.intime}",
        ),
        (
            "intensive",
            "How many hours after admission did patient {patient} first enter intensive care {visit}?",
            "select (select strftime('%j',min(icustays.intime)) from icustays where {visit:icustays}) * 24 - "
            "(select strftime('%j',admissions.admittime) from admissions where {visit:admissions}) * 24",
        ),
    )
)
DIAGNOSES: Final = tuple(
    Template("diagnosis", *parts)
    for parts in (
        (
            "patient",
            "What are the short titles of the diagnoses that patient {patient} got {visit}?",
            "select distinct d_icd_diagnoses.short_title from d_icd_diagnoses where d_icd_diagnoses.icd9_code in "
            "(select diagnoses_icd.icd9_code from diagnoses_icd where {visit:diagnoses_icd})",
        ),
        (
            "patient_diagnosis",
            "When was patient {patient} first given the diagnosis “{diagnosis}” {when}?",
            "select diagnoses_icd.charttime from diagnoses_icd where <dx> and <of diagnoses_icd> "
            "and {when:diagnoses_icd.charttime} order by diagnoses_icd.charttime asc limit 1",
        ),
        (
            "diagnosis",
            "How many patients were given the diagnosis “{diagnosis}” {when}?",
            "select <patients> (select diagnoses_icd.hadm_id from diagnoses_icd where <dx> "
            "and {when:diagnoses_icd.charttime})",
        ),
        (
            "diagnosis",
            "What is the ICD-9 code of “{diagnosis}”?",
            "select d_icd_diagnoses.icd9_code from d_icd_diagnoses where d_icd_diagnoses.short_title = '{diagnosis}'",
        ),
        (
            "patient",
            "What is the short title of the first diagnosis of patient {patient} {visit}?",
            "select d_icd_diagnoses.short_title from d_icd_diagnoses where d_icd_diagnoses.icd9_code in "
            "(select diagnoses_icd.icd9_code from diagnoses_icd where {visit:diagnoses_icd} "
            "order by diagnoses_icd.charttime asc limit 1)",
        ),
        (
            "none",
            "Give the short titles of the diagnoses in the first {n} places by how often they were made {when}.",
            ranked(
                "d_icd_diagnoses.short_title",
                "from diagnoses_icd join d_icd_diagnoses on d_icd_diagnoses.icd9_code = diagnoses_icd.icd9_code "
                "where {when:diagnoses_icd.charttime}",
            ),
        ),
        (
            "patient",
            "How many different diagnoses was patient {patient} given {when}?",
            "select count(distinct diagnoses_icd.icd9_code) from diagnoses_icd where <of diagnoses_icd> "
            "and {when:diagnoses_icd.charttime}",
        ),
        (
            "any_diagnosis",
            "Is “{diagnosis}” among the diagnoses of patient {patient} {when}?",
            "select sum(<dx>) > 0 from diagnoses_icd where <of diagnoses_icd> and {when:diagnoses_icd.charttime}",
        ),
        (
            "diagnosis",
            "Which diagnoses (short titles) hold the first {n} places by the number of visits that they share with "
            "“{diagnosis}”, itself left out?",
            ranked(
                "d_icd_diagnoses.short_title",
                "from diagnoses_icd join d_icd_diagnoses on d_icd_diagnoses.icd9_code = diagnoses_icd.icd9_code "
                "where d_icd_diagnoses.short_title <> '{diagnosis}' and diagnoses_icd.hadm_id in "
                "(select diagnoses_icd.hadm_id from diagnoses_icd where <dx>)",
                "count(distinct diagnoses_icd.hadm_id)",
            ),
        ),
        (
            "patient_diagnosis",
            "How many days ago was “{diagnosis}” last diagnosed in patient {patient}?",
            "select <days current_time diagnoses_icd.charttime> from diagnoses_icd where <dx> "
            "and <of diagnoses_icd> order by diagnoses_icd.charttime desc limit 1",
        ),
        (
            "diagnoses",
            "How many patients have been given both “{diagnosis}” and “{other}”, on the same visit or not?",
            "select count(distinct diagnoses_icd.subject_id) from diagnoses_icd where <dx> and "
            "diagnoses_icd.subject_id in (select t.subject_id from diagnoses_icd as t join d_icd_diagnoses "
            "on d_icd_diagnoses.icd9_code = t.icd9_code where d_icd_diagnoses.short_title = '{other}')",
        ),
        (
            "diagnosis",
            "How many of the patients who were ever diagnosed with “{diagnosis}” are dead?",
            "select count(distinct diagnoses_icd.subject_id) from diagnoses_icd join patients on patients.subject_id "
            "= diagnoses_icd.subject_id where <dx> and patients.dod is not null",
        ),
    )
)

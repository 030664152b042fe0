"""Conversations that end with a measure, or with what comes first by one."""

from typing import Final

from medgym_ray.tasks.samples.ehr_seqsql.conversation import Conversation

_DAYS: Final = "strftime('%j', admissions.dischtime) - strftime('%j', admissions.admittime)"

MEASURES: Final = (
    Conversation(
        "measure",
        "{lab} of patient {patient}",
        "select labevents.subject_id as patient, labevents.hadm_id as visit, d_labitems.label as lab from labevents "
        "join d_labitems on d_labitems.itemid = labevents.itemid group by labevents.hadm_id, d_labitems.label "
        "having count(*) between 2 and 8 and min(valuenum) < max(valuenum)",
        (
            (
                "List time and value of every {lab} of patient {patient} in hospital visit {visit}.",
                "select labevents.charttime, labevents.valuenum from labevents join d_labitems on d_labitems.itemid = "
                "labevents.itemid where labevents.hadm_id = {visit} and d_labitems.label = '{lab}'",
            ),
            (
                "What is the highest of these values?",
                "select max(labevents.valuenum) from labevents join d_labitems on d_labitems.itemid = labevents.itemid "
                "where labevents.hadm_id = {visit} and d_labitems.label = '{lab}'",
            ),
            (
                "By how much does it exceed the lowest?",
                "select max(labevents.valuenum) - min(labevents.valuenum) from labevents join d_labitems on "
                "d_labitems.itemid = labevents.itemid where labevents.hadm_id = {visit} and d_labitems.label = '{lab}'",
            ),
        ),
    ),
    Conversation(
        "measure",
        "what patient {patient} cost",
        "select subject_id as patient from cost group by subject_id having count(distinct hadm_id) > 1",
        (
            (
                "List the ID and the total cost of each hospital visit of patient {patient}.",
                "select cost.hadm_id, sum(cost.cost) from cost where cost.subject_id = {patient} group by cost.hadm_id",
            ),
            (
                "What do they cost together?",
                "select sum(cost.cost) from cost where cost.subject_id = {patient}",
            ),
            (
                "And what is the average of the total cost per visit?",
                "select avg(t1.c1) from (select sum(cost.cost) as c1 from cost where cost.subject_id = {patient} "
                "group by cost.hadm_id) as t1",
            ),
        ),
    ),
    Conversation(
        "measure",
        "the intensive care stay {stay}",
        "select icustay_id as stay from icustays where outtime is not null",
        (
            (
                "When did the intensive care stay {stay} begin and end?",
                "select icustays.intime, icustays.outtime from icustays where icustays.icustay_id = {stay}",
            ),
            (
                "Which care units was the patient in, first and last?",
                "select icustays.first_careunit, icustays.last_careunit from icustays "
                "where icustays.icustay_id = {stay}",
            ),
            (
                "How many days did that stay last?",
                "select strftime('%j', icustays.outtime) - strftime('%j', icustays.intime) from icustays "
                "where icustays.icustay_id = {stay}",
            ),
        ),
    ),
    Conversation(
        "measure",
        "how long ago patient {patient} was here",
        "select subject_id as patient from admissions group by subject_id having count(dischtime) = count(*)",
        (
            (
                "When did the latest hospital visit of patient {patient} begin?",
                "select max(admissions.admittime) from admissions where admissions.subject_id = {patient}",
            ),
            (
                "How many days ago, from this instant, was that?",
                "select strftime('%j', current_time) - strftime('%j', max(admissions.admittime)) from admissions "
                "where admissions.subject_id = {patient}",
            ),
        ),
    ),
    Conversation(
        "measure",
        "{vital} during the intensive care stay {stay}",
        "select chartevents.icustay_id as stay, d_items.label as vital from chartevents join d_items on d_items.itemid "
        "= chartevents.itemid where d_items.label <> 'body weight' group by 1, 2 having count(*) > 3",
        (
            (
                "How many measurements of {vital} does the intensive care stay {stay} have?",
                "select count(*) from chartevents join d_items on d_items.itemid = chartevents.itemid where "
                "chartevents.icustay_id = {stay} and d_items.label = '{vital}'",
            ),
            (
                "What is their mean?",
                "select avg(chartevents.valuenum) from chartevents join d_items on d_items.itemid = chartevents.itemid "
                "where chartevents.icustay_id = {stay} and d_items.label = '{vital}'",
            ),
            (
                "How far below the mean lies the lowest of them?",
                "select avg(chartevents.valuenum) - min(chartevents.valuenum) from chartevents join d_items on "
                "d_items.itemid = chartevents.itemid where chartevents.icustay_id = {stay} "
                "and d_items.label = '{vital}'",
            ),
        ),
    ),
    Conversation(
        "ranking",
        "frequent diagnoses of {year}",
        "select distinct strftime('%Y', diagnoses_icd.charttime) as year, patients.gender as sex, case patients.gender "
        "when 'f' then 'women' else 'men' end as people from diagnoses_icd join patients on patients.subject_id = "
        "diagnoses_icd.subject_id",
        (
            (
                "How many diagnoses were coded for {people} in {year}?",
                "select count(*) from diagnoses_icd join patients on patients.subject_id = diagnoses_icd.subject_id "
                "where patients.gender = '{sex}' and strftime('%y', diagnoses_icd.charttime) = '{year}'",
            ),
            (
                "Which ones, by short title, were coded most often (all of them, if several share the first place)?",
                "select d_icd_diagnoses.short_title from d_icd_diagnoses where d_icd_diagnoses.icd9_code in (select "
                "t1.icd9_code from (select diagnoses_icd.icd9_code, dense_rank() over (order by count(*) desc) as c1 "
                "from diagnoses_icd join patients on patients.subject_id = diagnoses_icd.subject_id where "
                "patients.gender = '{sex}' and strftime('%y', diagnoses_icd.charttime) = '{year}' "
                "group by diagnoses_icd.icd9_code) as t1 where t1.c1 = 1)",
            ),
        ),
    ),
    Conversation(
        "ranking",
        "the longest visit of patient {patient}",
        "select subject_id as patient from admissions group by subject_id having count(dischtime) > 1",
        (
            (
                "How many hospital visits of patient {patient} have ended?",
                "select count(*) from admissions where admissions.subject_id = {patient} "
                "and admissions.dischtime is not null",
            ),
            (
                "How many days did the longest of them last?",
                f"select max({_DAYS}) from admissions where admissions.subject_id = {{patient}}",
            ),
            (
                "Which one was that, by ID?",
                "select admissions.hadm_id from admissions where admissions.subject_id = {patient} and "
                f"admissions.dischtime is not null order by {_DAYS} desc limit 1",
            ),
        ),
    ),
    Conversation(
        "ranking",
        "costly laboratory tests of patient {patient}",
        "select subject_id as patient, hadm_id as visit from cost where event_type = 'labevents' group by hadm_id "
        "having count(*) > 4",
        (
            (
                "What did all laboratory tests of hospital visit {visit} cost?",
                "select sum(cost.cost) from cost where cost.hadm_id = {visit} and cost.event_type = 'labevents'",
            ),
            (
                "Which test, by label, had the highest price in it?",
                "select d_labitems.label from d_labitems where d_labitems.itemid = (select labevents.itemid from "
                "labevents join cost on cost.event_id = labevents.row_id where cost.event_type = 'labevents' and "
                "cost.hadm_id = {visit} order by cost.cost desc limit 1)",
            ),
        ),
    ),
    Conversation(
        "ranking",
        "the course of patient {patient}",
        "select subject_id as patient from prescriptions group by subject_id having count(distinct hadm_id) > 1",
        (
            (
                "When did the last order of a drug for patient {patient} start?",
                "select max(prescriptions.startdate) from prescriptions where prescriptions.subject_id = {patient}",
            ),
            (
                "Which drug was it?",
                "select prescriptions.drug from prescriptions where prescriptions.subject_id = {patient} "
                "and prescriptions.startdate = ( prev_query )",
            ),
            (
                "And which drug was the very first that was ordered, by its start?",
                "select prescriptions.drug from prescriptions where prescriptions.subject_id = {patient} "
                "order by prescriptions.startdate limit 1",
            ),
        ),
    ),
)

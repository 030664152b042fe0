"""MIMIC-III-like question templates on vital signs, fluids, cultures and costs."""

from typing import Final

from medgym_ray.tasks.samples.ehrsql.templates import Template, ranked

VITALS: Final = tuple(
    Template("vitals_and_fluids", *parts)
    for parts in (
        (
            "patient_vital",
            "What was the last {item} charted for patient {patient} {when}?",
            "select chartevents.valuenum from chartevents where <of chartevents> and <item chartevents> "
            "and {when:chartevents.charttime} order by chartevents.charttime desc limit 1",
        ),
        (
            "patient_vital",
            "What was the mean {item} of patient {patient} {visit}?",
            "select avg(chartevents.valuenum) from chartevents where {visit:chartevents} and <item chartevents>",
        ),
        (
            "patient_vital",
            "What was the greatest {item} of patient {patient} {when}?",
            "select max(chartevents.valuenum) from chartevents where <of chartevents> and <item chartevents> "
            "and {when:chartevents.charttime}",
        ),
        (
            "patient_vital",
            "How often was the charted {item} of patient {patient} within the normal range {visit}?",
            "select count(*) from chartevents where {visit:chartevents} and <item chartevents> "
            "and chartevents.valuenum between {vital}_lower and {vital}_upper",
        ),
        (
            "patient_vital",
            "When was the {item} of patient {patient} first above the upper bound of the normal range {when}?",
            "select chartevents.charttime from chartevents where <of chartevents> and <item chartevents> "
            "and chartevents.valuenum > {vital}_upper "
            "and {when:chartevents.charttime} order by chartevents.charttime asc limit 1",
        ),
        (
            "vital",
            "How many patients had a {item} below the lower bound of the normal range {when}?",
            "select <patients> (select chartevents.hadm_id from chartevents where <item chartevents> "
            "and chartevents.valuenum < {vital}_lower "
            "and {when:chartevents.charttime})",
        ),
        (
            "patient_vital",
            "By how much did the {item} of patient {patient} change from the first to the second charting {visit}?",
            "select (select chartevents.valuenum from chartevents where {visit:chartevents} and <item chartevents> "
            "order by chartevents.charttime asc limit 1 offset 1) - (select chartevents.valuenum from chartevents "
            "where {visit:chartevents} and <item chartevents> order by chartevents.charttime asc limit 1)",
        ),
        (
            "intensive",
            "What body weight was last charted for patient {patient}?",
            "select chartevents.valuenum from chartevents where <of chartevents> and chartevents.itemid in "
            "(select d_items.itemid from d_items where d_items.label = 'body weight') "
            "order by chartevents.charttime desc limit 1",
        ),
        (
            "patient_intake",
            "How much {item} did patient {patient} take in altogether {visit}?",
            "select sum(inputevents_cv.amount) from inputevents_cv where {visit:inputevents_cv} "
            "and <item inputevents_cv>",
        ),
        (
            "patient_output",
            "How much was put out as {item} by patient {patient} {when}?",
            "select sum(outputevents.value) from outputevents where <of outputevents> and <item outputevents> "
            "and {when:outputevents.charttime}",
        ),
        (
            "intensive",
            "By how much did the total intake of patient {patient} exceed the total output {visit} (negative if it "
            "was smaller)?",
            "select (select sum(inputevents_cv.amount) from inputevents_cv where {visit:inputevents_cv}) - "
            "(select sum(outputevents.value) from outputevents where {visit:outputevents})",
        ),
        (
            "patient_output",
            "When was an output of {item} last charted for patient {patient} {when}?",
            "select outputevents.charttime from outputevents where <of outputevents> and <item outputevents> "
            "and {when:outputevents.charttime} order by outputevents.charttime desc limit 1",
        ),
        (
            "intensive",
            "Which fluids did patient {patient} take in {visit}?",
            "select distinct d_items.label from d_items where d_items.itemid in "
            "(select inputevents_cv.itemid from inputevents_cv where {visit:inputevents_cv})",
        ),
        (
            "intensive",
            "Was the total intake of patient {patient} greater than the total output {when}?",
            "select (select sum(inputevents_cv.amount) from inputevents_cv where <of inputevents_cv> "
            "and {when:inputevents_cv.charttime}) > (select sum(outputevents.value) from outputevents "
            "where <of outputevents> and {when:outputevents.charttime})",
        ),
        (
            "patient_output",
            "On how many calendar days was an output of {item} charted for patient {patient}?",
            "select count(distinct date(outputevents.charttime)) from outputevents where <of outputevents> "
            "and <item outputevents>",
        ),
        (
            "none",
            "Which outputs hold the first {n} places by how often they were charted {when}?",
            ranked(
                "d_items.label",
                "from outputevents join d_items on d_items.itemid = outputevents.itemid "
                "where {when:outputevents.charttime}",
            ),
        ),
    )
)
CULTURES: Final = tuple(
    Template("microbiology", *parts)
    for parts in (
        (
            "patient",
            "Which specimens of patient {patient} were sent to microbiology {visit}?",
            "select distinct microbiologyevents.spec_type_desc from microbiologyevents "
            "where {visit:microbiologyevents}",
        ),
        (
            "patient",
            "Which organisms were found in patient {patient} {when}?",
            "select distinct microbiologyevents.org_name from microbiologyevents where <of microbiologyevents> "
            "and microbiologyevents.org_name is not null and {when:microbiologyevents.charttime}",
        ),
        (
            "patient_specimen",
            "When was the last microbiology test on {specimen} of patient {patient} {when}?",
            "select microbiologyevents.charttime from microbiologyevents where <of microbiologyevents> "
            "and microbiologyevents.spec_type_desc = '{specimen}' and {when:microbiologyevents.charttime} "
            "order by microbiologyevents.charttime desc limit 1",
        ),
        (
            "organism",
            "In how many patients was {organism} found {when}?",
            "select <patients> (select microbiologyevents.hadm_id from microbiologyevents "
            "where microbiologyevents.org_name = '{organism}' and {when:microbiologyevents.charttime})",
        ),
        (
            "specimen",
            "Which organisms hold the first {n} places by how often they were found in {specimen}?",
            ranked(
                "microbiologyevents.org_name",
                "from microbiologyevents where microbiologyevents.spec_type_desc = '{specimen}' "
                "and microbiologyevents.org_name is not null",
            ),
        ),
        (
            "patient",
            "What was the first organism found in patient {patient} {visit}?",
            "select microbiologyevents.org_name from microbiologyevents where {visit:microbiologyevents} "
            "and microbiologyevents.org_name is not null order by microbiologyevents.charttime asc limit 1",
        ),
        (
            "patient_specimen",
            "Was any organism found in the {specimen} of patient {patient}?",
            "select sum(microbiologyevents.org_name is not null) > 0 from microbiologyevents "
            "where <of microbiologyevents> and microbiologyevents.spec_type_desc = '{specimen}'",
        ),
        (
            "specimen",
            "How many microbiology tests on {specimen} were done {when}?",
            "select count(*) from microbiologyevents where microbiologyevents.spec_type_desc = '{specimen}' "
            "and {when:microbiologyevents.charttime}",
        ),
        (
            "current",
            "How many hours ago was the last microbiology test of patient {patient} on the current hospital visit?",
            "select <days current_time microbiologyevents.charttime> * 24 from microbiologyevents "
            "where microbiologyevents.hadm_id in (select admissions.hadm_id from admissions "
            "where admissions.subject_id = {patient} and admissions.dischtime is null) "
            "order by microbiologyevents.charttime desc limit 1",
        ),
        (
            "organism_drug",
            "How many patients with {organism} in a culture were prescribed {drug} on the same visit?",
            "select <patients> (select microbiologyevents.hadm_id from microbiologyevents "
            "where microbiologyevents.org_name = '{organism}' intersect "
            "select prescriptions.hadm_id from prescriptions where prescriptions.drug = '{drug}')",
        ),
    )
)
COSTS: Final = tuple(
    Template("cost", *parts)
    for parts in (
        (
            "patient",
            "What did patient {patient} cost in total {visit}?",
            "select sum(cost.cost) from cost where {visit:cost}",
        ),
        (
            "lab",
            "What does a {lab} test cost on average?",
            "select avg(cost.cost) from cost where cost.event_type = 'labevents' and cost.event_id in "
            "(select labevents.row_id from labevents where <lab>)",
        ),
        (
            "procedure",
            "What is the greatest cost that was charged for one “{procedure}”?",
            "select max(cost.cost) from cost where cost.event_type = 'procedures_icd' and cost.event_id in "
            "(select procedures_icd.row_id from procedures_icd where <px>)",
        ),
        (
            "patient_drug",
            "What did the prescriptions of {drug} for patient {patient} cost altogether?",
            "select sum(cost.cost) from cost where cost.event_type = 'prescriptions' and cost.event_id in "
            "(select prescriptions.row_id from prescriptions where <of prescriptions> "
            "and prescriptions.drug = '{drug}')",
        ),
        (
            "patient",
            "What do the charges booked for patient {patient} {when} add up to?",
            "select sum(cost.cost) from cost where <of cost> and {when:cost.chargetime}",
        ),
        (
            "diagnosis",
            "What is the mean total cost of the hospital visits with the diagnosis “{diagnosis}”?",
            "select avg(t.total) from (select sum(cost.cost) as total from cost where <with_dx cost> "
            "group by cost.hadm_id) as t",
        ),
        (
            "drug",
            "What is the least cost that was charged for a prescription of {drug}?",
            "select min(cost.cost) from cost where cost.event_type = 'prescriptions' and cost.event_id in "
            "(select prescriptions.row_id from prescriptions where prescriptions.drug = '{drug}')",
        ),
        (
            "returned",
            "Which hospital visit (HADM_ID) of patient {patient} was the most costly one?",
            "select cost.hadm_id from cost where <of cost> group by cost.hadm_id order by sum(cost.cost) desc limit 1",
        ),
        (
            "returned_event",
            "By how much did the charges for {events} of patient {patient} on the last hospital visit exceed those "
            "on the first one (negative if they were smaller)?",
            "select (select sum(cost.cost) from cost where cost.event_type = '{event}' and cost.hadm_id in "
            "(select admissions.hadm_id from admissions where admissions.subject_id = {patient} "
            "order by admissions.admittime desc limit 1)) - (select sum(cost.cost) from cost "
            "where cost.event_type = '{event}' and cost.hadm_id in (select admissions.hadm_id from admissions "
            "where admissions.subject_id = {patient} order by admissions.admittime asc limit 1))",
        ),
        (
            "event",
            "What was charged for {events} of all patients {when}?",
            "select sum(cost.cost) from cost where cost.event_type = '{event}' and {when:cost.chargetime}",
        ),
        (
            "patient",
            "Did patient {patient} cost more for laboratory tests than for prescriptions {visit}?",
            "select (select sum(cost.cost) from cost where cost.event_type = 'labevents' and {visit:cost}) > "
            "(select sum(cost.cost) from cost where cost.event_type = 'prescriptions' and {visit:cost})",
        ),
        (
            "amount",
            "How many charges for {events} above {amount} were booked {when}?",
            "select count(*) from cost where cost.event_type = '{event}' and cost.cost > {amount} "
            "and {when:cost.chargetime}",
        ),
        (
            "patient",
            "When was the most costly charge of patient {patient} booked {visit}?",
            "select cost.chargetime from cost where {visit:cost} order by cost.cost desc limit 1",
        ),
    )
)

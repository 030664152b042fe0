"""eICU-like question templates on laboratory tests, vital signs, fluids, cultures and costs."""

from typing import Final

from medgym_ray.tasks.samples.ehrsql.templates import Template, ranked

_INTAKE: Final = "intakeoutput.cellpath like '%|intake|%'"
_OUTPUT: Final = "intakeoutput.cellpath like '%|output|%'"

LABS: Final = tuple(
    Template("laboratory", *parts)
    for parts in (
        (
            "patient_lab",
            "What was the first {lab} result of patient {patient} {when}?",
            "select lab.labresult from lab where <of lab> and lab.labname = '{lab}' and {when:lab.labresulttime} "
            "order by lab.labresulttime asc limit 1",
        ),
        (
            "patient_lab",
            "What was the mean {lab} result of patient {patient} {visit}?",
            "select avg(lab.labresult) from lab where {visit:lab} and lab.labname = '{lab}'",
        ),
        (
            "patient_lab",
            "What was the greatest {lab} result of patient {patient} {when}?",
            "select max(lab.labresult) from lab where <of lab> and lab.labname = '{lab}' and {when:lab.labresulttime}",
        ),
        (
            "patient_lab",
            "By how much did {lab} of patient {patient} rise from the second to last to the last result (negative if "
            "it fell)?",
            "select (select lab.labresult from lab where <of lab> and lab.labname = '{lab}' "
            "order by lab.labresulttime desc limit 1) - (select lab.labresult from lab where <of lab> "
            "and lab.labname = '{lab}' order by lab.labresulttime desc limit 1 offset 1)",
        ),
        (
            "patient_lab",
            "When did patient {patient} have the least {lab} result {visit}?",
            "select lab.labresulttime from lab where {visit:lab} and lab.labname = '{lab}' "
            "order by lab.labresult asc limit 1",
        ),
        (
            "lab_value",
            "How many patients had a {lab} result below {threshold} {when}?",
            "select <patients> (select lab.patientunitstayid from lab where lab.labname = '{lab}' "
            "and lab.labresult < {threshold} and {when:lab.labresulttime})",
        ),
        (
            "none",
            "Which laboratory tests hold the first {n} places by the number of results {when}?",
            ranked("lab.labname", "from lab where {when:lab.labresulttime}"),
        ),
        (
            "patient",
            "Which laboratory tests did patient {patient} have {visit}?",
            "select distinct lab.labname from lab where {visit:lab}",
        ),
        (
            "patient_lab",
            "Was the last {lab} result of patient {patient} lower than the first one ever?",
            "select (select lab.labresult from lab where <of lab> and lab.labname = '{lab}' "
            "order by lab.labresulttime asc limit 1) > (select lab.labresult from lab where <of lab> "
            "and lab.labname = '{lab}' order by lab.labresulttime desc limit 1)",
        ),
    )
)
VITALS: Final = tuple(
    Template("vitals_and_fluids", *parts)
    for parts in (
        (
            "patient_vital",
            "What was the first {item} observed in patient {patient} {when}?",
            "select vitalperiodic.{measure} from vitalperiodic where <of vitalperiodic> "
            "and {when:vitalperiodic.observationtime} order by vitalperiodic.observationtime asc limit 1",
        ),
        (
            "patient_vital",
            "What was the mean {item} of patient {patient} {visit}?",
            "select avg(vitalperiodic.{measure}) from vitalperiodic where {visit:vitalperiodic}",
        ),
        (
            "patient_vital",
            "What was the least {item} of patient {patient} {when}?",
            "select min(vitalperiodic.{measure}) from vitalperiodic where <of vitalperiodic> "
            "and {when:vitalperiodic.observationtime}",
        ),
        (
            "patient_vital",
            "How many observations of the {item} of patient {patient} were within the normal range {visit}?",
            "select count(*) from vitalperiodic where {visit:vitalperiodic} "
            "and vitalperiodic.{measure} between {vital}_lower and {vital}_upper",
        ),
        (
            "patient_vital",
            "When was the {item} of patient {patient} last within the normal range {when}?",
            "select vitalperiodic.observationtime from vitalperiodic where <of vitalperiodic> "
            "and vitalperiodic.{measure} between {vital}_lower and {vital}_upper "
            "and {when:vitalperiodic.observationtime} order by vitalperiodic.observationtime desc limit 1",
        ),
        (
            "vital",
            "How many patients had a {item} above the upper bound of the normal range {when}?",
            "select <patients> (select vitalperiodic.patientunitstayid from vitalperiodic "
            "where vitalperiodic.{measure} > {vital}_upper "
            "and {when:vitalperiodic.observationtime})",
        ),
        (
            "patient_intake",
            "How much {item} in total is charted as intake of patient {patient} {when}?",
            "select sum(intakeoutput.cellvaluenumeric) from intakeoutput where <of intakeoutput> "
            f"and {_INTAKE} and intakeoutput.celllabel = '{{item}}' and {{when:intakeoutput.intakeoutputtime}}",
        ),
        (
            "patient",
            "By how much did the intake of patient {patient} exceed the output {visit} (negative if it was smaller)?",
            f"select (select sum(intakeoutput.cellvaluenumeric) from intakeoutput where {{visit:intakeoutput}} and "
            f"{_INTAKE}) - (select sum(intakeoutput.cellvaluenumeric) from intakeoutput "
            f"where {{visit:intakeoutput}} and {_OUTPUT})",
        ),
        (
            "patient_output",
            "When was the first output of {item} of patient {patient} {when}?",
            f"select intakeoutput.intakeoutputtime from intakeoutput where <of intakeoutput> and {_OUTPUT} "
            "and intakeoutput.celllabel = '{item}' and {when:intakeoutput.intakeoutputtime} "
            "order by intakeoutput.intakeoutputtime asc limit 1",
        ),
        (
            "none",
            "Which intakes (their labels) hold the first {n} places by how often they were charted {when}?",
            ranked(
                "intakeoutput.celllabel",
                f"from intakeoutput where {_INTAKE} and {{when:intakeoutput.intakeoutputtime}}",
            ),
        ),
    )
)
CULTURES: Final = tuple(
    Template("microbiology", *parts)
    for parts in (
        (
            "patient",
            "From which sites of patient {patient} were cultures taken {visit}?",
            "select distinct microlab.culturesite from microlab where {visit:microlab}",
        ),
        (
            "patient_site",
            "What grew in the last {site} culture of patient {patient} {when}, or does it say no growth?",
            "select microlab.organism from microlab where <of microlab> and microlab.culturesite = '{site}' "
            "and {when:microlab.culturetakentime} order by microlab.culturetakentime desc limit 1",
        ),
        (
            "patient_site",
            "When was the first {site} culture of patient {patient} taken {when}?",
            "select microlab.culturetakentime from microlab where <of microlab> and microlab.culturesite = '{site}' "
            "and {when:microlab.culturetakentime} order by microlab.culturetakentime asc limit 1",
        ),
        (
            "organism",
            "How many patients had {organism} in a culture taken {when}?",
            "select <patients> (select microlab.patientunitstayid from microlab where microlab.organism = "
            "'{organism}' and {when:microlab.culturetakentime})",
        ),
        (
            "site",
            "Which organisms hold the first {n} places by how often they grew in {site} cultures?",
            ranked(
                "microlab.organism",
                "from microlab where microlab.culturesite = '{site}' and microlab.organism <> 'no growth'",
            ),
        ),
        (
            "site",
            "How many {site} cultures were taken {when}?",
            "select count(*) from microlab where microlab.culturesite = '{site}' and {when:microlab.culturetakentime}",
        ),
        (
            "patient_site",
            "Did anything grow in a {site} culture of patient {patient}?",
            "select sum(microlab.organism <> 'no growth') > 0 from microlab where <of microlab> "
            "and microlab.culturesite = '{site}'",
        ),
    )
)
COSTS: Final = tuple(
    Template("cost", *parts)
    for parts in (
        (
            "patient",
            "How much did patient {patient} cost altogether {visit}?",
            "select sum(cost.cost) from cost where <hospital> {visit:patient})",
        ),
        (
            "lab",
            "What is the mean cost of a {lab} test?",
            "select avg(cost.cost) from cost where cost.eventtype = 'lab' and cost.eventid in "
            "(select lab.labid from lab where lab.labname = '{lab}')",
        ),
        (
            "treatment",
            "What is the least that was charged for “{treatment}”?",
            "select min(cost.cost) from cost where cost.eventtype = 'treatment' and cost.eventid in "
            "(select treatment.treatmentid from treatment where treatment.treatmentname = '{treatment}')",
        ),
        (
            "patient_drug",
            "What was charged in total for the orders of {drug} for patient {patient}?",
            "select sum(cost.cost) from cost where cost.eventtype = 'medication' and cost.eventid in "
            "(select medication.medicationid from medication where <of medication> "
            "and medication.drugname = '{drug}')",
        ),
        (
            "patient",
            "What is the sum of the charges booked for patient {patient} {when}?",
            "select sum(cost.cost) from cost where cost.uniquepid = '{patient}' and {when:cost.chargetime}",
        ),
        (
            "diagnosis",
            "What do the hospital visits with the diagnosis “{diagnosis}” cost on average?",
            "select avg(t.total) from (select sum(cost.cost) as total from cost where <hospital> "
            "<with_dx patient>) group by cost.patienthealthsystemstayid) as t",
        ),
        (
            "event",
            "What do the charges of type {event} booked {when} add up to?",
            "select sum(cost.cost) from cost where cost.eventtype = '{event}' and {when:cost.chargetime}",
        ),
        (
            "patient",
            "Did the laboratory tests of patient {patient} cost more than the medication {visit}?",
            "select (select sum(cost.cost) from cost where cost.eventtype = 'lab' and <hospital> {visit:patient})) > "
            "(select sum(cost.cost) from cost where cost.eventtype = 'medication' and <hospital> {visit:patient}))",
        ),
        (
            "amount",
            "How many charges of type {event} above {amount} were booked {when}?",
            "select count(*) from cost where cost.eventtype = '{event}' and cost.cost > {amount} "
            "and {when:cost.chargetime}",
        ),
        (
            "returned",
            "Which hospital visit (patienthealthsystemstayid) of patient {patient} cost the least?",
            "select cost.patienthealthsystemstayid from cost where cost.uniquepid = '{patient}' "
            "group by cost.patienthealthsystemstayid order by sum(cost.cost) asc limit 1",
        ),
    )
)

"""eICU-like question templates on patients, their stays, diagnoses, treatments and drugs."""

from typing import Final

from medgym_ray.tasks.samples.ehrsql.templates import Template, ranked

_FIRST: Final = "order by patient.unitadmittime asc limit 1"
_LAST: Final = "order by patient.unitadmittime desc limit 1"

DEMOGRAPHICS: Final = tuple(
    Template("demographics", *parts)
    for parts in (
        (
            "patient",
            "Of what gender is patient {patient}?",
            "select distinct patient.gender from patient where patient.uniquepid = '{patient}'",
        ),
        (
            "patient",
            "What ethnicity is recorded for patient {patient}?",
            "select distinct patient.ethnicity from patient where patient.uniquepid = '{patient}'",
        ),
        (
            "patient",
            "What age is recorded for patient {patient} at the first hospital admission {when}?",
            "select patient.age from patient where patient.uniquepid = '{patient}' "
            "and {when:patient.hospitaladmittime} order by patient.hospitaladmittime asc limit 1",
        ),
        (
            "patient",
            "What was the weight of patient {patient} when the last unit stay {when} began?",
            "select patient.admissionweight from patient where patient.uniquepid = '{patient}' "
            f"and {{when:patient.unitadmittime}} {_LAST}",
        ),
        (
            "patient",
            "How tall is patient {patient}?",
            "select distinct patient.admissionheight from patient where patient.uniquepid = '{patient}'",
        ),
        (
            "patient",
            "How much heavier was patient {patient} at the end of the first unit stay than at its beginning (negative "
            "if lighter)?",
            "select patient.dischargeweight - patient.admissionweight from patient "
            f"where patient.uniquepid = '{{patient}}' {_FIRST}",
        ),
        (
            "admission",
            "How many {gender} patients of the ethnicity {ethnicity} were admitted to hospital {when}?",
            "select count(distinct patient.uniquepid) from patient where patient.gender = '{gender}' "
            "and patient.ethnicity = '{ethnicity}' and {when:patient.hospitaladmittime}",
        ),
        (
            "admission",
            "How many patients of the ethnicity {ethnicity} left hospital dead {when}?",
            "select count(distinct patient.uniquepid) from patient where patient.hospitaldischargestatus = 'expired' "
            "and patient.ethnicity = '{ethnicity}' and {when:patient.hospitaldischargetime}",
        ),
        (
            "two_patients",
            "Was patient {patient} heavier at the beginning of the first unit stay than patient {other} at theirs?",
            "select (select patient.admissionweight from patient where patient.uniquepid = '{patient}' "
            f"{_FIRST}) > (select patient.admissionweight from patient where patient.uniquepid = '{{other}}' {_FIRST})",
        ),
    )
)
STAYS: Final = tuple(
    Template("hospital_stay", *parts)
    for parts in (
        (
            "patient",
            "When was patient {patient} last admitted to hospital {when}?",
            "select patient.hospitaladmittime from patient where patient.uniquepid = '{patient}' "
            "and {when:patient.hospitaladmittime} order by patient.hospitaladmittime desc limit 1",
        ),
        (
            "patient",
            "From where was patient {patient} admitted to hospital for the first time?",
            "select patient.hospitaladmitsource from patient where patient.uniquepid = '{patient}' "
            "order by patient.hospitaladmittime asc limit 1",
        ),
        (
            "patient",
            "How many unit stays of patient {patient} began {when}?",
            "select count(distinct patient.patientunitstayid) from patient where patient.uniquepid = '{patient}' "
            "and {when:patient.unitadmittime}",
        ),
        (
            "patient",
            "How many hours did the first unit stay of patient {patient} take?",
            "select <days patient.unitdischargetime patient.unitadmittime> * 24 from patient "
            f"where patient.uniquepid = '{{patient}}' {_FIRST}",
        ),
        (
            "current",
            "How many days ago was patient {patient}, who is still there, admitted to hospital?",
            "select distinct <days current_time patient.hospitaladmittime> from patient "
            "where patient.uniquepid = '{patient}' and patient.hospitaldischargetime is null",
        ),
        (
            "patient",
            "What is the ward of the first unit stay of patient {patient} {when}?",
            "select patient.wardid from patient where patient.uniquepid = '{patient}' "
            f"and {{when:patient.unitadmittime}} {_FIRST}",
        ),
        (
            "admission",
            "How many patients came to hospital by way of “{source}” {when}?",
            "select count(distinct patient.uniquepid) from patient where patient.hospitaladmitsource = '{source}' "
            "and {when:patient.hospitaladmittime}",
        ),
        (
            "none",
            "Which wards hold the first {n} places by the number of unit stays begun {when}?",
            ranked("patient.wardid", "from patient where {when:patient.unitadmittime}"),
        ),
        (
            "admission",
            "How many days did the unit stays that began {when} in ward {ward} and are over take on average?",
            "select avg(<days patient.unitdischargetime patient.unitadmittime>) from patient "
            "where patient.wardid = {ward} and {when:patient.unitadmittime}",
        ),
        (
            "returned",
            "Was the last unit stay of patient {patient} longer than the first one?",
            "select (select <days patient.unitdischargetime patient.unitadmittime> from patient "
            f"where patient.uniquepid = '{{patient}}' {_LAST}) > "
            "(select <days patient.unitdischargetime patient.unitadmittime> from patient "
            f"where patient.uniquepid = '{{patient}}' {_FIRST})",
        ),
    )
)
DIAGNOSES: Final = tuple(
    Template("diagnosis", *parts)
    for parts in (
        (
            "patient",
            "Which diagnoses did patient {patient} get {visit}?",
            "select distinct diagnosis.diagnosisname from diagnosis where {visit:diagnosis}",
        ),
        (
            "patient_diagnosis",
            "When was “{diagnosis}” last diagnosed in patient {patient} {when}?",
            "select diagnosis.diagnosistime from diagnosis where <of diagnosis> and diagnosis.diagnosisname = "
            "'{diagnosis}' and {when:diagnosis.diagnosistime} order by diagnosis.diagnosistime desc limit 1",
        ),
        (
            "diagnosis",
            "In how many patients was “{diagnosis}” diagnosed {when}?",
            "select <patients> (select diagnosis.patientunitstayid from diagnosis "
            "where diagnosis.diagnosisname = '{diagnosis}' and {when:diagnosis.diagnosistime})",
        ),
        (
            "diagnosis",
            "Which ICD-9 code goes with “{diagnosis}”?",
            "select distinct diagnosis.icd9code from diagnosis where diagnosis.diagnosisname = '{diagnosis}'",
        ),
        (
            "patient",
            "Which diagnosis did patient {patient} get first {when}?",
            "select diagnosis.diagnosisname from diagnosis where <of diagnosis> and {when:diagnosis.diagnosistime} "
            "order by diagnosis.diagnosistime asc limit 1",
        ),
        (
            "none",
            "Which diagnoses hold the first {n} places by how often they were made {when}?",
            ranked("diagnosis.diagnosisname", "from diagnosis where {when:diagnosis.diagnosistime}"),
        ),
        (
            "any_diagnosis",
            "Was “{diagnosis}” one of the diagnoses of patient {patient} {when}?",
            "select sum(diagnosis.diagnosisname = '{diagnosis}') > 0 from diagnosis where <of diagnosis> "
            "and {when:diagnosis.diagnosistime}",
        ),
        (
            "diagnoses",
            "How many patients had both “{diagnosis}” and “{other}” diagnosed in one unit stay?",
            "select <patients> (select diagnosis.patientunitstayid from diagnosis where diagnosis.diagnosisname = "
            "'{diagnosis}' intersect select diagnosis.patientunitstayid from diagnosis "
            "where diagnosis.diagnosisname = '{other}')",
        ),
    )
)
TREATMENTS: Final = tuple(
    Template("procedure", *parts)
    for parts in (
        (
            "patient",
            "Which treatments did patient {patient} receive {visit}?",
            "select distinct treatment.treatmentname from treatment where {visit:treatment}",
        ),
        (
            "patient_treatment",
            "When did patient {patient} first receive “{treatment}” {when}?",
            "select treatment.treatmenttime from treatment where <of treatment> and treatment.treatmentname = "
            "'{treatment}' and {when:treatment.treatmenttime} order by treatment.treatmenttime asc limit 1",
        ),
        (
            "patient",
            "How many treatments, repetitions included, did patient {patient} receive {when}?",
            "select count(*) from treatment where <of treatment> and {when:treatment.treatmenttime}",
        ),
        (
            "treatment",
            "How many patients received “{treatment}” {when}?",
            "select <patients> (select treatment.patientunitstayid from treatment "
            "where treatment.treatmentname = '{treatment}' and {when:treatment.treatmenttime})",
        ),
        (
            "none",
            "Which treatments hold the first {n} places by how often they were given {when}?",
            ranked("treatment.treatmentname", "from treatment where {when:treatment.treatmenttime}"),
        ),
        (
            "patient",
            "What was the last treatment of patient {patient} {visit}?",
            "select treatment.treatmentname from treatment where {visit:treatment} "
            "order by treatment.treatmenttime desc limit 1",
        ),
        (
            "diagnosis",
            "Which treatments hold the first {n} places by how often they were given in unit stays with the diagnosis "
            "“{diagnosis}”?",
            ranked("treatment.treatmentname", "from treatment where <with_dx treatment>"),
        ),
        (
            "any_treatment",
            "Is “{treatment}” among what patient {patient} was treated with {when}?",
            "select sum(treatment.treatmentname = '{treatment}') > 0 from treatment where <of treatment> "
            "and {when:treatment.treatmenttime}",
        ),
        (
            "patient_treatment",
            "How many days ago did patient {patient} last receive “{treatment}”?",
            "select <days current_time treatment.treatmenttime> from treatment where <of treatment> "
            "and treatment.treatmentname = '{treatment}' order by treatment.treatmenttime desc limit 1",
        ),
    )
)
DRUGS: Final = tuple(
    Template("medication", *parts)
    for parts in (
        (
            "patient",
            "Which drugs did patient {patient} get {visit}?",
            "select distinct medication.drugname from medication where {visit:medication}",
        ),
        (
            "patient_drug",
            "In what dosage was {drug} first ordered for patient {patient} {when}?",
            "select medication.dosage from medication where <of medication> and medication.drugname = '{drug}' "
            "and {when:medication.drugstarttime} order by medication.drugstarttime asc limit 1",
        ),
        (
            "patient_drug",
            "State beginning and end of the last order of {drug} for patient {patient}.",
            "select medication.drugstarttime, medication.drugstoptime from medication where <of medication> "
            "and medication.drugname = '{drug}' order by medication.drugstarttime desc limit 1",
        ),
        (
            "drug",
            "How many patients were given {drug} by an order that began {when}?",
            "select <patients> (select medication.patientunitstayid from medication "
            "where medication.drugname = '{drug}' and {when:medication.drugstarttime})",
        ),
        (
            "none",
            "Which drugs hold the first {n} places by the number of orders begun {when}?",
            ranked("medication.drugname", "from medication where {when:medication.drugstarttime}"),
        ),
        (
            "drug_route",
            "How many orders of {drug} name {route} as the route?",
            "select count(*) from medication where medication.drugname = '{drug}' "
            "and medication.routeadmin = '{route}'",
        ),
        (
            "current",
            "Which drugs of patient {patient} on the current hospital visit were begun and have no stop time?",
            "select distinct medication.drugname from medication where medication.drugstoptime is null and "
            "medication.patientunitstayid in (select patient.patientunitstayid from patient "
            "where patient.uniquepid = '{patient}' and patient.hospitaldischargetime is null)",
        ),
        (
            "any_drug",
            "Was {drug} ordered for patient {patient} {when}?",
            "select sum(medication.drugname = '{drug}') > 0 from medication where <of medication> "
            "and {when:medication.drugstarttime}",
        ),
        (
            "patient_allergy",
            "To what is patient {patient} allergic by the records made {when}?",
            "select distinct allergy.allergyname from allergy where <of allergy> and {when:allergy.allergytime}",
        ),
        (
            "allergen",
            "How many patients have an allergy to {allergen} that was recorded {when}?",
            "select <patients> (select allergy.patientunitstayid from allergy where allergy.allergyname = "
            "'{allergen}' and {when:allergy.allergytime})",
        ),
    )
)

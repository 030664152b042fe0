"""What the slots of the eICU-like templates are filled with, and the parts that their queries share."""

from typing import Final

from medgym_ray.tasks.samples.ehrsql.templates import Scope

_VISITS: Final = (
    "$.patientunitstayid in (select patient.patientunitstayid from patient where patient.patienthealthsystemstayid in "
    "(select patient.patienthealthsystemstayid from patient where patient.uniquepid = '{patient}'"
)
_BY_TIME: Final = "order by patient.hospitaladmittime"
VISITS: Final = (
    Scope(
        "on the current hospital visit",
        f"{_VISITS} and patient.hospitaldischargetime is null))",
        "rel-visit-current",
    ),
    Scope("on the first hospital visit", f"{_VISITS} {_BY_TIME} asc limit 1))", "rel-visit-first"),
    Scope(
        "on the last hospital visit that is over",
        f"{_VISITS} and patient.hospitaldischargetime is not null {_BY_TIME} desc limit 1))",
        "rel-visit-last",
    ),
)
MACROS: Final = {
    "of": (
        "$1.patientunitstayid in (select patient.patientunitstayid from patient where patient.uniquepid = '{patient}')"
    ),
    "with_dx": (
        "$1.patientunitstayid in (select diagnosis.patientunitstayid from diagnosis "
        "where diagnosis.diagnosisname = '{diagnosis}')"
    ),
    "patients": "count(distinct patient.uniquepid) from patient where patient.patientunitstayid in",
    "days": "(strftime('%j',$1) - strftime('%j',$2))",
    "hospital": "cost.patienthealthsystemstayid in (select patient.patienthealthsystemstayid from patient where",
}

_OF: Final = "join patient using (patientunitstayid)"
_VITALS: Final = (
    "select 'heartrate' as measure, 'heart rate' as item, 'heart_rate' as vital union all "
    "select 'respiration', 'respiration', 'respiration' union all select 'sao2', 'sao2', 'sao2' union all "
    "select 'temperature', 'temperature', 'temperature' union all "
    "select 'systemicsystolic', 'systolic bp', 'systolic_bp' union all "
    "select 'systemicdiastolic', 'diastolic bp', 'diastolic_bp' union all select 'systemicmean', 'mean bp', 'mean_bp'"
)
SOURCES: Final = {
    "none": "select 1 as whole",
    "patient": "select distinct uniquepid as patient from patient",
    "current": "select distinct uniquepid as patient from patient where hospitaldischargetime is null",
    "returned": "select uniquepid as patient from patient group by uniquepid "
    "having count(distinct patienthealthsystemstayid) > 1 and count(hospitaldischargetime) = count(*)",
    "two_patients": "select distinct a.uniquepid as patient, b.uniquepid as other from patient a, patient b "
    "where a.uniquepid < b.uniquepid and a.hospitalid = b.hospitalid",
    "admission": "select distinct gender, ethnicity, wardid as ward, hospitaladmitsource as source from patient",
    "diagnosis": "select distinct diagnosisname as diagnosis from diagnosis",
    "patient_diagnosis": f"select distinct uniquepid as patient, diagnosisname as diagnosis from diagnosis {_OF}",
    "any_diagnosis": f"select uniquepid as patient, d.diagnosisname as diagnosis from diagnosis e {_OF} "
    "join diagnosis d on d.diagnosisid in (e.diagnosisid, e.diagnosisid % 900 + 1)",
    "diagnoses": "select distinct a.diagnosisname as diagnosis, b.diagnosisname as other from diagnosis a "
    "join diagnosis b using (patientunitstayid) where a.diagnosisname < b.diagnosisname",
    "treatment": "select distinct treatmentname as treatment from treatment",
    "patient_treatment": f"select distinct uniquepid as patient, treatmentname as treatment from treatment {_OF}",
    "any_treatment": f"select uniquepid as patient, d.treatmentname as treatment from treatment e {_OF} "
    "join treatment d on d.treatmentid in (e.treatmentid, e.treatmentid % 500 + 1)",
    "diagnosis_treatment": "select distinct diagnosisname as diagnosis, treatmentname as treatment from diagnosis "
    "join treatment using (patientunitstayid)",
    "drug": "select distinct drugname as drug from medication",
    "drug_route": "select distinct drugname as drug, routeadmin as route from medication",
    "patient_drug": f"select distinct uniquepid as patient, medication.drugname as drug from medication {_OF}",
    "any_drug": f"select uniquepid as patient, d.drugname as drug from medication e {_OF} "
    "join medication d on d.medicationid in (e.medicationid, e.medicationid % 997 + 1)",
    "patient_allergy": f"select distinct uniquepid as patient, allergyname as allergen from allergy {_OF}",
    "allergen": "select distinct allergyname as allergen from allergy",
    "lab": "select distinct labname as lab from lab",
    "lab_value": "select labname as lab, labresult as threshold from lab",
    "patient_lab": f"select uniquepid as patient, labname as lab from lab {_OF} group by 1, 2 having count(*) > 2",
    "vital": _VITALS,
    "patient_vital": f"select * from (select distinct uniquepid as patient from vitalperiodic {_OF}), ({_VITALS})",
    "patient_intake": f"select distinct uniquepid as patient, celllabel as item from intakeoutput {_OF} "
    "where cellpath like '%|intake|%'",
    "patient_output": f"select distinct uniquepid as patient, celllabel as item from intakeoutput {_OF} "
    "where cellpath like '%|output|%'",
    "site": "select distinct culturesite as site from microlab",
    "patient_site": f"select distinct uniquepid as patient, culturesite as site from microlab {_OF}",
    "organism": "select distinct organism from microlab where organism <> 'no growth'",
    "event": "select distinct eventtype as event from cost",
    "amount": "select distinct eventtype as event, cast(cost as int) as amount from cost",
    "returned_event": "select * from (select uniquepid as patient from patient group by uniquepid "
    "having count(distinct patienthealthsystemstayid) > 1), (select distinct eventtype as event from cost)",
}

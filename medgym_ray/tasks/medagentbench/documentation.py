"""What the agent is told about the server: the functions that the benchmark's tasks need, in words of our own."""

from typing import Final

from medgym_ray.fhir.outcomes import BASE_URL

FHIR: Final = f"""\
The record is kept by a FHIR R4 server that your programs reach at {BASE_URL}/ and that speaks JSON; nothing else is \
on the network. Use urllib.request or requests; percent-encode query values. Record numbers (MRN) are the ids of the \
patients and their identifiers.

GET {BASE_URL}/TYPE?PARAMETER=VALUE&… answers a searchset Bundle: the matches are entry[].resource, and there is no \
`entry` if nothing matches. A search gives one page (_count sets its size); while the Bundle has a link with the \
relation "next", more follows at that address. _sort=date or _sort=-date orders by a parameter; without it the order \
means nothing. Dates take the prefixes ge, gt, le and lt, and may be given twice for a range. \
GET {BASE_URL}/TYPE/ID answers one resource. A request that cannot be served answers an OperationOutcome that says why.
- Patient: name, family, given, birthdate (YYYY-MM-DD), identifier, gender, address, address-city, address-state, \
address-postalcode, telecom.
- Observation (laboratory results and vital signs): patient, code, category (laboratory or vital-signs), date (when \
it was taken). Results have effectiveDateTime and valueQuantity.
- Condition (problem list): patient, category (problem-list-item), code, clinical-status.
- MedicationRequest (orders of drugs): patient, category, status, date.
- Procedure: patient, date, code.

POST {BASE_URL}/TYPE with a resource as JSON (Content-Type application/fhir+json) creates it and answers 201. It can't \
be taken back, and each one that was accepted counts: create exactly what the task asks for, once, and nothing else. \
All of the fields named here are needed; `subject` is {{"reference": "Patient/MRN"}}, and the time of writing or \
measuring is the present.
- Observation, for a vital sign: category [{{"coding": [{{"system": "http://hl7.org/fhir/observation-category", \
"code": "vital-signs", "display": "Vital Signs"}}]}}], code {{"text": FLOWSHEET}}, effectiveDateTime, status "final", \
valueString, subject.
- MedicationRequest: medicationCodeableConcept with one coding of the system http://hl7.org/fhir/sid/ndc, authoredOn, \
dosageInstruction with one element that has route {{"text": "IV" or "oral"}} and one doseAndRate with doseQuantity \
{{value, unit "g" or "mEq"}} and, for an infusion, rateQuantity {{value, unit "h"}} as the hours it takes; status \
"active", intent "order", subject.
- ServiceRequest (laboratory tests, referrals): code with one coding (system http://loinc.org or \
http://snomed.info/sct), authoredOn, status "active", intent "order", priority "stat", subject; for a text \
note [{{"text": TEXT}}]; for a set time occurrenceDateTime."""

ANSWERS: Final = {
    "patient_lookup": "the MRN as text, or the text that the question gives for a patient who is not there",
    "patient_age": "the age in completed years",
    "blood_pressure_entry": "nothing in particular: the entry counts",
    "magnesium_recent": "the level as a number in mg/dL, or -1 if there is none in the last 24 hours",
    "magnesium_replacement": (
        "the level that you found, as a number in mg/dL, or -1 if there is none in the last 24 hours; whether anything "
        "is ordered is for the task to say"
    ),
    "glucose_mean": "the mean as a number in mg/dL, not rounded, or -1 if there is no value in the last 24 hours",
    "glucose_latest": "the latest value as a number in mg/dL, or -1 if there is none",
    "referral": "nothing in particular: the referral counts",
    "potassium_replacement": (
        "the latest level as a number, or -1 if there is none; neither drug nor test is ordered unless the level is low"
    ),
    "a1c_follow_up": (
        "the list [value, time], with the value as a number and the time as the server has it, or [-1] if nothing was "
        "ever measured; a test is ordered if the latest result is more than a year old or there is none"
    ),
}
"""What to assign to `answer`, by type."""

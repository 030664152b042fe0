"""What the sample asks of the point scores: the question, and the facts that are drawn."""

from typing import Final

from medgym_ray.tasks.medcalcbench.scores import CCI_ONE_POINT, CCI_TWO_POINTS, DVT_FINDINGS, HEART_RISKS, PSI_ILLNESSES
from medgym_ray.tasks.samples.medcalcbench.draws import (
    BILIRUBIN,
    BUN,
    CREATININE,
    DIASTOLIC,
    GLUCOSE,
    HEART_RATE,
    ION,
    PRESSURE,
    RESPIRATION,
    TEMPERATURE,
    Case,
    Finding,
    Graded,
    Measured,
    Special,
    findings,
)

SCORES: Final[dict[int, Case]] = {
    4: Case(
        "What is the CHA2DS2-VASc score?",
        findings(
            "Congestive Heart Faliure",
            "Hypertension history",
            "Stroke",
            "Transient Ischemic Attacks History",
            "Thromboembolism history",
            "Vascular disease history",
            "Diabetes history",
        ),
        ages=(44, 91),
        uses_age=True,
        uses_sex=True,
    ),
    8: Case(
        "How many points does the patient have by Wells' criteria for pulmonary embolism?",
        (
            *findings(
                "Clinical signs and symptoms of Deep Vein Thrombosis",
                "Pulmonary Embolism is #1 diagnosis OR equally likely",
                "Immobilization for at least 3 days",
                "Surgery in the previous 4 weeks",
                "Previously Documented Pulmonary Embolism",
                "Previously documented Deep Vein Thrombosis",
                "Hemoptysis",
                "Malignancy with treatment within 6 months or palliative",
            ),
            HEART_RATE,
        ),
    ),
    15: Case(
        "What is the Child-Pugh score?",
        (
            Measured("Bilirubin", 0.7, 4.4, (("mg/dL", 1), ("µmol/L", 0))),
            Measured("Albumin", 2.1, 4.4, (("g/dL", 1), ("g/L", 0))),
            Measured("international normalized ratio", 0.9, 3.1, (("", 1),)),
            Graded("Ascites", "Ascites"),
            Graded("Encephalopathy", "Encephalopathy"),
        ),
    ),
    16: Case(
        "How many points does the patient have by Wells' criteria for deep vein thrombosis?",
        findings(*DVT_FINDINGS, "Alternative diagnosis to Deep Vein Thrombosis as likely or more likely"),
    ),
    17: Case(
        "How many points of the Revised Cardiac Risk Index apply?",
        (
            *findings(
                "Elevated-risk surgery",
                "History of ischemic heart disease",
                "Congestive Heart Failure criteria for the Cardiac Risk Index rule",
                "History of cerebrovascular disease",
                "Pre-operative treatment with insulin",
            ),
            Measured("Pre-operative creatinine", 0.6, 3.6, (("mg/dL", 2), ("µmol/L", 0))),
        ),
    ),
    18: Case(
        "What is the HEART score?",
        (
            *findings(*HEART_RISKS, "atherosclerotic disease"),
            Graded("Suspicion History", "Suspicion History"),
            Graded("Electrocardiogram Test", "Electrocardiogram Test"),
            Graded("Initial troponin", "Initial troponin"),
        ),
        uses_age=True,
    ),
    20: Case(
        "What is the Centor score with McIsaac's modification for age?",
        (
            *findings("Exudate or swelling on tonsils", "Tender/swollen anterior cervical lymph nodes", "Cough Absent"),
            TEMPERATURE,
        ),
        ages=(4, 66),
        uses_age=True,
    ),
    21: Case(
        "What is the Glasgow coma score?",
        (
            Graded("Best eye response", "Best eye response"),
            Graded("Best verbal response", "Best verbal response"),
            Graded("Best motor response", "Best motor response"),
        ),
    ),
    25: Case(
        "What is the HAS-BLED score? Alcohol counts from eight drinks a week.",
        (
            *findings(
                "Hypertension history",
                "Renal disease criteria for the HAS-BLED rule",
                "Liver disease criteria for the HAS-BLED rule",
                "Stroke",
                "Prior major bleeding or predisposition to bleeding",
                "Labile international normalized ratio",
                "Medication usage predisposing to bleeding",
            ),
            Special("drinks"),
        ),
        uses_age=True,
    ),
    27: Case(
        "What is the Glasgow-Blatchford score?",
        (
            *findings("Melena present", "Recent syncope", "Hepatic disease history", "Cardiac failure present"),
            BUN,
            Measured("Hemoglobin", 6.1, 15.8, (("g/dL", 1), ("g/L", 0))),
            Measured("Systolic Blood Pressure", 78, 138, PRESSURE),
            HEART_RATE,
        ),
        uses_sex=True,
    ),
    32: Case(
        "What is the Charlson comorbidity index, with the points for age?",
        (
            *findings(
                *CCI_ONE_POINT,
                *CCI_TWO_POINTS,
                "Cerebrovascular Accident",
                "Transient Ischemic Attacks History",
                "AIDS",
            ),
            Graded("Diabetes mellitus criteria for CCI rule", "Diabetes criteria"),
            Graded("Liver disease severity", "Liver disease severity"),
            Graded("Solid tumor", "Solid tumor"),
        ),
        ages=(38, 91),
        uses_age=True,
    ),
    33: Case(
        "What is the FeverPAIN score?",
        findings(
            "Fever in past 24 hours",
            "Absence of cough or coryza",
            "Symptom onset ≤3 days",
            "Purulent tonsils",
            "Severe tonsil inflammation",
        ),
        ages=(5, 61),
    ),
    45: Case(
        "What is the CURB-65 score?",
        (
            Finding("Confusion"),
            Measured("Blood Urea Nitrogen (BUN)", 9, 38, (("mg/dL", 0), ("mmol/L", 1))),
            RESPIRATION,
            Measured("Systolic Blood Pressure", 78, 138, PRESSURE),
            DIASTOLIC,
        ),
        ages=(40, 90),
        uses_age=True,
    ),
    48: Case(
        "How many of the PERC criteria are positive?",
        (
            *findings(
                "Unilateral Leg Swelling",
                "Hemoptysis",
                "Recent surgery or trauma",
                "Previously Documented Pulmonary Embolism",
                "Hormone use",
            ),
            HEART_RATE,
            Measured("O₂ saturation percentage", 88, 99, (("%", 0),)),
        ),
        uses_age=True,
        sexes=("Female",),
    ),
    51: Case(
        "How many SIRS criteria are met?",
        (
            TEMPERATURE,
            HEART_RATE,
            RESPIRATION,
            Measured("White blood cell count", 2_100, 19_500, (("µL", -2),)),
        ),
    ),
    29: Case(
        "What is the Pneumonia Severity Index, in points?",
        (
            *findings(*PSI_ILLNESSES, "Nursing home resident", "Altered mental status", "Pleural effusion on x-ray"),
            RESPIRATION,
            Measured("Systolic Blood Pressure", 78, 138, PRESSURE),
            Measured("Temperature", 34.2, 41, (("degrees celsius", 1), ("degrees fahrenheit", 1))),
            Measured("Heart Rate or Pulse", 70, 155, (("beats per minute", 0),)),
            Measured("pH", 7.19, 7.51, (("", 2),)),
            BUN,
            Measured("Sodium", 121, 142, ION),
            Measured("Glucose", 80, 400, GLUCOSE),
            Measured("Hematocrit", 22, 47, (("%", 0),)),
            Measured("Partial pressure of oxygen (PaO₂) for Apache II", 44, 92, PRESSURE),
        ),
        ages=(24, 92),
        uses_age=True,
        uses_sex=True,
    ),
    43: Case(
        "What is the SOFA score?",
        (
            *findings("On mechanical ventilation", "Hypotension"),
            Measured("Partial pressure of oxygen (PaO₂) for Apache II", 52, 118, PRESSURE),
            Measured("FiO₂", 24, 90, (("%", 0),)),
            Measured("Platelet count", 14_000, 240_000, (("µL", -3),)),
            BILIRUBIN,
            Measured("Glasgow Coma Score", 3, 15, (("", 0),)),
            CREATININE,
            Measured("Urine Output", 90, 1900, (("mL/day", -1),)),
            Special("pressor"),
        ),
    ),
}
"""By calculator number."""

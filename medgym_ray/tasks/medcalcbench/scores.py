"""The point scores: function and arguments, by calculator number."""

from typing import Final

from medgym_ray.tasks.medcalcbench.binding import Formula
from medgym_ray.tasks.medcalcbench.calculators import scores_cardiac, scores_infection, scores_organ
from medgym_ray.tasks.medcalcbench.entities import (
    Argument,
    Entities,
    any_of,
    count_of,
    grade,
    plain_number,
    quantity,
    renamed,
    sex_is,
    table_of,
)

_MALE: Final = sex_is("Male")
_AGE: Final = quantity("age")
_BUN: Final = quantity("Blood Urea Nitrogen (BUN)")
_HEART_RATE: Final = quantity("Heart Rate or Pulse")
_RESPIRATION: Final = quantity("respiratory rate")
_SYSTOLIC: Final = quantity("Systolic Blood Pressure")
_DIASTOLIC: Final = quantity("Diastolic Blood Pressure")
_TEMPERATURE: Final = quantity("Temperature")
_BILIRUBIN: Final = quantity("Bilirubin")
_ALBUMIN: Final = quantity("Albumin")
_INR: Final = plain_number("international normalized ratio")
_HYPERTENSION: Final = any_of("Hypertension history")
_PREVIOUS_CLOT: Final = any_of("Previously documented Deep Vein Thrombosis", "Previously Documented Pulmonary Embolism")

DVT_FINDINGS: Final = (
    "Active cancer",
    "Bedridden recently >3 days or major surgery within 12 weeks",
    "Calf swelling >3 centimeters compared to the other leg",
    "Collateral (nonvaricose) superficial veins present",
    "Entire Leg Swollen",
    "Localized tenderness along the deep venous system",
    "Pitting edema, confined to symptomatic leg",
    "Paralysis, paresis, or recent plaster immobilization of the lower extremity",
    "Previously documented Deep Vein Thrombosis",
)
HEART_RISKS: Final = (
    "Hypertension history",
    "hypercholesterolemia",
    "Diabetes mellitus criteria for CCI rule",
    "obesity",
    "smoking",
    "parent or sibling with Cardiovascular disease before age 65",
)
PSI_ILLNESSES: Final = {
    "Neoplastic disease": "neoplastic",
    "Liver disease severity": "liver",
    "Congestive Heart Faliure": "heart failure",
    "Cerebrovascular disease history": "cerebrovascular",
    "Renal disease": "renal",
}
CCI_ONE_POINT: Final = (
    "Myocardial infarction",
    "Congestive Heart Faliure",
    "Peripheral vascular disease",
    "Dementia",
    "Chronic Obstructive Pulmonary Disease",
    "Connective tissue disease",
    "Peptic ulcer disease",
)
CCI_TWO_POINTS: Final = ("Hemiplegia", "Moderate to severe Chronic Kidney Disease", "Leukemia", "Lymphoma")


def _charlson_one_point(entities: Entities) -> Argument:
    """One point each; a stroke and a transient ischemic attack are one condition."""
    vessel = any_of("Cerebrovascular Accident", "Transient Ischemic Attacks History")(entities).value
    found = {**table_of(*CCI_ONE_POINT)(entities).value, "Cerebrovascular disease": vessel}
    return Argument(found, repr(found))


SCORES: Final = {
    4: Formula(
        scores_cardiac.cha2ds2_vasc,
        {
            "age": _AGE,
            "male": _MALE,
            "heart_failure": any_of("Congestive Heart Faliure"),
            "hypertension": _HYPERTENSION,
            "stroke_tia_or_thromboembolism": any_of(
                "Stroke", "Transient Ischemic Attacks History", "Thromboembolism history"
            ),
            "vascular_disease": any_of("Vascular disease history"),
            "diabetes": any_of("Diabetes history"),
        },
    ),
    8: Formula(
        scores_cardiac.wells_pulmonary_embolism,
        {
            "signs_of_dvt": any_of("Clinical signs and symptoms of Deep Vein Thrombosis"),
            "most_likely_diagnosis": any_of("Pulmonary Embolism is #1 diagnosis OR equally likely"),
            "heart_rate": _HEART_RATE,
            "immobilization_or_surgery": any_of(
                "Immobilization for at least 3 days", "Surgery in the previous 4 weeks"
            ),
            "previous_pe_or_dvt": _PREVIOUS_CLOT,
            "hemoptysis": any_of("Hemoptysis"),
            "malignancy": any_of("Malignancy with treatment within 6 months or palliative"),
        },
    ),
    15: Formula(
        scores_organ.child_pugh,
        {
            "bilirubin_mg_dl": _BILIRUBIN,
            "albumin_g_dl": _ALBUMIN,
            "inr": _INR,
            "ascites": grade("Ascites", {"absent": 1, "slight": 2, "moderate": 3}, 1),
            "encephalopathy": grade(
                "Encephalopathy", {"No Encephalopathy": 1, "Grade 0": 1, "Grade 1-2": 2, "Grade 3-4": 3}, 1
            ),
        },
    ),
    16: Formula(
        scores_cardiac.wells_deep_vein_thrombosis,
        {
            "findings": table_of(*DVT_FINDINGS),
            "alternative_as_likely": any_of("Alternative diagnosis to Deep Vein Thrombosis as likely or more likely"),
        },
    ),
    17: Formula(
        scores_cardiac.revised_cardiac_risk_index,
        {
            "elevated_risk_surgery": any_of("Elevated-risk surgery"),
            "ischemic_heart_disease": any_of("History of ischemic heart disease"),
            "heart_failure": any_of("Congestive Heart Failure criteria for the Cardiac Risk Index rule"),
            "cerebrovascular_disease": any_of("History of cerebrovascular disease"),
            "insulin": any_of("Pre-operative treatment with insulin"),
            "creatinine_mg_dl": quantity("Pre-operative creatinine"),
        },
    ),
    18: Formula(
        scores_cardiac.heart_score,
        {
            "suspicion": grade(
                "Suspicion History",
                {"Slightly suspicious": 0, "Moderately suspicious": 1, "Highly suspicious": 2},
            ),
            "ecg": grade(
                "Electrocardiogram Test",
                {"Normal": 0, "Non-specific repolarization disturbance": 1, "Significant ST deviation": 2},
            ),
            "age": _AGE,
            "risk_factors": count_of(*HEART_RISKS),
            "atherosclerotic_disease": any_of("atherosclerotic disease", "Transient Ischemic Attacks History"),
            "troponin": grade(
                "Initial troponin",
                {
                    "less than or equal to normal limit": 0,
                    "between the normal limit or up to three times the normal limit": 1,
                    "greater than three times normal limit": 2,
                },
            ),
        },
    ),
    20: Formula(
        scores_infection.centor,
        {
            "age": _AGE,
            "temperature_c": _TEMPERATURE,
            "exudate": any_of("Exudate or swelling on tonsils"),
            "tender_nodes": any_of("Tender/swollen anterior cervical lymph nodes"),
            "cough_absent": any_of("Cough Absent"),
        },
    ),
    21: Formula(
        scores_organ.glasgow_coma_score,
        {
            "eyes": grade(
                "Best eye response",
                {
                    "no eye opening": 1,
                    "eye opening to pain": 2,
                    "eye opening to verbal command": 3,
                    "eyes open spontaneously": 4,
                },
            ),
            "verbal": grade(
                "Best verbal response",
                {
                    "no verbal response": 1,
                    "incomprehensible sounds": 2,
                    "inappropriate words": 3,
                    "confused": 4,
                    "oriented": 5,
                },
            ),
            "motor": grade(
                "Best motor response",
                {
                    "no motor response": 1,
                    "extension to pain": 2,
                    "flexion to pain": 3,
                    "withdrawal from pain": 4,
                    "localizes pain": 5,
                    "obeys commands": 6,
                },
            ),
        },
    ),
    25: Formula(
        scores_cardiac.has_bled,
        {
            "hypertension": _HYPERTENSION,
            "renal_disease": any_of("Renal disease criteria for the HAS-BLED rule"),
            "liver_disease": any_of("Liver disease criteria for the HAS-BLED rule"),
            "stroke": any_of("Stroke"),
            "prior_bleeding": any_of("Prior major bleeding or predisposition to bleeding"),
            "labile_inr": any_of("Labile international normalized ratio"),
            "age": _AGE,
            "medication": any_of("Medication usage predisposing to bleeding"),
            "drinks_per_week": plain_number("Number of Alcoholic Drinks Per Week"),
        },
    ),
    27: Formula(
        scores_organ.glasgow_blatchford,
        {
            "bun_mg_dl": _BUN,
            "hemoglobin_g_dl": quantity("Hemoglobin"),
            "male": _MALE,
            "systolic_mm_hg": _SYSTOLIC,
            "heart_rate": _HEART_RATE,
            "melena": any_of("Melena present"),
            "syncope": any_of("Recent syncope"),
            "hepatic_disease": any_of("Hepatic disease history"),
            "cardiac_failure": any_of("Cardiac failure present"),
        },
    ),
    32: Formula(
        scores_organ.charlson,
        {
            "age": _AGE,
            "one_point": _charlson_one_point,
            "diabetes": grade(
                "Diabetes mellitus criteria for CCI rule",
                {
                    "None or Diet-controlled": 0,
                    "None or diet-controlled": 0,
                    "Uncomplicated": 1,
                    "End-organ damage": 2,
                },
                0,
            ),
            "liver": grade("Liver disease severity", {"None": 0, "Mild": 1, "Moderate to Severe": 3}, 0),
            "solid_tumor": grade("Solid tumor", {"None": 0, "Localized": 2, "Metastatic": 6}, 0),
            "two_points": count_of(*CCI_TWO_POINTS),
            "aids": any_of("AIDS"),
        },
    ),
    33: Formula(
        scores_infection.feverpain,
        {
            "fever": any_of("Fever in past 24 hours"),
            "cough_absent": any_of("Absence of cough or coryza"),
            "onset_within_three_days": any_of("Symptom onset ≤3 days"),
            "purulent_tonsils": any_of("Purulent tonsils"),
            "severe_inflammation": any_of("Severe tonsil inflammation"),
        },
    ),
    45: Formula(
        scores_infection.curb_65,
        {
            "confusion": any_of("Confusion"),
            "bun_mg_dl": _BUN,
            "respiratory_rate": _RESPIRATION,
            "systolic_mm_hg": _SYSTOLIC,
            "diastolic_mm_hg": _DIASTOLIC,
            "age": _AGE,
        },
    ),
    48: Formula(
        scores_cardiac.perc_rule,
        {
            "age": _AGE,
            "heart_rate": _HEART_RATE,
            "saturation_percent": quantity("O₂ saturation percentage"),
            "leg_swelling": any_of("Unilateral Leg Swelling"),
            "hemoptysis": any_of("Hemoptysis"),
            "surgery_or_trauma": any_of("Recent surgery or trauma"),
            "previous_pe_or_dvt": _PREVIOUS_CLOT,
            "hormone_use": any_of("Hormone use"),
        },
    ),
    51: Formula(
        scores_infection.sirs_criteria,
        {
            "temperature_c": _TEMPERATURE,
            "heart_rate": _HEART_RATE,
            "respiratory_rate": _RESPIRATION,
            "paco2_mm_hg": quantity("PaCO₂", None),
            "white_cells_per_ul": quantity("White blood cell count"),
        },
    ),
    29: Formula(
        scores_infection.pneumonia_severity_index,
        {
            "age": _AGE,
            "male": _MALE,
            "nursing_home": any_of("Nursing home resident"),
            "illnesses": renamed(PSI_ILLNESSES),
            "altered_mental_status": any_of("Altered mental status"),
            "respiratory_rate": _RESPIRATION,
            "systolic_mm_hg": _SYSTOLIC,
            "temperature_c": _TEMPERATURE,
            "heart_rate": _HEART_RATE,
            "ph": plain_number("pH"),
            "bun_mg_dl": _BUN,
            "sodium_meq_l": quantity("Sodium"),
            "glucose_mg_dl": quantity("Glucose"),
            "hematocrit_percent": quantity("Hematocrit"),
            "pao2_mm_hg": quantity("Partial pressure of oxygen (PaO₂) for Apache II"),
            "pleural_effusion": any_of("Pleural effusion on x-ray"),
        },
    ),
    43: Formula(
        scores_infection.sofa,
        {
            "pao2_mm_hg": quantity("Partial pressure of oxygen (PaO₂) for Apache II"),
            "fio2_percent": quantity("FiO₂"),
            "ventilated": any_of("On mechanical ventilation", "Continous positive airway pressure"),
            "platelets_per_ul": quantity("Platelet count"),
            "bilirubin_mg_dl": _BILIRUBIN,
            "mean_pressure_low": any_of("Hypotension"),
            "dopamine": quantity("DOPamine", 0),
            "dobutamine": quantity("DOBUTamine", 0),
            "epinephrine": quantity("EPINEPHrine", 0),
            "norepinephrine": quantity("norEPINEPHrine", 0),
            "coma_score": plain_number("Glasgow Coma Score"),
            "creatinine_mg_dl": quantity("creatinine"),
            "urine_ml_day": quantity("Urine Output", None),
        },
    ),
}

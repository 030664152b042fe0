"""The equations and the dates: function and arguments, by calculator number."""

from typing import Final

from medgym_ray.tasks.medcalcbench.binding import Formula
from medgym_ray.tasks.medcalcbench.calculators import body, cardiac, electrolytes, metabolic, pregnancy, renal
from medgym_ray.tasks.medcalcbench.entities import (
    any_of,
    daily_doses,
    equals,
    item,
    plain_number,
    quantity,
    sex_is,
    words,
)

_MALE: Final = sex_is("Male")
_AGE: Final = quantity("age")
_WEIGHT: Final = quantity("weight")
_HEIGHT: Final = quantity("height")
_CREATININE: Final = quantity("creatinine")
_SODIUM: Final = quantity("Sodium")
_GLUCOSE: Final = quantity("Glucose")
_BUN: Final = quantity("Blood Urea Nitrogen (BUN)")
_HEART_RATE: Final = quantity("Heart Rate or Pulse")
_SYSTOLIC: Final = quantity("Systolic Blood Pressure")
_DIASTOLIC: Final = quantity("Diastolic Blood Pressure")
_BILIRUBIN: Final = quantity("Bilirubin")
_ALBUMIN: Final = quantity("Albumin")
_INR: Final = plain_number("international normalized ratio")
_GAP: Final = {
    "sodium_meq_l": _SODIUM,
    "chloride_meq_l": quantity("Chloride"),
    "bicarbonate_meq_l": quantity("Bicarbonate"),
}
_QT: Final = {"qt_msec": quantity("QT interval"), "heart_rate": _HEART_RATE}


EQUATIONS: Final = {
    2: Formula(
        renal.creatinine_clearance,
        {"male": _MALE, "age": _AGE, "weight_kg": _WEIGHT, "height_cm": _HEIGHT, "creatinine_mg_dl": _CREATININE},
    ),
    3: Formula(renal.ckd_epi_2021, {"male": _MALE, "age": _AGE, "creatinine_mg_dl": _CREATININE}),
    5: Formula(cardiac.mean_arterial_pressure, {"systolic_mm_hg": _SYSTOLIC, "diastolic_mm_hg": _DIASTOLIC}),
    6: Formula(body.body_mass_index, {"weight_kg": _WEIGHT, "height_cm": _HEIGHT}),
    7: Formula(electrolytes.calcium_correction, {"calcium_mg_dl": quantity("Calcium"), "albumin_g_dl": _ALBUMIN}),
    9: Formula(
        renal.mdrd,
        {"male": _MALE, "age": _AGE, "creatinine_mg_dl": _CREATININE, "black": equals("Race", "Black")},
    ),
    10: Formula(body.ideal_body_weight, {"male": _MALE, "height_cm": _HEIGHT}),
    11: Formula(cardiac.qtc_bazett, _QT),
    19: Formula(
        metabolic.fibrosis_4,
        {
            "age": _AGE,
            "ast_u_l": quantity("Aspartate aminotransferase"),
            "alt_u_l": quantity("Alanine aminotransferase"),
            "platelets_per_ul": quantity("Platelet count"),
        },
    ),
    22: Formula(body.maintenance_fluids, {"weight_kg": _WEIGHT}),
    23: Formula(
        metabolic.meld_na,
        {
            "creatinine_mg_dl": _CREATININE,
            "bilirubin_mg_dl": _BILIRUBIN,
            "inr": _INR,
            "sodium_meq_l": _SODIUM,
            "dialysis": any_of(
                "Dialysis at least twice in the past week",
                "Continuous veno-venous hemodialysis for ≥24 hours in the past week",
            ),
        },
    ),
    24: Formula(
        metabolic.steroid_conversion,
        {"drug": item("input steroid", 0), "dose_mg": item("input steroid", 1), "target": words("target steroid")},
    ),
    26: Formula(electrolytes.sodium_correction, {"sodium_meq_l": _SODIUM, "glucose_mg_dl": _GLUCOSE}),
    30: Formula(electrolytes.serum_osmolality, {"sodium_meq_l": _SODIUM, "glucose_mg_dl": _GLUCOSE, "bun_mg_dl": _BUN}),
    31: Formula(metabolic.homa_ir, {"glucose_mg_dl": _GLUCOSE, "insulin_uiu_ml": quantity("Insulin")}),
    38: Formula(renal.free_water_deficit, {"male": _MALE, "age": _AGE, "weight_kg": _WEIGHT, "sodium_meq_l": _SODIUM}),
    39: Formula(electrolytes.anion_gap, _GAP),
    40: Formula(
        renal.fractional_excretion_of_sodium,
        {
            "urine_sodium_meq_l": quantity("Urine sodium"),
            "sodium_meq_l": _SODIUM,
            "urine_creatinine_mg_dl": quantity("Urine creatinine"),
            "creatinine_mg_dl": _CREATININE,
        },
    ),
    44: Formula(
        metabolic.ldl_calculated,
        {
            "cholesterol_mg_dl": quantity("Total cholesterol"),
            "hdl_mg_dl": quantity("high-density lipoprotein cholesterol"),
            "triglycerides_mg_dl": quantity("Triglycerides"),
        },
    ),
    49: Formula(metabolic.morphine_equivalents, {"daily_doses": daily_doses}),
    56: Formula(cardiac.qtc_fridericia, _QT),
    57: Formula(cardiac.qtc_framingham, _QT),
    58: Formula(cardiac.qtc_hodges, _QT),
    59: Formula(cardiac.qtc_rautaharju, _QT),
    60: Formula(body.body_surface_area, {"weight_kg": _WEIGHT, "height_cm": _HEIGHT}),
    61: Formula(body.target_weight, {"bmi": quantity("Body Mass Index (BMI)"), "height_cm": _HEIGHT}),
    62: Formula(body.adjusted_body_weight, {"male": _MALE, "height_cm": _HEIGHT, "weight_kg": _WEIGHT}),
    63: Formula(electrolytes.delta_gap, _GAP),
    64: Formula(electrolytes.delta_ratio, _GAP),
    65: Formula(electrolytes.albumin_corrected_anion_gap, {**_GAP, "albumin_g_dl": _ALBUMIN}),
    66: Formula(electrolytes.albumin_corrected_delta_gap, {**_GAP, "albumin_g_dl": _ALBUMIN}),
    67: Formula(electrolytes.albumin_corrected_delta_ratio, {**_GAP, "albumin_g_dl": _ALBUMIN}),
}

DATES: Final = {
    13: Formula(
        pregnancy.due_date, {"last_period": words("Last menstrual date"), "cycle_days": plain_number("cycle length")}
    ),
    68: Formula(
        pregnancy.conception_date,
        {"last_period": words("Last menstrual date"), "cycle_days": plain_number("cycle length")},
    ),
    69: Formula(
        pregnancy.gestational_age,
        {"last_period": words("Last menstrual date"), "current_date": words("Current Date")},
    ),
}

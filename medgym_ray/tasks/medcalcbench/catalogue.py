"""The 55 calculators of MedCalc-Bench: number, name, category, how their answers are compared, and the unit."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """How an answer is compared with the gold; the upstream evaluation decides it by calculator number."""

    DATE = "date"
    GESTATION = "gestation"
    """(weeks, days)."""
    INTEGER = "integer"
    """The rounded answer must equal the gold."""
    DECIMAL = "decimal"
    """The answer must lie within the record's limits."""


@dataclass(frozen=True, slots=True)
class Calculator:
    """One calculator, as far as a task needs it; its formula, where there is one of ours, is in `formulas`."""

    number: int
    slug: str
    name: str
    kind: Kind
    units: tuple[str, ...]
    """Spellings that a string answer may carry behind its number; the first is the one that the prompt names."""


_MSEC: Final = ("msec", "ms", "milliseconds", "millisecond")
_KG: Final = ("kg", "kilograms", "kilogram", "kgs")
_MEQ: Final = ("mEq/L", "mmol/L", "meq per liter")  # the same number for ions of charge one
_MG_DL: Final = ("mg/dL",)
_GFR: Final = ("mL/min/1.73 m²", "mL/min/1.73m^2", "mL/min per 1.73 m²", "mL/min")
_POINTS: Final = ("points", "point")

_D, _I = Kind.DECIMAL, Kind.INTEGER

CALCULATORS: Final[tuple[Calculator, ...]] = (
    Calculator(
        2,
        "creatinine_clearance_cockcroft_gault",
        "Creatinine Clearance (Cockcroft-Gault Equation)",
        _D,
        ("mL/min", "mL per minute"),
    ),
    Calculator(3, "ckd_epi_2021_gfr", "CKD-EPI Equations for Glomerular Filtration Rate", _D, _GFR),
    Calculator(4, "cha2ds2_vasc", "CHA2DS2-VASc Score for Atrial Fibrillation Stroke Risk", _I, _POINTS),
    Calculator(5, "mean_arterial_pressure", "Mean Arterial Pressure (MAP)", _D, ("mm Hg", "mmHg")),
    Calculator(6, "body_mass_index", "Body Mass Index (BMI)", _D, ("kg/m²", "kg/m^2")),
    Calculator(7, "calcium_correction", "Calcium Correction for Hypoalbuminemia", _D, _MG_DL),
    Calculator(8, "wells_pulmonary_embolism", "Wells' Criteria for Pulmonary Embolism", _D, _POINTS),
    Calculator(9, "mdrd_gfr", "MDRD GFR Equation", _D, _GFR),
    Calculator(10, "ideal_body_weight", "Ideal Body Weight", _D, _KG),
    Calculator(11, "qtc_bazett", "QTc Bazett Calculator", _D, _MSEC),
    Calculator(13, "estimated_due_date", "Estimated Due Date", Kind.DATE, ()),
    Calculator(15, "child_pugh", "Child-Pugh Score for Cirrhosis Mortality", _I, _POINTS),
    Calculator(16, "wells_deep_vein_thrombosis", "Wells' Criteria for DVT", _I, _POINTS),
    Calculator(17, "revised_cardiac_risk_index", "Revised Cardiac Risk Index for Pre-Operative Risk", _I, _POINTS),
    Calculator(18, "heart_score", "HEART Score for Major Cardiac Events", _I, _POINTS),
    Calculator(19, "fibrosis_4", "Fibrosis-4 (FIB-4) Index for Liver Fibrosis", _D, _POINTS),
    Calculator(20, "centor", "Centor Score (Modified/McIsaac) for Strep Pharyngitis", _I, _POINTS),
    Calculator(21, "glasgow_coma_score", "Glasgow Coma Score (GCS)", _I, _POINTS),
    Calculator(22, "maintenance_fluids", "Maintenance Fluids Calculations", _D, ("mL/hr", "mL/h", "mL/hour")),
    Calculator(23, "meld_na", "MELD Na (UNOS/OPTN)", _D, _POINTS),
    Calculator(24, "steroid_conversion", "Steroid Conversion Calculator", _D, ("mg", "milligrams")),
    Calculator(25, "has_bled", "HAS-BLED Score for Major Bleeding Risk", _I, _POINTS),
    Calculator(26, "sodium_correction", "Sodium Correction for Hyperglycemia", _D, _MEQ),
    Calculator(27, "glasgow_blatchford", "Glasgow-Blatchford Bleeding Score (GBS)", _I, _POINTS),
    Calculator(28, "apache_ii", "APACHE II Score", _I, _POINTS),
    Calculator(29, "pneumonia_severity_index", "PSI Score: Pneumonia Severity Index for CAP", _I, _POINTS),
    Calculator(30, "serum_osmolality", "Serum Osmolality", _D, ("mOsm/kg", "mOsm/L")),
    Calculator(31, "homa_ir", "HOMA-IR (Homeostatic Model Assessment for Insulin Resistance)", _D, _POINTS),
    Calculator(32, "charlson_comorbidity_index", "Charlson Comorbidity Index (CCI)", _I, _POINTS),
    Calculator(33, "feverpain", "FeverPAIN Score for Strep Pharyngitis", _I, _POINTS),
    Calculator(36, "caprini", "Caprini Score for Venous Thromboembolism (2005)", _I, _POINTS),
    Calculator(38, "free_water_deficit", "Free Water Deficit", _D, ("L", "liters", "litres", "liter", "litre")),
    Calculator(39, "anion_gap", "Anion Gap", _D, _MEQ),
    Calculator(
        40, "fractional_excretion_of_sodium", "Fractional Excretion of Sodium (FENa)", _D, ("%", "percent", "per cent")
    ),
    Calculator(43, "sofa", "Sequential Organ Failure Assessment (SOFA) Score", _I, _POINTS),
    Calculator(44, "ldl_calculated", "LDL Calculated", _D, _MG_DL),
    Calculator(45, "curb_65", "CURB-65 Score for Pneumonia Severity", _I, _POINTS),
    Calculator(46, "framingham_risk_score", "Framingham Risk Score for Hard Coronary Heart Disease", _D, ()),
    Calculator(48, "perc_rule", "PERC Rule for Pulmonary Embolism", _I, (*_POINTS, "criteria", "criterion")),
    Calculator(
        49,
        "morphine_milligram_equivalents",
        "Morphine Milligram Equivalents (MME) Calculator",
        _D,
        ("MME/day", "MME", "MME per day", "mg/day"),
    ),
    Calculator(51, "sirs_criteria", "SIRS Criteria", _I, (*_POINTS, "criteria", "criterion")),
    Calculator(56, "qtc_fridericia", "QTc Fridericia Calculator", _D, _MSEC),
    Calculator(57, "qtc_framingham", "QTc Framingham Calculator", _D, _MSEC),
    Calculator(58, "qtc_hodges", "QTc Hodges Calculator", _D, _MSEC),
    Calculator(59, "qtc_rautaharju", "QTc Rautaharju Calculator", _D, _MSEC),
    Calculator(60, "body_surface_area", "Body Surface Area Calculator", _D, ("m²", "m^2", "square meters", "sq m")),
    Calculator(61, "target_weight", "Target weight", _D, _KG),
    Calculator(62, "adjusted_body_weight", "Adjusted Body Weight", _D, _KG),
    Calculator(63, "delta_gap", "Delta Gap", _D, _MEQ),
    Calculator(64, "delta_ratio", "Delta Ratio", _D, ()),
    Calculator(65, "albumin_corrected_anion_gap", "Albumin Corrected Anion Gap", _D, _MEQ),
    Calculator(66, "albumin_corrected_delta_gap", "Albumin Corrected Delta Gap", _D, _MEQ),
    Calculator(67, "albumin_corrected_delta_ratio", "Albumin Corrected Delta Ratio", _D, ()),
    Calculator(68, "estimated_date_of_conception", "Estimated of Conception", Kind.DATE, ()),
    Calculator(69, "estimated_gestational_age", "Estimated Gestational Age", Kind.GESTATION, ()),
)

BY_NUMBER: Final = {calculator.number: calculator for calculator in CALCULATORS}

"""Liver, lipids, insulin, and doses that are converted into each other."""


def fibrosis_4(age: float, ast_u_l: float, alt_u_l: float, platelets_per_ul: float) -> float:
    """FIB-4 (Sterling et al., Hepatology 2006); platelets count in thousands."""
    import math

    return age * ast_u_l / (platelets_per_ul / 1000 * math.sqrt(alt_u_l))


def meld_na(creatinine_mg_dl: float, bilirubin_mg_dl: float, inr: float, sodium_meq_l: float, dialysis: bool) -> float:
    """MELD with sodium as OPTN used it from 2016 (Kim et al., N Engl J Med 2008, OPTN policy 9).

    Laboratory values are held within their limits; MELD is rounded before sodium enters, above 11 points only.
    """
    import math

    creatinine = 4.0 if dialysis else min(max(creatinine_mg_dl, 1.0), 4.0)
    raw = 0.957 * math.log(creatinine) + 0.378 * math.log(max(bilirubin_mg_dl, 1.0))
    raw += 1.12 * math.log(max(inr, 1.0)) + 0.643
    meld: float = round(10 * raw)
    if meld > 11:
        missing = 137 - min(max(sodium_meq_l, 125), 137)
        meld += 1.32 * missing - 0.033 * meld * missing
    return min(round(meld), 40)


def homa_ir(glucose_mg_dl: float, insulin_uiu_ml: float) -> float:
    """Fasting glucose times insulin over 405 (Matthews et al., Diabetologia 1985)."""
    return glucose_mg_dl * insulin_uiu_ml / 405


def ldl_calculated(cholesterol_mg_dl: float, hdl_mg_dl: float, triglycerides_mg_dl: float) -> float:
    """What HDL and a fifth of the triglycerides leave of the cholesterol, mg/dL (Friedewald et al., Clin Chem 1972)."""
    return cholesterol_mg_dl - hdl_mg_dl - triglycerides_mg_dl / 5


def steroid_conversion(drug: str, dose_mg: float, target: str) -> float:
    """Doses of equal glucocorticoid effect, mg (Meikle and Tyler, Am J Med 1977); 0.75 mg of dexamethasone is one."""
    equivalent_mg = {
        "betamethasone": 0.75,
        "cortisone": 25,
        "dexamethasone": 0.75,
        "hydrocortisone": 20,
        "methylprednisolone": 4,
        "prednisolone": 5,
        "prednisone": 5,
        "triamcinolone": 4,
    }
    source, wanted = drug.split()[0].lower(), target.split()[0].lower()
    return dose_mg * equivalent_mg[wanted] / equivalent_mg[source]


def morphine_equivalents(daily_doses: dict[str, float]) -> float:
    """Morphine milligram equivalents per day (CDC Clinical Practice Guideline for Prescribing Opioids, 2022).

    `daily_doses` holds mg per day by drug; buccal fentanyl in µg per day, patches in µg per hour.
    """
    per_mg = {
        "buprenorphine": 10,
        "codeine": 0.15,
        "fentanyl buccal": 0.13,
        "fentanyl patch": 2.4,
        "hydrocodone": 1,
        "hydromorphone": 5,
        "methadone": 4.7,
        "morphine": 1,
        "oxycodone": 1.5,
        "oxymorphone": 3,
        "tapentadol": 0.4,
        "tramadol": 0.2,
    }
    return sum(dose * per_mg[drug.lower()] for drug, dose in daily_doses.items())

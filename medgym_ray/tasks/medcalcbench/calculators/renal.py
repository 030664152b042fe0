"""Kidney function."""


def creatinine_clearance(male: bool, age: float, weight_kg: float, height_cm: float, creatinine_mg_dl: float) -> float:
    """Cockcroft and Gault's equation, mL/min (Nephron 1976), with the weight chosen by the body mass index.

    Underweight: the actual weight. Normal: the lesser of ideal and actual. From 25 kg/m²: the adjusted weight.
    """
    bmi = weight_kg / (height_cm / 100) ** 2
    ideal = (50.0 if male else 45.5) + 2.3 * (height_cm / 2.54 - 60)
    if bmi < 18.5:
        weight = weight_kg
    elif bmi < 25:
        weight = min(ideal, weight_kg)
    else:
        weight = ideal + 0.4 * (weight_kg - ideal)
    return (140 - age) * weight * (1.0 if male else 0.85) / (72 * creatinine_mg_dl)


def ckd_epi_2021(male: bool, age: float, creatinine_mg_dl: float) -> float:
    """The creatinine equation of CKD-EPI without race, mL/min/1.73 m² (Inker et al., N Engl J Med 2021)."""
    kappa, alpha, factor = (0.9, -0.302, 1.0) if male else (0.7, -0.241, 1.012)
    ratio = creatinine_mg_dl / kappa
    return float(142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.2 * 0.9938**age * factor)


def mdrd(male: bool, age: float, creatinine_mg_dl: float, black: bool) -> float:
    """The four-variable MDRD equation for standardised creatinine, mL/min/1.73 m² (Levey et al., Ann Intern Med 2006).

    The coefficient for race is part of the equation as published, and of the benchmark's gold.
    """
    rate = 175 * creatinine_mg_dl**-1.154 * age**-0.203
    return float(rate * (1.0 if male else 0.742) * (1.212 if black else 1.0))


def fractional_excretion_of_sodium(
    urine_sodium_meq_l: float, sodium_meq_l: float, urine_creatinine_mg_dl: float, creatinine_mg_dl: float
) -> float:
    """FENa, per cent (Espinel, JAMA 1976)."""
    return 100 * (urine_sodium_meq_l * creatinine_mg_dl) / (sodium_meq_l * urine_creatinine_mg_dl)


def free_water_deficit(male: bool, age: float, weight_kg: float, sodium_meq_l: float) -> float:
    """Total body water times the relative excess of sodium over 140 mEq/L, L (Adrogué and Madias, N Engl J Med 2000).

    Body water is 0.6 of the weight in children and men, 0.5 in women and in men from 65, 0.45 in women from 65.
    """
    if age < 18:
        water = 0.6
    elif age < 65:
        water = 0.6 if male else 0.5
    else:
        water = 0.5 if male else 0.45
    return water * weight_kg * (sodium_meq_l / 140 - 1)

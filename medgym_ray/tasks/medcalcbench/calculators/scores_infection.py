"""Point scores of infection, inflammation and critical illness."""


def centor(age: float, temperature_c: float, exudate: bool, tender_nodes: bool, cough_absent: bool) -> int:
    """Centor's score as modified by age (McIsaac et al., CMAJ 1998)."""
    years = int(3 <= age < 15) - (age >= 45)
    return years + (temperature_c > 38) + exudate + tender_nodes + cough_absent


def feverpain(
    fever: bool, cough_absent: bool, onset_within_three_days: bool, purulent_tonsils: bool, severe_inflammation: bool
) -> int:
    """FeverPAIN (Little et al., BMJ 2013)."""
    return fever + cough_absent + onset_within_three_days + purulent_tonsils + severe_inflammation


def curb_65(
    confusion: bool,
    bun_mg_dl: float,
    respiratory_rate: float,
    systolic_mm_hg: float,
    diastolic_mm_hg: float,
    age: float,
) -> int:
    """CURB-65 (Lim et al., Thorax 2003); urea above 7 mmol/L is a urea nitrogen above 19 mg/dL."""
    low_pressure = systolic_mm_hg < 90 or diastolic_mm_hg <= 60
    return confusion + (bun_mg_dl > 19) + (respiratory_rate >= 30) + low_pressure + (age >= 65)


def sirs_criteria(
    temperature_c: float,
    heart_rate: float,
    respiratory_rate: float,
    paco2_mm_hg: float | None,
    white_cells_per_ul: float,
) -> int:
    """The number of SIRS criteria that are met (Bone et al., Chest 1992)."""
    breathing = respiratory_rate > 20 or (paco2_mm_hg is not None and paco2_mm_hg < 32)
    white_cells = white_cells_per_ul > 12000 or white_cells_per_ul < 4000
    return (temperature_c > 38 or temperature_c < 36) + (heart_rate > 90) + breathing + white_cells


def pneumonia_severity_index(
    age: float,
    male: bool,
    nursing_home: bool,
    illnesses: dict[str, bool],
    altered_mental_status: bool,
    respiratory_rate: float,
    systolic_mm_hg: float,
    temperature_c: float,
    heart_rate: float,
    ph: float,
    bun_mg_dl: float,
    sodium_meq_l: float,
    glucose_mg_dl: float,
    hematocrit_percent: float,
    pao2_mm_hg: float,
    pleural_effusion: bool,
) -> int:
    """The Pneumonia Severity Index (Fine et al., N Engl J Med 1997); age counts its years, women have ten less."""
    weights = {"neoplastic": 30, "liver": 20, "heart failure": 10, "cerebrovascular": 10, "renal": 10}
    points = int(age) - 10 * (not male) + 10 * nursing_home
    points += sum(weights[illness] for illness, present in illnesses.items() if present)
    points += 20 * altered_mental_status + 20 * (respiratory_rate >= 30) + 20 * (systolic_mm_hg < 90)
    points += 15 * (temperature_c < 35 or temperature_c >= 40) + 10 * (heart_rate >= 125)
    points += 30 * (ph < 7.35) + 20 * (bun_mg_dl >= 30) + 20 * (sodium_meq_l < 130)
    points += 10 * (glucose_mg_dl >= 250) + 10 * (hematocrit_percent < 30) + 10 * (pao2_mm_hg < 60)
    return points + 10 * pleural_effusion


def sofa(
    pao2_mm_hg: float,
    fio2_percent: float,
    ventilated: bool,
    platelets_per_ul: float,
    bilirubin_mg_dl: float,
    mean_pressure_low: bool,
    dopamine: float,
    dobutamine: float,
    epinephrine: float,
    norepinephrine: float,
    coma_score: float,
    creatinine_mg_dl: float,
    urine_ml_day: float | None,
) -> int:
    """The Sequential Organ Failure Assessment (Vincent et al., Intensive Care Med 1996); pressors in mcg/kg/min."""
    ratio = pao2_mm_hg / (fio2_percent / 100)
    lungs = sum(ratio < below for below in (400, 300)) + ventilated * sum(ratio < below for below in (200, 100))
    clotting = sum(platelets_per_ul < below for below in (150_000, 100_000, 50_000, 20_000))
    liver = sum(bilirubin_mg_dl >= above for above in (1.2, 2.0, 6.0, 12.0))
    adrenaline = max(epinephrine, norepinephrine)
    pressors = [
        (4, dopamine > 15 or adrenaline > 0.1),
        (3, dopamine > 5 or adrenaline > 0),
        (2, dopamine > 0 or dobutamine > 0),
        (1, mean_pressure_low),
    ]
    circulation = max((points for points, holds in pressors if holds), default=0)
    brain = sum(coma_score < below for below in (15, 13, 10, 6))
    kidneys = sum(creatinine_mg_dl >= above for above in (1.2, 2.0, 3.5, 5.0))
    if urine_ml_day is not None and urine_ml_day < 500:
        kidneys = max(kidneys, 4 if urine_ml_day < 200 else 3)
    return lungs + clotting + liver + circulation + brain + kidneys

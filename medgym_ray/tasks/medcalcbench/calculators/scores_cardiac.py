"""Point scores of heart, vessels and bleeding. A finding counts its points where it is present."""


def cha2ds2_vasc(
    age: float,
    male: bool,
    heart_failure: bool,
    hypertension: bool,
    stroke_tia_or_thromboembolism: bool,
    vascular_disease: bool,
    diabetes: bool,
) -> int:
    """CHA2DS2-VASc (Lip et al., Chest 2010)."""
    points = 2 if age >= 75 else int(age >= 65)
    points += 2 * stroke_tia_or_thromboembolism
    return points + (not male) + heart_failure + hypertension + vascular_disease + diabetes


def revised_cardiac_risk_index(
    elevated_risk_surgery: bool,
    ischemic_heart_disease: bool,
    heart_failure: bool,
    cerebrovascular_disease: bool,
    insulin: bool,
    creatinine_mg_dl: float,
) -> int:
    """The Revised Cardiac Risk Index (Lee et al., Circulation 1999)."""
    histories = elevated_risk_surgery + ischemic_heart_disease + heart_failure + cerebrovascular_disease
    return histories + insulin + (creatinine_mg_dl > 2.0)


def heart_score(
    suspicion: int, ecg: int, age: float, risk_factors: int, atherosclerotic_disease: bool, troponin: int
) -> int:
    """The HEART score (Six et al., Neth Heart J 2008); history, ECG and troponin come graded 0, 1 or 2.

    Known atherosclerotic disease counts like three risk factors.
    """
    years = 2 if age >= 65 else int(age >= 45)
    risk = 2 if atherosclerotic_disease or risk_factors >= 3 else int(risk_factors >= 1)
    return suspicion + ecg + years + risk + troponin


def has_bled(
    hypertension: bool,
    renal_disease: bool,
    liver_disease: bool,
    stroke: bool,
    prior_bleeding: bool,
    labile_inr: bool,
    age: float,
    medication: bool,
    drinks_per_week: float,
) -> int:
    """HAS-BLED (Pisters et al., Chest 2010)."""
    findings = hypertension + renal_disease + liver_disease + stroke + prior_bleeding + labile_inr + medication
    return findings + (age > 65) + (drinks_per_week >= 8)


def wells_pulmonary_embolism(
    signs_of_dvt: bool,
    most_likely_diagnosis: bool,
    heart_rate: float,
    immobilization_or_surgery: bool,
    previous_pe_or_dvt: bool,
    hemoptysis: bool,
    malignancy: bool,
) -> float:
    """Wells' criteria for pulmonary embolism (Wells et al., Thromb Haemost 2000)."""
    points = 3.0 * signs_of_dvt + 3.0 * most_likely_diagnosis
    points += 1.5 * (heart_rate > 100) + 1.5 * immobilization_or_surgery + 1.5 * previous_pe_or_dvt
    return points + hemoptysis + malignancy


def wells_deep_vein_thrombosis(findings: dict[str, bool], alternative_as_likely: bool) -> int:
    """Wells' criteria for deep vein thrombosis (Wells et al., N Engl J Med 2003).

    One point for each of the nine findings, two off where another diagnosis is at least as likely.
    """
    return sum(findings.values()) - 2 * alternative_as_likely


def perc_rule(
    age: float,
    heart_rate: float,
    saturation_percent: float,
    leg_swelling: bool,
    hemoptysis: bool,
    surgery_or_trauma: bool,
    previous_pe_or_dvt: bool,
    hormone_use: bool,
) -> int:
    """The number of PERC criteria that are met (Kline et al., J Thromb Haemost 2004); none rules out an embolism."""
    measured = (age >= 50) + (heart_rate >= 100) + (saturation_percent < 95)
    return measured + leg_swelling + hemoptysis + surgery_or_trauma + previous_pe_or_dvt + hormone_use

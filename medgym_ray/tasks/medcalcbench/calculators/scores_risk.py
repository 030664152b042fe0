"""Scores of a whole patient's risk: death in intensive care, venous clots, coronary events."""


def apache_ii(
    temperature_c: float,
    systolic_mm_hg: float,
    diastolic_mm_hg: float,
    heart_rate: float,
    respiratory_rate: float,
    fio2_percent: float,
    aa_gradient_mm_hg: float | None,
    pao2_mm_hg: float | None,
    ph: float,
    sodium_meq_l: float,
    potassium_meq_l: float,
    creatinine_mg_dl: float,
    acute_renal_failure: bool,
    hematocrit_percent: float,
    white_cells_per_ul: float,
    coma_score: float,
    age: float,
    failing_organs: bool,
    points_if_failing: int,
) -> int:
    """APACHE II (Knaus et al., Crit Care Med 1985); creatinine counts twice in acute renal failure.

    From an inspired fraction of one half the alveolar-arterial gradient counts, below it the arterial pressure of
    oxygen. A value between two bands of the published tables belongs to the lower one.
    """

    def band(value: float, bounds: tuple[float, ...], points: tuple[int, ...]) -> int:
        """The points of the band that holds the value; `bounds` are where the next band begins."""
        return points[sum(value >= bound for bound in bounds)]

    if fio2_percent >= 50:
        if aa_gradient_mm_hg is None:
            raise ValueError("from an inspired fraction of one half the gradient is needed")
        lungs = band(aa_gradient_mm_hg, (200, 350, 500), (0, 2, 3, 4))
    else:
        if pao2_mm_hg is None:
            raise ValueError("below an inspired fraction of one half the arterial pressure is needed")
        lungs = (pao2_mm_hg <= 70) + 2 * (pao2_mm_hg <= 60) + (pao2_mm_hg < 55)
    mean_mm_hg = (systolic_mm_hg + 2 * diastolic_mm_hg) / 3
    kidneys = band(creatinine_mg_dl, (0.6, 1.5, 2, 3.5), (2, 0, 2, 3, 4))
    physiology = (
        band(temperature_c, (30, 32, 34, 36, 38.5, 39, 41), (4, 3, 2, 1, 0, 1, 3, 4)),
        band(mean_mm_hg, (50, 70, 110, 130, 160), (4, 2, 0, 2, 3, 4)),
        band(heart_rate, (40, 55, 70, 110, 140, 180), (4, 3, 2, 0, 2, 3, 4)),
        band(respiratory_rate, (6, 10, 12, 25, 35, 50), (4, 2, 1, 0, 1, 3, 4)),
        band(ph, (7.15, 7.25, 7.33, 7.5, 7.6, 7.7), (4, 3, 2, 0, 1, 3, 4)),
        band(sodium_meq_l, (111, 120, 130, 150, 155, 160, 180), (4, 3, 2, 0, 1, 2, 3, 4)),
        band(potassium_meq_l, (2.5, 3, 3.5, 5.5, 6, 7), (4, 2, 1, 0, 1, 3, 4)),
        band(hematocrit_percent, (20, 30, 46, 50, 60), (4, 2, 0, 1, 2, 4)),
        band(white_cells_per_ul, (1000, 3000, 15_000, 20_000, 40_000), (4, 2, 0, 1, 2, 4)),
        kidneys * (2 if acute_renal_failure else 1),
        15 - int(coma_score),
    )
    years = band(age, (45, 55, 65, 75), (0, 2, 3, 5, 6))
    return lungs + sum(physiology) + years + (points_if_failing if failing_organs else 0)


def caprini(age: float, bmi: float, surgery: int, mobility: int, previous_clot: bool, findings: dict[str, bool]) -> int:
    """The Caprini score of 2005 (Caprini, Dis Mon 2005), without its points for pregnancy and hormones.

    Surgery and mobility come as points. A thrombosis and an embolism of the past are one finding.
    """
    one = ("major surgery", "heart failure", "sepsis", "pneumonia", "varicose veins", "swollen legs")
    one_by_illness = ("inflammatory bowel disease", "infarction", "lung disease")
    two = ("plaster cast", "central venous access", "malignancy")
    three = ("family history", "factor V Leiden", "prothrombin 20210A", "homocysteine", "lupus anticoagulant")
    three_by_blood = ("anticardiolipin antibody", "heparin-induced thrombocytopenia", "other thrombophilia")
    five = ("fracture", "stroke", "multiple trauma", "spinal cord injury")
    weights = ((1, (*one, *one_by_illness)), (2, two), (3, (*three, *three_by_blood)), (5, five))
    points = sum(weight * findings[name] for weight, names in weights for name in names)
    years = (age >= 41) + (age >= 61) + (age >= 75)
    return points + years + (bmi > 25) + surgery + mobility + 3 * previous_clot


def framingham_risk(
    age: float,
    male: bool,
    cholesterol_mg_dl: float,
    hdl_mg_dl: float,
    systolic_mm_hg: float,
    treated: bool,
    smoker: bool,
) -> float:
    """The ten-year risk of hard coronary heart disease, % (Framingham equations of ATP III, Circulation 2002).

    A smoker's age counts up to 70 years in men and 78 in women where it meets smoking.
    """
    import math

    years, cholesterol = math.log(age), math.log(cholesterol_mg_dl)
    hdl, systolic = math.log(hdl_mg_dl), math.log(systolic_mm_hg)
    if male:
        score = 52.00961 * years + 20.014077 * cholesterol - 0.905964 * hdl + 1.305784 * systolic
        score += 0.241549 * treated - 4.605038 * years * cholesterol - 2.93323 * years**2 - 172.300168
        score += smoker * (12.096316 - 2.84367 * math.log(min(age, 70)))
        return 100 * (1 - math.pow(0.9402, math.exp(score)))
    score = 31.764001 * years + 22.465206 * cholesterol - 1.187731 * hdl + 2.552905 * systolic
    score += 0.420251 * treated - 5.060998 * years * cholesterol - 146.5933061
    score += smoker * (13.07543 - 2.996945 * math.log(min(age, 78)))
    return 100 * (1 - math.pow(0.98767, math.exp(score)))

"""What the sample asks: for each calculator its question, and the facts that are drawn for a patient."""

from typing import Final

from medgym_ray.tasks.samples.medcalcbench.cases_risks import RISKS
from medgym_ray.tasks.samples.medcalcbench.cases_scores import SCORES
from medgym_ray.tasks.samples.medcalcbench.draws import (
    ALBUMIN,
    BILIRUBIN,
    BUN,
    CREATININE,
    GAP,
    GLUCOSE,
    HEIGHT,
    INR,
    ION,
    LIPID,
    PRESSURE,
    QT,
    SODIUM,
    WEIGHT,
    Case,
    Finding,
    Graded,
    Measured,
    Special,
)

EQUATIONS: Final[dict[int, Case]] = {
    2: Case(
        "Estimate the creatinine clearance with the Cockcroft-Gault equation, in mL/min. Take the actual weight if the "
        "body mass index is in the underweight range, the smaller of ideal (Devine) and actual weight if it is normal, "
        "and the adjusted body weight if it is above normal.",
        (WEIGHT, HEIGHT, CREATININE),
        uses_age=True,
        uses_sex=True,
    ),
    3: Case(
        "By the race-free CKD-EPI creatinine equation, what is the glomerular filtration rate in mL/min per body "
        "surface of 1.73 m²?",
        (CREATININE,),
        uses_age=True,
        uses_sex=True,
    ),
    5: Case(
        "Work out the mean arterial pressure in mm Hg.",
        (
            Measured("Systolic Blood Pressure", 84, 212, PRESSURE),
            Measured("Diastolic Blood Pressure", 42, 81, PRESSURE),
        ),
    ),
    6: Case("What body mass index, in kg/m², follows from the examination?", (WEIGHT, HEIGHT)),
    7: Case(
        "Correct the calcium for the albumin, taking 4 g/dL as the normal albumin, and give it in mg/dL.",
        (Measured("Calcium", 6.2, 12.8, (("mg/dL", 1), ("mmol/L", 2))), ALBUMIN),
    ),
    9: Case(
        "Apply the four-variable MDRD equation (standardised creatinine, with its published race coefficient) and give "
        "the filtration rate in mL/min per 1.73 m².",
        (CREATININE, Graded("Race", "Race")),
        uses_age=True,
        uses_sex=True,
    ),
    10: Case("What is the ideal body weight by Devine's formula, in kg?", (HEIGHT,), uses_sex=True),
    11: Case("Correct the QT interval by Bazett's formula and give it in msec.", QT),
    19: Case(
        "Compute the FIB-4 index.",
        (
            Measured("Aspartate aminotransferase", 14, 190, (("U/L", 0),)),
            Measured("Alanine aminotransferase", 11, 210, (("U/L", 0),)),
            Measured("Platelet count", 42_000, 390_000, (("µL", -3),)),
        ),
        uses_age=True,
    ),
    22: Case(
        "At what rate, in mL/hr, do maintenance fluids run by the 4-2-1 rule?",
        (Measured("weight", 4, 44, (("kg", 1), ("lbs", 1))),),
        ages=(1, 11),
    ),
    23: Case(
        "Determine the MELD-Na score by the UNOS/OPTN rule of 2016, with its limits on laboratory values, MELD being "
        "rounded to an integer before sodium is taken into account.",
        (CREATININE, BILIRUBIN, INR, SODIUM, Finding("Dialysis at least twice in the past week")),
    ),
    24: Case("", (Special("steroid"),)),
    26: Case(
        "Correct the sodium for the glucose, by 2.4 mEq/L for every 100 mg/dL above 100 mg/dL, and give it in mEq/L.",
        (Measured("Sodium", 121, 141, ION), Measured("Glucose", 390, 980, GLUCOSE)),
    ),
    30: Case(
        "Calculate the serum osmolality from sodium, glucose and urea nitrogen, in mOsm/kg.",
        (SODIUM, Measured("Glucose", 62, 640, GLUCOSE), BUN),
    ),
    31: Case(
        "What is HOMA-IR?",
        (
            Measured("Glucose", 70, 280, GLUCOSE),
            Measured("Insulin", 3, 48, (("µIU/mL", 1), ("pmol/L", 0))),
        ),
    ),
    38: Case(
        "How large is the free water deficit in liters, for a target sodium of 140 mEq/L? Take body water as 0.6 of "
        "the weight in children and in men below 65 years, 0.5 in women below 65 and in older men, 0.45 in older "
        "women.",
        (WEIGHT, Measured("Sodium", 124, 172, ION)),
        uses_age=True,
        uses_sex=True,
    ),
    39: Case("What is the anion gap, potassium left out, in mEq/L?", GAP),
    40: Case(
        "What percentage of the filtered sodium is excreted (FENa)?",
        (
            Measured("Urine sodium", 8, 130, ION),
            SODIUM,
            Measured("Urine creatinine", 18, 210, (("mg/dL", 0), ("µmol/L", 0))),
            CREATININE,
        ),
    ),
    44: Case(
        "Calculate the LDL cholesterol by Friedewald's formula, in mg/dL.",
        (
            Measured("Total cholesterol", 150, 330, LIPID),
            Measured("high-density lipoprotein cholesterol", 24, 88, LIPID),
            Measured("Triglycerides", 60, 340, LIPID),
        ),
    ),
    49: Case(
        "How many morphine milligram equivalents a day does the regimen amount to, by the CDC's factors of 2022?",
        (Special("opioids"),),
    ),
    56: Case("Correct the QT interval by Fridericia's formula and give it in msec.", QT),
    57: Case("Correct the QT interval by the Framingham formula and give it in msec.", QT),
    58: Case("Correct the QT interval by the formula of Hodges and give it in msec.", QT),
    59: Case("Correct the QT interval by Rautaharju's formula, QT × (120 + rate) / 180, and give it in msec.", QT),
    60: Case("What is the body surface area by Mosteller's formula, in m²?", (WEIGHT, HEIGHT)),
    61: Case(
        "Which weight, in kg, would give the body mass index that is aimed for?",
        (Measured("Body Mass Index (BMI)", 18.6, 29.8, (("kg/m^2", 1),)), HEIGHT),
    ),
    62: Case(
        "Give the adjusted body weight in kg: Devine's ideal weight, and 0.4 of the difference to the actual weight.",
        (WEIGHT, HEIGHT),
        uses_sex=True,
    ),
    63: Case("Give the delta gap in mEq/L, with 12 mEq/L as the normal anion gap.", GAP),
    64: Case("Give the delta ratio, with 12 and 24 mEq/L as normal anion gap and bicarbonate.", GAP),
    65: Case("Give the anion gap in mEq/L, corrected to an albumin of 4 g/dL (by 2.5 for each g/dL).", (*GAP, ALBUMIN)),
    66: Case(
        "Correct the anion gap to an albumin of 4 g/dL (by 2.5 for each g/dL) and give the delta gap in mEq/L, with 12 "
        "mEq/L as the normal anion gap.",
        (*GAP, ALBUMIN),
    ),
    67: Case(
        "Correct the anion gap to an albumin of 4 g/dL (by 2.5 for each g/dL) and give the delta ratio, with 12 and 24 "
        "mEq/L as normal anion gap and bicarbonate.",
        (*GAP, ALBUMIN),
    ),
}

DATES: Final[dict[int, Case]] = {
    13: Case(
        "When is the child due, by Naegele's rule (280 days) adjusted for the length of the cycle: later by as many "
        "days as the cycle exceeds 28, earlier by as many as it falls short? Answer as M/D/YYYY.",
        (Special("cycle"),),
        ages=(19, 42),
        sexes=("Female",),
    ),
    68: Case(
        "On which date was the child probably conceived, if ovulation comes two weeks before the next period would "
        "have been due? Answer as M/D/YYYY.",
        (Special("cycle"),),
        ages=(19, 42),
        sexes=("Female",),
    ),
    69: Case(
        "How far has the pregnancy come on the day of the visit, counted from the last menstrual period? Answer as a "
        "tuple of weeks and days.",
        (Special("visit"),),
        ages=(19, 42),
        sexes=("Female",),
    ),
}

CASES: Final[dict[int, Case]] = {**EQUATIONS, **DATES, **SCORES, **RISKS}
"""By calculator number."""

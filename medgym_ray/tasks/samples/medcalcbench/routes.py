"""The second route to the sample's gold: the same quantities by formulas written independently of the calculators'.

Equations start from SI units and molar masses, or from a form of the formula that is solved differently; scores are
tables of (points, condition). Nothing here is shared with `medgym_ray.tasks.medcalcbench`.
"""

import math
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Final

E = Mapping[str, Any]
"""The entities of a record."""

_HDL: Final = "high-density lipoprotein cholesterol"
_MOLAR_MASS: Final = {
    "creatinine": 113.12,
    "Pre-operative creatinine": 113.12,
    "Urine creatinine": 113.12,
    "Calcium": 40.078,
    "Bilirubin": 584.66,
    "Glucose": 180.156,
    "Blood Urea Nitrogen (BUN)": 28.014,
    "Total cholesterol": 386.65,
    "high-density lipoprotein cholesterol": 386.65,
    "Triglycerides": 885.7,
}
"""g/mol; urea is counted by its two atoms of nitrogen, triglycerides as triolein."""


def mg_dl(e: E, entity: str) -> float:
    value, unit = e[entity]
    if unit == "mg/dL":
        return float(value)
    mol_per_litre = value * {"mmol/L": 1e-3, "µmol/L": 1e-6}[unit]
    return float(mol_per_litre * _MOLAR_MASS[entity] * 1000 / 10)


def value_of(e: E, entity: str) -> float:
    """A number whose unit is always the same, or the same for ions of charge one."""
    return float(e[entity][0])


def grams_dl(e: E, entity: str) -> float:
    value, unit = e[entity]
    return float(value) / (10 if unit == "g/L" else 1)


def _kilos(e: E) -> float:
    value, unit = e["weight"]
    return float(value) / (1 if unit == "kg" else 2.2046226)


def _metres(e: E) -> float:
    value, unit = e["height"]
    return float(value) * {"cm": 0.01, "m": 1.0, "in": 0.0254}[unit]


def celsius(e: E) -> float:
    value, unit = e["Temperature"]
    return float(value) if unit == "degrees celsius" else (value + 40) / 1.8 - 40


def is_woman(e: E) -> bool:
    return bool(e["sex"] == "Female")


def _devine(e: E) -> float:
    """In its metric form: 0.9055 kg for each centimetre above 152.4."""
    return (45.5 if is_woman(e) else 50) + 0.905512 * (100 * _metres(e) - 152.4)


def _quetelet(e: E) -> float:
    return _kilos(e) / _metres(e) / _metres(e)


def _cockcroft(e: E) -> float:
    """In µmol/L, where the constant is 1.23 for men and 1.04 for women (88.4 / 72, and 0.85 of it)."""
    index, ideal, actual = _quetelet(e), _devine(e), _kilos(e)
    weight = actual if index < 18.5 else min(actual, ideal) if index < 25 else 0.6 * ideal + 0.4 * actual
    micromol = mg_dl(e, "creatinine") * 1e4 / 113.12
    return (140 - value_of(e, "age")) * weight / micromol * (88.4014 / 72) * (0.85 if is_woman(e) else 1)


def _ckd_epi(e: E) -> float:
    """As two branches by logarithms, instead of min and max."""
    k, a = (0.7, 0.241) if is_woman(e) else (0.9, 0.302)
    x = math.log(mg_dl(e, "creatinine") / k)
    rate = math.log(142) - (1.2 if x > 0 else a) * x + value_of(e, "age") * math.log(0.9938)
    return math.exp(rate + (math.log(1.012) if is_woman(e) else 0))


def _mdrd(e: E) -> float:
    rate = math.log(175) - 1.154 * math.log(mg_dl(e, "creatinine")) - 0.203 * math.log(value_of(e, "age"))
    return math.exp(rate) * (0.742 if is_woman(e) else 1) * (1.212 if e["Race"] == "Black" else 1)


def _meld(e: E) -> float:
    """The coefficients times ten, as older tables print them."""
    creatinine = min(4, max(1, mg_dl(e, "creatinine")))
    if e["Dialysis at least twice in the past week"]:
        creatinine = 4
    bilirubin, inr = max(1, mg_dl(e, "Bilirubin")), max(1, e["international normalized ratio"])
    meld = round(9.57 * math.log(creatinine) + 3.78 * math.log(bilirubin) + 11.2 * math.log(inr) + 6.43)
    if meld <= 11:
        return meld
    sodium = min(137, max(125, value_of(e, "Sodium")))
    return min(40, round(meld + (137 - sodium) * (1.32 - 0.033 * meld)))


def _four_two_one(e: E) -> float:
    """Per day by Holliday and Segar would be 100/50/20; per hour the rule is built up kilogram by kilogram."""
    kilos, rate = _kilos(e), 0.0
    for whole in range(math.ceil(kilos)):
        rate += (4 if whole < 10 else 2 if whole < 20 else 1) * min(1.0, kilos - whole)
    return rate


def _steroid(e: E) -> float:
    """Through milligrams of hydrocortisone, by potency."""
    potency = {
        "Betamethasone": 80 / 3,
        "Cortisone": 0.8,
        "Dexamethasone": 80 / 3,
        "Hydrocortisone": 1,
        "MethylPrednisoLONE": 5,
        "PrednisoLONE": 4,
        "PredniSONE": 4,
        "Triamcinolone": 5,
    }
    drug, dose, _ = e["input steroid"]
    return float(dose * potency[drug.split()[0]] / potency[e["target steroid"].split()[0]])


def _opioids(e: E) -> float:
    """In hundredths, drug by drug."""
    hundredths = {
        "Codeine": 15,
        "HYDROcodone": 100,
        "HYDROmorphone": 500,
        "Methadone": 470,
        "Morphine": 100,
        "OxyCODONE": 150,
        "OxyMORphone": 300,
        "Tapentadol": 40,
        "TraMADol": 20,
    }
    return (
        sum(
            h * value_of(e, f"{d} Dose") * value_of(e, f"{d} Dose Per Day")
            for d, h in hundredths.items()
            if f"{d} Dose" in e
        )
        / 100
    )


def _framingham(e: E) -> float:
    """As a product of powers, the interactions in the exponents."""
    age, cholesterol, hdl = value_of(e, "age"), mg_dl(e, "Total cholesterol"), mg_dl(e, _HDL)
    smokes, treated = bool(e["Smoker"]), bool(e["Blood pressure being treated with medicines"])
    if is_woman(e):
        hazard = age**31.764001 * cholesterol ** (22.465206 - 5.060998 * math.log(age)) * hdl**-1.187731
        hazard *= value_of(e, "Systolic Blood Pressure") ** 2.552905 * math.exp(0.420251 * treated - 146.5933061)
        hazard *= math.exp(13.07543) * min(age, 78) ** -2.996945 if smokes else 1
        return 100 - 100 * math.pow(0.98767, hazard)
    hazard = age ** (52.00961 - 2.93323 * math.log(age)) * cholesterol ** (20.014077 - 4.605038 * math.log(age))
    hazard *= hdl**-0.905964 * value_of(e, "Systolic Blood Pressure") ** 1.305784
    hazard *= math.exp(0.241549 * treated - 172.300168)
    hazard *= math.exp(12.096316) * min(age, 70) ** -2.84367 if smokes else 1
    return 100 - 100 * math.pow(0.9402, hazard)


def _water(e: E) -> float:
    age, sodium = value_of(e, "age"), value_of(e, "Sodium")
    share = 0.6 if age < 18 or (age < 65 and not is_woman(e)) else 0.45 if age >= 65 and is_woman(e) else 0.5
    return (sodium - 140) * share * _kilos(e) / 140


def _gap(e: E) -> float:
    return value_of(e, "Sodium") - (value_of(e, "Chloride") + value_of(e, "Bicarbonate"))


def _corrected_gap(e: E) -> float:
    """In g/L: a quarter of the albumin that is missing from 40."""
    return _gap(e) + (40 - 10 * grams_dl(e, "Albumin")) / 4


def _rr(e: E) -> float:
    return 60_000 / value_of(e, "Heart Rate or Pulse")


def _day(spelled: str) -> date:
    month, day, year = spelled.split("/")
    return date.fromisoformat(f"{year}-{month}-{day}")


def _due(e: E) -> str:
    """Conception (two weeks before the next period) and 266 days."""
    due = _day(e["Last menstrual date"]) + timedelta(days=e["cycle length"] - 14) + timedelta(days=266)
    return f"{due.month:02}/{due.day:02}/{due.year}"


def _conceived(e: E) -> str:
    following = _day(e["Last menstrual date"]) + timedelta(days=e["cycle length"])
    day = following - timedelta(weeks=2)
    return f"{day.month:02}/{day.day:02}/{day.year}"


def _gestation(e: E) -> tuple[int, int]:
    """Counted forward week by week."""
    mark, today, weeks = _day(e["Last menstrual date"]), _day(e["Current Date"]), 0
    while mark + timedelta(days=7) <= today:
        mark, weeks = mark + timedelta(days=7), weeks + 1
    return weeks, (today - mark).days


def _insulin(e: E) -> float:
    value, unit = e["Insulin"]
    return float(value) / (6 if unit == "pmol/L" else 1)


EQUATIONS: Final[dict[int, Callable[[E], Any]]] = {
    2: _cockcroft,
    3: _ckd_epi,
    5: lambda e: (
        value_of(e, "Diastolic Blood Pressure")
        + (value_of(e, "Systolic Blood Pressure") - value_of(e, "Diastolic Blood Pressure")) / 3
    ),
    6: _quetelet,
    7: lambda e: mg_dl(e, "Calcium") + 0.08 * (40 - 10 * grams_dl(e, "Albumin")),
    9: _mdrd,
    10: _devine,
    11: lambda e: value_of(e, "QT interval") / (_rr(e) / 1000) ** 0.5,
    13: _due,
    19: lambda e: (
        value_of(e, "age")
        * value_of(e, "Aspartate aminotransferase")
        * 1000
        / value_of(e, "Platelet count")
        * value_of(e, "Alanine aminotransferase") ** -0.5
    ),
    22: _four_two_one,
    23: _meld,
    24: _steroid,
    26: lambda e: value_of(e, "Sodium") + (mg_dl(e, "Glucose") - 100) / 100 * 2.4,
    30: lambda e: (
        2 * value_of(e, "Sodium") + mg_dl(e, "Glucose") * 10 / 180 + mg_dl(e, "Blood Urea Nitrogen (BUN)") * 10 / 28
    ),
    31: lambda e: mg_dl(e, "Glucose") / 18 * _insulin(e) / 22.5,
    38: _water,
    39: _gap,
    40: lambda e: (
        100
        * (value_of(e, "Urine sodium") / value_of(e, "Sodium"))
        / (mg_dl(e, "Urine creatinine") / mg_dl(e, "creatinine"))
    ),
    44: lambda e: (
        mg_dl(e, "Total cholesterol")
        - (mg_dl(e, "high-density lipoprotein cholesterol") + 0.2 * mg_dl(e, "Triglycerides"))
    ),
    46: _framingham,
    49: _opioids,
    56: lambda e: math.exp(math.log(value_of(e, "QT interval")) - math.log(_rr(e) / 1000) / 3),
    57: lambda e: value_of(e, "QT interval") + 0.154 * (1000 - _rr(e)),
    58: lambda e: value_of(e, "QT interval") + 105 * (1000 / _rr(e) - 1),
    59: lambda e: value_of(e, "QT interval") * (2 / 3 + value_of(e, "Heart Rate or Pulse") / 180),
    60: lambda e: (_kilos(e) * _metres(e) / 36) ** 0.5,
    61: lambda e: value_of(e, "Body Mass Index (BMI)") * _metres(e) * _metres(e),
    62: lambda e: 0.6 * _devine(e) + 0.4 * _kilos(e),
    63: lambda e: _gap(e) - 12,
    64: lambda e: (12 - _gap(e)) / (value_of(e, "Bicarbonate") - 24),
    65: _corrected_gap,
    66: lambda e: _corrected_gap(e) - 12,
    67: lambda e: (12 - _corrected_gap(e)) / (value_of(e, "Bicarbonate") - 24),
    68: _conceived,
    69: _gestation,
}
"""By calculator number."""

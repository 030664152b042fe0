"""What can be charted and how notes call it: own item numbers and ranges; codes and titles are those of ICD-9-CM."""

from typing import Final, NamedTuple


class Measure(NamedTuple):
    """A laboratory test or a vital sign. `names` are those of discharge, nursing and physician notes."""

    label: str
    unit: str
    wrong_unit: str
    low: float
    high: float
    decimals: int
    names: tuple[str, str, str]


class Fluid(NamedTuple):
    """What goes in or out, in mL."""

    label: str
    low: int
    high: int
    step: int
    names: tuple[str, str, str]


class Drug(NamedTuple):
    """A drug with its usual doses and routes."""

    label: str
    unit: str
    wrong_unit: str
    doses: tuple[str, ...]
    routes: tuple[str, ...]
    names: tuple[str, str, str]


class Coded(NamedTuple):
    """A diagnosis or procedure; `other` is a code that it is not."""

    code: str
    other: str
    short: str
    label: str
    phrase: str


LABS: Final = (
    Measure("Potassium", "mEq/L", "mg/dL", 3.0, 5.8, 1, ("potassium", "K", "K+")),
    Measure("Sodium", "mEq/L", "mg/dL", 126, 149, 0, ("sodium", "Na", "Na+")),
    Measure("Creatinine", "mg/dL", "mmol/L", 0.6, 3.9, 1, ("creatinine", "creat", "Cr")),
    Measure("Urea Nitrogen", "mg/dL", "mmol/L", 8, 74, 0, ("urea nitrogen", "BUN", "BUN")),
    Measure("Hemoglobin", "g/dL", "g/L", 7.1, 14.2, 1, ("hemoglobin", "Hgb", "Hb")),
    Measure("White Blood Cells", "K/uL", "m/uL", 3.4, 19.6, 1, ("white cell count", "WBC", "WBC")),
    Measure("Platelet Count", "K/uL", "m/uL", 58, 430, 0, ("platelet count", "plts", "Plt")),
    Measure("Lactate", "mmol/L", "mg/dL", 0.7, 5.2, 1, ("lactate", "lactate", "lactic acid")),
    Measure("Magnesium", "mg/dL", "mEq/L", 1.4, 2.9, 1, ("magnesium", "Mag", "Mg")),
    Measure("Phosphate", "mg/dL", "mEq/L", 1.8, 5.6, 1, ("phosphorus", "Phos", "PO4")),
    Measure("Bicarbonate", "mEq/L", "mg/dL", 14, 34, 0, ("bicarbonate", "bicarb", "HCO3")),
    Measure("Troponin T", "ng/mL", "ug/mL", 0.02, 1.9, 2, ("troponin T", "trop", "TnT")),
    Measure("Bilirubin, Total", "mg/dL", "umol/L", 0.3, 6.8, 1, ("total bilirubin", "T bili", "Tbili")),
)
VITALS: Final = (
    Measure("Heart Rate", "bpm", "mmHg", 56, 131, 0, ("heart rate", "HR", "pulse")),
    Measure("Respiratory Rate", "insp/min", "bpm", 10, 34, 0, ("respiratory rate", "RR", "resp rate")),
    Measure("Temperature", "deg F", "deg C", 96.4, 103.2, 1, ("temperature", "temp", "Tcurrent")),
    Measure("Systolic Blood Pressure", "mmHg", "cmH2O", 84, 178, 0, ("systolic pressure", "SBP", "systolic BP")),
    Measure("Mean Arterial Pressure", "mmHg", "cmH2O", 54, 112, 0, ("mean pressure", "MAP", "mean BP")),
    Measure("Central Venous Pressure", "mmHg", "cmH2O", 2, 19, 0, ("central venous pressure", "CVP", "CVP")),
    Measure("Oxygen Saturation", "%", "mmHg", 86, 100, 0, ("oxygen saturation", "SpO2", "O2 sat")),
)
INTAKE: Final = (
    Fluid("Sodium Chloride 0.9%", 100, 1000, 50, ("normal saline", "NS", "0.9% saline")),
    Fluid("Lactated Ringers", 100, 1000, 50, ("lactated Ringer's", "LR", "Ringer's")),
    Fluid("Packed Red Blood Cells", 220, 380, 10, ("packed cells", "PRBC", "red cells")),
    Fluid("Tube Feeding", 60, 480, 20, ("tube feeds", "TF", "enteral feeds")),
    Fluid("Oral Intake", 60, 720, 30, ("oral intake", "PO intake", "oral fluids")),
)
OUTPUT: Final = (
    Fluid("Urine Foley", 40, 700, 10, ("urine output", "foley", "UOP")),
    Fluid("Chest Tube", 10, 320, 10, ("chest tube drainage", "CT drainage", "chest tube")),
    Fluid("Nasogastric Drainage", 20, 400, 20, ("gastric drainage", "NGT drainage", "NG output")),
    Fluid("Jackson Pratt Drain", 5, 180, 5, ("Jackson-Pratt drain", "JP drain", "JP output")),
)
DRUGS: Final = (
    Drug("Furosemide", "mg", "mcg", ("20", "40", "60", "80"), ("IV", "PO"), ("furosemide", "Lasix", "furosemide")),
    Drug(
        *("Metoprolol Tartrate", "mg", "mcg", ("12.5", "25", "37.5", "50"), ("PO", "IV")),
        ("metoprolol", "metoprolol", "Lopressor"),
    ),
    Drug("Heparin", "UNIT", "mg", ("2500", "5000", "7500"), ("SC", "IV"), ("heparin", "heparin", "heparin")),
    Drug("Vancomycin", "mg", "UNIT", ("750", "1000", "1250", "1500"), ("IV", "PO"), ("vancomycin", "vanco", "vanc")),
    Drug("Pantoprazole", "mg", "mcg", ("20", "40", "80"), ("IV", "PO"), ("pantoprazole", "Protonix", "pantoprazole")),
    Drug(
        *("Insulin Glargine", "UNIT", "mg", ("8", "10", "14", "18", "22"), ("SC",)),
        ("insulin glargine", "Lantus", "glargine"),
    ),
    Drug(
        *("Acetaminophen", "mg", "mcg", ("325", "500", "650", "1000"), ("PO", "PR", "IV")),
        ("acetaminophen", "Tylenol", "APAP"),
    ),
    Drug("Lorazepam", "mg", "mcg", ("0.5", "1", "1.5", "2"), ("PO", "IV", "IM"), ("lorazepam", "Ativan", "lorazepam")),
    Drug("Morphine Sulfate", "mg", "mcg", ("1", "2", "4", "5"), ("IV", "PO", "SC"), ("morphine", "MSO4", "morphine")),
    Drug(
        *("Levothyroxine Sodium", "mcg", "mg", ("50", "75", "88", "100", "125"), ("PO", "IV")),
        ("levothyroxine", "Synthroid", "levothyroxine"),
    ),
    Drug("Ondansetron", "mg", "mcg", ("4", "6", "8"), ("IV", "PO", "IM"), ("ondansetron", "Zofran", "ondansetron")),
    Drug("Prednisone", "mg", "mcg", ("5", "10", "20", "40", "60"), ("PO", "NG"), ("prednisone", "pred", "prednisone")),
)
DIAGNOSES: Final = (
    Coded("486", "485", "Pneumonia, organism NOS", "Pneumonia, organism unspecified", "pneumonia"),
    Coded("42731", "42732", "Atrial fibrillation", "Atrial fibrillation", "atrial fibrillation"),
    Coded("5849", "5859", "Acute kidney failure NOS", "Acute kidney failure, unspecified", "acute kidney failure"),
    Coded(
        "5990", "5950", "Urin tract infection NOS", "Urinary tract infection, site not specified", "urinary infection"
    ),
    Coded("2449", "2441", "Hypothyroidism NOS", "Unspecified acquired hypothyroidism", "acquired hypothyroidism"),
    Coded("2851", "2859", "Ac posthemorrhag anemia", "Acute posthemorrhagic anemia", "acute posthemorrhagic anemia"),
    Coded("4019", "4011", "Hypertension NOS", "Unspecified essential hypertension", "essential hypertension"),
    Coded("51881", "51882", "Acute respiratry failure", "Acute respiratory failure", "acute respiratory failure"),
    Coded("2761", "2760", "Hyposmolality", "Hyposmolality and/or hyponatremia", "hyponatremia"),
    Coded("53081", "53011", "Esophageal reflux", "Esophageal reflux", "esophageal reflux"),
)
PROCEDURES: Final = (
    Coded("3895", "3893", "Ven cath renal dialysis", "Venous catheterization for renal dialysis", "dialysis catheter"),
    Coded("3995", "3991", "Hemodialysis", "Hemodialysis", "hemodialysis"),
    Coded("9904", "9905", "Packed cell transfusion", "Transfusion of packed cells", "packed cell transfusion"),
    Coded("3491", "3492", "Thoracentesis", "Thoracentesis", "thoracentesis"),
    Coded("5491", "5494", "Percu abdominal drainage", "Percutaneous abdominal drainage", "abdominal drainage"),
    Coded("3324", "3323", "Closed bronchial biopsy", "Closed [endoscopic] biopsy of bronchus", "bronchial biopsy"),
)
SPECIMENS: Final = (
    ("BLOOD CULTURE", "blood culture"),
    ("URINE", "urine culture"),
    ("SPUTUM", "sputum culture"),
    ("CATHETER TIP-IV", "catheter tip culture"),
)
ORGANISMS: Final = (
    "ESCHERICHIA COLI",
    "KLEBSIELLA PNEUMONIAE",
    "STAPHYLOCOCCUS AUREUS",
    "ENTEROCOCCUS FAECALIS",
    "PSEUDOMONAS AERUGINOSA",
    "PROTEUS MIRABILIS",
    "CANDIDA ALBICANS",
)

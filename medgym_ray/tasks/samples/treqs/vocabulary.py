"""What occurs in the synthetic hospital of the treqs sample; real codes, titles and values of our own."""

from typing import Final, NamedTuple


class Code(NamedTuple):
    """An ICD-9 code with our titles."""

    code: str
    short: str
    long: str


class Drug(NamedTuple):
    """A drug as the pharmacy knows it; `kind` is its role in an order."""

    name: str
    formulary: str
    kind: str
    routes: tuple[str, ...]
    doses: tuple[str, ...]


class Test(NamedTuple):
    """A laboratory test with the range of its results and that of the healthy."""

    item: str
    label: str
    fluid: str
    category: str
    unit: str
    low: float
    high: float
    normal: tuple[float, float]
    decimals: int


def _codes(text: str) -> tuple[Code, ...]:
    return tuple(Code(*(part.strip() for part in line.split("|"))) for line in text.strip().splitlines())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


DIAGNOSES: Final = _codes("""
4019  | Hypertension, unspecified   | High blood pressure without a stated cause
41401 | Coronary disease, native    | Narrowing of the native coronary arteries
42731 | Atrial fibrillation         | Irregular rhythm arising in the atria
4280  | Heart failure, congestive   | Congestive failure of the heart, type not stated
41071 | Subendocardial infarct      | Infarction below the endocardium, first episode of care
4241  | Aortic valve disease        | Disorder of the aortic valve
44101 | Thoracic aortic dissection  | Tear in the wall of the thoracic aorta
5849  | Acute kidney failure        | Sudden loss of kidney function, cause not stated
5859  | Chronic kidney disease      | Lasting loss of kidney function, stage not stated
5990  | Urinary tract infection     | Infection of the urinary tract, site not stated
25000 | Diabetes type 2             | Type 2 diabetes without a stated complication
2724  | High blood lipids           | Raised blood lipids, type not stated
2449  | Underactive thyroid         | Acquired underactivity of the thyroid
2761  | Low sodium                  | Lowered sodium or osmolality of the blood
2767  | High potassium              | Raised potassium in the blood
51881 | Acute respiratory failure   | Sudden failure of breathing
486   | Pneumonia, unspecified      | Inflammation of the lung by an unknown organism
49121 | Bronchitis flare, obstructive | Acute worsening of chronic obstructive bronchitis
5070  | Aspiration pneumonitis      | Inflammation of the lung from inhaled food or vomit
0389  | Septicemia, unspecified     | Blood infection by an unknown organism
99592 | Severe sepsis               | Sepsis with failure of an organ
00845 | Clostridium difficile gut   | Infection of the bowel by Clostridium difficile
2851  | Anemia after blood loss     | Acute anemia that follows bleeding
2875  | Low platelets, unspecified  | Shortage of platelets, cause not stated
53081 | Acid reflux                 | Reflux of acid from the stomach into the gullet
5789  | Digestive bleeding          | Bleeding of the digestive tract, site not stated
5715  | Liver cirrhosis             | Scarring of the liver that is not due to alcohol
5770  | Acute pancreatitis          | Sudden inflammation of the pancreas
43491 | Brain artery blockage       | Blocked artery of the brain with infarction
431   | Bleeding into the brain     | Bleeding into the tissue of the brain
29181 | Alcohol withdrawal          | Signs that follow the end of drinking
311   | Depression, unspecified     | Depressive disorder that is not further described
3051  | Tobacco use                 | Dependence on tobacco
E9342 | Harm by anticoagulants      | Adverse effect of drugs against clotting
V4581 | Bypass graft in place       | Earlier bypass operation of the coronary arteries
V5861 | Anticoagulants, long use    | Lasting treatment with drugs against clotting
""")

PROCEDURES: Final = _codes("""
3893  | Venous catheter           | Placing a catheter into a vein
3891  | Arterial catheter         | Placing a catheter into an artery
9604  | Breathing tube            | Placing a tube into the windpipe
9671  | Ventilation under 4 days  | Mechanical breathing for less than four days in a row
9672  | Ventilation over 4 days   | Mechanical breathing for four days in a row or longer
3961  | Heart-lung machine        | Bypass of heart and lungs by a machine during surgery
3615  | Mammary artery bypass     | Single bypass from the inner mammary artery to the heart
3612  | Two vessel bypass         | Bypass of two coronary arteries from the aorta
0066  | Coronary angioplasty      | Widening of a coronary artery through the skin
8856  | Two coronary angiograms   | Pictures of the coronary arteries by two catheters
3722  | Left heart catheter       | Measurements by a catheter in the left heart
3723  | Both sides heart catheter | Measurements by a catheter in both halves of the heart
3995  | Hemodialysis              | Cleaning of the blood by a machine
9904  | Red cell transfusion      | Transfusion of packed red cells
9905  | Platelet transfusion      | Transfusion of platelets
9915  | Feeding by vein           | Concentrated feeding through a vein
966   | Tube feeding              | Concentrated feeding through a tube
4513  | Small bowel endoscopy     | Looking into the small bowel through a scope
4523  | Colonoscopy               | Looking into the large bowel through a scope
5491  | Belly fluid drainage      | Draining of fluid from the belly through the skin
3491  | Chest fluid drainage      | Draining of fluid from the chest by a needle
311   | Windpipe opening, lasting | Making a temporary opening of the windpipe
0331  | Spinal tap                | Taking fluid from the spinal canal
8872  | Heart ultrasound          | Pictures of the heart by ultrasound
""")

DRUGS: Final = tuple(
    Drug(name, formulary, kind, tuple(routes.split("/")), tuple(doses.split("/")))
    for name, formulary, kind, routes, doses in (
        ("Heparin", "HEPA5I", "MAIN", "SC/IV", "5000UNIT/1000UNIT"),
        ("Metoprolol", "METO25", "MAIN", "PO/IV", "12.5mg/25mg/50mg"),
        ("Furosemide", "FURO40I", "MAIN", "IV/PO", "20mg/40mg/80mg"),
        ("Insulin", "INSULIN", "MAIN", "SC", "0UNIT/2UNIT"),
        ("Potassium Chloride", "KCLBASE", "MAIN", "IV/PO", "20mEq/40mEq"),
        ("Magnesium Sulfate", "MAG2PM", "MAIN", "IV", "2gm/4gm"),
        ("Acetaminophen", "ACET325", "MAIN", "PO/PR/NG", "325mg/650mg"),
        ("Aspirin", "ASA81", "MAIN", "PO/PR", "81mg/325mg"),
        ("Atorvastatin", "ATOR20", "MAIN", "PO", "20mg/40mg/80mg"),
        ("Vancomycin", "VANC1F", "MAIN", "IV", "500mg/1000mg"),
        ("Ceftriaxone", "CEFX1F", "MAIN", "IV", "1gm/2gm"),
        ("Levofloxacin", "LEVO500", "MAIN", "IV/PO", "250mg/500mg/750mg"),
        ("Metronidazole", "METR500", "MAIN", "IV/PO", "250mg/500mg"),
        ("Pantoprazole", "PANT40", "MAIN", "PO/IV", "40mg"),
        ("Famotidine", "FAMO20", "MAIN", "PO/IV", "20mg"),
        ("Morphine Sulfate", "MORP2I", "MAIN", "IV/SC", "2mg/4mg/5mg"),
        ("Fentanyl Citrate", "FENT2I", "MAIN", "IV", "25mcg/50mcg/100mcg"),
        ("Midazolam", "MIDA2I", "MAIN", "IV", "1mg/2mg"),
        ("Propofol", "PROP100", "MAIN", "IV", "10mg/20mg"),
        ("Lorazepam", "LORA1", "MAIN", "PO/IV", "0.5mg/1mg/2mg"),
        ("Haloperidol", "HALO5I", "MAIN", "IV/IM", "1mg/2.5mg/5mg"),
        ("Docusate Sodium", "DOCU100", "MAIN", "PO", "100mg"),
        ("Senna", "SENN187", "MAIN", "PO", "1TAB/2TAB"),
        ("Warfarin", "WARF2", "MAIN", "PO", "1mg/2mg/5mg"),
        ("Amiodarone", "AMIO200", "MAIN", "PO/IV", "150mg/200mg/400mg"),
        ("Norepinephrine", "LEVO4I", "MAIN", "IV", "4mg/8mg"),
        ("Phenylephrine", "PHEN10I", "MAIN", "IV", "10mg/60mg"),
        ("Prednisone", "PRED20", "MAIN", "PO", "5mg/20mg/40mg"),
        ("Albuterol Inhaler", "ALBU17H", "MAIN", "IH", "2PUFF/4PUFF"),
        ("Ipratropium Bromide", "IPRA2H", "MAIN", "IH/NEB", "2PUFF/0.5mg"),
        ("Lisinopril", "LISI5", "MAIN", "PO", "2.5mg/5mg/10mg"),
        ("Folic Acid", "FOLI1", "MAIN", "PO", "1mg"),
        ("Thiamine", "THIA100", "MAIN", "PO/IV", "100mg"),
        ("Sodium Chloride 0.9%", "NS1000", "BASE", "IV", "500ml/1000ml"),
        ("Dextrose 5%", "D5W250", "BASE", "IV", "100ml/250ml"),
        ("Sterile Water", "SW100", "BASE", "IV", "50ml/100ml"),
        ("Multivitamin Vial", "MVI10", "ADDITIVE", "IV", "10ml"),
    )
)

TESTS: Final = tuple(
    Test(item, label, fluid, category, unit, low, high, (from_, to), decimals)
    for item, label, fluid, category, unit, low, high, from_, to, decimals in (
        ("50912", "Creatinine", "Blood", "Chemistry", "mg/dL", 0.4, 5.0, 0.5, 1.3, 1),
        ("50971", "Potassium", "Blood", "Chemistry", "mEq/L", 2.8, 6.2, 3.3, 5.1, 1),
        ("50983", "Sodium", "Blood", "Chemistry", "mEq/L", 124, 152, 133, 145, 0),
        ("50931", "Glucose", "Blood", "Chemistry", "mg/dL", 58, 320, 70, 105, 0),
        ("51006", "Urea Nitrogen", "Blood", "Chemistry", "mg/dL", 6, 90, 6, 20, 0),
        ("50882", "Bicarbonate", "Blood", "Chemistry", "mEq/L", 14, 36, 22, 32, 0),
        ("50893", "Calcium, Total", "Blood", "Chemistry", "mg/dL", 6.9, 11.2, 8.4, 10.3, 1),
        ("50885", "Bilirubin, Total", "Blood", "Chemistry", "mg/dL", 0.2, 9.5, 0.1, 1.5, 1),
        ("50862", "Albumin", "Blood", "Chemistry", "g/dL", 1.9, 5.0, 3.5, 5.2, 1),
        ("51003", "Troponin T", "Blood", "Chemistry", "ng/mL", 0.01, 4.0, 0.0, 0.1, 2),
        ("51222", "Hemoglobin", "Blood", "Hematology", "g/dL", 6.5, 17.0, 12.0, 16.0, 1),
        ("51265", "Platelet Count", "Blood", "Hematology", "K/uL", 25, 520, 150, 440, 0),
        ("51301", "White Blood Cells", "Blood", "Hematology", "K/uL", 1.5, 28.0, 4.0, 11.0, 1),
        ("51237", "INR", "Blood", "Hematology", "ratio", 0.9, 5.5, 0.9, 1.1, 1),
        ("50820", "pH", "Blood", "Blood Gas", "units", 7.08, 7.58, 7.35, 7.45, 2),
        ("50813", "Lactate", "Blood", "Blood Gas", "mmol/L", 0.6, 11.0, 0.5, 2.0, 1),
        ("50818", "pCO2", "Blood", "Blood Gas", "mm Hg", 24, 82, 35, 45, 0),
        ("51492", "Protein", "Urine", "Hematology", "mg/dL", 0, 300, 0, 30, 0),
        ("51498", "Specific Gravity", "Urine", "Hematology", "units", 1.001, 1.038, 1.003, 1.03, 3),
        ("51082", "Creatinine, Urine", "Urine", "Chemistry", "mg/dL", 14, 260, 20, 320, 0),
        ("51100", "Sodium, Urine", "Urine", "Chemistry", "mEq/L", 10, 160, 20, 120, 0),
        ("51802", "Total Protein, CSF", "Cerebrospinal Fluid", "Chemistry", "mg/dL", 16, 190, 15, 45, 0),
        ("51790", "Glucose, CSF", "Cerebrospinal Fluid", "Chemistry", "mg/dL", 30, 110, 40, 75, 0),
        ("50841", "Glucose, Ascites", "Ascites", "Chemistry", "mg/dL", 50, 240, 60, 200, 0),
        ("51053", "LD, Pleural", "Pleural", "Chemistry", "IU/L", 60, 900, 0, 200, 0),
    )
)

FIRST_NAMES: Final = {
    "F": _words("""
        Ada Berta Clara Delia Edith Flora Greta Hilda Irma Judith Karla Lydia Minna Nora Olga Paula Rosa Selma Thea
        Ursula Vera Wilma Yvonne Zita
    """),
    "M": _words("""
        Aldo Bruno Carlo Dario Emil Felix Guido Hugo Igor Jonas Kurt Leo Marco Nils Otto Pavel Rolf Simon Tilo Udo
        Viktor Walter Yanis Zeno
    """),
}
LAST_NAMES: Final = _words("""
    Abendroth Birkholm Castellano Dahlgren Eastwick Farrow Gundersen Hallowell Ivarsson Jankowski Kettering Lindqvist
    Marchetti Nordmann Oakeshott Pemberly Quintero Rasmussen Silvestri Thackeray Underhill Vandermeer Whitlock
    Yarborough Zimmerli Ashgrove Bellweather Corrigan Drummond Elsworth Fairbanks Greenhalgh Hartigan Inglewood
""")

MARITAL: Final = ("MARRIED", "SINGLE", "WIDOWED", "DIVORCED", "SEPARATED")
LANGUAGES: Final = ("ENGL", "SPAN", "PORT", "RUSS", "CANT", "HAIT")
RELIGIONS: Final = ("CATHOLIC", "JEWISH", "PROTESTANT", "MUSLIM", "BUDDHIST", "UNOBTAINABLE")
ETHNICITIES: Final = ("WHITE", "BLACK", "HISPANIC", "ASIAN", "NATIVE AMERICAN", "OTHER")
INSURANCES: Final = ("Medicare", "Private", "Medicaid", "Government", "Self Pay")
ADMISSION_TYPES: Final = ("EMERGENCY", "ELECTIVE", "URGENT")
ADMISSION_LOCATIONS: Final = ("EMERGENCY ROOM", "CLINIC REFERRAL", "PHYSICIAN REFERRAL", "TRANSFER FROM HOSPITAL")
DISCHARGE_LOCATIONS: Final = (
    "HOME",
    "HOME WITH CARE",
    "NURSING FACILITY",
    "REHABILITATION",
    "LONG TERM CARE",
    "HOSPICE",
)
DEAD: Final = "DIED IN HOSPITAL"
COMPLAINTS: Final = (
    "CHEST PAIN", "SHORTNESS OF BREATH", "FEVER", "WEAKNESS", "FALL", "CONFUSION", "BELLY PAIN", "BLEEDING", "STROKE",
    "SEPSIS", "HEART FAILURE", "PNEUMONIA", "KIDNEY FAILURE", "BYPASS SURGERY", "VALVE SURGERY", "OVERDOSE",
)  # fmt: skip

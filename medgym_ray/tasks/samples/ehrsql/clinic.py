"""What can happen in the synthetic hospital: diagnoses, procedures, drugs, measurements, fluids and cultures."""

from typing import Final, NamedTuple


class Diagnosis(NamedTuple):
    """An ICD-9 code with names of our own."""

    code: str
    name: str
    title: str
    system: str


class Procedure(NamedTuple):
    """An ICD-9 procedure code with names of our own."""

    code: str
    name: str
    title: str
    system: str


class Drug(NamedTuple):
    """A drug, the doses it is given in and its routes."""

    name: str
    doses: tuple[str, ...]
    unit: str
    routes: tuple[str, ...]


class Measure(NamedTuple):
    """Something measured in numbers, between two bounds with so many decimals."""

    name: str
    low: float
    high: float
    decimals: int
    unit: str


DIAGNOSES: Final = tuple(
    Diagnosis(*line.split("; "))
    for line in (
        "4019; essential hypertension; essential hypertension, type not stated; circulation",
        "41401; coronary atherosclerosis; atherosclerosis of a native coronary artery; circulation",
        "42731; atrial fibrillation; atrial fibrillation; circulation",
        "4280; congestive heart failure; congestive heart failure, not further specified; circulation",
        "41071; subendocardial infarction; subendocardial infarction, first episode; circulation",
        "42789; other arrhythmia; other cardiac dysrhythmia; circulation",
        "5849; acute kidney failure; acute kidney failure, not further specified; kidney",
        "5853; chronic kidney disease 3; chronic kidney disease, stage three; kidney",
        "5990; urinary tract infection; infection of the urinary tract, site not stated; kidney",
        "25000; type 2 diabetes; type 2 diabetes without complication; metabolism",
        "2724; hyperlipidemia; hyperlipidemia, type not stated; metabolism",
        "2449; hypothyroidism; acquired hypothyroidism, not further specified; metabolism",
        "2762; acidosis; acidosis; metabolism",
        "2761; hyponatremia; hyposmolality with or without low sodium; metabolism",
        "27651; dehydration; dehydration; metabolism",
        "2851; acute bleeding anemia; anemia after acute loss of blood; blood",
        "2859; anemia; anemia, not further specified; blood",
        "2875; thrombocytopenia; thrombocytopenia, not further specified; blood",
        "51881; acute respiratory failure; acute failure of respiration; lung",
        "486; pneumonia; pneumonia, organism not stated; lung",
        "49390; asthma; asthma without mention of an attack; lung",
        "496; chronic airway obstruction; chronic obstruction of the airways; lung",
        "5070; aspiration pneumonitis; pneumonitis after inhaling food or vomit; lung",
        "5119; pleural effusion; effusion in the pleural space; lung",
        "53081; esophageal reflux; reflux into the esophagus; digestion",
        "5715; cirrhosis of the liver; cirrhosis of the liver without alcohol; digestion",
        "5770; acute pancreatitis; acute inflammation of the pancreas; digestion",
        "5789; gastrointestinal bleeding; bleeding of the gut, site not stated; digestion",
        "0389; septicemia; septicemia, organism not stated; infection",
        "99592; severe sepsis; sepsis with failure of an organ; infection",
        "78552; septic shock; shock due to sepsis; infection",
        "00845; clostridium difficile enteritis; enteritis by clostridium difficile; infection",
        "311; depressive disorder; depressive disorder, not elsewhere classified; mind",
        "2930; delirium; delirium with a bodily cause; mind",
        "30500; alcohol abuse; harmful use of alcohol, pattern not stated; mind",
        "43491; cerebral artery occlusion; occlusion of a cerebral artery with infarction; nerves",
        "431; intracerebral hemorrhage; hemorrhage into the brain; nerves",
        "34590; epilepsy; epilepsy, not further specified; nerves",
        "85220; subdural hematoma; subdural bleeding after an injury; injury",
        "80700; rib fracture; closed fracture of ribs; injury",
        "73300; osteoporosis; osteoporosis, not further specified; bones",
        "V5861; anticoagulant use; long use of anticoagulants; history",
        "V4581; coronary bypass status; state after coronary bypass; history",
    )
)
PROCEDURES: Final = tuple(
    Procedure(*line.split("; "))
    for line in (
        "9604; endotracheal intubation; placing of an endotracheal tube; lung",
        "9671; ventilation under 4 days; mechanical ventilation for less than 96 hours; lung",
        "9672; ventilation over 4 days; mechanical ventilation for 96 hours or more; lung",
        "9390; noninvasive ventilation; ventilation by mask; lung",
        "311; temporary tracheostomy; tracheostomy for a time; lung",
        "3324; bronchial lavage; lavage or closed biopsy of a bronchus; lung",
        "3491; thoracentesis; tapping of the chest; lung",
        "966; tube feeding; enteral infusion of nutrients; digestion",
        "4513; small bowel endoscopy; endoscopy of the small intestine; digestion",
        "4523; colonoscopy; colonoscopy; digestion",
        "5491; abdominal paracentesis; tapping of the abdomen; digestion",
        "4311; gastrostomy by endoscope; percutaneous endoscopic gastrostomy; digestion",
        "3893; central venous catheter; placing of a central venous catheter; vessels",
        "3891; arterial catheter; placing of an arterial catheter; vessels",
        "9904; red cell transfusion; transfusion of packed red cells; blood",
        "9907; plasma transfusion; transfusion of plasma; blood",
        "9905; platelet transfusion; transfusion of platelets; blood",
        "3995; hemodialysis; hemodialysis; kidney",
        "8856; coronary angiography; angiography of the coronary arteries; circulation",
        "3722; left heart catheter; catheter of the left heart; circulation",
        "3613; triple coronary bypass; bypass of three coronary arteries; circulation",
        "3961; extracorporeal circulation; extracorporeal circulation in open heart surgery; circulation",
        "8872; heart ultrasound; ultrasound of the heart; circulation",
        "9962; heart rhythm countershock; countershock of the heart, other than defibrillation; circulation",
        "0331; spinal tap; tapping of the spinal canal; nerves",
        "8703; head tomography; computed tomography of the head; nerves",
        "0124; craniotomy; other opening of the skull; nerves",
        "7936; leg fracture fixation; open setting of a leg fracture with fixation; bones",
    )
)
DRUGS: Final = tuple(
    Drug(name, tuple(doses.split("/")), unit, tuple(routes.split("/")))
    for name, doses, unit, routes in (
        line.split("; ")
        for line in (
            "acetaminophen; 325/500/650; mg; oral/rectal",
            "aspirin; 81/325; mg; oral/rectal",
            "metoprolol; 12.5/25/50; mg; oral/intravenous",
            "furosemide; 20/40/80; mg; oral/intravenous",
            "heparin; 5000/7500; units; subcutaneous/intravenous",
            "insulin; 2/4/6/8; units; subcutaneous/intravenous",
            "vancomycin; 750/1000/1250; mg; intravenous/oral",
            "ceftriaxone; 1000/2000; mg; intravenous",
            "piperacillin-tazobactam; 2250/4500; mg; intravenous",
            "potassium chloride; 20/40; meq; oral/intravenous",
            "magnesium sulfate; 2/4; g; intravenous",
            "pantoprazole; 40; mg; oral/intravenous",
            "docusate; 100/200; mg; oral",
            "senna; 8.6/17.2; mg; oral",
            "ondansetron; 4/8; mg; oral/intravenous",
            "morphine; 2/4; mg; intravenous/subcutaneous",
            "fentanyl; 25/50/100; mcg; intravenous/transdermal",
            "lorazepam; 0.5/1/2; mg; oral/intravenous",
            "propofol; 500/1000; mg; intravenous",
            "norepinephrine; 4/8; mg; intravenous",
            "atorvastatin; 20/40/80; mg; oral",
            "lisinopril; 5/10/20; mg; oral",
            "amlodipine; 5/10; mg; oral",
            "warfarin; 2/5; mg; oral",
            "levothyroxine; 50/100; mcg; oral",
            "prednisone; 10/20/40; mg; oral",
            "albuterol; 2.5; mg; inhaled",
            "ipratropium; 0.5; mg; inhaled",
            "metronidazole; 250/500; mg; oral/intravenous",
            "ciprofloxacin; 250/400/500; mg; oral/intravenous",
            "haloperidol; 1/2.5/5; mg; oral/intravenous",
            "quetiapine; 25/50; mg; oral",
            "famotidine; 20; mg; oral/intravenous",
            "amiodarone; 150/200/400; mg; oral/intravenous",
            "digoxin; 0.125/0.25; mg; oral/intravenous",
            "gabapentin; 100/300; mg; oral",
            "levetiracetam; 500/1000; mg; oral/intravenous",
            "hydralazine; 10/25; mg; oral/intravenous",
        )
    )
)
LABS: Final = (
    Measure("glucose", 62, 260, 0, "mg/dl"),
    Measure("potassium", 3.0, 5.8, 1, "meq/l"),
    Measure("sodium", 126, 150, 0, "meq/l"),
    Measure("chloride", 92, 116, 0, "meq/l"),
    Measure("bicarbonate", 14, 34, 0, "meq/l"),
    Measure("creatinine", 0.5, 4.8, 2, "mg/dl"),
    Measure("urea nitrogen", 7, 78, 0, "mg/dl"),
    Measure("hemoglobin", 6.9, 15.8, 1, "g/dl"),
    Measure("hematocrit", 20.5, 47, 1, "%"),
    Measure("platelet count", 35, 480, 0, "k/ul"),
    Measure("white blood cells", 2.1, 26, 1, "k/ul"),
    Measure("lactate", 0.6, 8.2, 2, "mmol/l"),
    Measure("magnesium", 1.3, 3.1, 1, "mg/dl"),
    Measure("calcium", 6.9, 10.8, 1, "mg/dl"),
    Measure("phosphate", 1.4, 6.6, 1, "mg/dl"),
    Measure("total bilirubin", 0.2, 9.4, 2, "mg/dl"),
    Measure("albumin", 1.7, 4.7, 2, "g/dl"),
    Measure("prothrombin ratio", 0.9, 4.3, 2, "ratio"),
    Measure("thromboplastin time", 22, 96, 1, "sec"),
    Measure("arterial ph", 7.12, 7.56, 2, "units"),
    Measure("troponin", 0.01, 4.9, 3, "ng/ml"),
)
VITALS: Final = (
    Measure("heart rate", 46, 142, 0, "bpm"),
    Measure("respiration", 8, 36, 0, "per min"),
    Measure("temperature", 34.9, 39.8, 1, "deg c"),
    Measure("sao2", 84, 100, 0, "%"),
    Measure("systolic bp", 76, 188, 0, "mmhg"),
    Measure("diastolic bp", 38, 112, 0, "mmhg"),
    Measure("mean bp", 52, 134, 0, "mmhg"),
)
INTAKES: Final = (
    Measure("sodium chloride 0.9%", 100, 1500, 0, "ml"),
    Measure("dextrose 5%", 50, 1000, 0, "ml"),
    Measure("ringer lactate", 100, 1500, 0, "ml"),
    Measure("packed red cells", 230, 390, 0, "ml"),
    Measure("plasma", 180, 320, 0, "ml"),
    Measure("tube nutrition", 60, 900, 0, "ml"),
    Measure("oral fluid", 50, 600, 0, "ml"),
    Measure("albumin solution", 100, 500, 0, "ml"),
)
OUTPUTS: Final = (
    Measure("urine by catheter", 40, 900, 0, "ml"),
    Measure("urine voided", 60, 700, 0, "ml"),
    Measure("liquid stool", 50, 600, 0, "ml"),
    Measure("gastric tube drainage", 20, 400, 0, "ml"),
    Measure("chest tube drainage", 15, 450, 0, "ml"),
    Measure("wound drainage", 5, 180, 0, "ml"),
)
SPECIMENS: Final = ("blood", "urine", "sputum", "wound swab", "stool", "catheter tip", "spinal fluid")
ORGANISMS: Final = (
    "escherichia coli",
    "staphylococcus aureus",
    "klebsiella pneumoniae",
    "enterococcus faecalis",
    "pseudomonas aeruginosa",
    "candida albicans",
    "staphylococcus epidermidis",
    "proteus mirabilis",
)
ALLERGENS: Final = ("penicillin", "sulfonamide", "codeine", "latex", "iodine contrast", "aspirin", "morphine", "peanut")
UNITS: Final = {"medical": 12, "surgical": 14, "cardiac": 23, "trauma": 33, "neurological": 50}
"""Intensive care units and their wards."""
WARDS: Final = (2, 7, 29, 41, 52)
ADMISSION_KINDS: Final = ("emergency", "emergency", "urgent", "elective")
SOURCES: Final = ("emergency room", "physician referral", "clinic referral", "transfer from another hospital")
DESTINATIONS: Final = ("home", "home", "home health care", "skilled nursing facility", "rehabilitation hospital")
INSURANCES: Final = ("medicare", "private", "medicaid", "government", "self pay")
LANGUAGES: Final = ("engl", "span", "russ", "port", "cant")
MARITAL: Final = ("married", "single", "widowed", "divorced", "separated")
ETHNICITIES: Final = ("white", "black", "asian", "hispanic", "other", "unknown")

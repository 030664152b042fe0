"""How the sample's notes say things: nouns of measured values, sentences for findings and grades, and plain chatter."""

from typing import Final

from medgym_ray.tasks.samples.medcalcbench.phrases_risks import RISK_FINDINGS, RISK_GRADES, RISK_NOUNS

NOUNS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "weight": ("exam", ("weight", "measured weight", "body weight on the ward scale")),
    "height": ("exam", ("height", "standing height")),
    "Body Mass Index (BMI)": ("exam", ("target body mass index", "body mass index to aim for")),
    "Heart Rate or Pulse": ("exam", ("heart rate", "pulse")),
    "respiratory rate": ("exam", ("respiratory rate", "breathing rate")),
    "Systolic Blood Pressure": ("exam", ("systolic blood pressure", "systolic pressure by cuff")),
    "Diastolic Blood Pressure": ("exam", ("diastolic blood pressure", "diastolic pressure by cuff")),
    "Temperature": ("exam", ("temperature", "body temperature")),
    "O₂ saturation percentage": ("exam", ("oxygen saturation on room air", "pulse oximetry reading")),
    "QT interval": ("exam", ("uncorrected QT interval", "QT interval on the twelve-lead tracing")),
    "creatinine": ("labs", ("serum creatinine", "creatinine")),
    "Pre-operative creatinine": ("labs", ("pre-operative creatinine", "creatinine before the operation")),
    "Urine creatinine": ("labs", ("urine creatinine", "creatinine in the spot urine")),
    "Albumin": ("labs", ("serum albumin", "albumin")),
    "Calcium": ("labs", ("total calcium", "serum calcium")),
    "Bilirubin": ("labs", ("total bilirubin", "bilirubin")),
    "Glucose": ("labs", ("plasma glucose", "fasting glucose")),
    "Blood Urea Nitrogen (BUN)": ("labs", ("blood urea nitrogen", "urea nitrogen")),
    "Insulin": ("labs", ("fasting insulin", "insulin level after an overnight fast")),
    "Hemoglobin": ("labs", ("hemoglobin", "hemoglobin on arrival")),
    "Sodium": ("labs", ("serum sodium", "sodium")),
    "Urine sodium": ("labs", ("urine sodium", "sodium in the spot urine")),
    "Chloride": ("labs", ("chloride", "serum chloride")),
    "Bicarbonate": ("labs", ("bicarbonate", "serum bicarbonate")),
    "Total cholesterol": ("labs", ("total cholesterol", "cholesterol, total")),
    "high-density lipoprotein cholesterol": ("labs", ("HDL cholesterol", "HDL fraction")),
    "Triglycerides": ("labs", ("triglycerides", "fasting triglyceride level")),
    "Alanine aminotransferase": ("labs", ("ALT", "alanine aminotransferase")),
    "Aspartate aminotransferase": ("labs", ("AST", "aspartate aminotransferase")),
    "Platelet count": ("labs", ("platelet count", "platelets")),
    "White blood cell count": ("labs", ("white cell count", "leukocyte count")),
    "pH": ("labs", ("arterial pH", "pH of the arterial gas")),
    "Hematocrit": ("labs", ("hematocrit", "packed cell volume")),
    "Partial pressure of oxygen (PaO₂) for Apache II": ("labs", ("arterial oxygen pressure", "PaO₂")),
    "FiO₂": ("exam", ("inspired oxygen fraction", "FiO₂")),
    "Glasgow Coma Score": ("exam", ("Glasgow coma score", "coma score by Glasgow's scale")),
    "Urine Output": ("exam", ("urine output", "urine volume")),
    "international normalized ratio": ("labs", ("INR", "international normalized ratio")),
    **RISK_NOUNS,
}
"""By entity: the section it belongs to, and nouns for it."""

UNIT_TEXT: Final = {
    "mm hg": " mm Hg",
    "degrees celsius": " °C",
    "degrees fahrenheit": " °F",
    "µL": "/µL",
    "%": " %",
    "lbs": " lb",
    "in": " inches",
    "kg/m^2": " kg/m²",
}

FINDINGS: Final[dict[str, tuple[str, str]]] = {
    "Congestive Heart Faliure": (
        "Heart failure was diagnosed some time ago and is treated with a diuretic.",
        "There is no heart failure.",
    ),
    "Hypertension history": ("Hypertension is long established.", "Blood pressure has never been a problem."),
    "Stroke": ("An ischemic stroke is on record.", "No stroke has ever occurred."),
    "Transient Ischemic Attacks History": (
        "A transient ischemic attack was worked up in the past.",
        "Transient ischemic attacks are denied.",
    ),
    "Thromboembolism history": (
        "An arterial embolus was once removed from the arm.",
        "No embolus outside the brain is known.",
    ),
    "Vascular disease history": (
        "Peripheral arterial disease is known, with a stent in the femoral artery.",
        "Vascular disease is not known.",
    ),
    "Diabetes history": ("Diabetes is treated with metformin.", "The patient is not diabetic."),
    "Clinical signs and symptoms of Deep Vein Thrombosis": (
        "One leg is swollen and tender over the deep veins, as in a thrombosis.",
        "The legs show no sign of thrombosis.",
    ),
    "Pulmonary Embolism is #1 diagnosis OR equally likely": (
        "The team holds pulmonary embolism to be the leading diagnosis.",
        "Another diagnosis is thought more likely than pulmonary embolism.",
    ),
    "Immobilization for at least 3 days": (
        "The patient had been confined to bed for most of the past week.",
        "The patient had been up and about.",
    ),
    "Surgery in the previous 4 weeks": (
        "A hip was replaced a fortnight before.",
        "There was no operation in the past months.",
    ),
    "Previously Documented Pulmonary Embolism": (
        "A pulmonary embolism was documented years ago.",
        "There is no earlier pulmonary embolism.",
    ),
    "Previously documented Deep Vein Thrombosis": (
        "An earlier deep vein thrombosis is documented.",
        "There is no earlier deep vein thrombosis.",
    ),
    "Hemoptysis": ("Blood-streaked sputum was coughed up.", "No blood was coughed up."),
    "Malignancy with treatment within 6 months or palliative": (
        "Chemotherapy for colon cancer is under way.",
        "No malignancy is known.",
    ),
    "Active cancer": ("Breast cancer is under active treatment.", "There is no cancer."),
    "Bedridden recently >3 days or major surgery within 12 weeks": (
        "Because of influenza the patient had lain in bed for most of a week.",
        "There was neither bed rest nor an operation of late.",
    ),
    "Calf swelling >3 centimeters compared to the other leg": (
        "The calf measures far more than its fellow, well beyond three centimeters.",
        "The calves differ by less than three centimeters.",
    ),
    "Collateral (nonvaricose) superficial veins present": (
        "Collateral superficial veins stand out that are not varicose.",
        "No collateral veins are seen.",
    ),
    "Entire Leg Swollen": ("The swelling takes in the whole leg.", "The leg as a whole is not swollen."),
    "Localized tenderness along the deep venous system": (
        "Palpation along the deep veins hurts.",
        "The deep veins are not tender.",
    ),
    "Pitting edema, confined to symptomatic leg": (
        "Pitting edema is found on the symptomatic side only.",
        "There is no pitting edema.",
    ),
    "Paralysis, paresis, or recent plaster immobilization of the lower extremity": (
        "The leg came out of a plaster cast last week.",
        "The leg was neither paretic nor in plaster.",
    ),
    "Alternative diagnosis to Deep Vein Thrombosis as likely or more likely": (
        "Cellulitis is considered at least as likely as a thrombosis.",
        "No other diagnosis is as likely as a thrombosis.",
    ),
    "Elevated-risk surgery": (
        "An open repair of the abdominal aorta is planned.",
        "A cataract operation is planned.",
    ),
    "History of ischemic heart disease": (
        "Ischemic heart disease is known since an infarction.",
        "Ischemic heart disease is not known.",
    ),
    "Congestive Heart Failure criteria for the Cardiac Risk Index rule": (
        "Congestive heart failure has led to two admissions.",
        "The patient never had heart failure.",
    ),
    "History of cerebrovascular disease": (
        "A stroke years ago left a mild facial droop.",
        "Cerebrovascular disease is not known.",
    ),
    "Pre-operative treatment with insulin": ("Insulin is injected before meals.", "Insulin is not used."),
    "hypercholesterolemia": ("High cholesterol is known.", "Cholesterol has been normal."),
    "Diabetes mellitus criteria for CCI rule": ("Diabetes is treated with tablets.", "Diabetes was excluded."),
    "obesity": ("The patient is obese.", "The patient is lean."),
    "smoking": ("The patient smokes daily.", "The patient never smoked."),
    "parent or sibling with Cardiovascular disease before age 65": (
        "A brother had an infarction in middle age, well before retirement.",
        "The family has no early heart disease.",
    ),
    "atherosclerotic disease": (
        "Coronary stents were placed for atherosclerosis.",
        "Atherosclerotic disease is not known.",
    ),
    "Exudate or swelling on tonsils": ("The tonsils carry exudate.", "The tonsils are neither swollen nor coated."),
    "Tender/swollen anterior cervical lymph nodes": (
        "The anterior cervical nodes are swollen and tender.",
        "The anterior cervical nodes are unremarkable.",
    ),
    "Cough Absent": ("There is no cough.", "A cough is troublesome."),
    "Renal disease criteria for the HAS-BLED rule": (
        "The patient is on chronic dialysis.",
        "The kidneys work normally.",
    ),
    "Liver disease criteria for the HAS-BLED rule": ("Liver cirrhosis is known.", "The liver is healthy."),
    "Prior major bleeding or predisposition to bleeding": (
        "A major gastrointestinal bleed is on record.",
        "There was never a major bleed, and no tendency to bleed.",
    ),
    "Labile international normalized ratio": (
        "Under warfarin the INR swings widely and is seldom in range.",
        "Anticoagulation has been stable.",
    ),
    "Medication usage predisposing to bleeding": (
        "Naproxen is taken daily.",
        "Neither NSAIDs nor antiplatelets are taken.",
    ),
    "Melena present": ("Stools have been black and tarry.", "Stools are of normal color."),
    "Recent syncope": ("The patient fainted at home before coming in.", "The patient did not faint."),
    "Hepatic disease history": ("Chronic liver disease is known.", "Liver disease is not known."),
    "Cardiac failure present": ("Cardiac failure is present.", "There is no sign of cardiac failure."),
    "Fever in past 24 hours": ("Fever was noted within the last day.", "There was no fever in the last day."),
    "Absence of cough or coryza": (
        "Neither cough nor a runny nose is reported.",
        "A runny nose and some cough are reported.",
    ),
    "Symptom onset ≤3 days": (
        "The sore throat began yesterday.",
        "The sore throat began more than a week ago.",
    ),
    "Purulent tonsils": ("Pus is seen on the tonsils.", "There is no pus on the tonsils."),
    "Severe tonsil inflammation": ("The tonsils are severely inflamed.", "The tonsils are hardly inflamed."),
    "Confusion": ("The patient is newly confused.", "The patient is fully oriented."),
    "Unilateral Leg Swelling": ("One leg is visibly swollen.", "The legs are equal and slim."),
    "Recent surgery or trauma": (
        "An operation under general anesthesia took place last week.",
        "There was no operation and no trauma.",
    ),
    "Hormone use": ("An estrogen preparation is taken.", "Hormones are not taken."),
    "Dialysis at least twice in the past week": (
        "Hemodialysis was needed three times in the past week.",
        "Dialysis has not been needed.",
    ),
    "Myocardial infarction": ("A myocardial infarction is on record.", "There was no myocardial infarction."),
    "Peripheral vascular disease": ("Claudication from arterial disease is known.", "The leg arteries are patent."),
    "Cerebrovascular Accident": ("A stroke is on record.", "There was no stroke."),
    "Dementia": ("Dementia was diagnosed by a memory clinic.", "Memory is intact."),
    "Chronic Obstructive Pulmonary Disease": ("COPD is treated with inhalers.", "COPD is not known."),
    "Connective tissue disease": ("Systemic lupus is known.", "Connective tissue disease is not known."),
    "Peptic ulcer disease": ("A peptic ulcer was treated in the past.", "There was never a peptic ulcer."),
    "Hemiplegia": ("A hemiplegia persists.", "All limbs move freely."),
    "Moderate to severe Chronic Kidney Disease": (
        "Chronic kidney disease has reached a severe stage.",
        "Kidney function is normal.",
    ),
    "Leukemia": ("Chronic leukemia is being followed.", "Leukemia is not known."),
    "Lymphoma": ("A lymphoma is being treated.", "Lymphoma is not known."),
    "Neoplastic disease": ("A malignancy is active.", "No malignancy is known."),
    "Cerebrovascular disease history": ("A stroke is on record.", "Cerebrovascular disease is not known."),
    "Renal disease": ("Chronic renal disease is known.", "Renal disease is not known."),
    "Nursing home resident": ("The patient was sent from a nursing home.", "The patient keeps house alone."),
    "Altered mental status": ("Mental status is altered.", "Mental status is unremarkable."),
    "Pleural effusion on x-ray": ("The chest film shows a pleural effusion.", "The chest film shows no effusion."),
    "On mechanical ventilation": ("The patient is ventilated mechanically.", "Breathing is unassisted."),
    "Hypotension": (
        "Mean arterial pressure has been too low, below seventy.",
        "Mean arterial pressure has held well above seventy.",
    ),
    "Liver disease severity": ("Chronic liver disease is known.", "Liver disease is not known."),
    "AIDS": ("AIDS was diagnosed.", "An HIV test was negative."),
    **RISK_FINDINGS,
}
"""By entity: a sentence where it is present, and one where it is absent."""

GRADES: Final[dict[str, dict[str, str]]] = {
    "Ascites": {
        "absent": "Sonography shows no ascites.",
        "slight": "Sonography shows slight ascites.",
        "moderate": "Sonography shows moderate ascites.",
    },
    "Encephalopathy": {
        "No Encephalopathy": "There is no encephalopathy.",
        "Grade 1-2": "Mild encephalopathy (first or second grade) is present.",
        "Grade 3-4": "Deep encephalopathy (beyond the second grade) is present.",
    },
    "Suspicion History": {
        "Slightly suspicious": "The story is only slightly suspicious of a coronary event.",
        "Moderately suspicious": "The story is moderately suspicious of a coronary event.",
        "Highly suspicious": "The story is highly suspicious of a coronary event.",
    },
    "Electrocardiogram Test": {
        "Normal": "The tracing is normal.",
        "Non-specific repolarization disturbance": "The tracing shows a nonspecific disturbance of repolarization.",
        "Significant ST deviation": "The tracing shows significant ST deviation.",
    },
    "Initial troponin": {
        "less than or equal to normal limit": "The first troponin is within the normal limit.",
        "between the normal limit or up to three times the normal limit": (
            "The first troponin is about twice the normal limit."
        ),
        "greater than three times normal limit": "The first troponin is many times the normal limit.",
    },
    "Best eye response": {
        "no eye opening": "The eyes stay shut whatever is done.",
        "eye opening to pain": "The eyes open to a painful stimulus only.",
        "eye opening to verbal command": "The eyes open when the patient is spoken to.",
        "eyes open spontaneously": "The eyes are open of their own accord.",
    },
    "Best verbal response": {
        "no verbal response": "The patient makes no sound.",
        "incomprehensible sounds": "The patient moans without words.",
        "inappropriate words": "The patient utters single words that do not fit.",
        "confused": "The patient talks in sentences but is confused.",
        "oriented": "The patient answers and is oriented.",
    },
    "Best motor response": {
        "no motor response": "There is no movement at all.",
        "extension to pain": "Pain makes the arms extend.",
        "flexion to pain": "Pain makes the arms flex abnormally.",
        "withdrawal from pain": "The limb is withdrawn from pain.",
        "localizes pain": "The hand moves up to the site of pain.",
        "obeys commands": "The patient moves as told.",
    },
    "Diabetes criteria": {
        "None or Diet-controlled": "Glucose is controlled by diet alone.",
        "Uncomplicated": "Diabetes is treated with tablets and has left the organs alone.",
        "End-organ damage": "Diabetes has damaged the retina.",
    },
    "Liver disease severity": {
        "None": "The liver is healthy.",
        "Mild": "A mild chronic hepatitis is known.",
        "Moderate to Severe": "Cirrhosis with portal hypertension is known.",
    },
    "Solid tumor": {
        "None": "There is no solid tumor.",
        "Localized": "A localized kidney tumor was found.",
        "Metastatic": "A lung tumor with metastases was found.",
    },
    "Race": {"White": "The patient is White.", "Black": "The patient is Black."},
    **RISK_GRADES,
}
"""By entity: a sentence for each grade."""

CHATTER: Final = (
    "A sister visits every week.",
    "Hearing aids are worn on both sides.",
    "There is a rash after penicillin on record.",
    "TSH came back at {tsh} mIU/L.",
    "Ferritin was {ferritin} ng/mL.",
    "Serum magnesium stood at {magnesium} mg/dL.",
    "The latest vitamin D level was {vitamin} ng/mL.",
    "Shoes are size {shoe}, which the podiatrist noted for insoles.",
    "Appetite and sleep are described as fair.",
    "A tetanus booster was given in {year}.",
    "The patient works as a bookkeeper and likes gardening.",
    "Reading glasses were renewed not long ago.",
    "The patient was seen in bay {bay} of the day unit.",
    "An appendectomy was done in childhood.",
    "Eczema on the elbows is treated with an emollient.",
    "Dental check-ups are up to date.",
    "Next of kin has been informed.",
    "Lactate dehydrogenase was {ldh} U/L.",
)
"""Facts that no calculator of the sample uses."""

OLD_VALUE: Final = (
    "In a letter from {year} the {noun} is given as {value}.",
    "For comparison, the {noun} had been {value} at a visit in {year}.",
)

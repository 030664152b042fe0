"""How notes say what only the scores of a whole patient's risk ask for."""

from typing import Final

RISK_NOUNS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "Potassium": ("labs", ("serum potassium", "potassium")),
}
"""By entity: the section it belongs to, and nouns for it."""

RISK_FINDINGS: Final[dict[str, tuple[str, str]]] = {
    "History of severe organ failure or immunocompromise": (
        "Immunity has been suppressed severely since a kidney transplant.",
        "No organ had failed before, and immunity is sound.",
    ),
    "Acute renal failure": (
        "The kidneys have failed acutely in the past two days.",
        "There is no acute renal failure.",
    ),
    "Smoker": ("Cigarettes are smoked every day.", "The patient is a nonsmoker."),
    "Blood pressure being treated with medicines": (
        "Blood pressure is treated with amlodipine.",
        "Blood pressure is not treated.",
    ),
    "Major Surgery in the last month": (
        "A large operation on the bowel took place three weeks ago.",
        "No large operation took place in the past month.",
    ),
    "Congestive Heart Failure in the last month": (
        "Heart failure decompensated two weeks ago.",
        "There was no heart failure in the past month.",
    ),
    "Sepsis in the last month": ("A sepsis was survived this month.", "There was no sepsis in the past month."),
    "Pneumonia in the last month": (
        "Pneumonia was treated a fortnight ago.",
        "There was no pneumonia in the past month.",
    ),
    "Immobilizing plaster cast in the last month": (
        "An arm was held in an immobilizing plaster cast until last week.",
        "No plaster cast was worn in the past month.",
    ),
    "Hip, pelvis, or leg fracture in the last month": (
        "The pelvis was fractured in a fall eleven days ago.",
        "Neither hip nor pelvis nor leg was broken in the past month.",
    ),
    "Stroke in the last month": ("A stroke occurred three weeks ago.", "There was no stroke in the past month."),
    "Multiple trauma in the last month": (
        "A road accident this month caused multiple trauma.",
        "Multiple trauma did not occur in the past month.",
    ),
    "Acute spinal cord injury causing paralysis in the last month": (
        "A spinal cord injury this month has left the legs paralyzed.",
        "The spinal cord was not injured.",
    ),
    "Varicose veins": ("Varicose veins are plain to see.", "There are no varicose veins."),
    "Current swollen legs": ("Both legs are swollen at present.", "The legs are not swollen."),
    "Current central venous access": (
        "A central venous catheter is in place.",
        "There is no central venous catheter.",
    ),
    "Family history of thrombosis": ("The mother had a venous thrombosis.", "Nobody in the family had a thrombosis."),
    "Positive Factor V Leiden": ("Factor V Leiden was found.", "Factor V Leiden was excluded."),
    "Positive prothrombin 20210A": (
        "The prothrombin 20210A mutation was found.",
        "The prothrombin 20210A mutation was excluded.",
    ),
    "Elevated serum homocysteine": ("Serum homocysteine is elevated.", "Serum homocysteine is normal."),
    "Positive lupus anticoagulant": (
        "The test for lupus anticoagulant was positive.",
        "The test for lupus anticoagulant was negative.",
    ),
    "Elevated anticardiolipin antibody": (
        "Anticardiolipin antibodies are elevated.",
        "Anticardiolipin antibodies are not elevated.",
    ),
    "Heparin-induced thrombocytopenia": (
        "Heparin once caused an immune thrombocytopenia.",
        "Heparin has been given without harm to the platelets.",
    ),
    "Other congenital or acquired thrombophilia": (
        "Protein C is deficient from birth, which makes for clots.",
        "Proteins C and S are normal.",
    ),
    "History of inflammatory bowel disease": ("Crohn's disease is known.", "The bowel was never inflamed."),
    "Acute Myocardial infarction": (
        "The present stay began with an acute myocardial infarction.",
        "An acute myocardial infarction was ruled out.",
    ),
    "Present or previous malignancy": ("A melanoma was removed years ago.", "There was never a malignancy."),
}
"""By entity: a sentence where it is present, and one where it is absent."""

RISK_GRADES: Final[dict[str, dict[str, str]]] = {
    "Way to intensive care": {
        "Nonoperative": "The patient reached intensive care without an operation.",
        "Elective": "The patient reached intensive care after a planned operation.",
        "Emergency": "The patient reached intensive care after an emergency operation.",
    },
    "Planned surgery": {
        "none": "No operation is planned.",
        "minor": "A minor operation on the skin is planned.",
        "major": "Open major surgery, of two hours, is planned.",
        "laparoscopic": "Laparoscopic surgery, of ninety minutes, is planned.",
        "arthroscopic": "Arthroscopic surgery of the shoulder is planned.",
        "elective major lower extremity arthroplasty": "An elective total replacement of the hip joint is planned.",
    },
    "Mobility": {
        "normal": "The patient walks about freely.",
        "on bed rest": "Since this morning the patient is on bed rest.",
        "confined to bed >72 hours": "The patient has been confined to bed for more than four days.",
    },
}
"""By kind: a sentence for each grade."""

"""What the sample asks of the scores of a whole patient's risk."""

from typing import Final

from medgym_ray.tasks.samples.medcalcbench.draws import (
    HEART_RATE,
    LIPID,
    PRESSURE,
    RESPIRATION,
    SYSTOLIC,
    Case,
    Graded,
    Measured,
    Special,
    findings,
)

RISKS: Final[dict[int, Case]] = {
    28: Case(
        "What is the APACHE II score? Creatinine counts twice in acute renal failure; a mean arterial pressure (a "
        "third of the way from the diastolic to the systolic) that falls between two bands of the table belongs to the "
        "lower one.",
        (
            *findings("History of severe organ failure or immunocompromise", "Acute renal failure"),
            Graded("Surgery Type", "Way to intensive care"),
            # With the table's own decimals, so that no value falls between its bands.
            Measured("Temperature", 31.2, 41.3, (("degrees celsius", 1),)),
            SYSTOLIC,
            Measured("Diastolic Blood Pressure", 38, 76, PRESSURE),
            HEART_RATE,
            RESPIRATION,
            Special("oxygenation"),
            Measured("pH", 7.08, 7.58, (("", 2),)),
            Measured("Sodium", 114, 164, (("mEq/L", 0), ("mmol/L", 0))),
            Measured("Potassium", 2.3, 7.2, (("mEq/L", 1), ("mmol/L", 1))),
            Measured("creatinine", 0.5, 4.4, (("mg/dL", 1),)),
            Measured("Hematocrit", 18, 54, (("%", 0),)),
            Measured("White blood cell count", 800, 43_000, (("µL", -2),)),
            Measured("Glasgow Coma Score", 3, 15, (("", 0),)),
        ),
        uses_age=True,
    ),
    36: Case(
        "What is the Caprini score (the version of 2005) for the operation that is planned? What is not mentioned is "
        "absent, and sex as such gives no point.",
        (
            Graded("Surgery Type", "Planned surgery"),
            Graded("Mobility", "Mobility"),
            Special("clotting"),
        ),
        uses_age=True,
        sexes=("Male",),
    ),
    46: Case(
        "What is the ten-year risk of hard coronary heart disease, in percent, by the Framingham equation of ATP III "
        "(not by its table of points)?",
        (
            Measured("Total cholesterol", 150, 310, LIPID),
            Measured("high-density lipoprotein cholesterol", 26, 84, LIPID),
            Measured("Systolic Blood Pressure", 104, 178, PRESSURE),
            *findings("Smoker", "Blood pressure being treated with medicines"),
        ),
        ages=(36, 69),
        uses_age=True,
        uses_sex=True,
    ),
}
"""By calculator number."""

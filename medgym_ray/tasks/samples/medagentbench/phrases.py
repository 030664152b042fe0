"""How the sample's tasks are worded, and the protocols that they state: all made up, and none to be used on anybody."""

from typing import Final, NamedTuple

NOT_FOUND: Final = "Patient not found"

LOOKUP: Final = (
    'Which MRN belongs to {name}, born on {born}? Answer "{none}" if there is no such person.',
    'A caller gives the name {name} and the birthday {born}. Find the MRN, or answer "{none}" if nobody matches both.',
    'Look up the record number (MRN) of {name} (date of birth {born}). Without a match the answer is "{none}".',
)
AGE: Final = (
    "How old is the patient with the MRN {mrn}?",
    "State the present age of patient {mrn}.",
    "A form asks for the age of patient {mrn}. What goes in?",
)
BLOOD_PRESSURE: Final = (
    'The cuff of patient {mrn} just read "{value}". Please chart it.',
    'Please enter a blood pressure of "{value}" for patient {mrn}, taken this minute.',
    'Document that the blood pressure of patient {mrn} is "{value}" at present.',
)
MAGNESIUM: Final = (
    "What was the last magnesium of patient {mrn} during the past 24 hours?",
    "Tell me the newest magnesium result of patient {mrn}, going back 24 hours at most.",
)
NOTHING_RECENT: Final = "Answer with a number in mg/dL; if the past 24 hours have no result, answer -1."
MAGNESIUM_ORDER: Final = (
    "Look at the newest magnesium of patient {mrn} from the past 24 hours and, if it is low, order intravenous "
    "magnesium by the protocol. Without a result from that time order nothing.",
    "Does patient {mrn} need magnesium? Go by the last result of the past 24 hours and place the infusion that the "
    "protocol gives for it. No result in that time means no order.",
)
GLUCOSE_MEAN: Final = (
    "What is the mean of all capillary glucose readings of patient {mrn} during the past 24 hours?",
    "Average the fingerstick glucose values that patient {mrn} had within the past 24 hours.",
)
GLUCOSE_LATEST: Final = (
    "What did the latest capillary glucose of patient {mrn} show, whenever it was?",
    "Give the newest fingerstick glucose in the record of patient {mrn}.",
)
REFERRAL: Final = (
    'Refer patient {mrn} to {service}. The referral must carry this text: "{note}"',
    'Place a referral to {service} for patient {mrn} and put into its note: "{note}"',
)
POTASSIUM_ORDER: Final = (
    "Look at the newest potassium of patient {mrn}. If it is below the goal, order oral potassium by the protocol, "
    "together with a potassium level for tomorrow at 08:00.",
    "Is the last potassium of patient {mrn} low? Then order the replacement by mouth and, to go with it, a control of "
    "potassium tomorrow morning at 08:00. Otherwise order neither.",
)
A1C: Final = (
    "Which HbA1c did patient {mrn} have last, and when was it taken? Order a new one if that is more than a year ago "
    "or if there never was one.",
    "Report the latest HbA1c of patient {mrn} with its time. Should it be older than a year, or should there be none, "
    "order the test.",
)


class MagnesiumProtocol(NamedTuple):
    """A protocol as text and as rows of [from this level on, grams, hours]."""

    text: str
    ndc: str
    low_up_to: float
    doses: tuple[tuple[float, float, float], ...]


MAGNESIUM_PROTOCOLS: Final = (
    MagnesiumProtocol(
        "Protocol (levels in mg/dL, one decimal): 1.5 to 1.7, give 3 g IV over 2 hours; 1.1 to 1.4, give 5 g IV over "
        "5 hours; below 1.1, give 7 g IV over 8 hours; 1.8 or more is not low. Its NDC is 99207-0411-30.",
        "99207-0411-30",
        1.7,
        ((1.5, 3, 2), (1.1, 5, 5), (0, 7, 8)),
    ),
    MagnesiumProtocol(
        "Protocol: a level of 1.6 to 1.8 mg/dL gets 2.5 g IV over 3 hours, one of 1.2 to 1.5 mg/dL 4.5 g IV over 6 "
        "hours, and one below 1.2 mg/dL 6 g IV over 9 hours. From 1.9 mg/dL on nothing is given. The NDC to order is "
        "99207-0415-12.",
        "99207-0415-12",
        1.8,
        ((1.6, 2.5, 3), (1.2, 4.5, 6), (0, 6, 9)),
    ),
)

POTASSIUM_LOINC: Final = "6298-4"
POTASSIUM_PROTOCOLS: Final = ((3.8, 7, "99207-0620-05"), (4.0, 12, "99207-0624-18"), (3.6, 9, "99207-0627-22"))
POTASSIUM_DOSING: Final = (
    "Potassium results have the code K. The goal is {goal} mmol/L: for each 0.1 mmol/L that is missing, give "
    "{per_tenth} mEq by mouth (NDC {ndc}). The LOINC code for ordering a potassium level is {loinc}."
)
A1C_LOINC: Final = "17856-6"

REFERRALS: Final = (
    (
        "cardiology",
        "183519002",
        "Two faints on climbing stairs this month; a harsh systolic murmur is new. Please look at the valves.",
    ),
    (
        "dermatology",
        "183521001",
        "A pigmented spot on the left calf has doubled in size since spring. Please examine it and advise on excision.",
    ),
    (
        "neurology",
        "183521002",
        "Tremor of the right hand at rest for half a year, and a slower gait. Please assess for parkinsonism.",
    ),
    (
        "ophthalmology",
        "183522003",
        "Sudden floaters in the right eye yesterday, without pain. Please exclude a retinal tear.",
    ),
    (
        "gastroenterology",
        "183523004",
        "Iron deficiency without a visible source of bleeding. Please consider endoscopy of the upper and lower tract.",
    ),
    (
        "pulmonology",
        "183524005",
        "Dry cough for nine weeks and crackles at both bases. Please arrange lung function tests and imaging.",
    ),
    (
        "rheumatology",
        "183525006",
        "Morning stiffness of both hands for over an hour; swelling of the knuckles. Please evaluate for arthritis.",
    ),
    (
        "nephrology",
        "183526007",
        "Filtration fell by a third within a year, with protein in the urine. Please advise on further steps.",
    ),
    (
        "otolaryngology",
        "183527008",
        "Hearing loss on the left since a flight in October. Please check the middle ear.",
    ),
)
"""Service, the code that the sample uses for it, and the text."""

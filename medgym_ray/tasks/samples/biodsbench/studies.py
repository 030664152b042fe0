"""The tables of an invented study: patients, samples, mutations, copy numbers and structural variants."""

import random
from dataclasses import dataclass
from typing import Final

Table = list[dict[str, str | int | float]]
"""Rows, alike in their columns; "" is a missing value."""

PATIENTS: Final = 60
STAGES: Final = ("I", "II", "III", "IV")
SILENT: Final = "Silent"
PANELS: Final = {"P275": 0.9, "P410": 1.2}
"""Megabases that a panel sequences."""

_CLASSES: Final = {
    "Missense_Mutation": ("SNP", 52),
    "Silent": ("SNP", 18),
    "Nonsense_Mutation": ("SNP", 10),
    "Frame_Shift_Del": ("DEL", 8),
    "Frame_Shift_Ins": ("INS", 5),
    "Splice_Site": ("SNP", 5),
    "In_Frame_Del": ("DEL", 3),
}
_SV_CLASSES: Final = ("DELETION", "DUPLICATION", "INVERSION", "TRANSLOCATION")
_ACIDS: Final = "ACDEFGHIKLMNPQRSTVWY"


@dataclass(frozen=True, slots=True)
class Study:
    """What sets one study apart. Genes come with the chromosome and the odds of being mutated, by weight."""

    name: str
    prefix: str
    cancer: str
    genes: dict[str, tuple[str, int]]
    driver: str
    """Shortens survival where mutated, and goes with fewer responses."""
    second: str
    third: str
    arms: tuple[str, str]
    fusions: tuple[tuple[str, str], ...]
    male: float
    age: int


_COMMON: Final = {
    "TP53": ("17", 16),
    "PTEN": ("10", 6),
    "PIK3CA": ("3", 8),
    "ARID1A": ("1", 7),
    "RB1": ("13", 5),
    "ATM": ("11", 6),
    "NF1": ("17", 6),
    "CDKN2A": ("9", 6),
}
STUDIES: Final = (
    Study(
        name="lung_meadow",
        prefix="LM",
        cancer="Lung Adenocarcinoma",
        genes=_COMMON | {"KRAS": ("12", 13), "EGFR": ("7", 11), "STK11": ("19", 9), "KEAP1": ("19", 8)},
        driver="STK11",
        second="KRAS",
        third="EGFR",
        arms=("Chemotherapy", "Immunotherapy"),
        fusions=(("EML4", "ALK"), ("CD74", "ROS1"), ("KIF5B", "RET"), ("STK11", "LKB2")),
        male=0.52,
        age=66,
    ),
    Study(
        name="colon_ridge",
        prefix="CR",
        cancer="Colon Adenocarcinoma",
        genes=_COMMON | {"APC": ("5", 17), "KRAS": ("12", 12), "BRAF": ("7", 8), "SMAD4": ("18", 9)},
        driver="BRAF",
        second="APC",
        third="SMAD4",
        arms=("FOLFOX", "FOLFIRI"),
        fusions=(("TPM3", "NTRK1"), ("PTPRK", "RSPO3"), ("EIF3E", "RSPO2"), ("BRAF", "AGAP3")),
        male=0.55,
        age=63,
    ),
    Study(
        name="melanoma_coast",
        prefix="MC",
        cancer="Cutaneous Melanoma",
        genes=_COMMON | {"BRAF": ("7", 17), "NRAS": ("1", 11), "KIT": ("4", 6), "TERT": ("5", 12)},
        driver="NRAS",
        second="BRAF",
        third="TERT",
        arms=("Anti-PD1", "Combination"),
        fusions=(("AGK", "BRAF"), ("ZKSCAN1", "NTRK2"), ("GOPC", "ROS1"), ("TERT", "SLC12A7")),
        male=0.6,
        age=58,
    ),
)


def tables(study: Study, generator: random.Random) -> dict[str, Table]:
    """The tables by file name."""
    patients = _patients(study, generator)
    samples = _samples(study, patients, generator)
    mutations = _mutations(study, samples, generator)
    _outcomes(study, patients, samples, mutations, generator)
    return {
        "data_clinical_patient.csv": patients,
        "data_clinical_sample.csv": samples,
        "data_mutations.csv": mutations,
        "data_cna.csv": _copy_numbers(study, samples, generator),
        "data_sv.csv": _structural_variants(study, samples, generator),
    }


def _patients(study: Study, generator: random.Random) -> Table:
    rows: Table = []
    for number in range(1, PATIENTS + 1):
        smoking = generator.choices(("Never", "Former", "Current", ""), (35, 35, 25, 5))[0]
        rows.append(
            {
                "PATIENT_ID": f"{study.prefix}-{number:03}",
                "SEX": "Male" if generator.random() < study.male else "Female",
                "AGE": min(max(round(generator.gauss(study.age, 10)), 31), 89),
                "SMOKING_HISTORY": smoking,
                "BMI": "" if generator.random() < 0.08 else round(generator.gauss(26.5, 4.2), 1),
                "STAGE": generator.choices(STAGES, (18, 26, 30, 26))[0],
                "TREATMENT_ARM": generator.choice(study.arms),
            }
        )
    return rows


def _samples(study: Study, patients: Table, generator: random.Random) -> Table:
    rows: Table = []
    for patient in patients:
        for number in range(1, generator.choices((1, 2), (78, 22))[0] + 1):
            kind = "Metastasis" if number == 2 or generator.random() < 0.2 else "Primary"
            rows.append(
                {
                    "SAMPLE_ID": f"{patient['PATIENT_ID']}-T{number}",
                    "PATIENT_ID": patient["PATIENT_ID"],
                    "CANCER_TYPE": study.cancer,
                    "SAMPLE_TYPE": kind,
                    "GENE_PANEL": generator.choices(tuple(PANELS), (40, 60))[0],
                    "TUMOR_PURITY": round(generator.betavariate(5, 3), 3),
                    "PLOIDY": round(generator.gauss(2.4, 0.45), 2),
                }
            )
    return rows


def _mutations(study: Study, samples: Table, generator: random.Random) -> Table:
    rows: Table = []
    genes = list(study.genes)
    weights = [weight for _, weight in study.genes.values()]
    for sample in samples:
        # A few samples have none, and some many.
        for _ in range(generator.choices((0, 3, 5, 8, 14), (6, 26, 32, 26, 10))[0] + generator.randrange(3)):
            gene = generator.choices(genes, weights)[0]
            kind = generator.choices(tuple(_CLASSES), [weight for _, weight in _CLASSES.values()])[0]
            position = generator.randrange(20, 700)
            depth = generator.randrange(120, 900)
            share = float(sample["TUMOR_PURITY"]) * generator.uniform(0.25, 0.6)
            before, after = generator.sample(_ACIDS, 2)
            rows.append(
                {
                    "Hugo_Symbol": gene,
                    "Chromosome": study.genes[gene][0],
                    "Start_Position": 1_000_000 + 97 * position,
                    "Variant_Classification": kind,
                    "Variant_Type": _CLASSES[kind][0],
                    "HGVSp_Short": f"p.{before}{position}{after if kind == 'Missense_Mutation' else '='}",
                    "Tumor_Sample_Barcode": sample["SAMPLE_ID"],
                    "t_alt_count": round(depth * share),
                    "t_ref_count": depth - round(depth * share),
                }
            )
    return rows


def _outcomes(study: Study, patients: Table, samples: Table, mutations: Table, generator: random.Random) -> None:
    """Adds response and survival, which depend on stage, arm and driver; no two times are alike."""
    owner = {sample["SAMPLE_ID"]: sample["PATIENT_ID"] for sample in samples}
    hit = {
        owner[row["Tumor_Sample_Barcode"]]
        for row in mutations
        if row["Hugo_Symbol"] == study.driver and row["Variant_Classification"] != SILENT
    }
    used: set[int] = set()

    def months(mean: float) -> int:
        """In hundredths."""
        time = max(round(100 * mean * generator.uniform(0.15, 1.9)), 20)
        while time in used:
            time += 1
        used.add(time)
        return time

    for patient in patients:
        worse = (patient["PATIENT_ID"] in hit) * 0.35 + STAGES.index(str(patient["STAGE"])) * 0.14
        better = 0.15 * (patient["TREATMENT_ARM"] == study.arms[1])
        died = generator.random() < 0.42 + 0.4 * worse
        overall = months(44 * (1.05 - 0.75 * worse + better))
        progressed = died or generator.random() < 0.5
        free = months(overall / 100 * 0.45)
        weights = (8 + 20 * better, 30 - 20 * worse, 32, 18 + 30 * worse)
        patient["BEST_RESPONSE"] = generator.choices(("CR", "PR", "SD", "PD"), weights)[0]
        patient["OS_MONTHS"] = overall / 100
        patient["OS_STATUS"] = "1:DECEASED" if died else "0:LIVING"
        patient["PFS_MONTHS"] = min(free, overall) / 100
        patient["PFS_STATUS"] = "1:PROGRESSION" if progressed else "0:CENSORED"


def _copy_numbers(study: Study, samples: Table, generator: random.Random) -> Table:
    rows: Table = []
    for gene in sorted(study.genes):
        gain = generator.uniform(0.04, 0.2)
        loss = generator.uniform(0.04, 0.2)
        row: dict[str, str | int | float] = {"Hugo_Symbol": gene}
        weights = (loss / 2, loss, 1 - 1.5 * (gain + loss), gain, gain / 2)
        for sample in samples:
            row[str(sample["SAMPLE_ID"])] = generator.choices((-2, -1, 0, 1, 2), weights)[0]
        rows.append(row)
    return rows


def _structural_variants(study: Study, samples: Table, generator: random.Random) -> Table:
    rows: Table = []
    genes = sorted(study.genes)
    for number in range(1, 49):
        pair = generator.choice(study.fusions) if generator.random() < 0.6 else tuple(generator.sample(genes, 2))
        rows.append(
            {
                "SV_ID": f"SV{number:03}",
                "Sample_Id": generator.choice(samples)["SAMPLE_ID"],
                "Site1_Hugo_Symbol": pair[0],
                "Site2_Hugo_Symbol": pair[1],
                "Class": generator.choice(_SV_CLASSES),
                "Tumor_Split_Read_Count": generator.randrange(3, 60),
                "Tumor_Paired_End_Read_Count": generator.randrange(0, 45),
            }
        )
    return rows

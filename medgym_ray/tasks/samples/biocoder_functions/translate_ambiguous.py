# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that translates a DNA sequence with ambiguous bases to protein.

`GENETIC_CODE` maps each codon to its amino acid (`*` for stops) and `AMBIGUOUS` each IUPAC letter to the bases it
stands for. Translate the codons from position `frame` (0, 1 or 2) on; a rest of one or two bases is left out. A codon
with ambiguous letters becomes the amino acid that all codons it can mean have in common; else `B` if they all are N
or D, `Z` if they all are Q or E, `J` if they all are I or L, and `X` in all other cases. `---` becomes `-`, and any
other codon with a character that is not in the table becomes `X`. With `to_stop` end before the first `*`. Case does
not matter.
"""

import random
from itertools import product

_ACIDS = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
GENETIC_CODE = {"".join(codon): acid for codon, acid in zip(product("TCAG", repeat=3), _ACIDS, strict=True)}
AMBIGUOUS = {
    "A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC",
    "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT",
}  # fmt: skip


# solution
def translate(sequence: str, frame: int, to_stop: bool) -> str:
    protein = ""
    groups = {"ND": "B", "QE": "Z", "IL": "J"}
    for at in range(frame, len(sequence) - 2, 3):
        codon = sequence[at : at + 3].upper()
        if codon == "---":
            acid = "-"
        elif not all(letter in AMBIGUOUS for letter in codon):
            acid = "X"
        else:
            acids = {GENETIC_CODE["".join(bases)] for bases in product(*(AMBIGUOUS[letter] for letter in codon))}
            shared = [letter for members, letter in groups.items() if acids <= set(members)]
            acid = acids.pop() if len(acids) == 1 else (shared or ["X"])[0]
        if acid == "*" and to_stop:
            break
        protein += acid
    return protein


# end of solution


def main() -> None:
    random.seed(52)
    special = ["RAY", "SAR", "MTY", "ATH", "YTR", "TAR", "MGR", "TRA", "---", "A-G", "ACN", "aaY", "A?C"]
    for _ in range(8):
        parts = [
            random.choice(special) if random.random() < 0.4 else "".join(random.choices("ACGT", k=3)) for _ in range(20)
        ]
        sequence = "".join(parts) + random.choice(["", "A", "CG"])
        print(
            translate(sequence, 0, False),
            translate(sequence, 0, True),
            translate(sequence, random.randint(1, 2), False),
        )


if __name__ == "__main__":
    main()

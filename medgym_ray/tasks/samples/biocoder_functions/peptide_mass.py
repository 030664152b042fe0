# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the mass of a peptide and its most frequent ions.

The molecular mass of a peptide is the sum of the monoisotopic masses of its residues (in the table RESIDUE_MASS) and
of one water (WATER); each lower-case `m` stands for an oxidised methionine, the residue M plus OXYGEN. For `charges`
= z return the list of m/z values of the protonated molecules with 1, 2, ... z protons: (mass + k * PROTON) / k.
Return None if the sequence holds any other letter or is empty.
"""

import random

WATER = 18.0105647
PROTON = 1.0072765
OXYGEN = 15.9949146
RESIDUE_MASS = {
    "G": 57.0214637, "A": 71.0371138, "S": 87.0320284, "P": 97.0527639, "V": 99.0684139, "T": 101.0476785,
    "C": 103.0091845, "L": 113.084064, "I": 113.084064, "N": 114.0429275, "D": 115.0269431, "Q": 128.0585775,
    "K": 128.0949631, "E": 129.0425931, "M": 131.0404846, "H": 137.0589119, "F": 147.0684139, "R": 156.1011111,
    "Y": 163.0633286, "W": 186.079313,
}  # fmt: skip


# solution
def peptide_ions(sequence: str, charges: int) -> list[float] | None:
    masses = {**RESIDUE_MASS, "m": RESIDUE_MASS["M"] + OXYGEN}
    if not sequence or any(letter not in masses for letter in sequence):
        return None
    mass = WATER + sum(masses[letter] for letter in sequence)
    return [(mass + count * PROTON) / count for count in range(1, charges + 1)]


# end of solution


def main() -> None:
    random.seed(22)
    for _ in range(8):
        peptide = "".join(random.choices([*RESIDUE_MASS, "m"], k=random.randint(1, 30)))
        ions = peptide_ions(peptide, random.randint(1, 4))
        print(peptide, None if ions is None else [f"{ion:.5f}" for ion in ions])
    print(peptide_ions("", 2), peptide_ions("PEPTIDEX", 2), peptide_ions("gas", 1))


if __name__ == "__main__":
    main()

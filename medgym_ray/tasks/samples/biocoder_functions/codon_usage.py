# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the relative synonymous codon usage (RSCU) of coding DNA sequences.

`GENETIC_CODE` maps each codon to its amino acid, `*` for stops. Read every sequence of the list from its first base
in steps of three; a rest of one or two bases at the end and codons that are not in the table (such as `ANT`) are
passed over, and so are stop codons. The RSCU of a codon is its count divided by the mean count of all codons for the
same amino acid. Return a dict of codon to RSCU with all codons, in alphabetical order, of the amino acids that occur
at least once.
"""

import random
from collections import Counter
from itertools import product

_ACIDS = "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
GENETIC_CODE = {"".join(codon): acid for codon, acid in zip(product("TCAG", repeat=3), _ACIDS, strict=True)}


# solution
def relative_codon_usage(sequences: list[str]) -> dict[str, float]:
    counts = Counter(
        codon
        for sequence in sequences
        for codon in (sequence[at : at + 3] for at in range(0, len(sequence), 3))
        if GENETIC_CODE.get(codon, "*") != "*"
    )
    usage = {}
    for codon, acid in sorted(GENETIC_CODE.items()):
        family = [other for other, coded in GENETIC_CODE.items() if coded == acid]
        total = sum(counts[other] for other in family)
        if total and acid != "*":
            usage[codon] = counts[codon] * len(family) / total
    return usage


# end of solution


def main() -> None:
    random.seed(42)
    for size in (1, 3, 10):
        sequences = ["".join(random.choices("ACGTN", [4, 3, 3, 4, 0.2], k=random.randint(1, 90))) for _ in range(size)]
        print({codon: round(value, 5) for codon, value in relative_codon_usage(sequences).items()})


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that brings a variant into its normal form, left-aligned and as short as possible.

The variant replaces the allele `ref`, which stands at the 0-based `position` of the chromosome `sequence`, by the
allele `alt`; the two differ and neither is empty. Repeat these two steps as long as one of them changes anything:
1. if both alleles end with the same base, remove it from both;
2. if one of the alleles is empty now, put the base before `position` in front of both, and lower position by 1.
Then, as long as both alleles begin with the same base and have at least two, remove the first base of both and raise
position by 1. Return (position, ref, alt). The chromosome begins with N, which is in no allele, so that step 2 always
finds a base.
"""

import random


def random_variant(sequence: str) -> tuple[int, str, str]:
    """A substitution, insertion or deletion, written with more context than it needs."""
    start = random.randint(2, len(sequence) - 12)
    ref = sequence[start : start + random.randint(2, 8)]
    cut, end = sorted(random.choices(range(1, len(ref) + 1), k=2))
    inserted = random.choice(["", "", ref[:cut][-2:], random.choice("ACGT")])
    alt = ref[:cut] + inserted + ref[end:]
    return (start, ref, alt) if alt != ref else (start, ref, ref[0] + ref)


# solution
def normalise_variant(sequence: str, position: int, ref: str, alt: str) -> tuple[int, str, str]:
    while ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
        if not ref or not alt:
            position -= 1
            ref, alt = sequence[position] + ref, sequence[position] + alt
    while ref[0] == alt[0] and min(len(ref), len(alt)) > 1:
        ref, alt, position = ref[1:], alt[1:], position + 1
    return position, ref, alt


# end of solution


def main() -> None:
    random.seed(69)
    for _ in range(14):
        unit = "".join(random.choices("ACGT", k=random.randint(1, 3)))
        sequence = "N" + "".join(random.choices("ACGT", k=6)) + unit * 8 + "".join(random.choices("ACGT", k=10))
        variant = random_variant(sequence)
        print(sequence, variant, normalise_variant(sequence, *variant))


if __name__ == "__main__":
    main()

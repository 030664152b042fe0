# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that returns the reverse complement of a DNA sequence, with the IUPAC codes for ambiguous bases.

The complement of every code is the code for the complements of its bases: A-T, C-G, R-Y, K-M, B-V and D-H are pairs,
and S, W and N are their own complement. `U` is read as T, so its complement is A. Case is kept letter by letter. Any
other character (gaps such as `-` and `.`) stays as it is. Example: `aRC-n` becomes `n-GYt`.
"""

import random

ALPHABET = "ACGTURYKMBVDHSWN-."


# solution
def reverse_complement(sequence: str) -> str:
    pairs = str.maketrans("ACGTURYKMBVDHacgturykmbvdh", "TGCAAYRMKVBHDtgcaayrmkvbhd")
    return sequence.translate(pairs)[::-1]


# end of solution


def main() -> None:
    random.seed(11)
    for length in (1, 7, 40, 90):
        letters = [random.choice(ALPHABET) for _ in range(length)]
        sequence = "".join(letter.lower() if random.random() < 0.3 else letter for letter in letters)
        print(sequence, reverse_complement(sequence))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that picks the minimizers of a DNA sequence.

A k-mer (substring of `k` bases) stands for itself and for its reverse complement: its key is whichever of the two
comes first in alphabetical order. In every window of `window` consecutive k-mers the one with the smallest key is
picked; of equal keys the leftmost. Return the picked k-mers as a list of (start, key) in ascending order of their
0-based start, each once. A sequence with fewer than `window` k-mers has no minimizers. The sequence is in upper case
and holds only A, C, G and T.
"""

import random

COMPLEMENT = str.maketrans("ACGT", "TGCA")


# solution
def minimizers(sequence: str, k: int, window: int) -> list[tuple[int, str]]:
    kmers = [sequence[at : at + k] for at in range(len(sequence) - k + 1)]
    keys = [min(kmer, kmer[::-1].translate(COMPLEMENT)) for kmer in kmers]
    picked = set()
    for first in range(len(keys) - window + 1):
        key, start = min((keys[at], at) for at in range(first, first + window))
        picked.add((start, key))
    return sorted(picked)


# end of solution


def main() -> None:
    random.seed(61)
    for size, k, window in ((4, 3, 4), (30, 4, 3), (60, 5, 8), (120, 3, 10)):
        print(minimizers("".join(random.choices("ACGT", k=size)), k, window))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the spectrum of the k-mers of a set of DNA reads.

Count every k-mer (substring of length `k`) of all `reads`, where a k-mer and its reverse complement are one: both
count for the one that comes first in alphabetical order. K-mers that hold any letter other than A, C, G and T are
passed over. Return the spectrum as a dict of abundance to the number of distinct k-mers that were counted so often,
with the abundances in ascending order. Reads are in upper case; reads shorter than k hold no k-mer.
"""

import random
from collections import Counter


# solution
def kmer_spectrum(reads: list[str], k: int) -> dict[int, int]:
    pairs = str.maketrans("ACGT", "TGCA")
    counts: Counter[str] = Counter()
    for read in reads:
        for start in range(len(read) - k + 1):
            kmer = read[start : start + k]
            if set(kmer) <= set("ACGT"):
                counts[min(kmer, kmer.translate(pairs)[::-1])] += 1
    return dict(sorted(Counter(counts.values()).items()))


# end of solution


def main() -> None:
    random.seed(41)
    genome = "".join(random.choices("ACGT", k=150))
    reads = []
    for _ in range(40):
        start = random.randrange(len(genome))
        read = genome[start : start + random.randint(3, 30)]
        reads.append("".join("N" if random.random() < 0.02 else letter for letter in read))
    for k in (1, 2, 4, 7):
        print(k, kmer_spectrum(reads, k))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that finds the longest open reading frame (ORF) on the forward strand of a DNA sequence.

An ORF begins with the codon ATG and ends with the first codon TAA, TAG or TGA in the same reading frame; one that
runs off the end of the sequence does not count. All three frames are searched; of several ATG before the same stop
codon the first one counts. Return (start, end) as 0-based half-open positions that include both the ATG and the stop
codon; of ORFs of equal length the one that starts first. Return None where there is none. The sequence is in upper
case.
"""

import random

STOPS = frozenset({"TAA", "TAG", "TGA"})


# solution
def longest_orf(sequence: str) -> tuple[int, int] | None:
    best: tuple[int, int] | None = None
    for frame in range(3):
        start: int | None = None
        for at in range(frame, len(sequence) - 2, 3):
            codon = sequence[at : at + 3]
            if start is None and codon == "ATG":
                start = at
            elif start is not None and codon in STOPS:
                found = (start, at + 3)
                if best is None or (found[0] - found[1], found[0]) < (best[0] - best[1], best[0]):
                    best = found
                start = None
    return best


# end of solution


def main() -> None:
    random.seed(13)
    for _ in range(12):
        sequence = "".join(random.choices("ACGT", [3, 1, 2, 3], k=random.randint(3, 160)))
        print(len(sequence), longest_orf(sequence))
    print(longest_orf("CCATGAAATAGATGCCCTGA"), longest_orf("ATGAAA"))


if __name__ == "__main__":
    main()

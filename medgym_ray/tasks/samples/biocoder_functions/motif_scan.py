# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that finds the best hit of a sequence motif in a DNA sequence.

`sites` is a list of equally long known binding sites (upper case A, C, G and T). Make from them a position weight
matrix: the weight of base b at position i is log2(((count of b at i) + `pseudocount`) / (n + 4 * pseudocount) / 0.25)
with n the number of sites. The score of a window of the sequence is the sum of the weights of its bases. Search all
windows of `sequence` and of its reverse complement. Return (start, strand, score) of the highest score, where start
is the 0-based position of the window's leftmost base on the forward strand and strand "+" or "-". At equal scores
(within 1e-9) the smaller start wins, and "+" before "-". Return None if the sequence is shorter than the motif.
"""

import math
import random


def reverse_complement(sequence: str) -> str:
    """The other strand, read in its own direction."""
    return sequence.translate(str.maketrans("ACGT", "TGCA"))[::-1]


# solution
def best_motif_hit(sites: list[str], sequence: str, pseudocount: float) -> tuple[int, str, float] | None:
    width = len(sites[0])
    weights = [
        {base: math.log2((column.count(base) + pseudocount) / (len(sites) + 4 * pseudocount) / 0.25) for base in "ACGT"}
        for column in map("".join, zip(*sites, strict=True))
    ]
    best: tuple[int, str, float] | None = None
    for start in range(len(sequence) - width + 1):
        window = sequence[start : start + width]
        for strand, text in (("+", window), ("-", reverse_complement(window))):
            score = sum(weight[base] for weight, base in zip(weights, text, strict=True))
            if best is None or score > best[2] + 1e-9:
                best = start, strand, score
    return best


# end of solution


def main() -> None:
    random.seed(51)
    for width in (3, 5, 8, 12):
        motif = "".join(random.choices("ACGT", k=width))
        sites = ["".join(b if random.random() < 0.8 else random.choice("ACGT") for b in motif) for _ in range(9)]
        sequence = "".join(random.choices("ACGT", k=80))
        place = random.randrange(70)
        sequence = sequence[:place] + random.choice([motif, reverse_complement(motif)]) + sequence[place:]
        hit = best_motif_hit(sites, sequence, 0.5)
        print(None if hit is None else f"{hit[0]} {hit[1]} {hit[2]:.6f}")
    print(best_motif_hit(["ACGT"], "ACG", 1.0))


if __name__ == "__main__":
    main()

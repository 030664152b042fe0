# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that counts the base pairs of the best fold of an RNA (Nussinov's algorithm).

`PAIRS` lists the pairs of bases that may bind, in both orders. Every base takes part in at most one pair, two pairs
must not cross (of i < j < k < l the pairs i-k and j-l exclude each other), and between the two bases of a pair there
must be at least `loop` other bases. Return the largest number of pairs that the sequence `rna` can form at the same
time; an empty one forms 0. The sequence is in upper case and may hold N, which binds to nothing.
"""

import random

PAIRS = {"AU", "UA", "CG", "GC", "GU", "UG"}


# solution
def most_base_pairs(rna: str, loop: int) -> int:
    size = len(rna)
    # best[i][j] is for the bases from i up to, but not including, j.
    best = [[0] * (size + 1) for _ in range(size + 1)]
    for span in range(loop + 2, size + 1):
        for first in range(size - span + 1):
            end = first + span
            paired = [
                1 + best[first + 1][partner] + best[partner + 1][end]
                for partner in range(first + loop + 1, end)
                if rna[first] + rna[partner] in PAIRS
            ]
            best[first][end] = max([best[first + 1][end], *paired])
    return best[0][size]


# end of solution


def main() -> None:
    random.seed(63)
    for size in (0, 7, 15, 22, 31, 40, 48):
        rna = "".join(random.choices("ACGUN", [5, 4, 4, 5, 1], k=size))
        print(rna, most_base_pairs(rna, 3), most_base_pairs(rna, random.randint(0, 8)))


if __name__ == "__main__":
    main()

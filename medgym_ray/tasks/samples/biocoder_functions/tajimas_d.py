# ruff: noqa: T201 - a program of the sample prints its results
"""Write a method that computes Tajima's D from the haplotypes of a population.

`self.haplotypes` is a list of n equally long strings of `0` and `1` (ancestral and derived allele). With S the number
of segregating sites (columns that hold both alleles) and pi the mean number of differences over all pairs of
haplotypes, D = (pi - S / a1) / sqrt(e1 * S + e2 * S * (S - 1)), where a1 = sum of 1/i and a2 = sum of 1/i^2 for i = 1
... n - 1, b1 = (n + 1) / (3 (n - 1)), b2 = 2 (n^2 + n + 3) / (9 n (n - 1)), c1 = b1 - 1 / a1, c2 = b2 - (n + 2) / (a1
n) + a2 / a1^2, e1 = c1 / a1 and e2 = c2 / (a1^2 + a2). Return (S, pi, D); D is None where S is 0 or n is below 4.
"""

import math
import random
from itertools import combinations


class Population:
    """Haplotypes of one locus."""

    def __init__(self, haplotypes: list[str]) -> None:
        self.haplotypes = haplotypes

    @property
    def size(self) -> int:
        """The number of haplotypes."""
        return len(self.haplotypes)

    # solution
    def tajimas_d(self) -> tuple[int, float, float | None]:
        n = self.size
        sites = sum(len(set(column)) > 1 for column in zip(*self.haplotypes, strict=True))
        pairs = list(combinations(self.haplotypes, 2))
        differences = sum(sum(one != other for one, other in zip(*pair, strict=True)) for pair in pairs)
        pi = differences / len(pairs)
        if sites == 0 or n < 4:
            return sites, pi, None
        a1 = sum(1 / i for i in range(1, n))
        a2 = sum(1 / i**2 for i in range(1, n))
        c1 = (n + 1) / (3 * (n - 1)) - 1 / a1
        c2 = 2 * (n * n + n + 3) / (9 * n * (n - 1)) - (n + 2) / (a1 * n) + a2 / a1**2
        variance = c1 / a1 * sites + c2 / (a1**2 + a2) * sites * (sites - 1)
        return sites, pi, (pi - sites / a1) / math.sqrt(variance)

    # end of solution


def main() -> None:
    random.seed(24)
    for size, length in ((3, 12), (5, 20), (12, 30), (20, 60)):
        shares = [random.choice([0.0, 0.1, 0.3, 0.5]) for _ in range(length)]
        haplotypes = ["".join("1" if random.random() < share else "0" for share in shares) for _ in range(size)]
        sites, pi, d = Population(haplotypes).tajimas_d()
        print(size, sites, f"{pi:.6f}", "none" if d is None else f"{d:.6f}")
    print(Population(["0110"] * 6).tajimas_d())


if __name__ == "__main__":
    main()

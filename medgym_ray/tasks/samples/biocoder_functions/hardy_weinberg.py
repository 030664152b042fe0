# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that tests a variant for Hardy-Weinberg equilibrium with the chi-square statistic.

The three arguments are the numbers of individuals with the genotypes AA, AB and BB. With p the frequency of allele A
among all alleles and n the number of individuals, the expected numbers are n p^2, 2 n p (1 - p) and n (1 - p)^2.
Return (p, chi2, p_value): chi2 is the sum of (observed - expected)^2 / expected over the three genotypes and p_value
the upper tail of the chi-square distribution with one degree of freedom, which is erfc(sqrt(chi2 / 2)). Where one
allele does not occur at all (p is 0 or 1) return chi2 = 0.0 and p_value = 1.0; without any individual return (None,
None, None).
"""

import math
import random

Result = tuple[float, float, float] | tuple[None, None, None]


# solution
def hardy_weinberg(hom_a: int, het: int, hom_b: int) -> Result:
    count = hom_a + het + hom_b
    if count == 0:
        return None, None, None
    p = (2 * hom_a + het) / (2 * count)
    if p in (0.0, 1.0):
        return p, 0.0, 1.0
    expected = (count * p * p, 2 * count * p * (1 - p), count * (1 - p) ** 2)
    chi2 = sum((seen - due) ** 2 / due for seen, due in zip((hom_a, het, hom_b), expected, strict=True))
    return p, chi2, math.erfc(math.sqrt(chi2 / 2))


# end of solution


def main() -> None:
    random.seed(19)
    cases = [(random.randint(1, 80), random.randint(1, 120), random.randint(1, 80)) for _ in range(8)]
    for counts in [*cases, (0, 0, 0), (random.randint(1, 9), 0, 0), (0, 0, 4)]:
        p, chi2, p_value = hardy_weinberg(*counts)
        if p is None or chi2 is None or p_value is None:
            print(counts, "no individuals")
        else:
            print(counts, f"{p:.6f} {chi2:.6f} {p_value:.6e}")


if __name__ == "__main__":
    main()

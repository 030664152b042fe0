# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that estimates the fixation index F_ST of two populations from allele counts (Hudson's estimator).

`variants` is a list of (a1, n1, a2, n2): in population 1, n1 chromosomes were typed and a1 of them have the
alternative allele, and likewise in population 2. With p1 = a1 / n1 and p2 = a2 / n2 the numerator of a variant is (p1
- p2)^2 - p1 (1 - p1) / (n1 - 1) - p2 (1 - p2) / (n2 - 1), and its denominator p1 (1 - p2) + p2 (1 - p1). Leave out
variants with fewer than two chromosomes in either population. Return (used, F_ST): the number of variants whose
denominator is above 0, and the sum of their numerators divided by the sum of their denominators (the ratio of
averages, not the average of ratios); F_ST is None if there are none.
"""

import random

Variant = tuple[int, int, int, int]


# solution
def fixation_index(variants: list[Variant]) -> tuple[int, float | None]:
    used, above, below = 0, 0.0, 0.0
    for alt_1, size_1, alt_2, size_2 in variants:
        if min(size_1, size_2) < 2:
            continue
        share_1, share_2 = alt_1 / size_1, alt_2 / size_2
        denominator = share_1 * (1 - share_2) + share_2 * (1 - share_1)
        if denominator > 0:
            within = share_1 * (1 - share_1) / (size_1 - 1) + share_2 * (1 - share_2) / (size_2 - 1)
            used += 1
            above += (share_1 - share_2) ** 2 - within
            below += denominator
    return used, above / below if used else None


# end of solution


def main() -> None:
    random.seed(91)
    for count in (0, 1, 3, 10, 40):
        variants = []
        for _ in range(count):
            size_1, size_2 = random.randint(1, 20), random.randint(1, 30)
            variants.append((random.choice([0, random.randint(0, size_1)]), size_1, random.randint(0, size_2), size_2))
        used, index = fixation_index(variants)
        print(used, index if index is None else f"{index:.8f}")


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that measures the linkage disequilibrium of two variants from haplotypes.

`first` and `second` are equally long texts with one character per haplotype: `0` (reference allele), `1` (alternative
allele) or `.` (not known). Use only the haplotypes whose alleles are known at both variants. With pA and pB the
frequencies of allele 1 at the first and at the second variant and pAB the share of haplotypes with allele 1 at both,
D = pAB - pA pB. D' is D divided by the largest value it could have: min(pA (1 - pB), (1 - pA) pB) if D > 0 and
min(pA pB, (1 - pA) (1 - pB)) if D < 0; it has the sign of D and is 0.0 if D is 0. r2 = D^2 / (pA (1 - pA) pB (1 -
pB)). Return (D, D', r2), or None if no haplotype can be used or one of the variants has only one allele among them.
"""

import random


# solution
def linkage_disequilibrium(first: str, second: str) -> tuple[float, float, float] | None:
    known = [(one, other) for one, other in zip(first, second, strict=True) if "." not in (one, other)]
    if len({one for one, _ in known}) < 2 or len({other for _, other in known}) < 2:
        return None
    share_a = sum(one == "1" for one, _ in known) / len(known)
    share_b = sum(other == "1" for _, other in known) / len(known)
    excess = known.count(("1", "1")) / len(known) - share_a * share_b
    most = (
        min(share_a * (1 - share_b), (1 - share_a) * share_b)
        if excess > 0
        else min(share_a * share_b, (1 - share_a) * (1 - share_b))
    )
    squared = excess**2 / (share_a * (1 - share_a) * share_b * (1 - share_b))
    return excess, excess / most, squared


# end of solution


def main() -> None:
    random.seed(70)
    for size in (3, 4, 8, 15, 40, 100):
        first = "".join(random.choices("01.", [6, 3, 1], k=size))
        second = "".join(letter if random.random() < 0.6 else random.choice("01.") for letter in first)
        found = linkage_disequilibrium(first, second)
        print(first, second, None if found is None else [f"{value:.7f}" for value in found])
    print(linkage_disequilibrium("0.1", "111"), linkage_disequilibrium("..", "01"))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that compares the expression of a gene in two groups with the rank sum test (Mann-Whitney).

`first` and `second` are lists of numbers. The statistic U is the number of pairs of a value of `first` and a value of
`second` in which the first is larger, where a pair of equal values counts one half. With n and m the sizes of the
groups, N = n + m, and t the number of times that each distinct value occurs in both groups together, the variance is
n m / 12 * (N + 1 - sum of (t^3 - t) / (N (N - 1))). Return (U, z, p_value) with z = (U - n m / 2) / sqrt(variance)
and p_value = erfc(|z| / sqrt(2)); there is no correction for continuity. Where the variance is 0, or either group is
empty, z is 0.0 and p_value 1.0.
"""

import math
import random
from collections import Counter


# solution
def rank_sum_test(first: list[float], second: list[float]) -> tuple[float, float, float]:
    larger = sum((one > other) + 0.5 * (one == other) for one in first for other in second)
    pairs, total = len(first) * len(second), len(first) + len(second)
    ties = sum(count**3 - count for count in Counter(first + second).values())
    if not pairs or ties == total**3 - total:
        return larger, 0.0, 1.0
    variance = pairs / 12 * (total + 1 - ties / (total * (total - 1)))
    z = (larger - pairs / 2) / math.sqrt(variance)
    return larger, z, math.erfc(abs(z) / math.sqrt(2))


# end of solution


def main() -> None:
    random.seed(78)
    for one, other in ((0, 3), (1, 4), (6, 5), (15, 12), (30, 30)):
        first = [round(random.gauss(5, 2), random.choice([0, 0, 2])) for _ in range(one)]
        second = [round(random.gauss(6, 2), random.choice([0, 0, 2])) for _ in range(other)]
        print([f"{value:.8f}" for value in rank_sum_test(first, second)])
    print([f"{value:.3f}" for value in rank_sum_test([2.0] * random.randint(1, 50), [2.0, 2.0])])


if __name__ == "__main__":
    main()

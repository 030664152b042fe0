# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that adjusts p-values for multiple testing.

`p_values` is a list of floats, in which None stands for a test that was not made; these stay None and do not count as
tests. With `method` "holm" the i-th smallest of m p-values (i from 1) becomes the largest of p(j) * (m - j + 1) over
all j <= i; with "bh" (Benjamini-Hochberg) the smallest of p(j) * m / j over all j >= i. No adjusted value exceeds 1.
Return the adjusted values in the order of the input; raise ValueError for any other method.
"""

import random


# solution
def adjust_p_values(p_values: list[float | None], method: str) -> list[float | None]:
    if method not in ("holm", "bh"):
        raise ValueError(f"unknown method {method}")
    order = sorted((value, at) for at, value in enumerate(p_values) if value is not None)
    count = len(order)
    adjusted: list[float | None] = [None] * len(p_values)
    worst = 0.0 if method == "holm" else 1.0
    ranks = range(count) if method == "holm" else range(count - 1, -1, -1)
    for rank in ranks:
        value, at = order[rank]
        worst = max(worst, value * (count - rank)) if method == "holm" else min(worst, value * count / (rank + 1))
        adjusted[at] = min(worst, 1.0)
    return adjusted


# end of solution


def main() -> None:
    random.seed(28)
    for size in (1, 4, 12):
        values = [None if random.random() < 0.15 else random.random() ** 4 for _ in range(size)]
        for method in ("holm", "bh"):
            print(method, ["-" if value is None else f"{value:.8f}" for value in adjust_p_values(values, method)])
    try:
        adjust_p_values([0.1], "none")
    except ValueError:
        print("ValueError", random.randint(0, 10**6))


if __name__ == "__main__":
    main()

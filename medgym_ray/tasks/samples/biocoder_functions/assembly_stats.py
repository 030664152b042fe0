# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes summary statistics of the lengths of an assembly.

`lengths` is a list of positive integers. For a fraction f the value N(f) is the largest length such that all lengths
at least as large add up to f or more of the total; L(f) is the smallest number of the longest lengths whose sum is f
or more of the total. `auN` is the sum of the squared lengths divided by their total. Return a dict with the keys
"total", "mean", "median" (the mean of the middle two for an even number), "N50", "L50", "N90", "L90" and "auN". For
an empty list every value is 0.
"""

import random


# solution
def assembly_statistics(lengths: list[int]) -> dict[str, float]:
    if not lengths:
        return dict.fromkeys(("total", "mean", "median", "N50", "L50", "N90", "L90", "auN"), 0)
    ordered = sorted(lengths, reverse=True)
    total, middle = sum(ordered), len(ordered) // 2
    values: dict[str, float] = {
        "total": total,
        "mean": total / len(ordered),
        "median": ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2,
        "auN": sum(length * length for length in ordered) / total,
    }
    for percent in (50, 90):
        covered = 0
        for count, length in enumerate(ordered, start=1):
            covered += length
            if 100 * covered >= percent * total:
                values[f"N{percent}"], values[f"L{percent}"] = length, count
                break
    return values


# end of solution


def main() -> None:
    random.seed(23)
    for size in (1, 2, 9, 40, 200):
        lengths = [int(random.lognormvariate(8, 1.4)) + 1 for _ in range(size)]
        print(size, " ".join(f"{key}={value:.4f}" for key, value in sorted(assembly_statistics(lengths).items())))
    print(sorted(assembly_statistics([]).items()))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes size factors for RNA-seq samples as the median of ratios.

`counts` is an integer array with one row per gene and one column per sample. Only genes whose count is above 0 in
every sample are used. The ratio of such a gene in a sample is its count divided by the geometric mean of its counts
in all samples; the raw factor of a sample is the median of its ratios. Divide the raw factors by their geometric
mean, so that the product of the size factors is 1, and return them as an array of floats. Raise ValueError where no
gene can be used.
"""

import numpy as np


# solution
def size_factors(counts: np.ndarray) -> np.ndarray:
    used = counts[(counts > 0).all(axis=1)]
    if not len(used):
        raise ValueError("no gene is expressed in every sample")
    logarithms = np.log(used)
    ratios = np.exp(logarithms - logarithms.mean(axis=1, keepdims=True))
    raw = np.median(ratios, axis=0)
    factors: np.ndarray = raw / np.exp(np.log(raw).mean())
    return factors


# end of solution


def main() -> None:
    np.random.seed(79)
    for genes, samples in ((5, 2), (12, 3), (25, 5), (60, 4)):
        depth = np.random.uniform(0.5, 3, samples)
        counts = np.random.poisson(np.random.gamma(1.0, 12.0, (genes, 1)) * depth)
        counts[0] += 1
        print([f"{factor:.8f}" for factor in size_factors(counts)])
    try:
        print(size_factors(np.array([[0, 4], [7, 0]])))
    except ValueError:
        print("ValueError", np.random.randint(0, 10**6))


if __name__ == "__main__":
    main()

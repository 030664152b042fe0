# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that makes the columns of an expression matrix alike by quantile normalisation.

`matrix` is a float array with one row per gene and one column per sample. The reference is the mean over the columns
after each has been sorted in ascending order: reference[r] is the mean of the values at rank r (from 0). Every value
of the matrix is replaced by the reference at its rank in its column; equal values in a column, which take up several
ranks together, all become the mean of the reference over these ranks. Return the new array and leave `matrix` as it
is.
"""

import numpy as np


# solution
def quantile_normalise(matrix: np.ndarray) -> np.ndarray:
    reference = np.sort(matrix, axis=0).mean(axis=1)
    normalised: np.ndarray = np.empty(matrix.shape)
    for column in range(matrix.shape[1]):
        _, group, sizes = np.unique(matrix[:, column], return_inverse=True, return_counts=True)
        ends = np.cumsum(sizes)
        means = np.array([reference[end - size : end].mean() for size, end in zip(sizes, ends, strict=True)])
        normalised[:, column] = means[group]
    return normalised


# end of solution


def main() -> None:
    np.random.seed(77)
    for genes, samples in ((2, 2), (6, 3), (9, 5)):
        matrix = np.round(np.random.gamma(2.0, 3.0, (genes, samples)))
        for row in quantile_normalise(matrix):
            print([f"{value:.7f}" for value in row])


if __name__ == "__main__":
    main()

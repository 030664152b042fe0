# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that ranks the genes of an interaction network by a random walk with restart from known genes.

`weights` is a symmetric float array without negative values; weights[i, j] is the weight of the edge between genes i
and j, and the diagonal is 0. Divide every column by its sum to get the matrix W; a column of zeros stays as it is. The
probability vector begins as p0, which is 1 / len(`seeds`) for the genes in `seeds` and 0 for all others. In each of
`steps` steps p becomes (1 - `restart`) W p + `restart` p0. Return the genes that are not in `seeds` as a list of
(gene, p), sorted from the highest to the lowest p, equal ones by the number of the gene.
"""

import numpy as np


# solution
def propagate(weights: np.ndarray, seeds: list[int], restart: float, steps: int) -> list[tuple[int, float]]:
    sums = weights.sum(axis=0)
    transition = weights / np.where(sums > 0, sums, 1)
    start: np.ndarray = np.zeros(len(weights))
    start[seeds] = 1 / len(seeds)
    reached = start
    for _ in range(steps):
        reached = (1 - restart) * transition @ reached + restart * start
    others = [(gene, float(reached[gene])) for gene in range(len(weights)) if gene not in seeds]
    return sorted(others, key=lambda entry: (-entry[1], entry[0]))


# end of solution


def main() -> None:
    np.random.seed(80)
    for genes, restart, steps in ((3, 0.5, 1), (6, 0.3, 4), (12, 0.2, 25)):
        weights = np.random.uniform(0.1, 2, (genes, genes)) * (np.random.random((genes, genes)) < 0.45)
        weights = np.triu(weights, 1)
        ranked = propagate(weights + weights.T, [0, genes - 2], restart, steps)
        print([(gene, f"{score:.9f}") for gene, score in ranked])


if __name__ == "__main__":
    main()

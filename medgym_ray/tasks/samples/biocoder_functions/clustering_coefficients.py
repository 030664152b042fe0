# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes statistics of an interaction network: degrees and clustering coefficients.

`edges` is a list of pairs of genes. An edge has no direction; repeated edges count once, and an edge of a gene with
itself does not count at all. The degree of a gene is the number of its neighbours. Its clustering coefficient is the
number of edges between its neighbours divided by the largest number of edges there could be between them; it is 0.0
for a gene with fewer than two neighbours. Return (values, mean): values is a list of (gene, degree, coefficient) from
the highest to the lowest degree, equal ones by name, for all genes with at least one neighbour, and mean is the mean
of the coefficients over all genes with two or more neighbours, or 0.0 if there are none.
"""

import random
from itertools import combinations


# solution
def clustering_coefficients(edges: list[tuple[str, str]]) -> tuple[list[tuple[str, int, float]], float]:
    neighbours: dict[str, set[str]] = {}
    for one, other in edges:
        if one != other:
            neighbours.setdefault(one, set()).add(other)
            neighbours.setdefault(other, set()).add(one)
    values, shares = [], []
    for gene, near in sorted(neighbours.items(), key=lambda entry: (-len(entry[1]), entry[0])):
        linked = sum(other in neighbours[one] for one, other in combinations(near, 2))
        possible = len(near) * (len(near) - 1) / 2
        values.append((gene, len(near), linked / possible if possible else 0.0))
        if possible:
            shares.append(linked / possible)
    return values, sum(shares) / len(shares) if shares else 0.0


# end of solution


def main() -> None:
    random.seed(96)
    for genes, count in ((2, 2), (5, 9), (9, 25), (14, 40)):
        names = [f"gene{number}" for number in range(genes)]
        edges = [(random.choice(names), random.choice(names)) for _ in range(count)]
        values, mean = clustering_coefficients(edges)
        print([(gene, degree, f"{value:.7f}") for gene, degree, value in values], f"{mean:.8f}")


if __name__ == "__main__":
    main()

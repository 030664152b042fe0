# ruff: noqa: T201 - a program of the sample prints its results
"""Write a method that builds a phylogenetic tree from a distance matrix by UPGMA.

`self.names` holds the n taxon names and `self.distances` the symmetric n x n matrix of distances between them. Begin
with one cluster per taxon. As long as there are two clusters, join the two whose average distance (the arithmetic
mean of the distances between all members of one and all members of the other) is smallest; ties do not occur. Return
the list of joins in the order they were made, each as (sorted tuple of the names in the joined cluster, height),
where the height is half the average distance at which its two parts were joined.
"""

import random


class TreeBuilder:
    """Builds a tree for named taxa."""

    def __init__(self, names: list[str], distances: list[list[float]]) -> None:
        self.names = names
        self.distances = distances

    # solution
    def upgma(self) -> list[tuple[tuple[str, ...], float]]:
        clusters = [[index] for index in range(len(self.names))]
        joins: list[tuple[tuple[str, ...], float]] = []

        def average(first: list[int], second: list[int]) -> float:
            total = sum(self.distances[one][other] for one in first for other in second)
            return total / (len(first) * len(second))

        while len(clusters) > 1:
            pairs = [(one, other) for one in range(len(clusters)) for other in range(one)]
            one, other = min(pairs, key=lambda pair: average(clusters[pair[0]], clusters[pair[1]]))
            height = average(clusters[one], clusters[other]) / 2
            joined = clusters[one] + clusters[other]
            clusters = [cluster for at, cluster in enumerate(clusters) if at not in (one, other)] + [joined]
            joins.append((tuple(sorted(self.names[index] for index in joined)), height))
        return joins

    # end of solution


def main() -> None:
    random.seed(17)
    for size in (2, 4, 7):
        names = [f"species{number}" for number in range(size)]
        distances = [[0.0] * size for _ in names]
        for row in range(size):
            for column in range(row):
                distances[row][column] = distances[column][row] = round(random.uniform(1, 20), 4)
        for members, height in TreeBuilder(names, distances).upgma():
            print(" ".join(members), f"{height:.6f}")


if __name__ == "__main__":
    main()

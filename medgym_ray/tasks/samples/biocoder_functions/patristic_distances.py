# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the patristic distances between the taxa of a phylogenetic tree.

`parents` maps every node but the root to (parent, length), its parent node and the length of the branch to it. A taxon
is a node that is nobody's parent. The patristic distance of two taxa is the sum of the lengths of the branches on the
path between them, which leads over their last common ancestor. Return a list with (first, second, ancestor, distance)
for every two taxa, where first comes before second in alphabetical order, sorted by first and then by second.
"""

import random


# solution
def patristic_distances(parents: dict[str, tuple[str, float]]) -> list[tuple[str, str, str, float]]:
    inner = {parent for parent, _ in parents.values()}

    def depths(node: str) -> dict[str, float]:
        """The node and its ancestors, each with its distance from the node."""
        if node not in parents:
            return {node: 0.0}
        parent, length = parents[node]
        return {node: 0.0} | {above: depth + length for above, depth in depths(parent).items()}

    taxa = sorted(set(parents) - inner)
    found = []
    for at, first in enumerate(taxa):
        up = depths(first)
        for second in taxa[at + 1 :]:
            ancestor, rest = next((node, depth) for node, depth in depths(second).items() if node in up)
            found.append((first, second, ancestor, up[ancestor] + rest))
    return found


# end of solution


def main() -> None:
    random.seed(95)
    for taxa in (2, 4, 7):
        forest = [f"taxon_{name}" for name in random.sample("ABCDEFGH", taxa)]
        parents = {}
        for number in range(taxa - 1):
            for _ in range(2):
                parents[forest.pop(random.randrange(len(forest)))] = (f"node{number}", random.uniform(0.01, 3))
            forest.append(f"node{number}")
        for first, second, ancestor, distance in patristic_distances(parents):
            print(first, second, ancestor, f"{distance:.7f}")


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the Robinson-Foulds distance of two rooted phylogenetic trees.

A tree is a leaf (a str) or a tuple of at least two trees; both trees have the same leaves, each once. The clade of an
inner node is the set of all leaves below it. The distance is the number of clades that occur in exactly one of the
two trees. With `normalised`, divide it by the number of clades of the first tree plus that of the second, where in
both the clade of all leaves does not count; if there are no others, the distance is 0.0. Return a float in both
cases.
"""

import random
from typing import Any


def random_tree(leaves: list[str]) -> Any:
    """A random tree, mostly binary."""
    forest: list[Any] = list(leaves)
    while len(forest) > 1:
        size = min(len(forest), random.choice([2, 2, 2, 3]))
        forest.append(tuple(forest.pop(random.randrange(len(forest))) for _ in range(size)))
    return forest[0]


# solution
def robinson_foulds(first: Any, second: Any, normalised: bool) -> float:
    def clades(tree: Any) -> set[frozenset[str]]:
        found: set[frozenset[str]] = set()

        def leaves(node: Any) -> frozenset[str]:
            if isinstance(node, str):
                return frozenset({node})
            below = frozenset().union(*map(leaves, node))
            found.add(below)
            return below

        found.discard(leaves(tree))
        return found

    one, other = clades(first), clades(second)
    distance = len(one ^ other)
    if not normalised:
        return float(distance)
    return distance / (len(one) + len(other)) if one or other else 0.0


# end of solution


def main() -> None:
    random.seed(45)
    for size in (2, 3, 4, 6, 6, 8, 8):
        leaves = [f"t{number}" for number in range(size)]
        first = random_tree(leaves)
        second = random_tree(leaves)
        print(first, second, robinson_foulds(first, second, False), f"{robinson_foulds(first, second, True):.6f}")
        print(robinson_foulds(first, first, True))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes how many changes a phylogenetic tree needs to explain an alignment (Fitch parsimony).

A tree is a leaf, which is a taxon name, or a tuple of two trees. `aligned` maps each taxon to its sequence; all are
equally long. For one column of the alignment, the set of states of a leaf is its letter there; the set of an inner
node is what the sets of its two children have in common, or their union if they have nothing in common, which counts
as one change. Only A, C, G and T are states: any other letter, such as `-` or N, stands for all four. Return the list
of the numbers of changes, one per column.
"""

import random
from typing import Any


def random_tree(names: list[str]) -> Any:
    """A random binary tree with these leaves."""
    forest: list[Any] = list(names)
    while len(forest) > 1:
        forest.append(tuple(forest.pop(random.randrange(len(forest))) for _ in range(2)))
    return forest[0]


# solution
def parsimony_changes(tree: Any, aligned: dict[str, str]) -> list[int]:
    columns = len(next(iter(aligned.values())))
    changes = [0] * columns

    def states(node: Any, column: int) -> set[str]:
        if isinstance(node, str):
            letter = aligned[node][column]
            return {letter} if letter in "ACGT" else set("ACGT")
        left, right = (states(child, column) for child in node)
        if not left & right:
            changes[column] += 1
        return left & right or left | right

    for column in range(columns):
        states(tree, column)
    return changes


# end of solution


def main() -> None:
    random.seed(68)
    for taxa, columns in ((2, 6), (5, 12), (9, 20), (16, 24)):
        names = [f"taxon_{number}" for number in range(taxa)]
        aligned = {name: "".join(random.choices("ACGTN-", [4, 3, 2, 2, 1, 1], k=columns)) for name in names}
        print(parsimony_changes(random_tree(names), aligned))


if __name__ == "__main__":
    main()

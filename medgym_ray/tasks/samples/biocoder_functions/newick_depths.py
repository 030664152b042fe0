# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that reads a phylogenetic tree in Newick format and returns how far each leaf is from the root.

The text ends with `;`. A subtree is a leaf name or a parenthesised list of subtrees separated by commas; each may be
followed by a name (for inner nodes) and by `:` and the length of the branch above it, as a decimal number; a branch
without a length counts as 0. Names hold no blanks, quotes or any of `(),:;`. The root may have a branch length too,
which does not count. Return a dict of leaf name to the sum of the branch lengths between root and leaf.
"""

import random


def random_newick(names: list[str]) -> str:
    """A random tree with these leaves, as text."""
    forest = list(names)
    while len(forest) > 1:
        children = [
            forest.pop(random.randrange(len(forest))) for _ in range(min(len(forest), random.choice([2, 2, 3])))
        ]
        lengths = [f":{random.uniform(0.01, 2):.3f}" if random.random() < 0.9 else "" for _ in children]
        label = f"n{len(forest)}" if random.random() < 0.4 else ""
        forest.append("(" + ",".join(map("".join, zip(children, lengths, strict=True))) + ")" + label)
    return forest[0] + random.choice([";", ":0.5;"])


# solution
def leaf_depths(newick: str) -> dict[str, float]:
    depths: dict[str, float] = {}
    text = newick.strip().rstrip(";")

    def read_label(at: int) -> tuple[str, float, int]:
        end = at
        while end < len(text) and text[end] not in "(),":
            end += 1
        name, _, length = text[at:end].partition(":")
        return name, float(length) if length else 0.0, end

    def read_subtree(at: int) -> tuple[dict[str, float], float, int]:
        below: dict[str, float] = {}
        leaf = text[at] != "("
        while not leaf and text[at] != ")":
            child, branch, at = read_subtree(at + 1)
            for name, depth in child.items():
                below[name] = depth + branch
        name, length, at = read_label(at if leaf else at + 1)
        return ({name: 0.0} if leaf else below), length, at

    depths, _, _ = read_subtree(0)
    return depths


# end of solution


def main() -> None:
    random.seed(16)
    for size in (2, 5, 9, 14):
        tree = random_newick([f"taxon_{number}" for number in range(size)])
        print(tree)
        for name, depth in sorted(leaf_depths(tree).items()):
            print(name, f"{depth:.6f}")


if __name__ == "__main__":
    main()

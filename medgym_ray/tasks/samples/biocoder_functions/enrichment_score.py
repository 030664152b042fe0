# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the enrichment score of a gene set in a ranked list of genes.

`ranked` is a list of (gene, correlation) from the most to the least correlated with a phenotype. Walk down the list
with a running sum that begins at 0: at a gene of the set `members` add |correlation|^`power` divided by the sum of
this value over all genes of the list that are in the set; at any other gene subtract 1 / (number of genes of the list
that are not in the set). The score is the running sum of largest absolute value, with its sign (the first such one if
there are several). Return (score, leading): the leading genes are those of the set up to and including the one where
the score is reached if the score is positive, and those of the set after it if it is negative, in the list's order.
Raise ValueError if none or all genes of the list are in the set.
"""

import random


# solution
def enrichment_score(ranked: list[tuple[str, float]], members: set[str], power: float) -> tuple[float, list[str]]:
    inside = [gene in members for gene, _ in ranked]
    if all(inside) or not any(inside):
        raise ValueError("none or all of the genes are in the set")
    total = sum(abs(value) ** power for gene, value in ranked if gene in members)
    running, score, reached = 0.0, 0.0, 0
    for at, (gene, value) in enumerate(ranked):
        running += abs(value) ** power / total if gene in members else -1 / inside.count(False)
        if abs(running) > abs(score):
            score, reached = running, at
    part = ranked[: reached + 1] if score > 0 else ranked[reached + 1 :]
    return score, [gene for gene, _ in part if gene in members]


# end of solution


def main() -> None:
    random.seed(92)
    for size, picked in ((2, 1), (8, 3), (20, 5), (50, 12)):
        ranked = [
            (f"gene{number}", value) for number, value in enumerate(sorted(random.gauss(0, 1) for _ in range(size)))
        ]
        members = set(random.sample([gene for gene, _ in ranked], picked)) | {"unknown"}
        score, leading = enrichment_score(ranked[::-1], members, random.choice([1, 1.5]))
        print(f"{score:.8f}", leading)
    try:
        print(enrichment_score([("gene1", random.random())], {"gene2"}, 1))
    except ValueError:
        print("ValueError", random.randint(0, 10**6))


if __name__ == "__main__":
    main()

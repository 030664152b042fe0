# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the score of the best local alignment of two sequences with affine gap penalties.

A local alignment aligns any substring of `first` with any substring of `second`. Two equal letters score `match`, two
different ones `mismatch`, and a gap of n letters `open_gap` + (n - 1) * `extend_gap`; a gap in one sequence may follow
directly on a gap in the other, and both are then paid for. The empty alignment scores 0, so no score is negative.
Return the highest score. Either sequence may be empty.
"""

import random


# solution
def local_alignment_score(first: str, second: str, match: int, mismatch: int, open_gap: int, extend_gap: int) -> int:
    lowest = float("-inf")
    best: float = 0
    above: list[float] = [0] * (len(second) + 1)
    gap_above = [lowest] * (len(second) + 1)
    for letter in first:
        row: list[float] = [0]
        gap_left = lowest
        for column, other in enumerate(second, start=1):
            gap_left = max(row[column - 1] + open_gap, gap_left + extend_gap)
            gap_above[column] = max(above[column] + open_gap, gap_above[column] + extend_gap)
            aligned = above[column - 1] + (match if letter == other else mismatch)
            row.append(max(0, aligned, gap_left, gap_above[column]))
        best = max(best, *row)
        above = row
    return int(best)


# end of solution


def mutated(sequence: str) -> str:
    """The sequence with random letters replaced, removed or doubled."""
    return "".join(
        random.choices([letter, random.choice("ACGT"), "", letter * 3], [8, 1, 1, 1])[0] for letter in sequence
    )


def main() -> None:
    random.seed(67)
    for size in (0, 5, 12, 25, 40, 60):
        first = "".join(random.choices("ACGT", k=size))
        second = "".join(random.choices("ACGT", k=4)) + mutated(first)
        penalties = random.randint(2, 5), -random.randint(1, 4), -random.randint(3, 7), -random.randint(1, 2)
        print(penalties, local_alignment_score(first, second, *penalties))


if __name__ == "__main__":
    main()

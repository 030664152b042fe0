# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that aligns a read to a reference with few edits and writes the alignment as a CIGAR string.

Find the global alignment of `read` and `reference` with the fewest edits, where a mismatch, an inserted letter (in
the read only) and a deleted letter (in the reference only) are one edit each. If several are best, decide from the
end of the sequences towards the start: prefer aligning the two letters (match or mismatch) to a deletion, and a
deletion to an insertion. Return (edits, cigar) with the operations `=` (match), `X` (mismatch), `I` and `D`, equal
neighbours joined with their count, such as `3=1X2D`; the CIGAR of two empty strings is empty.
"""

import random
from itertools import groupby


# solution
def align_with_edits(read: str, reference: str) -> tuple[int, str]:
    rows, columns = len(read) + 1, len(reference) + 1
    cost = [[row + column for column in range(columns)] for row in range(rows)]
    for row in range(1, rows):
        for column in range(1, columns):
            diagonal = cost[row - 1][column - 1] + (read[row - 1] != reference[column - 1])
            cost[row][column] = min(diagonal, cost[row][column - 1] + 1, cost[row - 1][column] + 1)
    row, column, operations = rows - 1, columns - 1, ""
    while row or column:
        same = row > 0 and column > 0 and read[row - 1] == reference[column - 1]
        if row and column and cost[row][column] == cost[row - 1][column - 1] + (not same):
            operations, row, column = operations + ("=" if same else "X"), row - 1, column - 1
        elif column and cost[row][column] == cost[row][column - 1] + 1:
            operations, column = operations + "D", column - 1
        else:
            operations, row = operations + "I", row - 1
    cigar = "".join(f"{len(list(run))}{operation}" for operation, run in groupby(reversed(operations)))
    return cost[-1][-1], cigar


# end of solution


def main() -> None:
    random.seed(44)
    for _ in range(9):
        reference = "".join(random.choices("ACGT", k=random.randint(5, 35)))
        read = "".join(
            "" if random.random() < 0.1 else letter if random.random() < 0.85 else random.choice(["A", "CG", "T"])
            for letter in reference
        )
        print(read, reference, *align_with_edits(read, reference))
    print(align_with_edits("", ""), align_with_edits("", "AC"), align_with_edits("GG", ""))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the score of the best global alignment of two sequences (Needleman-Wunsch).

Two equal letters score `match`, two different ones `mismatch`, and every letter aligned to a gap scores `gap` (a
linear gap penalty, also for gaps at the ends). Return the highest total score of any global alignment. Either
sequence may be empty. Only the score is asked for, not the alignment.
"""

import random


# solution
def global_alignment_score(first: str, second: str, match: int, mismatch: int, gap: int) -> int:
    row = [gap * column for column in range(len(second) + 1)]
    for number, letter in enumerate(first, start=1):
        above, row = row, [gap * number]
        for column, other in enumerate(second, start=1):
            diagonal = above[column - 1] + (match if letter == other else mismatch)
            row.append(max(diagonal, above[column] + gap, row[-1] + gap))
    return row[-1]


# end of solution


def mutated(sequence: str, rate: float) -> str:
    """A copy of the sequence with random substitutions, insertions and deletions."""
    letters: list[str] = []
    for letter in sequence:
        kind = random.random() / rate
        if kind < 0.4:
            letters.append(random.choice("ACGT"))
        elif kind < 0.7:
            letters.extend([letter, random.choice("ACGT")])
        elif kind >= 1.0:
            letters.append(letter)
    return "".join(letters)


def main() -> None:
    random.seed(15)
    for rate in (0.05, 0.1, 0.2, 0.4, 0.6, 0.9):
        sequence = "".join(random.choices("ACGT", k=random.randint(20, 60)))
        other = mutated(sequence, rate)
        print(global_alignment_score(sequence, other, 2, -1, -2), global_alignment_score(sequence, other, 1, -3, -1))
    print(global_alignment_score("", "ACG", 1, -1, -2), global_alignment_score("ACGT", "", 1, -1, -3))


if __name__ == "__main__":
    main()

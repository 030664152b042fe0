# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that finds microsatellites (short tandem repeats) in a DNA sequence.

Scan the sequence from left to right. At each base try units of 1, 2, ... up to `longest` bases: the unit consists of
the bases that begin there, and its copies are counted as long as they follow each other without anything in between,
the unit itself included. The first unit with `least` or more copies makes a repeat, and the scan goes on behind its
last copy; without any the scan goes on at the next base. Return the repeats as a list of (start, unit, copies) with
0-based starts. The sequence is in upper case and holds only A, C, G and T.
"""

import random
import re


def random_sequence(parts: int) -> str:
    """Random bases with repeats between them."""
    text = ""
    for _ in range(parts):
        text += "".join(random.choices("ACGT", k=random.randint(0, 6)))
        text += "".join(random.choices("ACGT", k=random.randint(1, 4))) * random.randint(2, 7)
    return text


# solution
def tandem_repeats(sequence: str, longest: int, least: int) -> list[tuple[int, str, int]]:
    repeat = re.compile(rf"([ACGT]{{1,{longest}}}?)\1{{{least - 1},}}")
    return [(found.start(), found[1], len(found[0]) // len(found[1])) for found in repeat.finditer(sequence)]


# end of solution


def main() -> None:
    random.seed(62)
    for parts, longest, copies in ((2, 2, 3), (5, 4, 3), (9, 3, 4), (16, 4, 5)):
        print(tandem_repeats(random_sequence(parts), longest, copies))


if __name__ == "__main__":
    main()

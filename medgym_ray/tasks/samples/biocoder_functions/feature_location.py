# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that parses the location of a feature as it is written in the records of a GenBank file.

`location` is one of: `17`, a single base; `12..78`, a range with both ends; `join(A,B,...)`, the locations A, B, ...
one after the other; `complement(A)`, the location A on the other strand. A, B, ... can be any of the four in turn. A
number may have `<` or `>` before it, which is dropped. There are no blanks. Positions in the file count from 1.
Return the ranges in the order in which the feature is read as a list of (start, end, strand), with 0-based half-open
positions and strand 1 or -1; `complement` changes the strand of every range in it and reads them from last to first.
"""

import random
import re


def random_location(depth: int) -> str:
    """A location in which functions are nested at most so deep."""
    kind = random.choice(["base", "range", "range", *["join", "complement", "join"] * depth])
    if kind == "join":
        return f"join({','.join(random_location(depth - 1) for _ in range(random.randint(2, 4)))})"
    if kind == "complement":
        return f"complement({random_location(depth - 1)})"
    start = random.randint(1, 9000)
    if kind == "base":
        return str(start)
    return f"{random.choice(['', '', '<'])}{start}..{random.choice(['', '', '>'])}{start + random.randint(1, 900)}"


# solution
def parse_location(location: str) -> list[tuple[int, int, int]]:
    name, bracket, rest = location.partition("(")
    if not bracket:
        first, _, last = re.sub("[<>]", "", location).partition("..")
        return [(int(first) - 1, int(last or first), 1)]
    ranges: list[tuple[int, int, int]] = []
    part, depth = "", 0
    for character in rest[:-1] + ",":
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            ranges += parse_location(part)
            part = ""
        else:
            part += character
    return [(start, end, -strand) for start, end, strand in reversed(ranges)] if name == "complement" else ranges


# end of solution


def main() -> None:
    random.seed(66)
    for depth in (0, 1, 1, 2, 2, 3, 3, 4):
        location = random_location(depth)
        print(location, parse_location(location))


if __name__ == "__main__":
    main()

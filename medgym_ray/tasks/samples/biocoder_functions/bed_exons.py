# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that reads the exons and introns of transcripts from the lines of a BED file.

Lines that are blank or begin with `#`, `track` or `browser` are passed over; all others have tab-delimited columns:
chromosome, start, end (0-based half-open), name, score, strand, and possibly three more that do not matter here, then
the number of blocks, their lengths and their starts relative to the start of the line, both separated by commas and
possibly with a comma at the end. A line of fewer than 12 columns has a single block, the whole range; with fewer than
6 its strand is `.`, and with fewer than 4 its name is `.`. The blocks of a line are its exons, and what lies between
two neighbouring blocks is an intron, if it is not empty. Return a list of (name, exons, introns) in the order of the
file; exons and introns are lists of (start, end) on the chromosome, ascending on strand `+` and `.`, descending on
strand `-`.
"""

import random
from itertools import pairwise


def random_lines(count: int) -> list[str]:
    """Lines with three to twelve columns."""
    lines = ["track name=made_up"]
    for number in range(count):
        start, end, sizes, starts = random.randint(0, 10**6), 0, [], []
        for _ in range(random.randint(1, 5)):
            starts.append(end)
            sizes.append(random.randint(20, 300))
            end += sizes[-1] + random.choice([0, random.randint(50, 900), random.randint(50, 900)])
        end = starts[-1] + sizes[-1]
        comma = random.choice(["", ","])
        columns = [f"chr{random.randint(1, 9)}", str(start), str(start + end), f"T{number}", "0", random.choice("+--")]
        columns += [str(start), str(start + end), "0", str(len(sizes))]
        columns += [",".join(map(str, values)) + comma for values in (sizes, starts)]
        lines += [
            "\t".join(columns[: random.choice([3, 4, 6, 12, 12, 12])]),
            *random.choice([[], [], ["# next"], [""]]),
        ]
    return lines


# solution
def read_exons(lines: list[str]) -> list[tuple[str, list[tuple[int, int]], list[tuple[int, int]]]]:
    transcripts = []
    for line in lines:
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        columns = line.split("\t")
        start, end = int(columns[1]), int(columns[2])
        name = columns[3] if len(columns) >= 4 else "."
        exons = [(start, end)]
        if len(columns) >= 12:
            sizes, starts = ([int(value) for value in column.split(",") if value] for column in columns[10:12])
            exons = [(start + first, start + first + size) for size, first in zip(sizes, starts, strict=True)]
        introns = [(left[1], right[0]) for left, right in pairwise(exons) if left[1] < right[0]]
        if len(columns) >= 6 and columns[5] == "-":
            exons, introns = exons[::-1], introns[::-1]
        transcripts.append((name, exons, introns))
    return transcripts


# end of solution


def main() -> None:
    random.seed(97)
    for count in (1, 4, 12):
        for transcript in read_exons(random_lines(count)):
            print(*transcript)


if __name__ == "__main__":
    main()

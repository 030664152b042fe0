# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that merges genomic intervals.

`intervals` is a list of (chromosome, start, end, strand) with 0-based half-open positions, in no particular order.
Intervals on the same chromosome are merged if they overlap or if at most `distance` bases lie between them (0 merges
those that touch). With `stranded`, only intervals of the same strand are merged. Return the merged intervals as a
list of (chromosome, start, end, strand, count), where count is the number of intervals that went into it, and strand
is `.` if these were of different strands. Sort by chromosome (as text), start, end and strand.
"""

import random

Interval = tuple[str, int, int, str]


# solution
def merge_intervals(intervals: list[Interval], distance: int, stranded: bool) -> list[tuple[str, int, int, str, int]]:
    groups: dict[tuple[str, str], list[Interval]] = {}
    for interval in intervals:
        groups.setdefault((interval[0], interval[3] if stranded else ""), []).append(interval)
    merged: list[tuple[str, int, int, str, int]] = []
    for (chromosome, _), members in groups.items():
        open_ones: list[Interval] = []
        end = 0
        for member in [*sorted(members, key=lambda one: one[1:]), None]:
            if open_ones and (member is None or member[1] > end + distance):
                strands = {one[3] for one in open_ones}
                strand = strands.pop() if len(strands) == 1 else "."
                merged.append((chromosome, open_ones[0][1], end, strand, len(open_ones)))
                open_ones = []
            if member is not None:
                end = max(end, member[2]) if open_ones else member[2]
                open_ones.append(member)
    return sorted(merged)


# end of solution


def main() -> None:
    random.seed(46)
    for size, distance in ((3, 0), (12, 0), (20, 10), (30, 25)):
        intervals = []
        for _ in range(size):
            start = random.randrange(1000)
            intervals.append((f"chr{random.randint(1, 3)}", start, start + random.randint(1, 90), random.choice("+-")))
        for stranded in (False, True):
            print(merge_intervals(intervals, distance, stranded))
    print(merge_intervals([], 5, True))


if __name__ == "__main__":
    main()

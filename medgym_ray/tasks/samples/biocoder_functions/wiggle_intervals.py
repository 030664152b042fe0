# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that reads the lines of a wiggle file, which holds a signal along chromosomes.

Blank lines and lines that begin with `track`, `browser` or `#` are passed over. A line `fixedStep chrom=C start=S
step=D span=W` announces lines with one value each: the first value belongs to position S and every further one to a
position D bases behind the one before. A line `variableStep chrom=C span=W` announces lines with a position and a
value, separated by a blank. The `key=value` parts of both may come in any order; a missing step or span is 1.
Positions count from 1, and a value holds for W bases from its position on. Return the list of (chrom, start, end,
value) in the order of the file, with 0-based half-open positions and the value as a float. Raise ValueError for a
value before the first announcement.
"""

import random


def random_wiggle(sections: int) -> list[str]:
    """Lines of a small wiggle file."""
    lines = ['track type=wiggle_0 name="signal"', "# made up"]
    for _ in range(sections):
        keys = [f"chrom=chr{random.randint(1, 22)}"]
        keys += random.choice([[], [f"span={random.randint(2, 9)}"]])
        fixed, position = random.random() < 0.5, random.randint(1, 5000)
        if fixed:
            keys += [f"start={position}", *random.choice([[], [f"step={random.randint(5, 50)}"]])]
        random.shuffle(keys)
        lines.append(" ".join(["fixedStep" if fixed else "variableStep", *keys]))
        for _ in range(random.randint(1, 4)):
            position += random.randint(10, 99)
            value = f"{random.gauss(0, 3):.3f}"
            lines.append(value if fixed else f"{position} {value}")
        lines += random.choice([[], [""], ["#", "browser position chr1"]])
    return lines


# solution
def read_wiggle(lines: list[str]) -> list[tuple[str, int, int, float]]:
    intervals = []
    chrom, position, step, span = "", 0, 0, 0
    for line in lines:
        kind, *rest = line.split() or [""]
        if not kind or kind.startswith(("track", "browser", "#")):
            continue
        if kind in ("fixedStep", "variableStep"):
            keys = dict(part.split("=") for part in rest)
            chrom, span = keys["chrom"], int(keys.get("span", 1))
            step = int(keys.get("step", 1)) if kind == "fixedStep" else 0
            position = int(keys.get("start", 0))
            continue
        if not chrom:
            raise ValueError(f"a value before its announcement: {line}")
        if not step:
            position = int(kind)
        start = position - 1
        intervals.append((chrom, start, start + span, float(rest[0] if rest else kind)))
        position += step
    return intervals


# end of solution


def main() -> None:
    random.seed(64)
    for sections in (1, 3, 6):
        for chrom, start, end, value in read_wiggle(random_wiggle(sections)):
            print(chrom, start, end, f"{value:.3f}")
    try:
        print(read_wiggle(["# no announcement", "1.5"]))
    except ValueError:
        print("ValueError", random.randint(0, 10**6))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that turns the CIGAR string of an aligned read into its aligned blocks.

A CIGAR string is a row of lengths and operations, such as `5S10M2D3I8M`, or `*` if the read is not aligned.
`position` is the 0-based start of the alignment on the reference. M, = and X consume both read and reference, I and S
only the read, D and N only the reference, H and P neither. Return the list of blocks (read start, reference start,
length), all 0-based, one for each maximal run of directly adjacent M, = and X operations (`4M2X` is one block of 6),
in order. Soft-clipped bases count as positions of the read. `*` gives an empty list; raise ValueError for any other
text.
"""

import random
import re


def random_cigar() -> str:
    """A plausible CIGAR string with clips at the ends."""
    middle = [random.choice("MM=XIDNP") for _ in range(random.randint(1, 8))]
    operations = ["M", *middle, "M"]
    text = "".join(f"{random.randint(1, 30)}{operation}" for operation in operations)
    head = random.choice(["", f"{random.randint(1, 9)}S", f"{random.randint(1, 9)}H{random.randint(1, 9)}S"])
    return head + text + random.choice(["", f"{random.randint(1, 9)}S"])


# solution
def aligned_blocks(cigar: str, position: int) -> list[tuple[int, int, int]]:
    if cigar == "*":
        return []
    if not re.fullmatch(r"(\d+[MIDNSHP=X])+", cigar):
        raise ValueError(f"not a CIGAR string: {cigar}")
    blocks: list[tuple[int, int, int]] = []
    read, reference, joined = 0, position, False
    for digits, operation in re.findall(r"(\d+)(.)", cigar):
        length = int(digits)
        both = operation in "M=X"
        if both and joined:
            start, reference_start, before = blocks.pop()
            blocks.append((start, reference_start, before + length))
        elif both:
            blocks.append((read, reference, length))
        joined = both
        read += length if both or operation in "IS" else 0
        reference += length if both or operation in "DN" else 0
    return blocks


# end of solution


def main() -> None:
    random.seed(20)
    for _ in range(10):
        cigar, position = random_cigar(), random.randint(0, 100_000)
        print(cigar, position, aligned_blocks(cigar, position))
    print(aligned_blocks("*", 5))
    for wrong in ("", "10", "M10", "5M3Q"):
        try:
            print(aligned_blocks(wrong, 0))
        except ValueError:
            print("ValueError", random.randint(0, 10**6))


if __name__ == "__main__":
    main()

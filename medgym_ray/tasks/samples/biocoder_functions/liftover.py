# ruff: noqa: T201 - a program of the sample prints its results
"""Write a method that lifts a position of one genome assembly over to another along a chain of aligned segments.

`self.size` is the length of the chromosome, `self.start` and `self.new_start` are the 0-based starts of the chain on
the old and the new assembly, `self.strand` is the strand of the new assembly, "+" or "-", and `self.new_size` the
length of the new chromosome. `self.blocks` is the list of (length, old_gap, new_gap): a segment of `length` bases is
aligned without gaps, and is followed by `old_gap` unaligned bases on the old and `new_gap` on the new assembly. On
strand "-" the new positions, `new_start` included, are counted on the reverse complement: position p there is
position new_size - 1 - p on the forward strand. Return the 0-based position on the forward strand of the new
assembly, or None for a position in a gap or outside the chain.
"""

import random
from dataclasses import dataclass


@dataclass
class Chain:
    """One chain between two versions of a chromosome."""

    size: int
    start: int
    new_size: int
    new_start: int
    strand: str
    blocks: list[tuple[int, int, int]]

    # solution
    def lift(self, position: int) -> int | None:
        old, new = self.start, self.new_start
        for length, old_gap, new_gap in self.blocks:
            if old <= position < old + length:
                lifted = new + position - old
                return lifted if self.strand == "+" else self.new_size - 1 - lifted
            old += length + old_gap
            new += length + new_gap
        return None

    # end of solution


def main() -> None:
    random.seed(30)
    for strand in "+-+-":
        blocks = [(random.randint(5, 60), random.randint(0, 20), random.randint(0, 20)) for _ in range(6)]
        chain = Chain(1000, random.randint(0, 90), 1200, random.randint(0, 200), strand, blocks)
        print(strand, [chain.lift(random.randrange(0, 600)) for _ in range(12)])
        print(chain.lift(chain.start), chain.lift(chain.start - 1), chain.lift(999))


if __name__ == "__main__":
    main()

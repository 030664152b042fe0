# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the GC skew of a DNA sequence in windows.

`sequence` is cut into windows of `window` bases that begin every `step` bases; a window that would run over the end
of the sequence is left out. The skew of a window is (G - C) / (G + C), where G and C count these bases in upper or
lower case; it is 0.0 for a window with neither. Return the list of (start, skew) with 0-based starts, in order.
"""

import random


def random_dna(length: int, gc: float) -> str:
    """A sequence with about this share of G and C, some of it in lower case and some of it unknown."""
    weights = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2, 0.03, 0.1]
    return "".join(random.choices("ACGTNg", weights, k=length))


# solution
def gc_skew(sequence: str, window: int, step: int) -> list[tuple[int, float]]:
    skews = []
    for start in range(0, len(sequence) - window + 1, step):
        part = sequence[start : start + window].upper()
        guanine, cytosine = part.count("G"), part.count("C")
        both = guanine + cytosine
        skews.append((start, (guanine - cytosine) / both if both else 0.0))
    return skews


# end of solution


def main() -> None:
    random.seed(12)
    for gc in (0.05, 0.4, 0.7):
        for start, skew in gc_skew(random_dna(120, gc), 25, 10):
            print(start, f"{skew:.6f}")
    print(gc_skew("ACG", 10, 1))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that measures how deep the pixels of the objects in a binary image lie.

`mask` is a two-dimensional array of 0 and 1. The depth of a pixel is 0 where the mask is 0, and else the smallest
number of steps (each to the pixel above, below, left or right) that lead from it to a pixel where the mask is 0 or to
the outside of the image. Return the depths as an integer array of the same shape.
"""

import numpy as np


# solution
def depths(mask: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.zeros(mask.shape, dtype=int)
    inner = mask == 1
    for _ in range(max(mask.shape)):
        found += inner
        padded = np.pad(inner, 1, constant_values=False)
        inner = inner & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return found


# end of solution


def main() -> None:
    np.random.seed(75)
    for size, holes in ((4, 1), (9, 3), (13, 8), (16, 20)):
        mask: np.ndarray = np.ones((size, size + 2), dtype=int)
        for _ in range(holes):
            mask[np.random.randint(0, size), np.random.randint(0, size + 2)] = 0
        for line in depths(mask):
            print(" ".join(map(str, line)))


if __name__ == "__main__":
    main()

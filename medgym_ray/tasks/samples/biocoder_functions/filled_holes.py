# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that fills the small holes of the objects in a binary image.

`mask` is a two-dimensional array of 0 and 1. A hole is a set of pixels of value 0 that are connected by steps up, down,
left or right, and of which none lies on the border of the image. Return a new array of the same shape in which all
holes of at most `largest` pixels are filled with 1; `mask` itself must not be changed.
"""

import numpy as np


# solution
def fill_holes(mask: np.ndarray, largest: int) -> np.ndarray:
    rows, columns = mask.shape
    filled = mask.copy()
    waiting = {(int(row), int(column)) for row, column in np.argwhere(mask == 0)}
    for first in sorted(waiting):
        members = [first] if first in waiting else []
        waiting.discard(first)
        for row, column in members:
            for near in ((row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)):
                if near in waiting:
                    waiting.remove(near)
                    members.append(near)
        border = any(row in (0, rows - 1) or column in (0, columns - 1) for row, column in members)
        if not border and len(members) <= largest:
            for row, column in members:
                filled[row, column] = 1
    return filled


# end of solution


def main() -> None:
    np.random.seed(93)
    for size, share, largest in ((5, 0.6, 1), (10, 0.65, 2), (14, 0.6, 4)):
        mask = (np.random.random((size, size)) < share).astype(int)
        before = mask.copy()
        for line in fill_holes(mask, largest):
            print("".join(map(str, line)))
        print("unchanged" if (mask == before).all() else "changed")


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that labels the objects of a binary image and measures them.

`image` is a two-dimensional array of 0 and 1. Pixels of value 1 that touch at an edge or at a corner (8-connectivity)
belong to one object. With `clear_border` objects that touch the border of the image are left out. Return, for each
object of at least `min_pixels` pixels, the tuple (row, column, pixels, perimeter): row and column of its first pixel
in reading order (row by row), its number of pixels, and the number of its pixel edges that face a pixel outside the
object or the outside of the image. The objects are sorted by their first pixel in reading order.
"""

import numpy as np


# solution
def measure_objects(image: np.ndarray, min_pixels: int, clear_border: bool) -> list[tuple[int, int, int, int]]:
    rows, columns = image.shape
    waiting = {(int(row), int(column)) for row, column in np.argwhere(image == 1)}
    found = []
    for first in sorted(waiting):
        if first not in waiting:
            continue
        waiting.remove(first)
        members, stack = {first}, [first]
        while stack:
            row, column = stack.pop()
            for near in [(row + down, column + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]:
                if near in waiting:
                    waiting.remove(near)
                    members.add(near)
                    stack.append(near)
        border = any(row in (0, rows - 1) or column in (0, columns - 1) for row, column in members)
        if len(members) < min_pixels or (clear_border and border):
            continue
        perimeter = sum(
            (row + down, column + right) not in members
            for row, column in members
            for down, right in ((1, 0), (-1, 0), (0, 1), (0, -1))
        )
        found.append((*first, len(members), perimeter))
    return found


# end of solution


def main() -> None:
    np.random.seed(27)
    for size, share in ((5, 0.4), (9, 0.25), (14, 0.2), (18, 0.3)):
        image = (np.random.random((size, size)) < share).astype(int)
        print(measure_objects(image, 1, False))
        print(measure_objects(image, 2, True))


if __name__ == "__main__":
    main()

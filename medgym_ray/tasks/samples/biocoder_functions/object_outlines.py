# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that draws the outlines of labelled objects into an image.

`labels` is a two-dimensional integer array in which 0 is background and every object has its own positive label. A
pixel of an object belongs to its outline if at least one of its four neighbours (up, down, left, right) has another
label or lies outside the image. Return a new integer array of the same shape that holds the label on outlines and 0
elsewhere. With `width` = 2 the outline also takes the pixels of the same object that have an outline pixel of that
object among their four neighbours, and so on for each further step. `labels` itself must not be changed.
"""

import numpy as np


# solution
def draw_outlines(labels: np.ndarray, width: int) -> np.ndarray:
    inner = labels.copy()
    for _ in range(width):
        padded = np.pad(inner, 1, constant_values=-1)
        around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
        same = np.logical_and.reduce([near == inner for near in around])
        inner = np.where(same, inner, 0)
    outlines: np.ndarray = np.where(inner == labels, 0, labels)
    return outlines


# end of solution


def main() -> None:
    np.random.seed(54)
    for size in (4, 8, 14):
        labels: np.ndarray = np.zeros((size, size), dtype=int)
        for number in range(1, 5):
            row, column = np.random.randint(0, size, 2)
            height, length = np.random.randint(1, size + 1, 2)
            labels[row : row + height, column : column + length] = number
        before = labels.copy()
        for width in (1, 2):
            for line in draw_outlines(labels, width):
                print("".join(map(str, line)))
            print("unchanged" if (labels == before).all() else "changed")


if __name__ == "__main__":
    main()

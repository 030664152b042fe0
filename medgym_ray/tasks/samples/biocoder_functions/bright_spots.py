# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that finds bright spots, such as labelled molecules, in a microscope image.

`image` is a two-dimensional integer array. Go through the pixels with an intensity of at least `threshold` from the
brightest to the darkest, equally bright ones in reading order (row by row). A pixel is a spot unless it lies too close
to a spot found before: both its row and its column differ from that spot's by at most `distance`. Return the spots in
the order in which they are found as a list of (row, column, total), where total is the sum of the intensities of the
pixel and its up to eight direct neighbours in the image.
"""

import numpy as np


# solution
def bright_spots(image: np.ndarray, threshold: int, distance: int) -> list[tuple[int, int, int]]:
    pixels = sorted(
        (-int(image[row, column]), int(row), int(column)) for row, column in np.argwhere(image >= threshold)
    )
    spots: list[tuple[int, int, int]] = []
    for _, row, column in pixels:
        if any(max(abs(row - other), abs(column - near)) <= distance for other, near, _ in spots):
            continue
        around = image[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        spots.append((row, column, int(around.sum())))
    return spots


# end of solution


def main() -> None:
    np.random.seed(76)
    for size, distance in ((5, 1), (10, 2), (14, 1), (18, 3)):
        image = np.random.poisson(4, (size, size))
        print(bright_spots(image, 7, distance))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that removes small bright spots from a grey image by morphological opening.

One erosion replaces every pixel by the smallest, one dilation by the largest intensity among the pixel itself and its
four neighbours (up, down, left, right), all pixels at once; neighbours outside the image do not count. The opening is
`times` erosions followed by `times` dilations. Return a new integer array of the same shape; `image`, a
two-dimensional integer array, must not be changed.
"""

import numpy as np


# solution
def grey_opening(image: np.ndarray, times: int) -> np.ndarray:
    opened = image.copy()
    for extreme, outside in ((np.minimum, image.max()), (np.maximum, image.min())):
        for _ in range(times):
            padded = np.pad(opened, 1, constant_values=outside)
            around = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
            opened = extreme.reduce([opened, *around])
    return opened


# end of solution


def main() -> None:
    np.random.seed(74)
    for rows, columns, times in ((3, 4, 1), (7, 9, 1), (9, 8, 2)):
        image = np.random.randint(0, 30, (rows, columns))
        image[1 : rows - 1, 1 : columns // 2 + 2] += 60
        before = image.copy()
        for line in grey_opening(image, times):
            print(*line)
        print("unchanged" if (image == before).all() else "changed")


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a method that finds the threshold between background and objects of a grey image by Otsu's method.

`self.pixels` is a two-dimensional integer array of intensities from 0 to `self.levels` - 1 and `self.mask` a boolean
array of the same shape; only pixels where the mask is True count. For a threshold t the background are the pixels
with intensity <= t and the foreground all others. Return the smallest t at which w0 * w1 * (m0 - m1)^2 is largest,
where w0 and w1 are the numbers of background and foreground pixels and m0 and m1 their mean intensities; a t that
leaves either side empty does not count. Return None where no t does (all pixels alike, or none in the mask).
"""

import numpy as np


class MaskedImage:
    """An image of which only a part is looked at."""

    def __init__(self, pixels: np.ndarray, mask: np.ndarray, levels: int) -> None:
        self.pixels = pixels
        self.mask = mask
        self.levels = levels

    # solution
    def otsu_threshold(self) -> int | None:
        values = self.pixels[self.mask]
        best, threshold = -1, None
        for level in range(self.levels):
            low, high = values[values <= level], values[values > level]
            if low.size == 0 or high.size == 0:
                continue
            # In whole numbers, so that equal variances are equal: scaled by the product of both sizes.
            difference = int(low.sum()) * int(high.size) - int(high.sum()) * int(low.size)
            variance = difference * difference * (int(values.size) ** 4) // (int(low.size) * int(high.size))
            if variance > best:
                best, threshold = variance, level
        return threshold

    # end of solution


def main() -> None:
    np.random.seed(26)
    for size, share in ((6, 0.5), (12, 0.3), (20, 0.1), (25, 0.6)):
        cells = np.random.random((size, size)) < share
        noise = np.random.normal(0, 9, (size, size))
        pixels = np.clip(np.where(cells, np.random.randint(90, 200), np.random.randint(10, 80)) + noise, 0, 255)
        mask = np.random.random((size, size)) < 0.8
        print(MaskedImage(pixels.astype(int), mask, 256).otsu_threshold())
    print(MaskedImage(np.full((3, 3), 7), np.ones((3, 3), bool), 16).otsu_threshold())


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the RMSD of two sets of atom coordinates after optimal superposition (Kabsch).

`mobile` and `target` are float arrays of shape (n, 3) with the coordinates of corresponding atoms, n >= 3. Move both
to their centroid, find the proper rotation (determinant +1, no reflection) of `mobile` that minimises the root mean
square deviation to `target`, and return that smallest RMSD as a float: the square root of the mean over the atoms of
the squared distance between corresponding atoms.
"""

import numpy as np


def random_rotation() -> np.ndarray:
    """A proper rotation matrix."""
    rotation: np.ndarray = np.linalg.qr(np.random.normal(size=(3, 3)))[0]
    if np.linalg.det(rotation) < 0:
        rotation[:, 0] = -rotation[:, 0]
    return rotation


# solution
def kabsch_rmsd(mobile: np.ndarray, target: np.ndarray) -> float:
    first = mobile - mobile.mean(axis=0)
    second = target - target.mean(axis=0)
    left, _, right = np.linalg.svd(first.T @ second)
    turn = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    moved = first @ left @ turn @ right
    return float(np.sqrt(((moved - second) ** 2).sum(axis=1).mean()))


# end of solution


def main() -> None:
    np.random.seed(21)
    for atoms, noise in ((4, 0.2), (10, 0.5), (25, 1.0), (60, 3.0)):
        target = np.random.normal(scale=8.0, size=(atoms, 3))
        mobile = (target + np.random.normal(scale=noise, size=(atoms, 3))) @ random_rotation() + np.random.normal(
            size=3
        )
        print(f"{kabsch_rmsd(mobile, target):.6f}")
        # A mirror image can't be superposed by a rotation.
        print(f"{kabsch_rmsd(mobile * [1.0, 1.0, -1.0], target):.6f}")


if __name__ == "__main__":
    main()

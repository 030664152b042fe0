# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the dihedral angles along a chain of atoms.

`atoms` is a float array of shape (n, 3) with the coordinates of consecutive atoms. The dihedral angle of four
consecutive atoms a, b, c, d is the angle between the plane through a, b, c and the plane through b, c, d, in degrees
in the range (-180, 180]; it is positive if, looking from b to c, the bond c-d is turned clockwise from the bond b-a
(the usual IUPAC convention). Return the list of the n - 3 angles as floats; it is empty for fewer than four atoms.
"""

import numpy as np


# solution
def dihedral_angles(atoms: np.ndarray) -> list[float]:
    angles = []
    for at in range(len(atoms) - 3):
        first, middle, last = np.diff(atoms[at : at + 4], axis=0)
        one, other = np.cross(first, middle), np.cross(middle, last)
        sine = np.linalg.norm(middle) * np.dot(first, other)
        angles.append(float(np.degrees(np.arctan2(sine, np.dot(one, other)))))
    return angles


# end of solution


def main() -> None:
    np.random.seed(48)
    for length in (2, 4, 5, 9, 15):
        atoms = np.cumsum(np.random.normal(scale=1.5, size=(length, 3)), axis=0)
        print([f"{angle:.5f}" for angle in dihedral_angles(atoms)])


if __name__ == "__main__":
    main()

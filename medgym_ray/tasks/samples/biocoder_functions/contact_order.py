# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that lists the contacts between the residues of a protein structure and their contact order.

`atoms` is a float array of shape (n, 3) with the coordinates of one atom per residue in angstroms, in the order of the
chain. Two residues i < j (counted from 0) are in contact if j - i is at least `separation` and the distance of their
atoms is less than `cutoff`. Return (contacts, order): contacts is the list of (i, j), sorted, and order the relative
contact order, which is the sum of j - i over the contacts divided by the number of contacts and by n; it is 0.0
without any contact.
"""

import numpy as np


# solution
def contact_order(atoms: np.ndarray, cutoff: float, separation: int) -> tuple[list[tuple[int, int]], float]:
    distances = np.linalg.norm(atoms[:, None] - atoms[None, :], axis=2)
    contacts = [
        (first, second)
        for first in range(len(atoms))
        for second in range(first + separation, len(atoms))
        if distances[first, second] < cutoff
    ]
    if not contacts:
        return [], 0.0
    return contacts, sum(second - first for first, second in contacts) / len(contacts) / len(atoms)


# end of solution


def main() -> None:
    np.random.seed(71)
    for residues, cutoff, separation in ((3, 1.0, 2), (12, 6.5, 2), (20, 7.0, 3), (30, 8.0, 4)):
        atoms = np.cumsum(np.random.normal(scale=2.2, size=(residues, 3)), axis=0)
        contacts, order = contact_order(atoms, cutoff, separation)
        print(contacts, f"{order:.8f}")


if __name__ == "__main__":
    main()

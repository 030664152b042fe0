# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that finds the helices of a protein chain from its backbone torsion angles.

`torsions` is a list with one (phi, psi) per residue, in degrees; either may be None at the ends of the chain and at
breaks. A residue is helical if both angles are known, phi is between -100 and -30 and psi between -80 and -5, bounds
included. A residue that is not helical, but whose angles are both known and whose two direct neighbours are helical,
is a kink and counts as helical too; being a kink makes no further kinks. Return the maximal runs of residues that
count as helical as a list of (start, end, kinks), 0-based half-open and in order, where kinks is the number of kinks
in the run; leave out runs of fewer than `shortest` residues.
"""

import random

Torsion = tuple[float | None, float | None]


def random_torsions(residues: int) -> list[Torsion]:
    """Angles of helices and strands, with breaks."""
    torsions: list[Torsion] = []
    for _ in range(residues):
        helical = random.random() < 0.75
        phi, psi = (random.gauss(-65, 12), random.gauss(-42, 12)) if helical else (random.gauss(-120, 15), 130.0)
        broken = random.random() < 0.06
        torsions.append((None if broken else phi, psi))
    return torsions


# solution
def helices(torsions: list[Torsion], shortest: int) -> list[tuple[int, int, int]]:
    helical = [phi is not None and psi is not None and -100 <= phi <= -30 and -80 <= psi <= -5 for phi, psi in torsions]
    kinks = [
        0 < at < len(torsions) - 1
        and not helical[at]
        and None not in torsions[at]
        and helical[at - 1]
        and helical[at + 1]
        for at in range(len(torsions))
    ]
    found, start = [], 0
    for at in range(len(torsions) + 1):
        if at < len(torsions) and (helical[at] or kinks[at]):
            continue
        if at - start >= max(shortest, 1):
            found.append((start, at, sum(kinks[start:at])))
        start = at + 1
    return found


# end of solution


def main() -> None:
    random.seed(72)
    for residues, shortest in ((1, 1), (8, 2), (25, 3), (60, 4), (90, 6)):
        print(helices(random_torsions(residues), shortest))


if __name__ == "__main__":
    main()

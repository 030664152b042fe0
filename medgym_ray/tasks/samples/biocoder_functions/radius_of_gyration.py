# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes centre of mass and radius of gyration of one chain of a PDB structure.

`pdb` is the text of a PDB file. Use the lines that begin with `ATOM` (not `HETATM`) whose chain identifier (column
22) is `chain`, up to the first line that begins with `ENDMDL`. Columns are counted from 1: alternate location 17, x
31-38, y 39-46, z 47-54, element 77-78. Of atoms with alternate locations use only those with a blank or `A`;
hydrogens are left out. Atoms weigh as in MASSES. Return (number of atoms, (x, y, z) of the centre of mass, radius),
where radius is the square root of the weighted mean of the squared distance to the centre, or None without any atom.
"""

import math
import random

MASSES = {"C": 12.011, "N": 14.007, "O": 15.999, "S": 32.06}
Result = tuple[int, tuple[float, float, float], float]


def random_pdb(residues: int) -> str:
    """A made-up structure of two chains and two models."""
    lines = []
    for model in (1, 2):
        lines.append(f"MODEL     {model:4d}")
        serial = 0
        for number in range(residues):
            chain = "A" if number < residues * 0.6 else "B"
            for atom, element in random.sample([("N", "N"), ("CA", "C"), ("O", "O"), ("SG", "S"), ("H", "H")], k=4):
                serial += 1
                kind, place = random.choice(["ATOM  ", "ATOM  ", "ATOM  ", "HETATM"]), random.choice("   AB")
                x, y, z = (random.gauss(0, 25) for _ in range(3))
                lines.append(
                    f"{kind}{serial:5d}  {atom:<3}{place}CYS {chain}{number + 1:4d}    "
                    f"{x:8.3f}{y:8.3f}{z:8.3f}{1:6.2f}{random.uniform(5, 60):6.2f}          {element:>2}"
                )
        lines.append("ENDMDL")
    return "\n".join([*lines, "END", ""])


# solution
def radius_of_gyration(pdb: str, chain: str) -> Result | None:
    atoms: list[tuple[float, tuple[float, float, float]]] = []
    for line in pdb.splitlines():
        if line.startswith("ENDMDL"):
            break
        if not line.startswith("ATOM") or line[21] != chain or line[16] not in " A":
            continue
        element = line[76:78].strip()
        if element != "H":
            atoms.append((MASSES[element], (float(line[30:38]), float(line[38:46]), float(line[46:54]))))
    if not atoms:
        return None
    total = sum(mass for mass, _ in atoms)
    x, y, z = (sum(mass * place[axis] for mass, place in atoms) / total for axis in range(3))
    spread = sum(mass * math.dist(place, (x, y, z)) ** 2 for mass, place in atoms)
    return len(atoms), (x, y, z), math.sqrt(spread / total)


# end of solution


def main() -> None:
    random.seed(47)
    for residues in (2, 6, 20):
        pdb = random_pdb(residues)
        for chain in "ABC":
            result = radius_of_gyration(pdb, chain)
            if result is None:
                print(chain, None)
            else:
                count, centre, radius = result
                print(chain, count, [f"{value:.5f}" for value in centre], f"{radius:.5f}")


if __name__ == "__main__":
    main()

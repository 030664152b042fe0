# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that reads the sequence of every chain from the atoms of a PDB structure.

`pdb` is the text of a PDB file; use the lines that begin with `ATOM` whose atom name (columns 13-16, stripped) is
`CA`. Columns count from 1: residue name 18-20, chain identifier 22, residue number 23-26, insertion code 27. A residue
is named by number and insertion code: of several lines for one residue in a chain the first counts. `ONE_LETTER` has
the letters of the residue names; any other name becomes X. Where the number of a residue is more than one above that
of the residue before it in its chain, write one `-` per missing number between the two. Return a dict of chain
identifier to sequence, in the order in which the chains begin in the file.
"""

import random

ONE_LETTER = {"ALA": "A", "CYS": "C", "ASP": "D", "GLY": "G", "LYS": "K", "SER": "S", "TRP": "W"}


def random_pdb(residues: int) -> str:
    """A made-up structure of three chains whose lines are mixed, with gaps, insertions and alternate residues."""
    lines, numbers, serial = [], dict.fromkeys("ABX", 0), 0
    for _ in range(residues):
        chain = random.choice("AAABX")
        numbers[chain] += random.choices([1, 2, 5], [8, 1, 1])[0]
        for code in random.choice([" ", " ", " ", " A", " AB"]):
            for atom in random.choice([[" N  ", " CA "], [" CA ", " CB "], [" CA ", " CA "], [" N  "]]):
                serial += 1
                name = random.choice([*ONE_LETTER, "MSE"])
                kind = "ATOM  " if name != "MSE" or chain == "B" else "HETATM"
                x, y, z = (random.gauss(0, 20) for _ in range(3))
                lines.append(
                    f"{kind}{serial:5d} {atom} {name} {chain}{numbers[chain]:4d}{code}   {x:8.3f}{y:8.3f}{z:8.3f}"
                )
    return "\n".join([*lines, "END", ""])


# solution
def chain_sequences(pdb: str) -> dict[str, str]:
    sequences: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    last: dict[str, int] = {}
    for line in pdb.splitlines():
        if not line.startswith("ATOM") or line[12:16].strip() != "CA":
            continue
        chain, residue, number = line[21], line[22:27], int(line[22:26])
        if (chain, residue) in seen:
            continue
        seen.add((chain, residue))
        missing = number - last.get(chain, number) - 1
        sequences[chain] = sequences.get(chain, "") + "-" * missing + ONE_LETTER.get(line[17:20], "X")
        last[chain] = number
    return sequences


# end of solution


def main() -> None:
    random.seed(73)
    for residues in (1, 8, 20, 60):
        for chain, sequence in chain_sequences(random_pdb(residues)).items():
            print(chain, sequence)


if __name__ == "__main__":
    main()

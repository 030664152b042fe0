# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that digests a DNA sequence with restriction enzymes and returns the fragment lengths.

`ENZYMES` maps the name of an enzyme to its recognition site, in which `^` marks where the forward strand is cut; N, R
(A or G) and Y (C or T) stand for the bases they name. All sites are palindromes, so only the forward strand is looked
at. Sites may overlap, and the sequence (upper case A, C, G and T) is cut by all `names` together. With `circular` the
sequence is a plasmid: sites across its end count, and n cuts make n fragments. Return the fragment lengths in
descending order; without any cut that is the length of the whole sequence.
"""

import random
import re
from itertools import pairwise

ENZYMES = {
    "EcoRI": "G^AATTC",
    "HaeIII": "GG^CC",
    "HinfI": "G^ANTC",
    "MboI": "^GATC",
    "NlaIII": "CATG^",
    "XhoII": "R^GATCY",
}


# solution
def digest(sequence: str, names: list[str], circular: bool) -> list[int]:
    length = len(sequence)
    cuts: set[int] = set()
    for name in names:
        offset = ENZYMES[name].index("^")
        site = ENZYMES[name].replace("^", "")
        pattern = site.replace("N", "[ACGT]").replace("R", "[AG]").replace("Y", "[CT]")
        # A plasmid is read on over its end, by one base less than the site has.
        text = sequence + (sequence * len(site))[: len(site) - 1] if circular else sequence
        for found in re.finditer(f"(?={pattern})", text):
            cuts.add((found.start() + offset) % length if circular else found.start() + offset)
    places = sorted(cuts)
    if not places:
        return [length]
    if circular:
        ends = [*places[1:], places[0] + length]
        return sorted((end - start for start, end in zip(places, ends, strict=True)), reverse=True)
    ends = [0, *places, length]
    return sorted((end - start for start, end in pairwise(ends) if end > start), reverse=True)


# end of solution


def main() -> None:
    random.seed(50)
    for length in (6, 60, 300, 900):
        sequence = "".join(random.choices("ACGT", k=length))
        for names in (["MboI"], ["EcoRI", "HinfI"], ["HaeIII", "NlaIII", "XhoII"]):
            print(names, digest(sequence, names, False), digest(sequence, names, True))
    print(digest("TTCACGTGAA", ["EcoRI"], False), digest("TTCACGTGAA", ["EcoRI"], True))


if __name__ == "__main__":
    main()

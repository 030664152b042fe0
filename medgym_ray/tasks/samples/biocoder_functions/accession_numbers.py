# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that collects the accession numbers that are named in a text, with their newest versions.

An accession number is one of the prefixes `NM`, `NP`, `NR` and `XM`, an underscore, and six or nine digits; it may be
followed by a full stop and a version number. It is written in whatever case, and directly before and after it (the
version included) there is no letter, digit or underscore. A full stop that is not followed by a digit does not belong
to it. Return a dict of accession number (upper case, without version) to its highest version that is named in the
text, as an int, or None where it is only named without a version; the keys are in order of first appearance.
"""

import random
import re


def random_text(names: int) -> str:
    """A text with few different accession numbers, true and broken ones."""
    digits = ["".join(random.choices("0123456789", k=size)) for size in (6, 6, 9, 9, 7)]
    text = "See"
    for _ in range(names):
        name = f"{random.choice(['NM', 'nm', 'NP', 'XM', 'Nr', 'AB'])}_{random.choice(digits)}"
        text += (
            random.choice([" ", ", ", " (", " x", "; "]) + name + random.choice(["", "", ".", ".1", ".2", ".11", "a"])
        )
    return text + "."


# solution
def accession_numbers(text: str) -> dict[str, int | None]:
    newest: dict[str, int | None] = {}
    for found in re.finditer(
        r"(?<!\w)((?:NM|NP|NR|XM)_(?:\d{9}|\d{6}))(?:\.(\d+)|(?!\.\d))(?!\w)", text, re.IGNORECASE
    ):
        name, version = found[1].upper(), int(found[2]) if found[2] else None
        known = newest.setdefault(name, version)
        if version is not None and (known is None or version > known):
            newest[name] = version
    return newest


# end of solution


def main() -> None:
    random.seed(83)
    for names in (2, 8, 20, 40):
        print(list(accession_numbers(random_text(names)).items()))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that writes short names of mutations, as found in texts, in the long format.

`text` is split at blanks; commas, semicolons and full stops are stripped from both ends of each word. A word names a
mutation if the whole of it matches: an optional `p.`, a letter, a number without leading zeros, and one of: a letter,
`*`, `X`, `fs` or `del`. Letters, other than that X, must be keys of LONG (upper case). Format it as `p.` + the long
name of the first letter + the number + the long name of the last letter; `*` and `X` become `Ter`, while `fs` and
`del` stay as they are, and a last letter that is the same as the first becomes `=`. Return the formatted names, each
once, in order of first appearance; words of any other form are passed over.
"""

import random
import re

LONG = {"A": "Ala", "E": "Glu", "G": "Gly", "K": "Lys", "R": "Arg", "T": "Thr", "V": "Val", "W": "Trp"}


def random_text(words: int) -> str:
    """A made-up sentence."""
    said = []
    for _ in range(words):
        first, number = random.choice("AEGKRTVWBx"), random.choice([random.randint(1, 900), "012"])
        last = random.choice([*"AEGKRTVWQ", first, "*", "X", "fs", "del", "dup"])
        prefix, end = random.choice(["", "", "p.", "c."]), random.choice(["", "", ",", ".", ";,"])
        said += [*random.choice([[], ["with"], ["and", "exon", "12."]]), f"{prefix}{first}{number}{last}{end}"]
    return " ".join(said)


# solution
def format_mutations(text: str) -> list[str]:
    names: dict[str, None] = {}
    for word in text.split():
        found = re.fullmatch(r"(?:p\.)?([A-Z])([1-9]\d*)([A-Z*]|fs|del)", word.strip(",;."))
        if found is None:
            continue
        first, number, last = found.groups()
        after = {"*": "Ter", "X": "Ter", "fs": "fs", "del": "del", first: "="}.get(last, LONG.get(last))
        if first in LONG and after is not None:
            names[f"p.{LONG[first]}{number}{after}"] = None
    return list(names)


# end of solution


def main() -> None:
    random.seed(81)
    for words in (6, 15, 30, 50):
        print(format_mutations(random_text(words)))


if __name__ == "__main__":
    main()

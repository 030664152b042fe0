# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that cleans up gene names that were typed by hand in a text.

Apply these steps to `text` in this order and return the list of names in order of first appearance, without repeats:
1. split the text at commas, semicolons, slashes and line breaks, and strip blanks from the parts; empty parts are
   left out;
2. replace the Greek characters α, β, γ and δ by A, B, G and D;
3. convert to upper case and remove blanks, underscores and hyphens, except a hyphen between two digits;
4. undo what a spreadsheet did to the names: a day number from 1 to 31 directly followed by MAR, SEP or DEC (as in
   `2-Mar` or `7 SEP`) is the name MARCHF, SEPTIN or DEC followed by that number without leading zeros.
"""

import random
import re

NAMES = [
    "TP53",
    "brca1",
    "Il-2",
    "IFN γ",
    "2-Mar",
    "7 SEP",
    "01-dec",
    "HLA-DRB1",
    "miR-17-92",
    "tnf_α",
    "9-Sept",
    "99-Mar",
]


# solution
def clean_gene_names(text: str) -> list[str]:
    names: dict[str, None] = {}
    full = {"MAR": "MARCHF", "SEP": "SEPTIN", "DEC": "DEC"}
    for part in re.split(r"[,;/\n]", text):
        name = part.strip().translate(str.maketrans("αβγδ", "ABGD")).upper()
        name = re.sub(r"[ _]", "", name)
        name = re.sub(r"(?<!\d)-|-(?!\d)", "", name)
        dated = re.fullmatch(r"(\d{1,2})(MAR|SEP|DEC)", name)
        if dated and 1 <= int(dated.group(1)) <= 31:
            name = full[dated.group(2)] + str(int(dated.group(1)))
        if name:
            names[name] = None
    return list(names)


# end of solution


def main() -> None:
    random.seed(29)
    for _ in range(6):
        parts = [*random.choices(NAMES, k=random.randint(1, 8)), f"Gene-{random.randint(1, 30)}"]
        cased = [part.lower() if random.random() < 0.3 else part for part in parts]
        text = "".join(part + random.choice([", ", ";", " / ", "\n", ",,"]) for part in cased)
        print(clean_gene_names(text))


if __name__ == "__main__":
    main()

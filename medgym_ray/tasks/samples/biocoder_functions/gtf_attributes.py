# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that parses the attribute column of a line of a GTF file.

The column is a row of attributes, each a key, blanks, a value and `;`, with any blanks around them. A value is either
in double quotes, and may then hold blanks, `;` and `=` but no quotes, or a bare word without blanks. Return a dict of
key to value in the order of first appearance. A quoted value is always a str; a bare one becomes an int if it
consists of digits only, else a str. If a key appears more than once, its value is the list of all its values in
order. The last `;` of the line may be missing; an empty column gives an empty dict.
"""

import random

WORDS = ["protein_coding", "BRCA2; alias", "basic", "CCDS", "a=b", "exon 3", "lncRNA", "17", "007"]
KEYS = ["gene_id", "transcript_id", "tag", "level", "exon_number", "note", "tag", "ont"]


def random_column() -> str:
    """An attribute column with quoted and bare values and repeated keys."""
    parts = []
    for key in random.choices(KEYS, k=random.randint(0, 7)):
        bare = random.choice([str(random.randint(0, 99)), "NA", "x1"])
        value = f'"{random.choice(WORDS)}"' if random.random() < 0.7 else bare
        parts.append(f"{key}{' ' * random.randint(1, 2)}{value}")
    return f";{' ' * random.randint(0, 2)}".join(parts) + (";" if parts and random.random() < 0.7 else "")


# solution
def parse_attributes(column: str) -> dict[str, object]:
    values: dict[str, list[object]] = {}
    at = 0
    while at < len(column):
        if column[at] in " ;\t":
            at += 1
            continue
        end = at
        while column[end] not in " \t":
            end += 1
        key = column[at:end]
        while column[end] in " \t":
            end += 1
        value: object
        if column[end] == '"':
            close = column.index('"', end + 1)
            value, at = column[end + 1 : close], close + 1
        else:
            at = end
            while at < len(column) and column[at] not in " ;\t":
                at += 1
            word = column[end:at]
            value = int(word) if word.isdigit() else word
        values.setdefault(key, []).append(value)
    return {key: found[0] if len(found) == 1 else found for key, found in values.items()}


# end of solution


def main() -> None:
    random.seed(25)
    for _ in range(14):
        column = random_column()
        print(parse_attributes(column))
    print(parse_attributes(""), parse_attributes(f"  level   {random.randint(1, 9)}"))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that formats the author names of a publication as text for a reference list.

A name is either `Family, Given ...` or `Given ... Family`; in the second form the family name is the last word
together with all words directly before it that are in lower case, such as `van` or `de la`. Words are separated by
blanks. The initials are the first characters of all given names in upper case; a given name with hyphens gives one
initial per part, without the hyphens. Write each author as family name, blank, initials; an author without given
names is the family name alone. Join the authors with `, `. If there are more than `limit` authors, write only the
first `limit` of them, followed by `, et al.` Return the text.
"""

import random

FAMILIES = ["Ito", "van Dam", "de la Cruz", "Meyer-Berg", "O'Neil", "Nowak"]
GIVEN = ["Ada", "jean-luc", "Wu Li", "B.", "Émile", "Mary-Ann K"]


def random_name() -> str:
    """A made-up name in either form."""
    family, given = random.choice(FAMILIES), " ".join(random.sample(GIVEN, random.randint(1, 2)))
    if random.random() < 0.5:
        return f"{family}, {given}"
    # Before a family name a given one in lower case would be read as part of it.
    return f"{given.title()} {family}" if random.random() < 0.9 else family


# solution
def format_authors(names: list[str], limit: int) -> str:
    authors = []
    for name in names[:limit]:
        family, comma, given = name.partition(",")
        words = given.split()
        if not comma:
            parts = name.split()
            first = len(parts) - 1
            for at in range(len(parts) - 2, -1, -1):
                if not parts[at].islower():
                    break
                first = at
            family, words = " ".join(parts[first:]), parts[:first]
        initials = "".join(part[0].upper() for word in words for part in word.split("-"))
        authors.append(f"{family} {initials}".strip())
    return ", ".join(authors) + (", et al." if len(names) > limit else "")


# end of solution


def main() -> None:
    random.seed(82)
    for count, limit in ((1, 3), (2, 2), (5, 3), (6, 6), (9, 7)):
        names = [random_name() for _ in range(count)]
        print(names, format_authors(names, limit))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that formats a species name as LaTeX text.

`name` holds the words genus, species and, if known, a rank with a third name or a strain after them, separated by
blanks: `Homo sapiens`, `Canis lupus subsp. familiaris`, `Escherichia coli str. K-12 & MG1655`. Genus, species and the
name after `subsp.` or `var.` are set in italics, each such run of adjacent italic words in one `\\textit{...}`; the
ranks (`subsp.`, `var.`, `str.`, `sp.`) and all that follows `str.` or `sp.` stay upright, and a name of one word is
all italic. The genus is capitalised and the other italic words are in lower case. With `short` the genus becomes its
first letter and a dot, followed by `~` instead of a blank, unless the name has one word or its second word is `sp.`.
The characters & % $ # _ { } are escaped with a backslash. Words are joined by single blanks.
"""

import random

RANKS = ("subsp.", "var.", "str.", "sp.")


def random_name() -> str:
    """A name in careless spelling."""
    genus = random.choice(["Homo", "escherichia", "CANIS", "Bacillus", "arabidopsis"])
    species = random.choice(["sapiens", "Coli", "lupus", "", "sp. nov_3", "sp. 100%"])
    rest = random.choice(
        ["", "", "subsp. Familiaris", "var. alba", "str. K-12 & {MG1655}", f"str. {random.randint(1, 99)}"]
    )
    return (" " * random.randint(1, 3)).join([genus, species, rest if species else ""]).strip()


# solution
def format_species(name: str, short: bool) -> str:
    words = name.split()
    abbreviated = short and len(words) > 1 and words[1] != "sp."
    text, in_italics, upright = "", False, False
    for number, word in enumerate(words):
        rank = number > 0 and word in RANKS
        upright = upright or (rank and word in ("str.", "sp."))
        italic = not rank and not upright
        if italic:
            word = word.lower() if number else word.capitalize()
        if number == 0 and abbreviated:
            word = word[0] + "."
        text += "}" if in_italics and not italic else ""
        text += "" if number == 0 else "~" if number == 1 and abbreviated else " "
        text += "\\textit{" if italic and not in_italics else ""
        text += "".join("\\" + letter if letter in "&%$#_{}" else letter for letter in word)
        in_italics = italic
    return text + ("}" if in_italics else "")


# end of solution


def main() -> None:
    random.seed(55)
    for _ in range(14):
        name = random_name()
        print(format_species(name, False), "|", format_species(name, True))
    print(format_species("Escherichia coli str. K-12 & MG1655", random.random() < 0.5))


if __name__ == "__main__":
    main()

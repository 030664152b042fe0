# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that turns sample names into short names that a strict text format can hold.

For each name in turn: replace every run of characters other than letters A-Z, a-z and digits by one underscore; remove
underscores from both ends; put an `s` in front if the text is empty or begins with a digit; and keep only the first
`width` characters. If that short name was already given to a name before, add a tilde and a number to the text and keep
no more characters of the text than make the whole `width` characters long: the number is the smallest from 2 on whose
short name was not given yet. Return the short names in the order of `names`. `width` is at least 4.
"""

import random
import re


# solution
def short_names(names: list[str], width: int) -> list[str]:
    given: list[str] = []
    for name in names:
        text = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
        if not text or text[0].isdigit():
            text = "s" + text
        short = text[:width]
        for number in range(2, len(names) + 2):
            if short not in given:
                break
            end = f"~{number}"
            short = text[: width - len(end)] + end
        given.append(short)
    return given


# end of solution


def main() -> None:
    random.seed(94)
    stems = ["Patient", "1st control", "(tumour)", "wild-type / mouse", "--", "réplica", "Patient_"]
    for count, width in ((3, 12), (8, 6), (14, 5), (20, 9)):
        names = [random.choice(stems) + random.choice(["", " 1", "+", "-2"]) for _ in range(count)]
        print(short_names(names, width))


if __name__ == "__main__":
    main()

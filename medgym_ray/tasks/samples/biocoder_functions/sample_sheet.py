# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that reads which sample has which barcode from the sample sheet of a sequencer.

`sheet` is the text of a CSV file without quotes. A line that begins with a name in brackets, such as `[Header]` or
`[Data],,,`, begins a section; only the section `Data` matters, in whatever case its name is written. The first line
of that section holds the column names, among them `Sample_ID` and `index` and possibly `Lane` and `index2`, in any
order; every other line is a sample. Lines that are blank or hold nothing but commas are passed over. Return a dict of
lane (as int; 1 for all samples if there is no column `Lane`) to the list of (sample, barcode), sorted, with the lanes
in ascending order. The barcode is the index in upper case, followed by `+` and index2 in upper case where that is not
empty. Raise ValueError if two samples in a lane have the same barcode.
"""

import random


def random_sheet(samples: int, lanes: bool, dual: bool) -> str:
    """A small sample sheet; few different barcodes, so that some collide."""
    columns = ["Sample_ID", "index", "Project"] + ["Lane"] * lanes + ["index2"] * dual
    random.shuffle(columns)
    lines = ["[Header]", f"Date,{random.randint(1, 28)}.3.", ",,", random.choice(["[Data],,", "[data]", "[DATA],"])]
    lines.append(",".join(columns))
    for number in random.sample(range(100), samples):
        values = {"Sample_ID": f"S{number}", "Project": "P", "Lane": str(random.randint(1, 3))}
        values["index"] = "".join(random.choices("ACGTa", k=3))
        values["index2"] = random.choice(["", "", "GTT", "ccA"])
        lines += [",".join(values[column] for column in columns), *random.choice([[], [], ["," * len(columns)]])]
    return "\n".join([*lines, "[Settings]", "Adapter,ACGT", ""])


# solution
def read_sample_sheet(sheet: str) -> dict[int, list[tuple[str, str]]]:
    section = ""
    columns: list[str] = []
    lanes: dict[int, list[tuple[str, str]]] = {}
    for line in sheet.splitlines():
        if line.startswith("["):
            section = line[1 : line.index("]")].lower()
        elif section != "data" or not line.strip(", "):
            continue
        elif not columns:
            columns = line.split(",")
        else:
            row = dict(zip(columns, line.split(","), strict=False))
            parts = [row["index"], row.get("index2", "")]
            barcode = "+".join(part.upper() for part in parts if part)
            samples = lanes.setdefault(int(row.get("Lane", 1)), [])
            if any(known == barcode for _, known in samples):
                raise ValueError(f"barcode {barcode} is used twice")
            samples.append((row["Sample_ID"], barcode))
    return {lane: sorted(samples) for lane, samples in sorted(lanes.items())}


# end of solution


def main() -> None:
    random.seed(65)
    for samples, lanes, dual in (
        (1, False, False),
        (6, True, True),
        (9, True, False),
        (12, False, True),
        (40, True, True),
    ):
        try:
            print(read_sample_sheet(random_sheet(samples, lanes, dual)))
        except ValueError:
            print("ValueError", samples)


if __name__ == "__main__":
    main()

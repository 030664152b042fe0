# ruff: noqa: T201 - a program of the sample prints its results
"""Write a method that builds the index of a FASTA file, as `samtools faidx` does.

`self.path` names a FASTA file: header lines begin with `>` and are followed by the lines of the sequence; all lines
end with a line feed. For every record return (name, length, offset, line bases, line width) in the order of the file:
name is the first word of the header, length the number of bases, offset the byte position of the first base in the
file, line bases the bases of the first sequence line and line width its bytes with the line feed. All lines of a
record but the last must be equally long, and no line but the last of the file may be blank: raise ValueError
otherwise. For a record without sequence length, line bases and line width are 0, and the offset is where the sequence
would begin.
"""

import random
from pathlib import Path

Entry = tuple[str, int, int, int, int]


class FastaFile:
    """A FASTA file on disk."""

    def __init__(self, path: str) -> None:
        self.path = path

    # solution
    def build_index(self) -> list[Entry]:
        entries: list[Entry] = []
        offset, ended = 0, False
        for line in Path(self.path).read_bytes().splitlines(keepends=True):
            offset += len(line)
            text = line.decode().rstrip("\n")
            if text.startswith(">"):
                entries.append((text[1:].split()[0], 0, offset, 0, 0))
                ended = False
                continue
            name, length, start, bases, width = entries[-1]
            if ended:
                raise ValueError(f"{name}: lines differ in length")
            bases, width = bases or len(text), width or len(line)
            if len(text) > bases:
                raise ValueError(f"{name}: lines differ in length")
            ended = len(text) < bases or not text
            entries[-1] = (
                name,
                length + len(text),
                start,
                bases if text or length else 0,
                width if text or length else 0,
            )
        return entries

    # end of solution


def main() -> None:
    random.seed(49)
    path = Path("genome.fa")
    for records in (1, 3, 6):
        text = ""
        for number in range(records):
            text += f">contig_{number} len={random.randint(1, 9)}\n"
            sequence = "".join(random.choices("ACGTN", k=random.randint(0, 200)))
            width = random.choice([10, 60, 70])
            text += "".join(sequence[at : at + width] + "\n" for at in range(0, len(sequence), width))
        path.write_text(text)
        print(FastaFile(str(path)).build_index())
    path.write_text(">a\nACGT\nAC\nACGT\n")
    try:
        FastaFile(str(path)).build_index()
    except ValueError:
        print("ValueError", random.randint(0, 10**6))


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that reads a FASTQ file and keeps the records of good quality.

`path` names a FASTQ file of four lines per record: a header that begins with `@`, the sequence, a line that begins
with `+`, and the quality string (Phred+33: the score of a character is its code minus 33). First trim each record at
its 3' end: remove bases from the end as long as their score is below `min_quality`. Keep the record if at least
`min_length` bases are left and the mean score of these is at least `min_mean`. The file may end with blank lines.
Raise ValueError for a record whose sequence and quality differ in length. Return the list of (name, trimmed sequence)
in file order; the name is the header's first word without the `@`.
"""

import random
from pathlib import Path


def write_reads(path: Path, count: int) -> None:
    """Writes a file of random reads whose quality falls towards the end."""
    with path.open("w") as out:
        for number in range(count):
            length = random.randint(8, 30)
            sequence = "".join(random.choices("ACGT", k=length))
            start = random.randint(15, 40)
            scores = [max(2, min(40, start - at + random.randint(-6, 6))) for at in range(length)]
            quality = "".join(chr(33 + score) for score in scores)
            out.write(f"@read{number}/1 lane={number % 4}\n{sequence}\n+\n{quality}\n")
        out.write("\n")


# solution
def filter_fastq(path: str, min_quality: int, min_length: int, min_mean: float) -> list[tuple[str, str]]:
    lines = Path(path).read_text().rstrip().split("\n")
    kept = []
    for at in range(0, len(lines) - 3, 4):
        header, sequence, quality = lines[at], lines[at + 1].strip(), lines[at + 3].strip()
        if len(sequence) != len(quality):
            raise ValueError(f"{header}: sequence and quality differ in length")
        scores = [ord(character) - 33 for character in quality]
        while scores and scores[-1] < min_quality:
            scores.pop()
        if len(scores) >= min_length and scores and sum(scores) / len(scores) >= min_mean:
            kept.append((header[1:].split()[0], sequence[: len(scores)]))
    return kept


# end of solution


def main() -> None:
    random.seed(14)
    path = Path("reads.fastq")
    write_reads(path, 25)
    for name, sequence in filter_fastq(str(path), 15, 6, 24.0):
        print(name, sequence)
    path.write_text("@bad\nACGT\n+\nIII\n")
    try:
        filter_fastq(str(path), 1, 1, 1.0)
    except ValueError:
        print("ValueError", random.randint(0, 10**6))


if __name__ == "__main__":
    main()

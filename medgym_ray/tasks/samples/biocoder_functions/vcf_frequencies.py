# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes the allele frequency of each variant from the genotypes of a VCF text.

`vcf` is the text of a VCF file: lines that begin with `#` are passed over, other lines are separated by tabs. The
columns are CHROM, POS, ID, REF, ALT, QUAL, FILTER, INFO, FORMAT and then one per sample. ALT may name several alleles
separated by commas. FORMAT names the fields of the samples, separated by colons; the genotype is the one called GT,
and is not always the first. A genotype is one or two allele numbers separated by `/` or `|` (0 is REF, 1 the first
ALT allele, ...), and `.` is a missing allele, which does not count. Leave out variants whose FILTER is neither `PASS`
nor `.`. Return a list of (chrom, pos, alt, frequency), one entry per ALT allele in the file's order, where the
frequency is the allele's share of all alleles that are not missing, and None if all are.
"""

import random

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


def random_vcf(variants: int, samples: int) -> str:
    """A small VCF with multi-allelic sites, missing genotypes, haploid calls and filtered sites."""
    lines = [HEADER + "\t".join(f"S{number}" for number in range(samples))]
    position = 1000
    for _ in range(variants):
        position += random.randint(1, 500)
        ref, *alts = random.sample("ACGT", random.choice([2, 2, 2, 3]))
        order = random.choice(["GT:DP", "DP:GT", "GT"])
        calls = []
        missing = random.choice([0.05, 0.05, 0.2, 1.0])
        for _ in range(samples):
            alleles = ["." if random.random() < missing else str(random.randint(0, len(alts))) for _ in range(2)]
            genotype = random.choice("/|").join(alleles[: random.choice([1, 2, 2, 2])])
            calls.append(":".join({"GT": genotype, "DP": str(random.randint(1, 60))}[key] for key in order.split(":")))
        passed = random.choice(["PASS", "PASS", ".", "q10"])
        fields = [f"chr{random.randint(1, 3)}", str(position), ".", ref, ",".join(alts), "50", passed, ".", order]
        lines.append("\t".join(fields + calls))
    return "\n".join(lines) + "\n"


# solution
def allele_frequencies(vcf: str) -> list[tuple[str, int, str, float | None]]:
    frequencies: list[tuple[str, int, str, float | None]] = []
    for line in vcf.splitlines():
        if not line or line.startswith("#"):
            continue
        chrom, pos, _, _, alts, _, passed, _, keys, *samples = line.split("\t")
        if passed not in ("PASS", "."):
            continue
        column = keys.split(":").index("GT")
        alleles = [
            allele
            for sample in samples
            for allele in sample.split(":")[column].replace("|", "/").split("/")
            if allele != "."
        ]
        for number, alt in enumerate(alts.split(","), start=1):
            share = alleles.count(str(number)) / len(alleles) if alleles else None
            frequencies.append((chrom, int(pos), alt, share))
    return frequencies


# end of solution


def main() -> None:
    random.seed(18)
    for chrom, pos, alt, frequency in allele_frequencies(random_vcf(14, 9)):
        print(chrom, pos, alt, "missing" if frequency is None else f"{frequency:.6f}")


if __name__ == "__main__":
    main()

# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that estimates the melting temperature of a DNA primer in degrees Celsius.

For a sequence shorter than 14 bases use the Wallace rule, 2 (A + T) + 4 (G + C). For a longer one use the nearest
neighbours: dH and dS are the sums of the entries of NEIGHBOURS (enthalpy in kcal/mol, entropy in cal/(mol K)) over
all pairs of adjacent bases; a pair that is not in the table stands there as its reverse complement. Add -5.7 to dS
for initiation, then Tm = 1000 dH / (dS + R ln(C / 4)) - 273.15 + 16.6 log10(Na) with R = 1.987, the strand
concentration C = `strands` and the sodium concentration Na = `sodium`, both in mol/l. The sequence is in upper case
and holds only A, C, G and T.
"""

import math
import random

NEIGHBOURS = {
    "AA": (-7.6, -21.3), "AT": (-7.2, -20.4), "TA": (-7.2, -21.3), "CA": (-8.5, -22.7), "GT": (-8.4, -22.4),
    "CT": (-7.8, -21.0), "GA": (-8.2, -22.2), "CG": (-10.6, -27.2), "GC": (-9.8, -24.4), "GG": (-8.0, -19.9),
}  # fmt: skip


# solution
def melting_temperature(primer: str, strands: float, sodium: float) -> float:
    if len(primer) < 14:
        return 2.0 * len(primer) + 2.0 * (primer.count("G") + primer.count("C"))
    enthalpy, entropy = 0.0, -5.7
    for at in range(len(primer) - 1):
        pair = primer[at : at + 2]
        if pair not in NEIGHBOURS:
            pair = pair.translate(str.maketrans("ACGT", "TGCA"))[::-1]
        enthalpy += NEIGHBOURS[pair][0]
        entropy += NEIGHBOURS[pair][1]
    kelvin = 1000 * enthalpy / (entropy + 1.987 * math.log(strands / 4))
    return kelvin - 273.15 + 16.6 * math.log10(sodium)


# end of solution


def main() -> None:
    random.seed(43)
    for length in (6, 13, 14, 20, 25, 32):
        primer = "".join(random.choices("ACGT", k=length))
        print(primer, f"{melting_temperature(primer, random.choice([5e-8, 2e-7]), random.uniform(0.02, 0.2)):.5f}")


if __name__ == "__main__":
    main()

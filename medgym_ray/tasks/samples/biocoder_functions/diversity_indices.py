# ruff: noqa: T201 - a program of the sample prints its results
"""Write a function that computes diversity indices of the counts of species in a sample.

`counts` is a list of non-negative integers, one per species; species with count 0 do not occur. With p the shares of
the species that occur and S their number, return a dict with "richness" (S), "shannon" (the entropy -sum p ln p),
"simpson" (1 - sum p^2), "evenness" (shannon / ln S, or 0.0 if S is 1), and "chao1": S + F1 (F1 - 1) / (2 (F2 + 1)),
where F1 and F2 are the numbers of species with count 1 and 2, and "hill2": 1 / sum p^2. If no species occurs every
value is 0.
"""

import math
import random


# solution
def diversity(counts: list[int]) -> dict[str, float]:
    present = [count for count in counts if count > 0]
    if not present:
        return dict.fromkeys(("richness", "shannon", "simpson", "evenness", "chao1", "hill2"), 0)
    shares = [count / sum(present) for count in present]
    shannon = -sum(share * math.log(share) for share in shares)
    squares = sum(share * share for share in shares)
    once, twice = present.count(1), present.count(2)
    return {
        "richness": len(present),
        "shannon": shannon if len(present) > 1 else 0.0,
        "simpson": 1 - squares,
        "evenness": shannon / math.log(len(present)) if len(present) > 1 else 0.0,
        "chao1": len(present) + once * (once - 1) / (2 * (twice + 1)),
        "hill2": 1 / squares,
    }


# end of solution


def main() -> None:
    random.seed(53)
    for species in (2, 5, 12, 40):
        counts = [int(random.expovariate(0.15)) for _ in range(species)] + [random.randint(1, 4)]
        print(sorted((name, round(value, 6)) for name, value in diversity(counts).items()))
    print(sorted(diversity([0, random.randint(1, 9)]).items()), sorted(diversity([0, 0]).items()))


if __name__ == "__main__":
    main()

"""The exact power of each test, and the smallest size that reaches a power.

One method per test, for every record of it: the t tests by the non-central t (two groups: equal sizes, pooled
standard deviation), ANOVA by the non-central F with Cohen's f, chi-square by the non-central chi-square with Cohen's w
and groups of equal size, Cox by the normal approximation in the number of expected failures (Freedman or Schoenfeld).
"""

import math

from medgym_ray.tasks.npowerai.problem import Problem

_LARGEST = 2**40


def solve(problem: Problem) -> float:
    """The answer: the power, or the smallest whole size whose power is at least the one given."""
    if problem.target == "power":
        return power(problem, int(problem.given))
    return _smallest_size(problem)


def power(problem: Problem, n: int) -> float:
    """The power at size n."""
    match problem.test:
        case "anova":
            return _anova_power(problem, n)
        case "chi_square":
            return _chi_square_power(problem, n)
        case "cox":
            return _cox_power(problem, n)
        case _:
            return _t_power(problem, n)


def _smallest_size(problem: Problem) -> int:
    low, high = (0 if problem.test in {"chi_square", "cox"} else 1), 2
    while power(problem, high) < problem.given:
        low, high = high, 2 * high
        if high > _LARGEST:
            raise ValueError("no size reaches the power")
    while high - low > 1:
        middle = (low + high) // 2
        if power(problem, middle) < problem.given:
            low = middle
        else:
            high = middle
    return high


def _t_power(problem: Problem, n: int) -> float:
    from scipy import stats

    effect = problem.effect
    if problem.test == "two_sample_t":
        spread = math.sqrt((effect["sd_1"] ** 2 + effect["sd_2"] ** 2) / 2)
        shift, freedom = abs(effect["difference"]) / spread * math.sqrt(n / 2), 2 * n - 2
    else:
        difference = effect["difference"] if problem.test == "paired_t" else effect["mean"] - effect["null_mean"]
        shift, freedom = abs(difference) / effect["sd"] * math.sqrt(n), n - 1
    critical = stats.t.isf(problem.alpha / problem.sides, freedom)
    reached = stats.nct.sf(critical, freedom, shift)
    if problem.sides == 2:
        wrong_side = stats.nct.sf(critical, freedom, -shift)  # nan where it is too small for scipy
        reached += wrong_side if math.isfinite(wrong_side) else 0.0
    return float(reached)


def _anova_power(problem: Problem, n: int) -> float:
    from scipy import stats

    means, sd = problem.effect["means"], problem.effect["sd"]
    groups = len(means)
    centre = math.fsum(means) / groups
    f_squared = math.fsum((mean - centre) ** 2 for mean in means) / (groups - problem.effect["means_ddof"]) / sd**2
    between, within = groups - 1, groups * (n - 1)
    critical = stats.f.isf(problem.alpha, between, within)
    return float(stats.ncf.sf(critical, between, within, groups * n * f_squared))


def _chi_square_power(problem: Problem, n: int) -> float:
    from scipy import stats

    rows = problem.effect["proportions"]
    freedom = (len(rows) - 1) * (len(rows[0]) - 1)
    critical = stats.chi2.isf(problem.alpha, freedom)
    return float(stats.ncx2.sf(critical, freedom, n * _w_squared(rows)))


def _w_squared(rows: list[list[float]]) -> float:
    total = math.fsum(map(math.fsum, rows))
    row_shares = [math.fsum(row) / total for row in rows]
    column_shares = [math.fsum(column) / total for column in zip(*rows, strict=True)]
    return math.fsum(
        (cell / total - share * column) ** 2 / (share * column)
        for row, share in zip(rows, row_shares, strict=True)
        for cell, column in zip(row, column_shares, strict=True)
    )


def _cox_power(problem: Problem, n: int) -> float:
    from scipy import stats

    effect = problem.effect
    ratio = effect["hazard_ratio"]
    failures = n * (effect["failure_1"] + effect["failure_2"])
    shift = abs(ratio - 1) / (ratio + 1) if effect["formula"] == "freedman" else abs(math.log(ratio)) / 2
    return float(stats.norm.cdf(math.sqrt(failures) * shift - stats.norm.isf(problem.alpha / problem.sides)))

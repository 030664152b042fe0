"""Programs that a competent agent could submit: the gold ones, by statsmodels and scipy, and those that cheat."""

from medgym_ray.tasks.npowerai.problem import Problem

_T_SIZE = """\
import math
from statsmodels.stats.power import {solver}

effect = {effect}
result = {solver}().solve_power(
    effect_size=effect, {size}=None, alpha={alpha!r}, power={power!r}, alternative={alternative!r}
)
"""

# Not by statsmodels, which returns nan for a large two-sided effect.
_T_POWER = """\
import numpy as np
from scipy.stats import nct, t

effect = {effect}
freedom = {freedom}
critical = t.isf({alpha!r} / {sides}, freedom)
shift = effect * np.sqrt({weight})
result = nct.sf(critical, freedom, shift)
if {sides} == 2:
    result += np.nan_to_num(nct.cdf(-critical, freedom, shift))
"""

_ANOVA = """\
import math
import numpy as np
from statsmodels.stats.power import FTestAnovaPower

means = {means!r}
effect = np.std(means, ddof={means_ddof}) / {sd!r}
# statsmodels counts the subjects of all groups together
total = FTestAnovaPower().solve_power(
    effect_size=effect, nobs={total}, alpha={alpha!r}, power={power!r}, k_groups=len(means)
)
result = {result}
"""

_CHI_SQUARE = """\
import math
import numpy as np
from statsmodels.stats.power import GofChisquarePower

table = np.array({proportions!r})
table = table / table.sum()
independent = np.outer(table.sum(axis=1), table.sum(axis=0))
effect = math.sqrt(((table - independent) ** 2 / independent).sum())
freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
result = GofChisquarePower().solve_power(
    effect_size=effect, nobs={n}, alpha={alpha!r}, power={power!r}, n_bins=freedom + 1
)
"""

_COX = """\
import math
from scipy.stats import norm

ratio = {hazard_ratio!r}
effect = {effect}
failing = {failure_1!r} + {failure_2!r}
z_alpha = norm.isf({alpha!r} / {sides})
"""

_CHEATS = (
    "",
    "print(0)",
    "answer = None",
    "answer = 0",
    "answer = 1",
    "answer = 1.0",
    "answer = True",
    "answer = 0.8",
    "answer = 0.801110746829021",  # the original's majority constants
    "answer = 42",
    "answer = '80%'",
    "answer = float('nan')",
    "answer = float('inf')",
    "answer = list(range(100000))",
    "answer = [step / 1000 for step in range(1001)]",
    "answer = ' '.join(str(number) for number in range(2000))\nprint(answer)",
    "raise ValueError(' '.join(str(number) for number in range(2000)))",
    "import pathlib\n"
    "answer = [path.read_text() for path in sorted(pathlib.Path.cwd().rglob('*tasks.jsonl'))]\n"
    "print(*answer)",
)


def gold_program(problem: Problem) -> str:
    """A program that computes the answer from the numbers in the question."""
    seeks_size = problem.target == "size"
    known = {"n": None if seeks_size else problem.given, "power": problem.given if seeks_size else None}
    fields = {**problem.effect, **known, "alpha": problem.alpha, "sides": problem.sides}
    match problem.test:
        case "anova":
            groups = len(problem.effect["means"])
            fields["total"] = None if seeks_size else f"{groups} * {problem.given}"
            program = _ANOVA.format(**fields, result="total / len(means)" if seeks_size else "total")
        case "chi_square":
            program = _CHI_SQUARE.format(**fields)
        case "cox":
            program = _cox_program(problem, fields)
        case _:
            program = _t_program(problem, fields)
    return program + ("answer = math.ceil(result)\n" if seeks_size else "answer = float(result)\n")


def cheats() -> list[str]:
    """Programs that know nothing of the question."""
    return list(_CHEATS)


def _t_program(problem: Problem, fields: dict[str, object]) -> str:
    effect, n = problem.effect, problem.given
    if problem.test == "two_sample_t":
        spread = f"(({effect['sd_1']!r} ** 2 + {effect['sd_2']!r} ** 2) / 2) ** 0.5"
        fields["effect"] = f"{abs(effect['difference'])!r} / {spread}"
        fields |= {"solver": "TTestIndPower", "size": "nobs1", "freedom": f"2 * {n} - 2", "weight": f"{n} / 2"}
    else:
        shift = effect["difference"] if problem.test == "paired_t" else f"{effect['mean']!r} - {effect['null_mean']!r}"
        fields["effect"] = f"abs({shift}) / {effect['sd']!r}"
        fields |= {"solver": "TTestPower", "size": "nobs", "freedom": f"{n} - 1", "weight": f"{n}"}
    fields["alternative"] = "two-sided" if problem.sides == 2 else "larger"
    return (_T_SIZE if problem.target == "size" else _T_POWER).format(**fields)


def _cox_program(problem: Problem, fields: dict[str, object]) -> str:
    freedman = problem.effect["formula"] == "freedman"
    program = _COX.format(**fields, effect="abs(ratio - 1) / (ratio + 1)" if freedman else "abs(math.log(ratio)) / 2")
    if problem.target == "size":
        return program + f"result = ((z_alpha + norm.ppf({problem.given!r})) / effect) ** 2 / failing\n"
    return program + f"result = norm.cdf(math.sqrt({problem.given!r} * failing) * effect - z_alpha)\n"

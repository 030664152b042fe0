"""Programs that a competent agent could submit, by statsmodels and scipy: the gold ones, and the check of a result.

Each computes `result` from what is known, `n` or `power`; a result is checked by solving the problem backwards.
"""

import textwrap
from dataclasses import replace

from medgym_ray.tasks.npowerai.problem import Problem

_T_SIZE_IMPORTS = "from statsmodels.stats.power import {solver}\n"
_T_SIZE = """\
effect = {effect}
result = {solver}().solve_power(
    effect_size=effect, {size}=None, alpha={alpha!r}, power=power, alternative={alternative!r}
)
"""

# Not by statsmodels, which returns nan for a large two-sided effect.
_T_POWER_IMPORTS = "import numpy as np\nfrom scipy.stats import nct, t\n"
_T_POWER = """\
effect = {effect}
freedom = {freedom}
critical = t.isf({alpha!r} / {sides}, freedom)
shift = effect * np.sqrt({weight})
result = nct.sf(critical, freedom, shift)
if {sides} == 2:
    result += np.nan_to_num(nct.cdf(-critical, freedom, shift))
"""

_ANOVA_IMPORTS = "import numpy as np\nfrom statsmodels.stats.power import FTestAnovaPower\n"
_ANOVA = """\
means = {means!r}
effect = np.std(means, ddof={means_ddof}) / {sd!r}
# statsmodels counts the subjects of all groups together
result = FTestAnovaPower().solve_power(
    effect_size=effect, nobs={total}, alpha={alpha!r}, power={power}, k_groups=len(means)
){per_group}
"""

_CHI_SQUARE_IMPORTS = "import numpy as np\nfrom statsmodels.stats.power import GofChisquarePower\n"
_CHI_SQUARE = """\
table = np.array({proportions!r})
table = table / table.sum()
independent = np.outer(table.sum(axis=1), table.sum(axis=0))
effect = np.sqrt(((table - independent) ** 2 / independent).sum())
freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
result = GofChisquarePower().solve_power(
    effect_size=effect, nobs={n}, alpha={alpha!r}, power={power}, n_bins=freedom + 1
)
"""

_COX_IMPORTS = "import math\nfrom scipy.stats import norm\n"
_COX = """\
ratio = {hazard_ratio!r}
effect = {effect}
failing = {failure_1!r} + {failure_2!r}
z_alpha = norm.isf({alpha!r} / {sides})
result = {solved}
"""


def gold_program(problem: Problem) -> str:
    """A program that computes the answer from the numbers in the question."""
    imports, body = _parts(problem)
    if problem.target == "power":
        return f"{imports}\nn = {problem.given!r}\n{body}answer = float(result)\n"
    imports = imports if imports.startswith("import math\n") else f"import math\n{imports}"
    return f"{imports}\npower = {problem.given!r}\n{body}answer = math.ceil(result)\n"


def checked_program(problem: Problem) -> str:
    """The gold program, what it found, and the way back.

    From a size to its power and to that of one less; from a power to its size.
    """
    program = f"{gold_program(problem)}print(result, answer)\n\n"
    imports, body = _parts(replace(problem, target="power" if problem.target == "size" else "size"))
    program += "" if imports == _parts(problem)[0] else f"{imports}\n"
    if problem.target == "power":
        return f"{program}power = answer\n{body}print(f'{{n}} was given, the power asks for {{result}}')\n"
    body = textwrap.indent(body, "    ")
    return f"{program}for n in (answer - 1, answer):\n{body}    print(f'{{n}} reaches a power of {{result}}')\n"


def _parts(problem: Problem) -> tuple[str, str]:
    """Imports, and the body that computes `result` from `n` or `power`."""
    seeks_size = problem.target == "size"
    fields = {**problem.effect, "alpha": problem.alpha, "sides": problem.sides}
    unknown = {"n": None, "power": "power"} if seeks_size else {"n": "n", "power": None}
    match problem.test:
        case "anova":
            total, per_group = (None, " / len(means)") if seeks_size else ("n * len(means)", "")
            return _ANOVA_IMPORTS, _ANOVA.format(**fields, **unknown, total=total, per_group=per_group)
        case "chi_square":
            return _CHI_SQUARE_IMPORTS, _CHI_SQUARE.format(**fields, **unknown)
        case "cox":
            return _COX_IMPORTS, _cox_body(problem, fields)
        case _:
            return _t_parts(problem, fields)


def _t_parts(problem: Problem, fields: dict[str, object]) -> tuple[str, str]:
    effect = problem.effect
    if problem.test == "two_sample_t":
        spread = f"(({effect['sd_1']!r} ** 2 + {effect['sd_2']!r} ** 2) / 2) ** 0.5"
        fields["effect"] = f"{abs(effect['difference'])!r} / {spread}"
        fields |= {"solver": "TTestIndPower", "size": "nobs1", "freedom": "2 * n - 2", "weight": "n / 2"}
    else:
        shift = effect["difference"] if problem.test == "paired_t" else f"{effect['mean']!r} - {effect['null_mean']!r}"
        fields["effect"] = f"abs({shift}) / {effect['sd']!r}"
        fields |= {"solver": "TTestPower", "size": "nobs", "freedom": "n - 1", "weight": "n"}
    fields["alternative"] = "two-sided" if problem.sides == 2 else "larger"
    if problem.target == "size":
        return _T_SIZE_IMPORTS.format(**fields), _T_SIZE.format(**fields)
    return _T_POWER_IMPORTS, _T_POWER.format(**fields)


def _cox_body(problem: Problem, fields: dict[str, object]) -> str:
    freedman = problem.effect["formula"] == "freedman"
    return _COX.format(
        **fields,
        effect="abs(ratio - 1) / (ratio + 1)" if freedman else "abs(math.log(ratio)) / 2",
        solved="((z_alpha + norm.ppf(power)) / effect) ** 2 / failing"
        if problem.target == "size"
        else "norm.cdf(math.sqrt(n * failing) * effect - z_alpha)",
    )

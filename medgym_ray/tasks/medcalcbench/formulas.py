"""Which function computes which calculator, and which entities of a record are its arguments."""

from collections.abc import Mapping
from typing import Final

from medgym_ray.tasks.medcalcbench.binding import Formula
from medgym_ray.tasks.medcalcbench.equations import DATES, EQUATIONS
from medgym_ray.tasks.medcalcbench.risks import RISKS
from medgym_ray.tasks.medcalcbench.scores import SCORES

FORMULAS: Final[Mapping[int, Formula]] = {**EQUATIONS, **DATES, **SCORES, **RISKS}
"""By calculator number."""

"""Programs that compute a task's answer from the facts in its note, where one of ours does so rightly."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from medgym_ray.tasks.medcalcbench.catalogue import Calculator
from medgym_ray.tasks.medcalcbench.entities import EntityError, parse
from medgym_ray.tasks.medcalcbench.formulas import FORMULAS
from medgym_ray.tasks.medcalcbench.scoring import Reason, judge

_DATES = """\
from datetime import datetime

days = (datetime.strptime(answer, "%m/%d/%Y") - datetime.strptime(facts["last_period"], "%m/%d/%Y")).days
print(days, "days after the last period, in a cycle of", facts["cycle_days"])
"""
_BACKWARDS: Mapping[int, str] = {
    13: _DATES,
    68: _DATES,
    69: """\
from datetime import datetime, timedelta

weeks, days = answer
first = datetime.strptime(facts["last_period"], "%m/%d/%Y")
print((first + timedelta(weeks=weeks, days=days)).strftime("%m/%d/%Y"), "is to be", facts["current_date"])
""",
}
"""By calculator: the way from the answer back to the facts."""


def program(calculator: Calculator, entities: str, gold: Mapping[str, Any]) -> str | None:
    """The source of the calculator's function and a call of it with the record's entities.

    None where there is no such function, an entity can't be read for certain, or the result is not the record's gold
    (some of the benchmark's own golds do not follow from the published formula).
    """
    formula = FORMULAS.get(calculator.number)
    if formula is None:
        return None
    try:
        arguments = formula.arguments(parse(entities))
        result = formula.function(**{name: argument.value for name, argument in arguments.items()})
    except (EntityError, ArithmeticError, LookupError, TypeError, ValueError):
        return None
    if judge(calculator, gold, result) is not Reason.CORRECT:
        return None
    lines = "".join(f'    "{name}": {argument.expression},\n' for name, argument in arguments.items())
    return f"{_source(formula.function)}\n\nfacts = {{\n{lines}}}\nanswer = {formula.function.__name__}(**facts)\n"


def with_check(calculator: Calculator, source: str) -> str:
    """A `program` that also prints facts and answer, and for dates the way back."""
    return f"{source}print(facts)\nprint(answer)\n{_BACKWARDS.get(calculator.number, '')}"


@functools.cache
def _source(function: Callable[..., Any]) -> str:
    return inspect.getsource(function)

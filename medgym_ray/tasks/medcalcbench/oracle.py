"""A program that computes a task's answer from the facts in its note, where one of ours does so rightly."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from medgym_ray.tasks.medcalcbench.catalogue import Calculator
from medgym_ray.tasks.medcalcbench.entities import EntityError, parse
from medgym_ray.tasks.medcalcbench.formulas import FORMULAS
from medgym_ray.tasks.medcalcbench.scoring import Reason, judge


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
    lines = "".join(f"    {name}={argument.expression},\n" for name, argument in arguments.items())
    return f"{_source(formula.function)}\n\nanswer = {formula.function.__name__}(\n{lines})\n"


@functools.cache
def _source(function: Callable[..., Any]) -> str:
    return inspect.getsource(function)

"""Builds the medcalcbench sample: our own notes and questions in the original's layout, gold by two routes.

The same seed writes the same bytes.
"""

import json
import random
import re
from collections import Counter
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from medgym_ray.tasks.medcalcbench.catalogue import BY_NUMBER, Calculator, Kind
from medgym_ray.tasks.medcalcbench.entities import UNITS, Conversion
from medgym_ray.tasks.medcalcbench.formulas import FORMULAS
from medgym_ray.tasks.samples.medcalcbench.cases import CASES
from medgym_ray.tasks.samples.medcalcbench.notes import draw
from medgym_ray.tasks.samples.medcalcbench.routes import EQUATIONS
from medgym_ray.tasks.samples.medcalcbench.tables import TABLES, points

TASKS_PER_CALCULATOR = 5
_SAME_SCORE_AT_MOST = 2
_PLACES = Decimal("0.001")
_ROUTES_AGREE = 5e-3
"""Relative; the routes convert units by constants of their own, which differ in the fourth figure."""
_SMALLEST = 0.05
"""Golds are given to three decimals, so smaller ones (zero apart) are not asked for."""
_CONVERSIONS_DIFFER = 4e-3
_MOVES_AT_MOST = 0.025
_MELD = 23
"""Rounded within, so that it has thresholds like a score."""
_TRIES = 3000
_PRINTED = re.compile(r"(?<![\w.,\-])[0-9][0-9,]*(?:\.[0-9]+)?(?![\w])")


def build(root: Path, seed: int) -> None:
    """Writes both splits and the methods under `root/medcalcbench`."""
    folder = root / "medcalcbench"
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    records: list[dict[str, Any]] = []
    for _ in ("test", "train"):
        for number in sorted(CASES):
            records += _records(rng, number)
    for row, record in enumerate(records, start=1):
        record["Row Number"] = row
    half = len(records) // 2
    _write(folder / "test_tasks.jsonl", records[:half])
    _write(folder / "train_tasks_all.jsonl", records[half:])
    _write(folder / "calculation_method.jsonl", [_method(number) for number in sorted(CASES)])


def _records(rng: random.Random, number: int) -> list[dict[str, Any]]:
    """The tasks of one calculator and split: no gold in its own prompt, no score more often than a few times."""
    made: list[dict[str, Any]] = []
    times: Counter[str] = Counter()
    for _ in range(_TRIES):
        record = _record(rng, BY_NUMBER[number])
        if record is None or times[record["Ground Truth Answer"]] == _SAME_SCORE_AT_MOST:
            continue
        times[record["Ground Truth Answer"]] += 1
        made.append(record)
        if len(made) == TASKS_PER_CALCULATOR:
            return made
    raise ValueError(f"{BY_NUMBER[number].name}: no {TASKS_PER_CALCULATOR} tasks in {_TRIES} tries")


def _record(rng: random.Random, calculator: Calculator) -> dict[str, Any] | None:
    """One record, or None where the draw has no use as a task."""
    entities, note, question = draw(rng, CASES[calculator.number])
    try:
        gold = FORMULAS[calculator.number].compute(entities)
        second = _second_route(calculator.number, entities)
        if calculator.kind in {Kind.INTEGER, Kind.DECIMAL} and _hangs_on_conversion(calculator, entities, gold):
            return None
    except ZeroDivisionError:  # a delta ratio at a normal bicarbonate
        return None
    _check(calculator, gold, second, entities)
    answer, lower, upper = _golds(calculator, gold)
    if _gives_away(calculator, f"{note}\n{question}", answer, lower, upper):
        return None
    return {
        "Row Number": 0,
        "Calculator ID": calculator.number,
        "Calculator Name": calculator.name,
        "Patient Note": note,
        "Question": question,
        "Relevant Entities": repr(entities),
        "Ground Truth Answer": answer,
        "Lower Limit": lower,
        "Upper Limit": upper,
    }


def _hangs_on_conversion(calculator: Calculator, entities: dict[str, Any], gold: Any) -> bool:
    """Whether the last figure of a unit's conversion, for which more than one constant is in use, moves the gold.

    A score may not move at all, an equation by less than half of its tolerance.
    """
    formula = FORMULAS[calculator.number]
    allowed = 0 if calculator.number in TABLES or calculator.number == _MELD else _MOVES_AT_MOST * abs(gold)
    for entity, stated in entities.items():
        if entity not in UNITS or UNITS[entity][stated[1]] == Conversion():
            continue
        for factor in (1 - _CONVERSIONS_DIFFER, 1 + _CONVERSIONS_DIFFER):
            moved = formula.compute({**entities, entity: [stated[0] * factor, stated[1]]})
            if abs(moved - gold) > allowed:
                return True
    return False


def _second_route(number: int, entities: dict[str, Any]) -> Any:
    return points(number, entities) if number in TABLES else EQUATIONS[number](entities)


def _check(calculator: Calculator, first: Any, second: Any, entities: dict[str, Any]) -> None:
    """Raises where the two routes to the gold disagree."""
    exact = calculator.number in TABLES or calculator.kind in {Kind.DATE, Kind.GESTATION}
    agree = first == second if exact else abs(first - second) <= _ROUTES_AGREE * max(_SMALLEST, abs(first))
    if not agree:
        raise ValueError(f"{calculator.name}: {first} by the calculator, {second} by the second route, {entities}")


def _golds(calculator: Calculator, gold: Any) -> tuple[str, str, str]:
    """Answer and limits as the original writes them: ±5 % for equations, the answer itself for the rest."""
    if calculator.kind is Kind.DATE:
        return (gold,) * 3
    if calculator.kind is Kind.GESTATION:
        return (str((f"{gold[0]} weeks", f"{gold[1]} days")),) * 3
    if calculator.kind is Kind.INTEGER:
        return (str(gold),) * 3
    answer = Decimal(repr(gold)).quantize(_PLACES).normalize()
    lower, upper = sorted((answer * Decimal("0.95"), answer * Decimal("1.05")))
    return f"{answer:f}", f"{lower:f}", f"{upper:f}"


def _gives_away(calculator: Calculator, prompt: str, answer: str, lower: str, upper: str) -> bool:
    """Whether copying something printed in the prompt would be right, or the gold is too small for its limits."""
    if calculator.kind is Kind.DATE:
        day = datetime.strptime(answer, "%m/%d/%Y")  # noqa: DTZ007
        return answer in prompt or f"{day:%B} {day.day}, {day.year}" in prompt
    if calculator.kind is Kind.GESTATION:
        return answer in prompt
    printed = [Decimal(token.replace(",", "")) for token in _PRINTED.findall(prompt)]
    if calculator.kind is Kind.INTEGER:
        return any(round(number) == int(answer) for number in printed)
    small = 0 < abs(Decimal(answer)) < Decimal(str(_SMALLEST))
    return small or any(Decimal(lower) <= number <= Decimal(upper) for number in printed)


def _method(number: int) -> dict[str, str]:
    """What the calculator's own docstring says: its first line, and all of it."""
    text = (FORMULAS[number].function.__doc__ or "").strip()
    return {
        "Calculator": BY_NUMBER[number].name,
        "Short Summary": text.split("\n", 1)[0],
        "Long Summary": " ".join(text.split()),
    }


def _write(path: Path, records: list[dict[str, Any]]) -> None:
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8", newline="\n")

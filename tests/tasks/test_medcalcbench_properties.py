"""The scorer against arbitrary answers."""

import asyncio
from decimal import Decimal
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.tasks.base import Submission, Task
from medgym_ray.tasks.medcalcbench import MedCalcBench
from medgym_ray.tasks.medcalcbench.catalogue import CALCULATORS, Calculator, Kind
from medgym_ray.tasks.medcalcbench.entities import UNITS
from medgym_ray.tasks.medcalcbench.scoring import Reason, judge, read_gestation, read_number

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6), inner, max_size=4)
        | st.fixed_dictionaries(
            {"$type": st.sampled_from(["float", "decimal", "date", "datetime", "set", "table"]), "value": inner}
        )
    ),
    max_leaves=12,
)
DECIMAL = next(calculator for calculator in CALCULATORS if calculator.kind is Kind.DECIMAL)
INTEGER = next(calculator for calculator in CALCULATORS if calculator.kind is Kind.INTEGER)
GOLDS: dict[Kind, dict[str, Any]] = {
    Kind.DATE: {"answer": "2007-01-09T00:00:00"},
    Kind.GESTATION: {"answer": [14, 1]},
    Kind.INTEGER: {"answer": "3"},
    Kind.DECIMAL: {"answer": "-6", "lower": "-6.3", "upper": "-5.7"},
}
FAMILY = MedCalcBench()
FIGURES = st.decimals(-10_000, 10_000, places=3, allow_nan=False, allow_infinity=False)


def task_for(calculator: Calculator) -> Task:
    inputs = {"row": 1, "calculator": calculator.number, "note": "", "question": ""}
    return Task("medcalcbench/1", "medcalcbench", calculator.slug, "test", inputs, GOLDS[calculator.kind], "")


@given(st.sampled_from(CALCULATORS), JSON, st.text(), st.text(), st.none() | st.text())
def test_no_answer_raises(calculator: Calculator, answer: Any, stdout: str, stderr: str, code: str | None) -> None:
    submission = Submission(answer, True, code, stdout, stderr)
    score = asyncio.run(FAMILY.score(task_for(calculator), submission, cast(Sandbox, None)))
    assert score.reward in {0.0, 1.0}
    assert score.reward_paper in {0.0, 1.0}
    assert score.success == (score.reward == 1.0) == (score.reason == "correct")


@given(FIGURES, FIGURES, FIGURES)
def test_inside_the_limits_and_only_there_is_right(answer: Decimal, first: Decimal, second: Decimal) -> None:
    lower, upper = sorted((first, second))
    gold = {"answer": str(lower), "lower": str(lower), "upper": str(upper)}
    for spelled in (str(answer), float(answer), {"$type": "decimal", "value": str(answer)}):
        assert (judge(DECIMAL, gold, spelled) is Reason.CORRECT) == (lower <= answer <= upper)


@given(st.integers(-50, 300), FIGURES)
def test_scores_are_right_exactly_where_they_round_to_the_gold(gold: int, answer: Decimal) -> None:
    right = judge(INTEGER, {"answer": str(gold)}, str(answer)) is Reason.CORRECT
    assert right == (round(answer) == gold)


@given(FIGURES, st.text(max_size=12))
def test_only_the_unit_that_was_asked_for_is_stripped(figure: Decimal, tail: str) -> None:
    read = read_number(f"{figure:f} {tail}", ("mg/dL",))
    assert read is None or (read == figure and tail.strip().casefold() in {"", "mg/dl", "mg/dl."})
    assert read_number(f"{figure:f} mg/dL", ("mg/dL",)) == figure


@given(st.integers(0, 45), st.integers(0, 6))
def test_weeks_and_days_survive_their_spellings(weeks: int, days: int) -> None:
    for spelled in ([weeks, days], f"({weeks}, {days})", str((f"{weeks} weeks", f"{days} days")), f"{weeks}w {days}d"):
        assert read_gestation(spelled) == (weeks, days)


@given(st.sampled_from(sorted(UNITS)), st.floats(0.1, 500), st.data())
def test_conversions_agree_with_what_a_program_says(entity: str, value: float, data: st.DataObject) -> None:
    conversion = UNITS[entity][data.draw(st.sampled_from(sorted(UNITS[entity])))]
    assert eval(conversion.expression(value)) == conversion.apply(value)
    assert abs(conversion.undo(conversion.apply(value)) - value) < 1e-9 * max(1.0, value)

"""The true verdict: a program's values are taken out as data, and its tests run on them where none of its code is.

A test that ran in the program's own process could be fooled: by objects that equal everything, or by a verdict forged
on the channel it is told on. Here the first cell gives data and no verdict, the second, in the emptied sandbox, holds
the tests and that data and no code of the agent's. Whatever the agent's code does to the first cell, it gains no more
than by assigning the values outright, and those it has to know.

What this cannot do: tests that call a method with arguments on an object that is no data (a fitted model) find none of
it, and the task is dropped when it is vetted; tests that hold for many values (`len(ids) == 20`) pay for any of these.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from medgym_ray.sandboxes.base import Cell, CellStatus, Limits, Sandbox
from medgym_ray.tasks.biodsbench.asserts import wanted

HISTORY = "history.py"
"""What runs before the program, in the agent's working directory as in the grader's."""
_PROGRAM = "submission.py"
_CARRIAGE = "carriage.py"
_CASES = "cases.json"
_LIMITS = Limits(cpu_s=40, wall_s=120, answer_bytes=32 * 1024 * 1024)
_READ = "import carriage\nanswer = carriage.read({programs!r}, {wanted!r})\n"
_JUDGE = f"import carriage\nanswer = carriage.judge({_CASES!r})\n"

Values = list[list[Any]]
"""[name, packed value] for each name that was there: see `carriage`."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Why a program gave no values: a reason for the score, and the last it said."""

    reason: str
    said: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """The error that a case's tests ended with."""

    kind: str
    text: str


async def values_of(program: str, history: str, tests: str, grader: Sandbox) -> Values | Unread:
    """Runs a program after its history in the emptied sandbox and takes out what the tests read."""
    try:
        files_in = {HISTORY: history.encode(), _PROGRAM: program.encode(), _CARRIAGE: _carriage()}
    except UnicodeEncodeError:
        return Unread("does_not_run", "the program is no valid text")
    await grader.reset()
    await grader.put(files_in)
    asked = wanted(tests)
    cell = Cell(_READ.format(programs=[HISTORY, _PROGRAM], wanted=asked), limits=_LIMITS)
    result = await grader.run(cell)
    if result.status is not CellStatus.OK:
        lines = result.stderr.strip().splitlines()
        return Unread("does_not_run", lines[-1][:300] if lines else result.status.value)
    if not result.has_answer or not _answers(result.answer, asked):
        return Unread("no_result", result.answer_error or "it ended before its values could be read")
    values: Values = result.answer
    return values


async def failures(cases: Sequence[tuple[str, Values]], grader: Sandbox) -> list[Failure | None]:
    """Runs each case's tests on its values in the emptied sandbox; None where they pass."""
    listed = [{"tests": tests, "values": values} for tests, values in cases]
    await grader.reset()
    await grader.put({_CARRIAGE: _carriage(), _CASES: json.dumps(listed).encode()})
    result = await grader.run(Cell(_JUDGE, limits=_LIMITS))
    if result.status is not CellStatus.OK or not isinstance(result.answer, list):
        # Values that exhaust the judge's limits: with one case, they are its program's.
        return [Failure(result.status.value, "the tests did not come to an end")] * len(cases)
    return [None if verdict is None else Failure(*verdict) for verdict in result.answer]


def _answers(answer: Any, asked: Mapping[str, Sequence[str]]) -> bool:
    """Whether this is what was asked for and no more: with other names or expressions it could change the tests."""
    if not isinstance(answer, list):
        return False
    left = dict(asked)
    for pair in answer:
        match pair:
            case [str(name), ["object", str(), str(), [*parts]]] if name in left:
                expressions = left.pop(name)
                if not all(isinstance(part, list) and len(part) == 2 and part[0] in expressions for part in parts):
                    return False
            case [str(name), value] if name in left and not (isinstance(value, list) and value[:1] == ["object"]):
                del left[name]
            case _:
                return False
    return True


def _carriage() -> bytes:
    return (files("medgym_ray.tasks.biodsbench") / _CARRIAGE).read_bytes()

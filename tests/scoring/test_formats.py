"""Formats: each honest spelling of a gold is equal to it once a cell has carried it, and each near miss is not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from medgym_ray.sandboxes.base import Cell, Sandbox
from medgym_ray.sandboxes.registry import make_factory
from medgym_ray.scoring import formats
from medgym_ray.scoring.canonical import equal
from tests.answers import carried

# What a record's text can hold: no halves of surrogate pairs, and no NUL, at which numpy ends a text.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
dates = st.datetimes().map(lambda when: when.isoformat(" ", "seconds")) | st.dates().map(str)
# pandas keeps nanoseconds, which end in 2262.
carried_dates = dates.filter(lambda text: "1700" < text < "2200")
numbers = st.integers(-(10**20), 10**20) | st.floats(-1e300, 1e300)
numerals = st.sampled_from(["007", "42", "42.0", "1e5", "-3", "1,234", "80%", "True", "none", "nan", "2100-01-01"])
scalars = st.none() | st.booleans() | numbers | texts | numerals | carried_dates
kinds = (
    numbers,
    st.integers(-9, 9),
    st.floats(-1, 1),
    texts,
    numerals,
    st.sampled_from("aAb"),
    carried_dates,
    st.booleans(),
)


def _tables(width: int) -> st.SearchStrategy[list[list[Any]]]:
    """Each column of one kind, with gaps, or of any."""
    columns = st.lists(st.sampled_from([*kinds, scalars]), min_size=width, max_size=width)
    return columns.flatmap(lambda of: st.lists(st.tuples(*(st.none() | cell for cell in of)).map(list), max_size=5))


tables = st.integers(1, 3).flatmap(_tables)
slow = settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])


@slow
@given(scalars | tables, st.booleans())
@example([], False)
@example([[]], False)
@example([[None]], False)
@example([["a", 1]], False)
@example([[None], [None]], True)
@example([[True], [1]], False)
@example([[1, None], [2**60, 0.5]], False)
@example("ß", False)
@example(2**70, False)
@example(-0.0, False)
@example("2100-01-01T10:00:00Z", False)
def test_honest_formats_are_equal(gold: Any, ordered: bool) -> None:
    programs = formats.honest(gold, ordered=ordered)
    assert len(programs) >= 8
    for name, program in programs.items():
        assert equal(carried(program), gold, ordered=ordered).equal, (name, program)


@slow
@given(scalars | tables, st.booleans())
@example(0.5, False)
@example(-0.5, False)
@example(1e-9, False)
@example(0.0, False)
@example(1e300, False)
@example(2**70, False)
@example("", False)
@example("a ", False)
@example("nanx", False)
@example("9999-12-31", False)
@example([[1, 1.0]], False)
@example([["a", "A"], ["A", "a"]], True)
@example([[1e17, "a"]], False)
@example([[0.0, 5e-324]], False)
@example([["2100-01-01", "2100-01-01 00:00:00"]], False)
@example([[None, None]], False)
def test_near_misses_are_not_equal(gold: Any, ordered: bool) -> None:
    programs = formats.near_misses(gold, ordered=ordered)
    assert programs
    for name, program in programs.items():
        for rounded in (False, True):
            assert not equal(carried(program), gold, ordered=ordered, rounded=rounded).equal, (name, program)


@pytest.mark.parametrize("gold", [True, False, 1, 0, 1.0])
def test_a_yes_or_a_no_has_more_spellings(gold: Any) -> None:
    programs = formats.honest(gold, yes_no=True)
    assert {"yes or no", "word of a bool", "bool", "integer", "numpy bool"} <= programs.keys()
    for name, program in programs.items():
        assert equal(carried(program), gold, yes_no=True).equal, (name, program)
        assert not equal(carried(program), not gold, yes_no=True).equal, (name, program)


@pytest.mark.parametrize("gold", [7, 0.25, "aspirin", "2100-01-01 10:30:00", [["a", 1], ["b", 2]], [["a"], ["b"]]])
def test_there_are_enough_of_them(gold: Any) -> None:
    assert len(formats.honest(gold)) >= 12
    assert len(formats.near_misses(gold)) >= 5
    assert len(set(formats.near_misses(gold).values())) == len(formats.near_misses(gold))


@pytest_asyncio.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    factory = make_factory("namespace", slots=1, run_id="formats")
    await factory.start()
    yield await factory.create()
    await factory.close()


async def test_cells_carry_them_alike(sandbox: Sandbox) -> None:
    golds: list[Any] = [None, True, -1234, 0.1, "ASA", "2100-01-01 10:30:00", "2100-01-01"]
    golds += [[[1, None], [2, 0.5]], [["a", 1, True]], [["a"], [None]], [["2100-01-01"], ["2100-01-02"]]]
    for gold in golds:
        for wanted, programs in ((True, formats.honest(gold)), (False, formats.near_misses(gold))):
            for name, program in programs.items():
                result = await sandbox.run(Cell(program))
                assert result.has_answer, (gold, name, result.stderr, result.answer_error)
                assert equal(result.answer, gold).equal is wanted, (gold, name, result.answer)

"""Canonical values: honest spellings of the gold are equal to it, near misses are not, and no JSON value raises."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.scoring.canonical import Outcome, date, equal, is_null, number, text

TAGS = [
    "float",
    "datetime",
    "date",
    "time",
    "timedelta",
    "decimal",
    "complex",
    "set",
    "bytes",
    "map",
    "table",
    "series",
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
any_json = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
        | st.fixed_dictionaries(
            {"$type": st.sampled_from(TAGS) | inner},
            optional={"value": inner, "items": inner, "rows": inner, "values": inner, "index": inner, "columns": inner},
        )
    ),
    max_leaves=12,
)
cells = (
    st.none()
    | st.integers(-(10**12), 10**12)
    | st.floats(-1e9, 1e9, allow_nan=False)
    | st.text(max_size=6)
    | st.datetimes().map(lambda when: when.isoformat(" ", "seconds"))
)
tables = st.integers(1, 3).flatmap(lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1))


def is_equal(answer: Any, gold: Any, **options: Any) -> bool:
    return equal(answer, gold, **options).equal


@given(any_json, any_json)
def test_no_json_value_raises(answer: Any, gold: Any) -> None:
    for function in (number, date, text, is_null):
        function(answer)
    for ordered in (False, True):
        assert equal(answer, gold, ordered=ordered, yes_no=ordered, rounded=ordered).reason in Outcome


@pytest.mark.parametrize("function", [number, date, text, is_null, lambda value: equal(value, value)])
def test_deep_and_huge_values_do_not_raise(function: Callable[[Any], Any]) -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    forked: Any = [1, 2]
    for _ in range(5_000):
        forked = [forked, {"$type": "map", "items": [[1, 2]]}]
    for value in (deep, forked, 10**10_000, "9" * 10_000, "1e999999999", "-1e-999999999", "1" * 800):
        function(value)


@given(scalars | st.lists(scalars))
def test_every_value_equals_itself(value: Any) -> None:
    assert is_equal(json.loads(json.dumps(value)), value)


@given(tables, st.randoms())
def test_rows_equal_themselves_in_any_order(rows: list[list[Any]], random: Any) -> None:
    shuffled = random.sample(rows, len(rows))
    assert equal(shuffled, rows) == (True, Outcome.EQUAL)
    assert is_equal({"$type": "table", "columns": [], "rows": shuffled}, rows)
    assert is_equal(rows, rows, ordered=True)


@given(tables, cells)
def test_a_row_more_or_less_is_another_answer(rows: list[list[Any]], cell: Any) -> None:
    if not is_null(rows):
        assert equal([*rows, rows[0]], rows).reason is Outcome.ROW_COUNT
    if len(rows) > 2:
        assert not is_equal(rows[1:], rows)


@given(st.integers(-(10**15), 10**15))
def test_spellings_of_one_integer(value: int) -> None:
    spellings: list[Any] = [value, float(value), str(value), f" {value} ", f"{value:,}", f"{value}.0", [value]]
    spellings += [f"{value:,}.00".replace("-", "−"), {"$type": "decimal", "value": str(value)}, [[value]]]
    spellings += [{"$type": "series", "index": ["n"], "values": [value]}, {"$type": "set", "items": [value]}]
    for spelling in spellings:
        assert number(spelling) == value
        assert is_equal(spelling, value)
        assert is_equal(spelling, [[value]])


@given(st.integers(-(10**9), 10**9), st.sampled_from([1, -1, 0.5, 1e-4]))
def test_integers_are_exact(value: int, off: float) -> None:
    for miss in (value + off, str(value + off), f"{value}%", f"{value} mg", f"about {value}", f"{value}, {value}"):
        assert not is_equal(miss, value)


@given(st.floats(-1e9, 1e9, allow_nan=False))
def test_floats_within_tolerance(gold: float) -> None:
    scale = max(1.0, abs(gold))
    assert is_equal(gold + 5e-7 * scale, gold)
    assert is_equal(str(gold), gold)
    assert not is_equal(gold + 2e-6 * scale, gold)
    assert is_equal(gold + 2e-4 * scale, gold, tolerance=1e-3)


NO_NUMBERS: list[Any] = [
    *("1,2", "1,23", "12,34", "1,2345", ",123", "0,123", "1 000", "1_000", "80%", "42 patients", "n=42", "0x1A", "1e"),
    *("", ".", "-", "--1", "1.2.3", "nan", "inf", "-Infinity", "007", "4²", "½", "1/2", True, False, None, [], [1, 2]),
    *(float("nan"), float("inf"), {"$type": "float", "value": "inf"}, {"$type": "decimal", "value": "NaN"}, {}),
    *({"$type": "timedelta", "seconds": 5.0}, {"$type": "complex", "real": 1.0, "imag": 0.0}, "1e500", 10**500),
]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_not_a_number(value: Any) -> None:
    assert number(value) is None


def test_a_float_keeps_its_shortest_spelling() -> None:
    assert number(0.1) == Decimal("0.1")
    assert isinstance(number("42"), int)
    assert number("1.5e3") == 1500


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2105-12-31", "2105-12-31T00:00:00"),
        ("2105-12-31 23:59:00", "2105-12-31T23:59:00"),
        ("2105-12-31T23:59", "2105-12-31T23:59:00"),
        ("2023-11-13T10:15:00Z", "2023-11-13T10:15:00+00:00"),
        ("2023-11-13T10:15:00.123456789", "2023-11-13T10:15:00.123456"),
        (" 3/7/2021 ", "2021-03-07T00:00:00"),
        ("03/07/2021", "2021-03-07T00:00:00"),
        ({"$type": "date", "value": "2021-03-07"}, "2021-03-07T00:00:00"),
        ([{"$type": "datetime", "value": "2021-03-07T01:02:03"}], "2021-03-07T01:02:03"),
        ("13/7/2021", None),
        ("2021-02-30", None),
        ("20210307", None),
        ("2021-W01-1", None),
        ("3/7/21", None),
        ("March 7, 2021", None),
        (20210307, None),
        ({"$type": "datetime", "value": None}, None),
    ],
)
def test_dates(value: Any, expected: str | None) -> None:
    when = date(value)
    assert (when and when.isoformat()) == expected


@pytest.mark.parametrize("value", [None, "", " ", "none", "None", "NaN", "NaT", [], [None], [[]], {}, float("nan")])
def test_null(value: Any) -> None:
    assert is_null(value)
    assert is_equal(value, None)
    assert is_equal(value, [])
    assert not is_equal(value, 0)
    assert not is_equal(0, value)


@pytest.mark.parametrize("value", [0, 0.0, False, "0", [0], [None, None], "nothing", {"a": None}])
def test_not_null(value: Any) -> None:
    assert not is_null(value)


def test_a_record_of_one_null_is_null() -> None:
    for record in ({"max": None}, [{"max": None}], {"$type": "table", "columns": ["max"], "rows": [[None]]}):
        assert is_equal(record, None)
        assert is_equal(record, [[None]])
        assert not is_equal(record, 0)
        assert not is_equal(record, [["a", None]])
    assert not is_equal({"least": None, "most": None}, None)


def test_tagged_null() -> None:
    assert is_null({"$type": "float", "value": "nan"})
    assert is_null({"$type": "table", "columns": ["n"], "rows": []})
    assert not is_null({"$type": "float", "value": "inf"})


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        (" Aspirin ", "aspirin", True),
        ("ＡＳＰＩＲＩＮ", "aspirin", True),
        ("aspirin 81 mg", "aspirin", False),
        ("0042", "0042", True),
        ("42", "0042", False),
        (42, "0042", False),
        (42, "42", True),
        (42.0, "42", True),
        (428.0, "428.0", True),
        (428, "428.0", False),
        ("428.10", "428.1", False),
        (1e28, "42", False),
        (1e28, "10000000000000000000000000000", True),
        (True, 1, False),
        (1, True, False),
        ("2100-01-01", "2100-01-01 00:00:00", True),
        ("2100-01-01 00:00:00", "2100-01-01", True),
        ("2100-01-01", "2100-01-01 10:00:00", False),
        ({"$type": "datetime", "value": "2100-01-01T10:00:00.4"}, "2100-01-01 10:00:00", True),
        ("2100-01-01 10:00:01", "2100-01-01 10:00:00", False),
        ("2100-01-01T12:00:00+02:00", "2100-01-01T10:00:00Z", True),
        ({"$type": "time", "value": "10:00:00"}, "10:00:00", True),
        ("0.8", 0.8, True),
        ("80%", 0.8, False),
        (80, 0.8, False),
        ({"$type": "float", "value": "inf"}, 1.5, False),
    ],
)
def test_scalars(answer: Any, gold: Any, expected: bool) -> None:
    assert is_equal(answer, gold) is expected


def test_yes_no_only_where_it_is_asked_for() -> None:
    for answer in (True, 1, 1.0, "yes", "True", "1"):
        assert is_equal(answer, 1, yes_no=True)
        assert is_equal(answer, True, yes_no=True)
        assert not is_equal(answer, 0, yes_no=True)
    assert not is_equal("yes", 1)


def test_rounded_to_the_printed_place_only_where_it_is_asked_for() -> None:
    assert not is_equal(3.14, 3.14159)
    assert is_equal("3.14", 3.14159, rounded=True)
    assert not is_equal("3.1", 3.14159, rounded=True)
    assert not is_equal("3.15", 3.14159, rounded=True)


def test_shapes_of_one_answer() -> None:
    gold = [["a", 1], ["b", 2]]
    series = {"$type": "series", "index": ["a", "b"], "values": [1, 2]}
    for answer in ({"a": 1, "b": 2}, {"$type": "map", "items": [["b", 2], ["a", 1]]}, series):
        assert is_equal(answer, gold)
    assert is_equal([{"name": "a", "n": 1}, {"name": "b", "n": 2}], gold)
    assert is_equal(["a", 1], [["a", 1]])
    assert is_equal({"name": "a", "n": 1}, [["a", 1]])
    assert is_equal([1, 2], [[2], [1]])
    assert not is_equal([1, 2], [[2], [1]], ordered=True)
    assert not is_equal([[1, "a"], [2, "b"]], gold)
    assert equal("a", gold).reason is Outcome.ROW_COUNT


def test_a_multiset_counts_its_repeats() -> None:
    assert is_equal([1, 2, 1], [1, 1, 2])
    assert not is_equal([1, 2, 2], [1, 1, 2])


def test_near_ties_in_several_floats_are_paired() -> None:
    gold = [[0.3, 2.0], [0.3, 1.0]]
    assert is_equal([[0.30000000000000004, 1.0], [0.3, 2.0]], gold)
    assert not is_equal([[0.3, 1.0], [0.3, 1.0]], gold)


def test_a_dump_is_told_apart() -> None:
    assert equal(list(range(20)), 5).reason is Outcome.ROW_COUNT
    assert equal(list(range(21)), 5).reason is Outcome.TOO_LARGE
    assert equal([[n] for n in range(41)], [[1], [2], [3]]).reason is Outcome.TOO_LARGE
    assert equal(list(range(11)), []).reason is Outcome.TOO_LARGE

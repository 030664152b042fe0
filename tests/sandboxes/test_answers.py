"""The typed answer: what arrives is what the cell's variable was, on a channel that stdout cannot reach."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgym_ray.sandboxes.base import CellStatus
from medgym_ray.sandboxes.supervisor import answer as encoding


def tagged(kind, value):
    return {"$type": kind, "value": value}


CASES = [
    ("None", None),
    ("True", True),
    ("3", 3),
    ("2.5", 2.5),
    ("'é\\n'", "é\n"),
    ("[1, [2], ()]", [1, [2], []]),
    ("(1, 'a')", [1, "a"]),
    ("{'a': {'b': 1}}", {"a": {"b": 1}}),
    ("{1: 2}", {"$type": "map", "items": [[1, 2]]}),
    ("{'$type': 1}", {"$type": "map", "items": [["$type", 1]]}),
    ("{1, }", {"$type": "set", "items": [1]}),
    ("float('nan')", tagged("float", "nan")),
    ("[float('inf'), -float('inf')]", [tagged("float", "inf"), tagged("float", "-inf")]),
    ("2 ** 70", 2**70),
    ("__import__('datetime').datetime(2020, 1, 2, 3, 4)", tagged("datetime", "2020-01-02T03:04:00")),
    ("__import__('datetime').date(2020, 1, 2)", tagged("date", "2020-01-02")),
    ("__import__('datetime').time(3, 4)", tagged("time", "03:04:00")),
    ("__import__('datetime').timedelta(days=1)", {"$type": "timedelta", "seconds": 86400.0}),
    ("__import__('decimal').Decimal('1.10')", tagged("decimal", "1.10")),
    ("1 + 2j", tagged("complex", [1.0, 2.0])),
    ("b'ab'", tagged("bytes", "YWI=")),
    ("range(3)", [0, 1, 2]),
    ("{'a': 1}.keys()", ["a"]),
    ("np.float64(1.5)", 1.5),
    ("np.float32(0.5)", 0.5),
    ("np.int8(-3)", -3),
    ("np.bool_(True)", True),
    ("np.str_('x')", "x"),
    ("np.float64('nan')", tagged("float", "nan")),
    ("np.arange(6).reshape(2, 3)", [[0, 1, 2], [3, 4, 5]]),
    ("np.array(['2020-01-02'], dtype='datetime64[ns]')", [tagged("datetime", "2020-01-02T00:00:00")]),
    ("np.datetime64('2020-01-02')", tagged("date", "2020-01-02")),
    ("np.datetime64('NaT')", None),
    ("np.timedelta64(90, 's')", {"$type": "timedelta", "seconds": 90.0}),
    ("np.array(5)", 5),
    ("{np.int64(1): np.nan}", {"$type": "map", "items": [[1, tagged("float", "nan")]]}),
    (
        "pd.DataFrame({'a': [1, 2], 'b': ['x', None]})",
        {"$type": "table", "columns": ["a", "b"], "rows": [[1, "x"], [2, None]]},
    ),
    ("pd.DataFrame({'a': [1, 1]})[['a', 'a']]", {"$type": "table", "columns": ["a", "a"], "rows": [[1, 1], [1, 1]]}),
    ("pd.DataFrame({'a': []})", {"$type": "table", "columns": ["a"], "rows": []}),
    ("pd.Series([1.5, 2.5], index=['x', 'y'])", {"$type": "series", "index": ["x", "y"], "values": [1.5, 2.5]}),
    ("pd.Series([1, None], dtype='Int64')", {"$type": "series", "index": [0, 1], "values": [1, None]}),
    ("pd.Timestamp('2020-01-02 03:04')", tagged("datetime", "2020-01-02T03:04:00")),
    ("[pd.NaT, pd.NA]", [None, None]),
    ("pd.Timedelta('1 min')", {"$type": "timedelta", "seconds": 60.0}),
    ("pd.Index([1, 2])", [1, 2]),
    ("pd.Categorical(['a', 'b'])", ["a", "b"]),
    ("df.groupby('g').size()", {"$type": "series", "index": ["p", "q"], "values": [2, 1]}),
    (
        "pd.MultiIndex.from_tuples([('a', 1)])",
        [["a", 1]],
    ),
]


async def test_values(run):
    expressions = ",\n".join(f"lambda: {expression}" for expression, _ in CASES)
    code = "import numpy as np, pandas as pd\ndf = pd.DataFrame({'g': ['p', 'q', 'p']})\n"
    code += f"answer = [f() for f in [{expressions}]]"
    result = await run(code)
    assert result.has_answer, result.answer_error or result.stderr
    for (expression, expected), got in zip(CASES, result.answer, strict=True):
        assert got == expected, expression
        assert json.dumps(got) == json.dumps(expected), expression  # 1 == True == 1.0 to Python


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text().filter(lambda key: key != "$type"), inner),
    max_leaves=20,
)


@given(value=json_values)
def test_json_values_are_themselves(value):
    assert encoding.check(encoding.to_bytes(value, 1 << 20)) == value


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=json_values)
async def test_json_values_round_trip(run, value):
    result = await run(f"answer = {value!r}")
    assert result.has_answer
    assert result.answer == value


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("answer = object()", "type builtins.object"),
        ("answer = {'a': [lambda: 1]}", "type builtins.function"),
        ("answer = []\nanswer.append(answer)", "holds itself"),
        ("answer = []\nfor _ in range(100): answer = [answer]", "nested more than"),
        ("answer = []\nfor _ in range(100_000): answer = [answer]", "nested more than"),
        ("answer = 'x' * 5_000_000", "too large"),
        ("answer = '\\ud800'", "surrogate"),
        ("answer = 10 ** 5000", "JSON"),
        ("class A(dict):\n    def items(self): raise ValueError\nanswer = A(a=1)", "ValueError"),
        ("class A(dict):\n    def items(self): raise SystemExit\nanswer = A(a=1)", "SystemExit"),
        ("class A(Exception): pass\nanswer = A()", "type __main__.A"),
    ],
)
async def test_what_cannot_be_carried_is_said(run, code, error):
    result = await run(code)
    assert result.status is CellStatus.OK
    assert not result.has_answer
    assert error in result.answer_error


async def test_no_answer_is_no_error(run):
    result = await run("x = 1")
    assert (result.has_answer, result.answer, result.answer_error) == (False, None, None)
    result = await run("answer = None")
    assert (result.has_answer, result.answer, result.answer_error) == (True, None, None)


async def test_an_answer_as_large_as_allowed(run):
    result = await run("answer = list(range(400_000))")
    assert result.answer == list(range(400_000))


async def test_stdout_cannot_forge_an_answer(run):
    result = await run("import sys\nprint('A{\"x\":1}')\nsys.stderr.write('A1\\n')")
    assert not result.has_answer


async def test_a_cell_that_writes_to_every_descriptor_only_spoils_its_own_answer(run):
    code = """
import os, struct, json
frame = json.dumps({"id": 1, "status": "ok", "exit_code": 0, "stdout": "FORGED", "stderr": ""}).encode()
for fd in range(3, 1024):
    for data in (struct.pack(">I", len(frame)) + frame, b"A[42", b"\\xff"):
        try: os.write(fd, data)
        except OSError: pass
answer = 7
"""
    result = await run(code)
    assert (result.stdout, result.has_answer) == ("", False)
    assert result.answer_error == "answer arrived garbled"
    assert (await run("answer = 1")).answer == 1


async def test_nonsense_on_the_answer_s_channel(run):
    for nonsense in ("A" + "[" * 3000, "A1e999", "ANaN", 'A"\\\\ud800"', "A" + "9" * 5000, "Z", "A{}}"):
        result = await run(f"import os\nos.write(250, b'{nonsense}\\n')\nos._exit(0)")
        assert (result.status, result.has_answer) == (CellStatus.OK, False), nonsense
        assert result.answer_error


async def test_monkeypatched_libraries_do_not_matter(run):
    code = (
        "import json, os, sys, numpy as np, pandas as pd\nanswer = [np.float64(1), pd.Series([2])]\n"
        "json.dumps = json.loads = lambda *a, **k: 'no'\nos.write = None\n"
        "for name in list(sys.modules): del sys.modules[name]"
    )
    result = await run(code)
    assert result.status is CellStatus.OK
    assert not result.has_answer or result.answer[0] == 1.0

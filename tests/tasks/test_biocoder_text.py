"""BioCoder without a sandbox: reading records, splicing, comparing outputs."""

import ast
import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medgym_ray.actions import ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.tasks.base import LoadReport
from medgym_ray.tasks.biocoder import BioCoder
from medgym_ray.tasks.biocoder.mutants import mutants
from medgym_ray.tasks.biocoder.outputs import same_output
from medgym_ray.tasks.biocoder.splice import MARKER, defines, function_name, reseed, splice, without_later_definition
from medgym_ray.tasks.biocoder.variants import variants
from medgym_ray.tasks.samples import SEED
from medgym_ray.tasks.samples.biocoder import build

DATA = Path(__file__).parents[2] / "data"
RECORD = {
    "idx": "a1",
    "problem": "Count.",
    "solution": "def f(x):\n    return x\n",
    "context": f"{MARKER}\nprint(f(1))\n",
    "signature": "def f(x)",
    "code": "",
}

FUNCTION = '''
@decorate(
    "a",
)
def f(self, x):
    """A text

  that is less indented
\tthan the code."""
    if x:  # remark
\t    return f"""{x}
at the margin""" + \\
  'b'
# at the margin
    lines = [
  1,
    ]
    return lines
'''


def records(folder: Path, *lines: object) -> Path:
    (folder / "biocoder").mkdir()
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    (folder / "biocoder" / "test_tasks.jsonl").write_text(text)
    return folder


def test_broken_records_are_named_with_file_and_line(tmp_path: Path) -> None:
    bad = [
        "{not json",
        [1],
        {key: value for key, value in RECORD.items() if key != "context"},
        RECORD | {"problem": 3},
        RECORD | {"context": "print(f(1))"},
        RECORD | {"context": f"{MARKER}\n{MARKER}\n"},
        RECORD | {"context": f"x = {MARKER}\n"},
        RECORD | {"signature": "f(x)"},
        RECORD | {"solution": "def g(x): pass"},
        RECORD | {"solution": " "},
        RECORD | {"idx": "../a"},
        RECORD,
    ]
    report = LoadReport()
    root = records(tmp_path, RECORD, *bad)
    assert [task.task_id for task in BioCoder().load(root, "test", report)] == ["biocoder/a1"]
    path = root / "biocoder" / "test_tasks.jsonl"
    assert [line.rsplit(": ", 1)[0].split(": ")[0] for line in report.broken] == [
        f"{path}:{number}" for number in range(2, len(bad) + 2)
    ]
    with pytest.raises(TaskError, match="train_tasks"):
        list(BioCoder().load(root, "train", report))


def test_prompt_shows_what_is_needed_and_no_gold(tmp_path: Path) -> None:
    root = records(tmp_path, RECORD | {"context": f"class A:\n    '```'\n    {MARKER}\nprint(A().f(1))\n"})
    family = BioCoder()
    (task,) = family.load(root, "test", LoadReport())
    prompt = family.prompt(task)
    for part in ("Count.", "def f(x)", task.inputs["context"].strip(), "````python", "hidden inputs", "class body"):
        assert part in prompt
    assert "return x" not in prompt
    run, last = family.oracle(task)
    assert (run.kind, last.kind) == (ActionKind.CODE_EXECUTION, ActionKind.SUBMIT)
    assert run.arguments["code"] == splice(task.inputs["context"], "def f(x):\n    return x\n")
    assert last.arguments["code"] == task.gold["solution"]
    assert family.prepare(task).files == {}


def test_an_oracle_tries_another_seed_where_there_is_one(tmp_path: Path) -> None:
    root = records(tmp_path, RECORD | {"context": f"import random\n{MARKER}\nrandom.seed(5)\nprint(f(1))\n"})
    (task,) = BioCoder().load(root, "test", LoadReport())
    first, second, _ = BioCoder().oracle(task)
    assert "random.seed(5)" in first.arguments["code"]
    assert "random.seed(6)" in second.arguments["code"]


LAID_OUT = """\
@staticmethod
def f(x, /, y=2, *rest, flag=True, **more):
    text = '''one
  two
'''
    total = x + \\
        len(text)
    for item in rest:
        def nested(value):
            return value + total
        total = nested(item)
    return total
"""


def test_variants_keep_what_a_function_does() -> None:
    for solution in (RECORD["solution"], LAID_OUT.partition("\n")[2], "def f(x):\n  if x:\n    return 1\n  return 2\n"):
        made = variants(solution, "f", in_class=False)
        assert len(made) >= 18
        assert len(set(made.values())) == len(made)
        for name, code in made.items():
            wanted: dict[str, Any] = {}
            given: dict[str, Any] = {}
            exec(solution, wanted)
            exec(splice(f"{MARKER}\n", code), given)
            for arguments in ((1,), (0,)):
                assert given["f"](*arguments) == wanted["f"](*arguments), (name, code)


def test_variants_of_a_method_stay_in_its_class() -> None:
    made = variants(LAID_OUT, "f", in_class=True)
    assert len(made) >= 18
    assert "helper beside it" not in made
    for name, code in made.items():
        names: dict[str, Any] = {}
        exec(splice(f"class A:\n    {MARKER}\n", code), names)
        assert names["A"]().f(1, 2, 3, 4) == 1 + 10 + 3 + 4, (name, code)


def test_what_is_no_plain_function_has_fewer_variants() -> None:
    for solution in ("f = lambda x: x\n", "def f(x): return 1\ndef f(x): return 2\n", "class f: pass\n"):
        assert len(variants(solution, "f", in_class=False)) >= 9
        assert mutants(solution, "f") == {}
    assert len(variants("def f(x):\n    print 1\n", "f", in_class=False)) >= 8


def test_a_private_name_is_not_put_into_a_class_which_would_mangle_it() -> None:
    assert "static method" not in variants("def __f(x):\n    return x\n", "__f", in_class=False)
    assert "static method" in variants("def _f(x):\n    return x\n", "_f", in_class=False)


def test_mutants_do_something_else() -> None:
    solution = "def f(x):\n    return [x, x + 1] if x > 2 else [x]\n"
    made = mutants(solution, "f")
    assert len(made) >= 8
    for name, code in made.items():
        names: dict[str, Any] = {}
        exec(code, names)
        if name == "a line printed":
            continue
        try:
            assert [names["f"](5), names["f"](6)] != [[5, 6], [6, 7]], name
        except SystemExit:
            assert name == "ends the program"


def test_sample_is_rebuilt_byte_for_byte(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build(tmp_path / name, 3)
    build(tmp_path / "other", 4)
    for split in ("test", "train"):
        file = f"biocoder/{split}_tasks.jsonl"
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
        assert (tmp_path / "one" / file).read_bytes() != (tmp_path / "other" / file).read_bytes()


def test_shipped_sample_is_what_the_builder_makes(tmp_path: Path) -> None:
    build(tmp_path, SEED)
    for split in ("test", "train"):
        file = f"biocoder/{split}_tasks.jsonl"
        assert (tmp_path / file).read_bytes() == (DATA / file).read_bytes()


def without_places(tree: ast.AST) -> str:
    return ast.dump(tree, include_attributes=False)


def spliced_function(context: str, code: str) -> str:
    """The function of the spliced program, as a tree."""
    for node in ast.walk(ast.parse(splice(context, code))):
        if isinstance(node, ast.FunctionDef) and node.name == "f":
            return without_places(node)
    raise AssertionError("no f")


@given(column=st.integers(0, 24), margin=st.integers(0, 12), tabs=st.booleans())
def test_splice_keeps_the_function_at_any_column(column: int, margin: int, tabs: bool) -> None:
    # A block at each fourth column or so, so that the marker may stand at any.
    context = ("class A:\n" + " " * column if column else "") + MARKER + "\nprint(1)\n"
    indent = ("\t" if tabs else " ") * margin
    frozen = {7, 8, 9, 12}  # lines of FUNCTION inside its strings
    code = "\n".join(
        line if number in frozen or not line else indent + line
        for number, line in enumerate(FUNCTION.split("\n"), start=1)
    )
    wanted = without_places(ast.parse(FUNCTION).body[0])
    assert spliced_function(context, code) == wanted


def test_splice_keeps_the_rest_of_the_context() -> None:
    context = f"import os\nclass A:\n    x = 1\n    {MARKER}\n\ndef main():\n    pass\n"
    program = splice(context, "def f(self):\n    return os")
    assert program == "import os\nclass A:\n    x = 1\n    def f(self):\n        return os\n\ndef main():\n    pass\n"


def test_imports_of_a_method_and_futures_go_to_the_head() -> None:
    code = "from __future__ import annotations\nimport a\nfrom b import (\n    c,\n)\nimport d; e = 1\n"
    code += "def f(self):\n    import g\n"
    program = splice(f"class A:\n    {MARKER}\n", code)
    assert program.startswith("from __future__ import annotations\nimport a\nfrom b import (\n    c,\n)\nclass A:\n")
    assert "    import d; e = 1\n    def f(self):\n        import g\n" in program
    flat = splice(f"x = 1\n{MARKER}\n", code)
    assert flat.startswith("from __future__ import annotations\nx = 1\nimport a\nfrom b import (")
    compile(flat, "program", "exec")


@settings(max_examples=300)
@given(st.text(max_size=200) | st.text(alphabet="#'\"\n\r\f\t \\(f):import;\0", max_size=60))
@example("#")
@example("\r")
@example("import a\rdef f(): pass")
def test_splice_takes_any_text(code: str) -> None:
    for column in ("", "    "):
        assert splice(f"{column}{MARKER}\nend", code).endswith("\nend")
    assert isinstance(defines(code, "f"), bool)


@pytest.mark.parametrize(
    "code", ["(" * 100_000, "-" * 100_000 + "1", "[" * 5000 + "]" * 5000, "x = " + "lambda: " * 9999]
)
def test_deep_nesting_does_not_hurt_the_grader(code: str) -> None:
    splice(f"{MARKER}\n", code)
    defines(code, "f")


def test_defines() -> None:
    for code in (
        "def f(x): pass",
        "async def f(): pass",
        "class f: pass",
        "f = lambda: 1",
        "from a import b as f",
        "import f",
        "class A:\n    def f(self): pass",
        "if 1:\n    def f(): pass",
        "f: int = 3",
        "def f(:",
    ):
        assert defines(code, "f"), code
    for code in ("", "pass", "f()", "# def f(x)", "'def f(x)'", "def g(f=1): pass".replace("f=", "h="), "x.f()"):
        assert not defines(code, "f"), code
    assert function_name("@property\ndef outlines(self)") == "outlines"


def test_a_definition_below_the_marker_is_taken_out() -> None:
    context = (
        f"def f(a): return 0\n{MARKER}\n@d\ndef f(x):\n    return 1\nclass f2:\n    def f(self): pass\nprint(f(1))\n"
    )
    assert without_later_definition(context, "f") == (
        f"def f(a): return 0\n{MARKER}\nclass f2:\n    def f(self): pass\nprint(f(1))\n"
    )


def test_reseed_moves_every_literal_seed() -> None:
    text = "random.seed(42)\nnp.random.seed( 7 )\nx = RandomState(42)\ny = default_rng(0)\nseed(n)\nreseeded(3)\n"
    assert reseed(text, 5) == text.replace("42", "47").replace("7 )", "12 )").replace("rng(0)", "rng(5)")
    assert reseed(f"seed({2**32 - 1})", 1) == "seed(0)"


outputs = st.text(alphabet="0123456789.eE+-[]() ,\n\tabnNx_", max_size=60)


@given(outputs)
def test_comparison_is_reflexive(text: str) -> None:
    assert same_output(text, text)
    assert same_output(text, text.replace("\n", " \t\n") + "\n\n")


@given(outputs, outputs)
def test_comparison_never_raises_and_other_words_differ(one: str, other: str) -> None:
    same_output(one, other)
    assert not same_output("a" + one, "b" + one)


@given(st.floats(allow_nan=False, allow_infinity=False, width=64), st.sampled_from([1e-3, 1e-6, 1e-8]))
def test_near_misses_are_rejected_and_spellings_accepted(value: float, step: float) -> None:
    assert same_output(f"x {value!r} y", f"x {value:.17e} y")
    near = value * (1 + step)
    if abs(value) > 1e-300 and abs(near) < 1e300:
        assert not same_output(f"x {value!r} y", f"x {near!r} y")
        assert same_output(f"[{value!r}, 1]", f"[{value * (1 + 1e-12)!r}, 1]")


@given(st.integers(), st.integers())
def test_integers_are_exact(one: int, other: int) -> None:
    assert same_output(str(one), str(other)) is (one == other)


SAME = [
    ("62", "62.0"),
    ("1e-05", "0.00001"),
    ("[1. 2.]", "[1.0 2.]"),
    ("a \nb\n\n", "a\nb"),
    ("-0.0", "0"),
    ("+3", "3"),
    ("0.30000000000000004", "0.3"),
    ("(-1, 2)", "(-1.0, 2)"),
    ("x=5", "x=5.0"),
]
DIFFERENT = [
    ("007", "7"),
    ("chr22", "chr22.0"),
    ("1.2.3", "1.2.30"),
    ("True", "1"),
    ("nan", "0"),
    ("a b", "a  b"),
    ("1", ""),
    ("1\n2", "1 2"),
    (" a", "a"),
    ("0", "1e-12"),
    ("10000000000000001", "10000000000000002"),
    ("1-2", "1--2"),
    ("inf", "1e400"),
    ("1 2", "12"),
    ("0x10", "0x10.0"),
    ("3", "3 3"),
    ("2020-1-2", "2020-1-3"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same(one: str, other: str) -> None:
    assert same_output(one, other)
    assert same_output(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one: str, other: str) -> None:
    assert not same_output(one, other)
    assert not same_output(other, one)


def test_sample_solutions_are_dedented_functions() -> None:
    for split in ("test", "train"):
        for line in (DATA / f"biocoder/{split}_tasks.jsonl").read_text().splitlines():
            fields = json.loads(line)
            assert fields["solution"] == textwrap.dedent(fields["solution"])
            assert fields["solution"].startswith("def ")
            compile(fields["code"], "code", "exec")

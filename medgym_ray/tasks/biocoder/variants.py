"""Right submissions in other words: the gold function laid out, named, annotated or put together in another way.

Golds come with the task and may be parsed. A variant that a gold has no room for (it is no plain function, or defines
more than one) is left out.
"""

import ast
import copy
import textwrap
from collections.abc import Callable

from medgym_ray.tasks.biocoder.splice import frozen_lines

_PLAIN_DECORATOR = """\
import functools

def _unchanged(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)
    return call
"""


def variants(solution: str, name: str, in_class: bool) -> dict[str, str]:
    """By name; `in_class` says that the function is a method and stands in a class body."""
    found = {what: lay_out(solution) for what, lay_out in _LAYOUTS.items()}
    try:
        tree = ast.parse(textwrap.dedent(solution))
    except SyntaxError:
        return found
    written = ast.unparse(tree)
    found |= {"tabs": _with_tabs(written)} | ({} if written == solution.strip("\n") else {"written anew": written})
    if function_of(tree, name) is None:
        return found
    for what, rewrite in (_REWRITES if in_class else {**_REWRITES, **_BESIDE}).items():
        changed = copy.deepcopy(tree)
        function = function_of(changed, name)
        if function is not None and rewrite(changed, function):
            found[what] = ast.unparse(ast.fix_missing_locations(changed)) + "\n"
    return found


def function_of(tree: ast.Module, name: str) -> ast.FunctionDef | None:
    """The one plain function of that name at the top level."""
    named = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return named[0] if len(named) == 1 else None


def _as_it_is(solution: str) -> str:
    return solution


def _indented(solution: str) -> str:
    frozen, lines = frozen_lines(solution), enumerate(solution.split("\n"), start=1)
    return "\n".join(line if number in frozen or not line else f"        {line}" for number, line in lines)


def _spaced(solution: str) -> str:
    return _between(solution, lambda _: "")


def _commented(solution: str) -> str:
    return "# The function asked for.\n" + _between(solution, lambda indent: f"{indent}# the next step")


def _between(solution: str, line_for: Callable[[str], str]) -> str:
    """With a line before each that neither begins inside a string nor goes on with the one before."""
    frozen, lines, laid_out = frozen_lines(solution), solution.split("\n"), [""]
    for number, line in enumerate(lines, start=1):
        if number > 1 and line.strip() and number not in frozen and not lines[number - 2].endswith("\\"):
            laid_out.append(line_for(line[: len(line) - len(line.lstrip())]))
        laid_out.append(line)
    return "\n".join(laid_out)


def _trailing(solution: str) -> str:
    frozen, lines = frozen_lines(solution), enumerate(solution.split("\n"), start=1)
    return "\n".join(line if number + 1 in frozen or line.endswith("\\") else f"{line}  \t" for number, line in lines)


def _with_tabs(written: str) -> str:
    frozen, tabbed = frozen_lines(written), []
    for number, line in enumerate(written.split("\n"), start=1):
        depth = 0 if number in frozen else (len(line) - len(line.lstrip(" "))) // 4
        tabbed.append("\t" * depth + line[4 * depth :])
    return "\n".join(tabbed)


_LAYOUTS: dict[str, Callable[[str], str]] = {
    "as it is": _as_it_is,
    "CRLF": lambda solution: solution.replace("\n", "\r\n"),
    "no newline at the end": lambda solution: solution.rstrip("\n"),
    "blank lines around": lambda solution: f"\n\n\n{solution}\n\n\n",
    "blank lines between": _spaced,
    "comments": _commented,
    "trailing whitespace": _trailing,
    "indented as a whole": _indented,
}

# Each changes the tree in place; False where there is no room for the change.
_Rewrite = Callable[[ast.Module, ast.FunctionDef], bool]


def _with_docstring(_: ast.Module, function: ast.FunctionDef) -> bool:
    if ast.get_docstring(function) is not None:
        return False
    function.body.insert(0, ast.Expr(ast.Constant("Does what was asked.\n\n    In two\n  paragraphs.")))
    return True


def _with_hints(_: ast.Module, function: ast.FunctionDef) -> bool:
    for argument in _arguments(function):
        argument.annotation = argument.annotation or ast.Name("object")
    function.returns = function.returns or ast.Name("object")
    return True


def _without_hints(_: ast.Module, function: ast.FunctionDef) -> bool:
    if function.returns is None and not any(argument.annotation for argument in _arguments(function)):
        return False
    for argument in _arguments(function):
        argument.annotation = None
    function.returns = None
    return True


def _import_within(_: ast.Module, function: ast.FunctionDef) -> bool:
    after_docstring = 0 if ast.get_docstring(function) is None else 1
    function.body[after_docstring:after_docstring] = ast.parse(
        "import itertools as _unused\nfrom math import pi as _pi"
    ).body
    return True


def _import_above(tree: ast.Module, _: ast.FunctionDef) -> bool:
    tree.body[:0] = ast.parse("import os.path as _unused\nfrom collections import (\n    Counter as _counter,\n)").body
    return True


def _future_above(tree: ast.Module, _: ast.FunctionDef) -> bool:
    tree.body[:0] = ast.parse("from __future__ import annotations").body
    return True


def _decorated(tree: ast.Module, function: ast.FunctionDef) -> bool:
    decorate(tree, function, _PLAIN_DECORATOR, "_unchanged")
    return True


def decorate(tree: ast.Module, function: ast.FunctionDef, source: str, name: str) -> None:
    """Defines a decorator above all else and makes it the function's innermost."""
    function.decorator_list.append(ast.Name(name))
    tree.body[:0] = ast.parse(source).body


def _inner_function(_: ast.Module, function: ast.FunctionDef) -> bool:
    inner = _bare(function, "_inner")
    function.body = [inner, ast.Return(_passing_on("_inner", function))]
    return True


def _named_results(_: ast.Module, function: ast.FunctionDef) -> bool:
    class _Named(ast.NodeTransformer):
        def visit_Return(self, node: ast.Return) -> ast.stmt | list[ast.stmt]:
            if node.value is None:
                return node
            return [ast.Assign([ast.Name("_result")], node.value, lineno=0), ast.Return(ast.Name("_result"))]

    _Named().visit(function)
    return True


def _renamed_locals(_: ast.Module, function: ast.FunctionDef) -> bool:
    """Names that the function itself binds by assignment; not where one of the same name is bound in another way."""
    nodes = list(ast.walk(function))
    if any(isinstance(node, ast.Name) and node.id in {"locals", "vars", "eval", "exec"} for node in nodes):
        return False
    bound: set[str] = set()
    kept = {argument.arg for node in nodes if isinstance(node, ast.arguments) for argument in _all_of(node)}
    for node in nodes:
        match node:
            case ast.Name(ctx=ast.Store()):
                bound.add(node.id)
            case ast.Global() | ast.Nonlocal():
                kept.update(node.names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar():
                kept.add(node.name or "")
            case ast.ClassDef():
                kept.update(inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
            case ast.alias():
                kept.add(node.asname or node.name.partition(".")[0])
    for node in nodes:
        if isinstance(node, ast.Name) and node.id in bound - kept:
            node.id = f"own_{node.id}"
    return bool(bound - kept)


_REWRITES: dict[str, _Rewrite] = {
    "docstring": _with_docstring,
    "type hints": _with_hints,
    "no type hints": _without_hints,
    "import within": _import_within,
    "import above": _import_above,
    "future import": _future_above,
    "decorated": _decorated,
    "inner function": _inner_function,
    "named results": _named_results,
    "renamed locals": _renamed_locals,
}


def _helper_beside(tree: ast.Module, function: ast.FunctionDef) -> bool:
    tree.body.insert(tree.body.index(function), _bare(function, "_helper"))
    function.body = [ast.Return(_passing_on("_helper", function))]
    return True


def _static_method(tree: ast.Module, function: ast.FunctionDef) -> bool:
    is_mangled = function.name.startswith("__") and not function.name.endswith("__")
    if function.decorator_list or is_mangled:
        return False
    function.decorator_list = [ast.Name("staticmethod")]
    box = ast.ClassDef("_Box", [], [], [function], [])
    binding = ast.Assign([ast.Name(function.name)], ast.Attribute(ast.Name("_Box"), function.name), lineno=0)
    tree.body[tree.body.index(function)] = box
    tree.body.append(binding)
    return True


def _another_name(tree: ast.Module, function: ast.FunctionDef) -> bool:
    tree.body.append(ast.Assign([ast.Name(function.name)], ast.Name(f"{function.name}_"), lineno=0))
    function.name = f"{function.name}_"
    return True


_BESIDE: dict[str, _Rewrite] = {
    "helper beside it": _helper_beside,
    "static method": _static_method,
    "another name": _another_name,
}
"""What needs names that a method would not see."""


def _bare(function: ast.FunctionDef, name: str) -> ast.FunctionDef:
    """The function under another name, without decorators and defaults."""
    bare = copy.deepcopy(function)
    bare.name, bare.decorator_list, bare.args.defaults = name, [], []
    bare.args.kw_defaults = [None] * len(bare.args.kwonlyargs)
    return bare


def _passing_on(name: str, function: ast.FunctionDef) -> ast.Call:
    """A call of `name` with all that the function was called with."""
    given = function.args
    positional: list[ast.expr] = [ast.Name(argument.arg) for argument in [*given.posonlyargs, *given.args]]
    keywords = [ast.keyword(argument.arg, ast.Name(argument.arg)) for argument in given.kwonlyargs]
    if given.vararg:
        positional.append(ast.Starred(ast.Name(given.vararg.arg)))
    if given.kwarg:
        keywords.append(ast.keyword(None, ast.Name(given.kwarg.arg)))
    return ast.Call(ast.Name(name), positional, keywords)


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    return _all_of(function.args)


def _all_of(given: ast.arguments) -> list[ast.arg]:
    starred = [argument for argument in (given.vararg, given.kwarg) if argument]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *starred]

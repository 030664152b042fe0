"""Submissions that come close: the gold function with a fault in what it returns or prints.

No operators are changed inside it: the programs of the original's records do not notice each such change.
"""

import ast
import copy
import textwrap

from medgym_ray.tasks.biocoder.variants import decorate, function_of

# The fault is a decorator: it works in a class body too, and leaves the rest of the function right.
_FAULTY = """\
def _faulty(function):
    calls, faults = [], []
    def off(value):
        if value is None or isinstance(value, bool):
            return not value
        if isinstance(value, (int, float, complex)):
            return value + 1 if isinstance(value, int) else value * 1.01 + 0.01
        if isinstance(value, str):
            return value + 'A'
        if isinstance(value, bytes):
            return value + b'A'
        if isinstance(value, dict):
            return {{key: off(item) for key, item in value.items()}}
        if isinstance(value, (list, tuple, set, frozenset)):
            changed = [off(item) for item in value]
            return tuple(changed) if isinstance(value, tuple) else type(value)(changed)
        if hasattr(value, '__next__'):
            return iter([off(item) for item in value])
        return value + 1 if hasattr(value, 'dtype') else None
    def once_off(value):
        changed = value if faults else off(value)
        if repr(changed) != repr(value):
            faults.append(changed)
        return changed
    def shorter(value):
        if isinstance(value, dict):
            return dict(list(value.items())[:-1])
        if hasattr(value, '__next__'):
            return iter(list(value)[:-1])
        if isinstance(value, str):
            return value.rstrip()[:-1]
        return value[:-1] if isinstance(value, (bytes, list, tuple)) else None
    def call(*args, **kwargs):
        calls.append(function(*args, **kwargs))
        {fault}
    return call
"""
_RETURNED = {
    "every value off": "return off(calls[-1])",
    "one call off": "return once_off(calls[-1])",
    "one call behind": "return calls[-2] if len(calls) > 1 else None",
    "last item missing": "return shorter(calls[-1])",
    "as the only item": "return [calls[-1]]",
    "nothing returned": "return None",
}
_PRINTED = {
    "a line printed": "print('done')\n        return calls[-1]",
    "ends the program": "raise SystemExit(0)",
}


def mutants(solution: str, name: str) -> dict[str, str]:
    """By name of the fault; none for a gold that is no plain function."""
    try:
        tree = ast.parse(textwrap.dedent(solution))
    except SyntaxError:
        return {}
    function = function_of(tree, name)
    if function is None:
        return {}
    faults = {**_RETURNED, **_PRINTED} if _returns_something(function) else _PRINTED
    found: dict[str, str] = {}
    for what, fault in faults.items():
        changed = copy.deepcopy(tree)
        target = function_of(changed, name)
        if target is not None:
            decorate(changed, target, _FAULTY.format(fault=fault), "_faulty")
            found[what] = ast.unparse(ast.fix_missing_locations(changed)) + "\n"
    return found


def _returns_something(function: ast.FunctionDef) -> bool:
    returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return | ast.Yield)]
    return any(value is not None for value in returned)

"""Programs made from the reference: the same results in other words or other types, and results that just miss."""

import ast
import textwrap
from collections.abc import Sequence

from medgym_ray.tasks.biodsbench.asserts import assigned

_GUARD = 'if __name__ == "__main__":\n'
_CONVERT = """
import numpy as np
import pandas as pd

def _convert(value):
{body}
    return value

for _name in {names!r}:
    globals()[_name] = _convert(globals()[_name])
"""

_TYPES = {
    "numpy scalars": """
    if isinstance(value, float):
        return np.float64(value)
    if isinstance(value, int):
        return np.int64(value)""",
    "plain scalars": """
    if isinstance(value, np.generic):
        return value.item()""",
    "arrays": """
    if isinstance(value, (list, tuple)):
        return np.array(value)""",
    "series": """
    if isinstance(value, (list, tuple, dict)):
        return pd.Series(value)""",
    "plain containers": """
    if isinstance(value, (pd.Series, np.ndarray)):
        return value.to_dict() if isinstance(value, pd.Series) else value.tolist()""",
    "tuples": """
    if isinstance(value, list):
        return tuple(value)""",
    "columns in another order": """
    if isinstance(value, pd.DataFrame):
        return value[value.columns[::-1]]""",
    "another index": """
    if isinstance(value, pd.DataFrame):
        return value.set_axis(range(500, 500 + len(value)), axis=0)""",
    "a further column": """
    if isinstance(value, pd.DataFrame):
        return value.assign(NOTE="checked")""",
    "key as index": """
    if isinstance(value, pd.DataFrame):
        return value.set_index(value.columns[0])""",
    "rounded to nine digits": """
    if isinstance(value, float):
        return float(f"{value:.9g}")""",
}
_UNORDERED = {
    "rows in another order": """
    if isinstance(value, (list, pd.DataFrame)):
        return value[::-1]""",
    "sets": """
    if isinstance(value, list) and len(set(value)) == len(value):
        return set(value)""",
}

_EACH_NUMBER = """
    if isinstance(value, (int, float, np.number)):
        return OTHER
    if isinstance(value, (dict, pd.Series)):
        return {key: _convert(item) for key, item in dict(value).items()}
    if isinstance(value, (list, tuple)):
        return [_convert(item) for item in value]
    if isinstance(value, pd.DataFrame):
        return value.assign(**{value.columns[-1]: [_convert(item) for item in value[value.columns[-1]]]})
    return f"TEXT\""""
_FAULTS = {
    "one more": """
    if isinstance(value, (int, float, np.number)):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, (list, tuple)):
        return [_convert(value[0]), *value[1:]]
    if isinstance(value, (dict, pd.Series)):
        changed = dict(value)
        first = next(iter(changed))
        return changed | {first: _convert(changed[first])}
    if isinstance(value, pd.DataFrame):
        changed = value.astype(object)
        changed.iat[0, -1] = _convert(changed.iat[0, -1])
        return changed
    class OneMore:
        def __getattr__(self, name, of=value):
            return _convert(getattr(of, name))
    return OneMore()""",
    "one missing": """
    if isinstance(value, (int, float, np.number)):
        return value - 1
    if isinstance(value, (dict, pd.Series)):
        return dict(list(dict(value).items())[:-1])
    return value[:-1] if isinstance(value, (list, tuple, pd.DataFrame)) else None""",
    "one twice": """
    if isinstance(value, (int, float, np.number)):
        return 2 * value
    if isinstance(value, (dict, pd.Series)):
        return dict(value) | {"other": 0}
    if isinstance(value, pd.DataFrame):
        return pd.concat([value, value[-1:]])
    return [*value, value[-1]] if isinstance(value, (list, tuple)) else None""",
    "per cent": _EACH_NUMBER.replace("OTHER", "100 * value").replace("TEXT", "{value}%"),
    "two per cent off": _EACH_NUMBER.replace("OTHER", "1.02 * value + 1e-9").replace("TEXT", "about {value}"),
    "wrong column": """
    if isinstance(value, pd.DataFrame):
        return value.rename(columns={value.columns[-1]: "value"})
    return list(range(len(value))) if hasattr(value, "__len__") else None""",
    "as text": """
    return str(value)""",
    "empty": """
    return value[:0] if isinstance(value, (list, tuple, pd.DataFrame)) else None""",
}
_REVERSED = """
    return value[::-1] if isinstance(value, (list, tuple, pd.DataFrame)) else None"""


def spellings(reference: str, results: Sequence[str]) -> dict[str, str]:
    """The reference program in other words, by name of the variant."""
    shown = "".join(f"print({name!r}, {name})\n" for name in results)
    everything = ", ".join(sorted(assigned(reference) | _imported(reference)))
    return {
        "as it is": reference,
        "windows line breaks": reference.replace("\n", "\r\n"),
        "comments and blank lines": "# first\n\n" + reference.replace("\n", "\n\n") + "\n# last\n",
        "prints": f"print('start')\n{reference}\n{shown}",
        "in a block": f"if True:\n{_indented(reference)}",
        "main guard": f"{_GUARD}{_indented(reference)}",
        "in a function": f"def solve():\n    global {everything}\n{_indented(reference)}\nsolve()\n",
        "in a try": f"try:\n{_indented(reference)}\nfinally:\n    pass\n",
        "further imports": f"import os, sys, warnings, math\nwarnings.filterwarnings('ignore')\n{reference}",
        "leaves with status 0": f"{reference}\nimport sys\nsys.exit(0)\n",
        "history repeated": f"exec(open('history.py').read())\n{reference}",
        "answer set as well": f"{reference}\nanswer = 'see above'\n",
        "last state saved": f"{reference}\nopen('notes.txt', 'w').write('done')\n",
    }


def other_types(reference: str, results: Sequence[str], *, ordered: bool) -> dict[str, str]:
    """The reference program with its results in other types that say the same."""
    bodies = _TYPES | ({} if ordered else _UNORDERED)
    return {name: _converted(reference, results, body) for name, body in bodies.items()}


def faults(reference: str, results: Sequence[str], *, ordered: bool) -> dict[str, str]:
    """The reference program with a fault in what it leaves behind."""
    bodies = _FAULTS | ({"wrong order": _REVERSED} if ordered else {})
    return {name: _converted(reference, results, body) for name, body in bodies.items()}


def _converted(reference: str, results: Sequence[str], body: str) -> str:
    return reference + "\n" + _CONVERT.format(body=body.strip("\n"), names=list(results))


def _indented(program: str) -> str:
    return textwrap.indent(program.rstrip("\n"), "    ") + "\n"


def _imported(program: str) -> set[str]:
    imports = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return {(alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names}

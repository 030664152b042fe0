"""Runs in the grader's cells: takes values out of a program's namespace as data, and runs tests on such data.

`read` shares its process with the agent's code, so nothing it gives back is more than that code's word on what its
values are; `judge` runs where no such code is. Between them goes JSON, in which a list is a composite ([kind, …]) and
anything else a scalar. Imports nothing of this package: its source is put beside the programs.
"""

import ast
import base64
import contextlib
import datetime
import decimal
import importlib
import json
import re
import sys
import types
from collections.abc import KeysView, Mapping, Sequence, ValuesView
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_DEEPEST = 16
_MOST_CELLS = 400_000
_SCALARS = (
    *(type(None), bool, int, float, str, bytes, np.generic, decimal.Decimal, type(pd.NaT), type(pd.NA)),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta, pd.Interval, pd.Period),
)
_DTYPE = re.compile(r"(u?int|float|U?Int|Float)\d+|bool(ean)?|(datetime64|timedelta64)\[.*\]|string|str|category|<U\d+")


class NoData(Exception):
    """A value that is more than data, or too much of it."""


def read(programs: Sequence[str], wanted: Mapping[str, Sequence[str]]) -> list[list[Any]]:
    """Runs the programs one after the other as `__main__` and gives back [name, value] for each name wanted.

    Of an object that is no data (a fitted model, a figure) its type and the given expressions on it are taken.
    """
    names = sys.modules["__main__"].__dict__
    for path in programs:
        try:
            exec(compile(Path(path).read_bytes(), path, "exec", dont_inherit=True), names)
        except SystemExit as leave:
            if leave.code not in (None, 0):
                raise
    found = [name for name in wanted if name in names and not isinstance(names[name], types.ModuleType)]
    return [[name, _carried(names, name, wanted[name])] for name in found]


def _carried(names: dict[str, Any], name: str, expressions: Sequence[str]) -> Any:
    try:
        return pack(names[name])
    except NoData:
        kind = type(names[name])
    parts = []
    for expression in expressions:
        with contextlib.suppress(Exception):
            parts.append([expression, pack(eval(expression, names))])
    return ["object", kind.__module__, kind.__qualname__, parts]


def pack(value: Any, depth: int = 0) -> Any:
    """A value as scalars and lists. Raises NoData."""
    if isinstance(value, _SCALARS):
        return value
    if depth > _DEEPEST:
        raise NoData
    if isinstance(value, list | KeysView | ValuesView):
        return ["list", [pack(item, depth + 1) for item in value]]
    if isinstance(value, tuple):
        return ["tuple", [pack(item, depth + 1) for item in value]]
    if isinstance(value, set | frozenset):
        return ["set", [pack(item, depth + 1) for item in value]]
    if isinstance(value, dict):
        return ["dict", [[pack(key, depth + 1), pack(item, depth + 1)] for key, item in value.items()]]
    if getattr(value, "size", 0) > _MOST_CELLS:
        raise NoData
    return _packed_table(value, depth)


def _packed_table(value: Any, depth: int) -> Any:
    if isinstance(value, pd.MultiIndex):
        levels = [_column(value.get_level_values(number), depth) for number in range(value.nlevels)]
        return ["levels", [pack(name, depth + 1) for name in value.names], levels]
    if isinstance(value, pd.Index):
        return ["index", pack(value.name, depth + 1), _column(value, depth)]
    if isinstance(value, pd.Series):
        return ["series", pack(value.index, depth + 1), pack(value.name, depth + 1), _column(value, depth)]
    if isinstance(value, pd.DataFrame):
        columns = [_column(value.iloc[:, number], depth) for number in range(value.shape[1])]
        return ["table", pack(value.index, depth + 1), pack(value.columns, depth + 1), columns]
    if isinstance(value, pd.api.extensions.ExtensionArray):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        return ["array", list(value.shape), _column(value.ravel(), depth)]
    raise NoData


def _column(values: Any, depth: int) -> list[Any]:
    return [str(values.dtype), [pack(item, depth + 1) for item in values.tolist()]]


def unpack(data: Any) -> Any:
    """The value of what `pack` gave, after its way through JSON. Raises where it was not made by `pack`."""
    if isinstance(data, dict):
        return _scalar(data["$type"], data)
    if not isinstance(data, list):
        return data
    match data:
        case ["list", items]:
            return [unpack(item) for item in items]
        case ["tuple", items]:
            return tuple(unpack(item) for item in items)
        case ["set", items]:
            return {unpack(item) for item in items}
        case ["dict", items]:
            return {unpack(key): unpack(item) for key, item in items}
        case ["array", shape, column]:
            return _restored(column).to_numpy().reshape(shape)
        case ["index", name, column]:
            return pd.Index(_restored(column), name=unpack(name))
        case ["levels", names, levels]:
            return pd.MultiIndex.from_arrays([_restored(level) for level in levels], names=[unpack(n) for n in names])
        case ["series", index, name, column]:
            return _restored(column).set_axis(unpack(index)).rename(unpack(name))
        case ["table", index, names, columns]:
            rows = unpack(index)
            table = pd.DataFrame({n: _restored(c).set_axis(rows) for n, c in enumerate(columns)}, index=rows)
            return table.set_axis(unpack(names), axis=1)
    raise ValueError("no packed value")


def _scalar(kind: str, data: Mapping[str, Any]) -> Any:
    match kind:
        case "float":
            return float(data["value"])
        case "datetime":
            return pd.Timestamp(data["value"])
        case "date":
            return datetime.date.fromisoformat(data["value"])
        case "time":
            return datetime.time.fromisoformat(data["value"])
        case "timedelta":
            return pd.Timedelta(seconds=data["seconds"])
        case "decimal":
            return decimal.Decimal(data["value"])
        case "bytes":
            return base64.b64decode(data["value"])
    raise ValueError("no packed scalar")


def _restored(column: list[Any]) -> Any:
    dtype, values = column
    restored = pd.Series([unpack(value) for value in values], dtype=object)
    if _DTYPE.fullmatch(dtype):
        with contextlib.suppress(Exception):  # then the values are compared as they are
            return restored.astype("object" if dtype.startswith("<U") else dtype)
    return restored


class _StandIn:
    """An object that stayed behind: it is an instance of what it said it was, and has nothing else."""

    def __init__(self, module: str, qualname: str) -> None:
        self._origin = module, qualname

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        module, qualname = self._origin
        kind: Any = importlib.import_module(module)
        for name in qualname.split("."):
            kind = getattr(kind, name)
        return kind


class _Parts(ast.NodeTransformer):
    """Puts names in the place of expressions whose values are known."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Call) and (name := self._names.get(ast.unparse(node))):
            return ast.copy_location(ast.Name(name, ast.Load()), node)
        visited: ast.AST = self.generic_visit(node)
        return visited


def judge(path: str) -> list[list[str] | None]:
    """Of each case in a JSON file, {tests, values}: None where its tests pass, else the error's type and text."""
    return [_failure(case["tests"], case["values"]) for case in json.loads(Path(path).read_text(encoding="utf-8"))]


def _failure(tests: str, values: list[list[Any]]) -> list[str] | None:
    names: dict[str, Any] = {"__name__": "__main__", "pd": pd, "np": np}
    parts: dict[str, str] = {}
    try:
        for name, data in values:
            if isinstance(data, list) and data[0] == "object":
                _, module, qualname, expressions = data
                names[name] = _StandIn(module, qualname)
                for expression, part in expressions:
                    names[f"_part{len(parts)}"] = unpack(part)
                    parts[expression] = f"_part{len(parts)}"
            else:
                names[name] = unpack(data)
        tree: Any = _Parts(parts).visit(ast.parse(tests))
        exec(compile(tree, "<tests>", "exec", dont_inherit=True), names)
    except Exception as error:
        return [type(error).__name__, str(error)[:300]]
    return None

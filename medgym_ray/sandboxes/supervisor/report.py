"""The debug report: where the cell failed, and what its names held there."""

import re
import reprlib
import types
from typing import Any

MAX_NAMES = 15
MAX_TEXT = 120


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = MAX_TEXT
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 8
        self.maxlevel = 3


_short = _Short()


def _describe(value: Any) -> str:
    try:
        shape = getattr(value, "shape", None)
        columns = getattr(value, "columns", None)
        if columns is not None and isinstance(shape, tuple):
            text = f"<{type(value).__name__} {shape[0]} rows, columns {list(columns)!r}>"
        elif isinstance(shape, tuple) and shape:
            text = f"<{type(value).__name__} shape {shape} dtype {getattr(value, 'dtype', '?')}> {_short.repr(value)}"
        else:
            text = _short.repr(value)
    except Exception as error:  # a value's own repr may fail in any way
        text = f"<{type(value).__name__}: no repr, {type(error).__name__}>"
    text = " ".join(text.split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def _interesting(name: str, value: Any) -> bool:
    return not name.startswith("__") and not isinstance(
        value, types.ModuleType | types.FunctionType | types.BuiltinFunctionType | type
    )


def debug_report(traceback: types.TracebackType | None, filename: str, source: str) -> str:
    """A few lines about the innermost frame of `filename` in `traceback`; empty where there is none."""
    found: tuple[types.FrameType, int] | None = None
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == filename:
            found = traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next
    if found is None:
        return ""
    frame, number = found
    lines = source.splitlines()
    line = lines[number - 1].strip() if 0 < number <= len(lines) else "?"
    where = "" if frame.f_code.co_name == "<module>" else f" in {frame.f_code.co_name}()"
    parts = [f"--- debug: line {number}{where}: {line}"]
    values = {name: value for name, value in frame.f_locals.items() if _interesting(name, value)}
    # What the failing line names comes first, then the latest.
    named = set(re.findall(r"\w+", line))
    names = [name for name in values if name in named]
    names += [name for name in reversed(values) if name not in names]
    parts += [f"    {name} = {_describe(values[name])}" for name in names[:MAX_NAMES]]
    if len(names) > MAX_NAMES:
        parts.append(f"    … and {len(names) - MAX_NAMES} more names")
    return "\n".join(parts) + "\n"

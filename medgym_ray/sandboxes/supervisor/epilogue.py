"""Hidden tests that run after a cell's code, in its namespace, from text that arrives only then.

What the code could have left in wait is put back first: builtins, and what tests lean on in the libraries. Code that
shares a process with its tests can still fool them, with objects of its own making or by searching this process for
the token that asks for them. Families that can compare data outside the sandbox do that instead; those that cannot
should also run tests that must fail, which such code passes as well.
"""

import builtins
import contextlib
import gc
import signal
import sys
import traceback
from typing import Any

FILENAME = "<tests>"
_GUARDED = ("builtins", "math", "operator", "numpy", "numpy.testing", "pandas", "pandas.testing", "pandas._testing")
_GUARDED_CLASSES = ("DataFrame", "Series", "Index")
_MAX_MESSAGE = 500


class Pristine:
    """How builtins and libraries looked before any cell ran."""

    def __init__(self) -> None:
        self._recursion = sys.getrecursionlimit()
        self._modules = {name: sys.modules[name] for name in _GUARDED if name in sys.modules}
        self._names = {name: dict(module.__dict__) for name, module in self._modules.items()}
        pandas: Any = self._modules.get("pandas")
        kinds = [getattr(pandas, name) for name in _GUARDED_CLASSES] if pandas else []
        self._classes = [(kind, dict(kind.__dict__)) for kind in kinds]

    def restore(self) -> str | None:
        """Puts everything back; gives back what stands in the tests' way, if anything does."""
        sys.settrace(None)
        sys.setprofile(None)
        builtins.__dict__.clear()
        builtins.__dict__.update(self._names["builtins"])
        sys.setrecursionlimit(self._recursion)
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.callbacks.clear()
        for name, module in self._modules.items():
            sys.modules[name] = module
            module.__dict__.update(self._names[name])
        for kind, names in self._classes:
            for name, value in names.items():
                if kind.__dict__.get(name) is not value:
                    with contextlib.suppress(AttributeError, TypeError):  # __dict__ and the like cannot be set
                        setattr(kind, name, value)
        threads = len(sys._current_frames())
        return "the code left a thread running" if threads > 1 else None


def run(code: str, names: dict[str, Any]) -> str | None:
    """Runs the tests `code` in `names`; None where all hold, else one line that says what does not."""
    try:
        names["__builtins__"] = builtins
        exec(compile(code, FILENAME, "exec"), names)
    except BaseException as error:
        return _explain(error, code)
    return None


def _explain(error: BaseException, code: str) -> str:
    line = next((f.lineno for f in reversed(traceback.extract_tb(error.__traceback__)) if f.filename == FILENAME), None)
    lines = code.splitlines()
    text = f": {lines[line - 1].strip()}" if line and line <= len(lines) else ""
    try:
        said = f"{type(error).__name__} {error}"
    except BaseException:
        said = type(error).__name__
    return " ".join(f"{said}{text}".split())[:_MAX_MESSAGE]

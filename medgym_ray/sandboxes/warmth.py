"""How warm an interpreter a cell needs.

A fork costs as much as what it copies: with pandas, SciPy and scikit-learn imported eight times what it costs without
them. So there are several warm interpreters, and a cell is forked from the coldest that has what it imports.
"""

import re
import sys
from collections.abc import Sequence

from medgym_ray.sandboxes.base import Cell

_MIDDLE = "pandas"
"""Most programs need it and nothing that is heavier."""
_WORD = re.compile(r"\w+")
_FROM = re.compile(r"\bfrom\s+([\w.]+)\s+import\b(?:\s*\([^)]*\)|[^\n;]*)")
_IMPORT = re.compile(r"\bimport\s+([\w.]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+(?:\s+as\s+\w+)?)*)")


def tiers(preimport: Sequence[str]) -> list[tuple[str, ...]]:
    """The modules of each interpreter, from the coldest to the warmest, which has all of `preimport`, in that order."""
    standard = tuple(module for module in preimport if _root(module) in sys.stdlib_module_names)
    others = [module for module in preimport if module not in standard]
    middle = tuple(others[: others.index(_MIDDLE) + 1]) if _MIDDLE in others else ()
    every = (standard, standard + middle, standard + tuple(others))
    return list(dict.fromkeys(every))


def tier_of(cell: Cell, available: Sequence[Sequence[str]]) -> int:
    """The coldest of the `available` tiers that has every module which the code says to import.

    The warmest for what none of them has: it is likely to import, in its turn, what that one has. What the code hides
    (a pickle, a name put together) is not found; it is then imported in the cell, which takes longer, and that is all.
    """
    if cell.language == "shell":
        return 0
    warm = {_root(module) for modules in available for module in modules}
    named = {_root(module) for module in _imported(cell.code)} | warm.intersection(_WORD.findall(cell.code))
    named -= sys.stdlib_module_names
    if named:
        for number, modules in enumerate(available):
            if named <= {_root(module) for module in modules}:
                return number
        return len(available) - 1
    return 0


def _imported(code: str) -> list[str]:
    """By sight: code that a model wrote is parsed in a sandbox only."""
    modules = _FROM.findall(code)
    for listed in _IMPORT.findall(_FROM.sub("", code)):
        modules += [part.split()[0] for part in listed.split(",")]
    return [module for module in modules if not module.startswith(".")]


def _root(module: str) -> str:
    return module.partition(".")[0]

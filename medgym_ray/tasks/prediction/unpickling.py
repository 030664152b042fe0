"""Pickles of the original, read outside of any sandbox and without running what they name.

A pickle is a program; this reader refuses every class and function but those that arrays and tables are made of.
"""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medgym_ray.errors import TaskError

_ARRAYS: Mapping[str, frozenset[str]] = {
    "__builtin__": frozenset({"slice"}),
    "_codecs": frozenset({"encode"}),
    "builtins": frozenset({"slice"}),
    "datetime": frozenset({"date", "datetime", "timedelta"}),
    "numpy": frozenset({"dtype", "ndarray"}),
    **dict.fromkeys(("numpy.core.multiarray", "numpy._core.multiarray"), frozenset({"_reconstruct", "scalar"})),
    **dict.fromkeys(("numpy.core.numeric", "numpy._core.numeric"), frozenset({"_frombuffer"})),
}
_TABLES: Mapping[str, frozenset[str]] = {
    "pandas._libs.arrays": frozenset({"__pyx_unpickle_NDArrayBacked"}),
    "pandas._libs.internals": frozenset({"_unpickle_block"}),
    "pandas._libs.tslibs.timestamps": frozenset({"Timestamp", "_unpickle_timestamp"}),
    "pandas.core.arrays.datetimes": frozenset({"DatetimeArray"}),
    "pandas.core.arrays.string_": frozenset({"StringArray", "StringDtype"}),
    "pandas.core.frame": frozenset({"DataFrame"}),
    "pandas.core.indexes.base": frozenset({"Index", "_new_Index"}),
    "pandas.core.indexes.datetimes": frozenset({"DatetimeIndex", "_new_DatetimeIndex"}),
    "pandas.core.indexes.frozen": frozenset({"FrozenList"}),
    "pandas.core.indexes.multi": frozenset({"MultiIndex"}),
    "pandas.core.indexes.numeric": frozenset({"Float64Index", "Int64Index", "UInt64Index"}),
    "pandas.core.indexes.range": frozenset({"RangeIndex"}),
    "pandas.core.internals.blocks": frozenset({"new_block"}),
    "pandas.core.internals.managers": frozenset({"BlockManager", "SingleBlockManager"}),
    "pandas.core.series": frozenset({"Series"}),
}


def read_arrays(path: Path) -> Any:
    """What a pickle of plain containers and numpy arrays holds. Raises TaskError for anything else in it."""

    class Arrays(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            _allow(module, name, _ARRAYS)
            return super().find_class(module, name)

    return _read(path, Arrays)


def read_table(path: Path) -> Any:
    """What a pickle of pandas tables holds, also of older versions. Raises TaskError for anything else in it."""
    try:
        from pandas.compat.pickle_compat import Unpickler
    except ImportError:
        raise TaskError(f"{path}: reading it needs pandas; pip install pandas") from None

    class Tables(Unpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            _allow(module, name, {**_ARRAYS, **_TABLES})
            return super().find_class(module, name)

    return _read(path, Tables)


def _allow(module: str, name: str, allowed: Mapping[str, frozenset[str]]) -> None:
    if name not in allowed.get(module, ()):
        raise pickle.UnpicklingError(f"it names {module}.{name}, which no array or table is made of")


def _read(path: Path, unpickler: Any) -> Any:
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of the names that numpy had before version 2
            return unpickler(file).load()
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error
    except Exception as error:  # a broken pickle may end in any exception
        raise TaskError(f"{path}: cannot be unpickled: {' '.join(str(error).split())[:200]}") from None

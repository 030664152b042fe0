"""Getting the interpreter warm: what is imported once here costs no cell its import time."""

import gc
import importlib
import sys
import warnings
from collections.abc import Sequence
from typing import Any


def warm_up(modules: Sequence[str]) -> list[str]:
    """Imports `modules`, and touches what they load lazily; gives back those that could not be imported."""
    missing = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            try:
                importlib.import_module(name)
            except Exception:  # whatever a package's import may raise, the cells can do without it
                missing.append(name)
        pandas: Any = sys.modules.get("pandas")
        if pandas is not None:
            frame = pandas.DataFrame({"group": [1, 2, 1], "value": [1.0, 2.0, 3.0]})
            frame.groupby("group").value.mean().to_dict()
            str(frame.merge(frame, on="group").describe())
    gc.collect()
    return missing

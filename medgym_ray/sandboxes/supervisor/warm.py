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
        _touch(sys.modules.get("pandas"), sys.modules.get("sklearn.linear_model"), sys.modules.get("scipy.stats"))
    gc.collect()
    return missing


def _touch(pandas: Any, linear_model: Any, stats: Any) -> None:
    """Uses each once: a first fit alone imports another two dozen modules."""
    numbers = [1.0, 2.0, 3.0, 5.0]
    if pandas is not None:
        frame = pandas.DataFrame({"group": [1, 2, 1, 2], "value": numbers})
        frame.groupby("group").value.mean().to_dict()
        str(frame.merge(frame, on="group").describe())
    if linear_model is not None:
        table, labels = [[number] for number in numbers], [0, 1, 0, 1]
        linear_model.LogisticRegression().fit(table, labels).score(table, labels)
        linear_model.LinearRegression().fit(table, numbers)
    if stats is not None:
        stats.ttest_ind(numbers, numbers[:3])
        stats.linregress(numbers, numbers)

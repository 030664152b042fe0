"""A cell is forked from the coldest interpreter that has what it imports, and never notices which."""

import pytest
import pytest_asyncio

from medgym_ray.sandboxes.base import PREIMPORT, Cell
from medgym_ray.sandboxes.namespace import NamespaceFactory
from medgym_ray.sandboxes.warmth import tier_of, tiers

TIERS = tiers(PREIMPORT)


def test_tiers_hold_each_other_and_the_last_holds_all():
    assert TIERS == [
        ("sqlite3",),
        ("sqlite3", "numpy", "pandas"),
        ("sqlite3", "numpy", "pandas", "scipy.stats", "sklearn.linear_model"),
    ]
    assert tiers(()) == [()]
    assert tiers(("json",)) == [("json",)]
    assert tiers(("matplotlib.pyplot",)) == [(), ("matplotlib.pyplot",)]


@pytest.mark.parametrize(
    ("code", "tier"),
    [
        ("print(1)", 0),
        ("import json, sqlite3 as s\nfrom datetime import (date,\n    time)", 0),
        ("# weights come from the chart\nx = 1", 0),
        ("import pandas as pd", 1),
        ("import json, numpy as np", 1),
        ("x = 1; import numpy.linalg", 1),
        ("try:\n    from pandas import DataFrame\nexcept ImportError: pass", 1),
        ("__import__('numpy')", 1),
        ("exec('import pandas')", 1),
        ("from scipy import stats", 2),
        ("import importlib; importlib.import_module('sklearn.svm')", 2),
        ("import statsmodels.api as sm", 2),
        ("from lifelines import KaplanMeierFitter", 2),
        ("from . import pandas", 1),
        ("import", 0),
        ("from x import", 2),
    ],
)
def test_the_coldest_that_has_what_is_imported(code, tier):
    assert tier_of(Cell(code), TIERS) == tier


def test_a_shell_needs_nothing_warm_and_where_there_is_one_tier_it_is_that():
    assert tier_of(Cell("python -c 'import pandas'", language="shell"), TIERS) == 0
    assert tier_of(Cell("import pandas"), tiers(())) == 0


@pytest_asyncio.fixture(loop_scope="session")
async def factory():
    made = NamespaceFactory()
    await made.start()
    yield made
    await made.close()


# Spelt so that it asks for nothing by itself.
_LOOK = "import sys\nanswer = [m for m in ('pan' + 'das', 'skl' + 'earn') if m in sys.modules]\n"


async def _warm(sandbox, code=""):
    result = await sandbox.run(Cell(_LOOK + code))
    assert result.status == "ok", result.stderr
    return result.answer


async def test_a_sandbox_gets_warmer_as_its_cells_need_it_while_it_holds_nothing(factory):
    sandbox = await factory.create()
    await sandbox.put({"notes.txt": b"1"})
    sees = "assert open('notes.txt').read() == '1'"
    assert await _warm(sandbox, sees + "  # ") == []
    assert await _warm(sandbox, sees + "\nimport numpy") == ["pandas"]
    assert await _warm(sandbox, sees + "\nimport statsmodels") == ["pandas", "sklearn"]
    assert await _warm(sandbox, sees) == ["pandas", "sklearn"], "it stays what it is"
    await sandbox.reset()
    assert await _warm(sandbox, "import os\nassert os.listdir() == []") == []


async def test_what_a_cell_has_left_is_worth_more_than_warmth(factory):
    sandbox = await factory.create()
    assert await _warm(sandbox, "open('left.txt', 'w').write('2')") == []
    assert await _warm(sandbox, "assert open('left.txt').read() == '2'\nimport pandas") == []


async def test_an_answer_of_a_library_that_was_not_warm_is_read_all_the_same(factory):
    sandbox = await factory.create()
    hidden = "library = __import__('num' + 'py')\nanswer = library.arange(3)"
    assert (await sandbox.run(Cell(hidden))).answer == (
        await sandbox.run(Cell("import numpy\nanswer = numpy.arange(3)"))
    ).answer
    await sandbox.reset()
    hidden = "library = __import__('pan' + 'das')\nanswer = library.Timestamp('2026-01-02')"
    assert (await sandbox.run(Cell(hidden))).has_answer

"""A table of 300,000 rows: everything can still be asked for, and identifiers and notes cost little."""

from collections.abc import Iterator

import pytest

from medgym_ray.tables import cache, summary
from medgym_ray.tables.cache import open_index
from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.requests import answer

_ROWS = 300_000
_DRUGS = [
    f"{name} {dose} mg" for name in ("Metformin", "Furosemide", "Heparin", "Aspirin") for dose in range(5, 500, 5)
]


def _row(n: int) -> str:
    minute = f"2105-{n % 12 + 1:02d}-{n % 28 + 1:02d} {n % 24:02d}:{n // 24 % 60:02d}:00"
    return f"{n},{_DRUGS[n % len(_DRUGS)]},{n % 7000 / 10},{minute},ORD-{n:06d},Given slowly by nurse {n % 40}\n"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableIndex]:
    folder = tmp_path_factory.mktemp("large")
    with (folder / "EVENTS.csv").open("w") as file:
        file.write("row_id,drug,dose,charttime,order,note\n")
        file.writelines(map(_row, range(_ROWS)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "cache_dir", lambda: folder / "cache")
        opened = open_index({"/data/EVENTS.csv": folder / "EVENTS.csv"})
    yield opened
    opened.close()


def _ask(index: TableIndex, info_type: str, keyterm: str) -> str:
    reply = answer(index, {"data_path": "/data/EVENTS.csv", "info_type": info_type, "keyterm": keyterm}, 65_536)
    assert reply.ok
    assert not reply.truncated
    return reply.text


def test_columns_are_described(index: TableIndex) -> None:
    text = _ask(index, "column_names", "")
    assert "300,000 rows" in text
    assert "- row_id: integer, 300,000 distinct, 0 to 299999" in text
    assert f"- drug: text, {len(_DRUGS)} distinct" in text
    assert "- dose: number, 7,000 distinct, 0.0 to 699.9" in text
    assert "- charttime: date/time" in text


def test_long_lists_of_values_are_cut_and_say_how_many_there_are(index: TableIndex) -> None:
    drugs = _ask(index, "column_values", "drug")
    assert f"{len(_DRUGS)} distinct values, in 300,000 rows" in drugs
    assert "The 100 most frequent (rows)" in drugs
    assert len(drugs.splitlines()) == 102
    orders = _ask(index, "column_values", "order")
    assert "300,000 distinct values" in orders
    assert f"The {summary.EXAMPLES} most frequent (rows); info_type term finds words in them:" in orders
    assert f"The {summary.EXAMPLES} most frequent (rows):" in _ask(index, "column_values", "dose")


def test_terms_are_found(index: TableIndex) -> None:
    first, _, hit, *_ = _ask(index, "term", "metformin 35 mg").splitlines()
    assert "found in 1 column" in first
    assert hit == f'- "Metformin 35 mg" ({_ROWS // len(_DRUGS) + 1:,} rows, same but for case)'
    assert "Furosemide" in _ask(index, "term", "furosemid")
    assert "Furosemide" in _ask(index, "term", "fursoemide")
    assert "- 001234 (1 row)" in _ask(index, "term", "ORD-001234")


def test_what_is_not_searched_is_said(index: TableIndex) -> None:
    text = _ask(index, "term", "zzzzzz")
    assert "searched by whole word, rare words aside: order" in text
    assert "not searched, numbers and times of very many values: row_id, dose, charttime" in text

"""Tables of every form and what is wrong with broken ones; what a search finds in tables nobody has thought of."""

import csv
import gzip
import itertools
import sqlite3
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgym_ray.errors import TaskError
from medgym_ray.tables.cache import open_index
from medgym_ray.tables.folding import fold, words
from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.search import Match

_NUMBERS = itertools.count()


def _opened(path: Path) -> TableIndex:
    """Under a name of its own: files that are made fast may have one size and one time."""
    return open_index({f"/data/{next(_NUMBERS)}/{path.name}": path})


def _broken(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(TaskError) as caught:
        _opened(path)
    message = str(caught.value)
    assert message.startswith(str(path)), "it says where"
    assert "\n" not in message
    assert "secret" not in message, "a row is somebody's data"
    return message


def _column_values(path: Path) -> dict[str, dict[str, int]]:
    index = _opened(path)
    (table,) = index.tables
    return {column.name: dict(index.values(column, 10**6)) for column in table.columns}


def test_column_names_are_those_that_pandas_would_give(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbf,a,a,"x\ny",a\r\n1,2,3,4,5\r\n')
    assert list(_column_values(tmp_path / "t.csv")) == ["Unnamed: 0", "a", "a.1", "x\ny", "a.2"]


@pytest.mark.parametrize("content", ["a,b", "a,b\n", "a,b\r\n"])
def test_a_table_may_have_no_rows(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    (table,) = _opened(tmp_path / "t.csv").tables
    assert (table.rows, [c.name for c in table.columns]) == (0, ["a", "b"])


def test_compressed_and_tab_separated_tables_are_read(tmp_path: Path) -> None:
    (tmp_path / "t.tsv.gz").write_bytes(gzip.compress(b"a\tb\nx,y\t1\n"))
    assert _column_values(tmp_path / "t.tsv.gz") == {"a": {"x,y": 1}, "b": {"1": 1}}


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pa.table({
        "n": [1, 2, None],
        "x": [0.5, 0.5, 62.0],
        "day": pa.array([0, 1, 2], pa.date32()),
        "yes": [True, False, True],
        "code": ["0389", None, ""],
        "list": [["a", "b"], [], None],
        "raw": [b"\xff", b"", None],
        "kind": pa.array(["u", "v", "u"]).dictionary_encode(),
    })  # fmt: skip
    pa.parquet.write_table(table, tmp_path / "t.parquet")
    index = _opened(tmp_path / "t.parquet")
    columns = {column.name: column for column in index.tables[0].columns}
    assert {name: str(c.kind) for name, c in columns.items()} == {
        "n": "integer", "x": "number", "day": "date/time", "yes": "boolean", "code": "text", "list": "text",
        "raw": "binary", "kind": "text",
    }  # fmt: skip
    assert (columns["day"].low, columns["day"].high) == ("1970-01-01", "1970-01-03")
    assert index.values(columns["x"], 9) == [("0.5", 2), ("62.0", 1)]
    assert dict(index.values(columns["code"], 9)) == {"0389": 1, "": 1}
    assert [columns[name].empty for name in ("n", "code", "raw")] == [1, 1, 1]


def test_what_a_sqlite_column_holds_counts_and_not_what_it_declares(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "t.db") as database:
        database.execute("CREATE TABLE t (mixed INTEGER, part REAL, time TIMESTAMP(0), bytes TEXT)")
        database.executemany(
            "INSERT INTO t VALUES (?, ?, ?, CAST(? AS TEXT))",
            [
                (1, 1, "2105-12-31 23:59:00", b"ok"),
                ("unknown", 2.5, "2105-01-01", b"caf\xe9"),
                (None, None, None, None),
            ],
        )
    database.close()
    index = _opened(tmp_path / "t.db")
    mixed, part, time, text = index.tables[0].columns
    assert (mixed.kind, dict(index.values(mixed, 9))) == ("text", {"1": 1, "unknown": 1})
    assert (part.kind, part.low, part.high) == ("number", "1.0", "2.5")
    assert (time.kind, time.declared, time.low) == ("date/time", "TIMESTAMP(0)", "2105-01-01")
    assert dict(index.values(text, 9)) == {"ok": 1, "caf�": 1}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\nsecret,2,3\n", "row 3 has 3 fields, the header 2"),
        (b'a,b\n"x\ny",2\nsecret\n', "row 3 has 1 field, the header 2"),
        (b"a,b\nsecret\xe9,2\n", "not UTF-8"),
        (b"\xff\xfe\x00a,b\n1,2\n", "not UTF-8"),
        (b'"secret,b\n1,2\n', "header"),
        (b'a,b\n"secret,1\n' + b"secret,2\n" * 9, "row 2 has 1 field"),
        (b'a,b\n"secret,1\n' + b"secret,2\n" * 2_000_000, "quote"),
    ],
)
def test_a_broken_csv_file_gives_one_line_that_says_what_and_where(tmp_path: Path, content: bytes, told: str) -> None:
    assert told in _broken(tmp_path / "t.csv", content)


def test_broken_files_of_other_forms_give_one_line_too(tmp_path: Path) -> None:
    assert "SQLite" in _broken(tmp_path / "t.db", b"not a database, secret" * 500)
    assert "holds no tables" in _broken(tmp_path / "t.db", b"")
    assert "Parquet" in _broken(tmp_path / "t.parquet", b"PAR1 secret")
    _broken(tmp_path / "t.csv.gz", b"secret")
    _broken(tmp_path / "t.csv.gz", gzip.compress(b"a,b\n" + b"secret,2\n" * 9999)[:-100])
    with sqlite3.connect(tmp_path / "whole.db") as database:
        database.execute("CREATE TABLE t (a)")
        database.executemany("INSERT INTO t VALUES (?)", [(f"secret {n}",) for n in range(9999)])
    database.close()
    torn = bytearray((tmp_path / "whole.db").read_bytes())
    torn[8192:16384] = b"\xaa" * 8192
    assert "SQLite" in _broken(tmp_path / "torn.db", bytes(torn))


def test_a_folder_without_tables_and_a_missing_one_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"no table in .*\.csv"):
        open_index({"/data": tmp_path})
    with pytest.raises(TaskError, match="gone: no such file"):
        open_index({"/data": tmp_path / "gone"})


def test_hidden_and_other_files_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for name in ("t.csv", ".hidden.csv", ".git/x.csv", "notes.txt", "tasks.jsonl", "big.CSV"):
        (tmp_path / name).write_text("a\n1\n")
    assert [table.path for table in open_index({"/data": tmp_path}).tables] == ["/data/big.CSV", "/data/t.csv"]


_CELLS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["Pneumonia", "0389", "NA", "2105-01-01"])
_ROWS = st.lists(st.tuples(_CELLS, _CELLS), max_size=25)
_QUICK = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _assert_every_value_is_found(index: TableIndex, rows: list[tuple[str, str]], empty: str | None) -> None:
    (table,) = index.tables
    assert table.rows == len(rows)
    for place, column in enumerate(table.columns):
        expected = Counter(row[place] for row in rows if row[place] != empty)
        assert dict(index.values(column, 10**6)) == expected
        assert (column.distinct, column.empty) == (len(expected), len(rows) - expected.total())
        for value, count in expected.items():
            if fold(value):
                best = [(hit.value, hit.rows) for hit in index.search(value, [column]).hits if hit.match is Match.EXACT]
                assert (value, count) in best


@_QUICK
@given(rows=_ROWS)
def test_every_distinct_value_of_a_random_csv_file_is_found(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
        _assert_every_value_is_found(_opened(path), rows, empty="")


@_QUICK
@given(rows=_ROWS)
def test_every_distinct_value_of_a_random_database_is_found(rows: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.db")
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE t (a TEXT, b TEXT)")
            database.executemany("INSERT INTO t VALUES (?, ?)", rows)
        database.close()
        _assert_every_value_is_found(_opened(path), rows, empty=None)


_WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=5, max_size=12), min_size=1, max_size=6, unique=True)


@_QUICK
@given(values=st.lists(_WORDS.map(" ".join), min_size=1, max_size=10, unique=True), data=st.data())
def test_a_value_is_found_by_part_and_with_a_typing_error(values: list[str], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        path.write_text("\n".join(["a", *values]) + "\n", encoding="utf-8")
        index = _opened(path)
        value = data.draw(st.sampled_from(values))
        start = data.draw(st.integers(0, len(value) - 3))
        part = value[start : data.draw(st.integers(start + 3, len(value)))]
        found = index.search(part, index.tables[0].columns).hits
        assert value in {hit.value for hit in found} or len(fold(part)) < 3
        word = data.draw(st.sampled_from(words(value)))
        at = data.draw(st.integers(0, len(word) - 2))
        swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        dropped = word[:at] + word[at + 1 :]
        for misspelt in (swapped, dropped):
            assert value in {hit.value for hit in index.search(misspelt, index.tables[0].columns).hits}

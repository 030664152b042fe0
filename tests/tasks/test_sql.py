"""The shared SQL core: the clock stands still, nothing but a SELECT runs, and a gold means one thing."""

import hashlib
import json
import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.tasks.base import Submission
from medgym_ray.tasks.samples.databases import write_database
from medgym_ray.tasks.sql import checks, gold, scoring
from medgym_ray.tasks.sql.clock import NOW, clock_read, postprocess
from medgym_ray.tasks.sql.execution import Database
from medgym_ray.tasks.sql.gold import GoldCache
from medgym_ray.tasks.sql.tokens import tokens

SCHEMA = {"visits": {"id": "INTEGER", "ward": "TEXT", "began": "TEXT", "cost": "REAL"}}
ROWS = [
    (1, "east", "2105-01-01 08:00:00", 10.5),
    (2, "east", "2105-12-01 08:00:00", 20.0),
    (3, "west", "2104-06-01 08:00:00", 20.0),
    (4, "west", "2105-12-31 20:00:00", None),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_database(tmp_path / "hospital.db", SCHEMA, {"visits": ROWS})
    return tmp_path / "hospital.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = Database(path, seconds=5.0, most_rows=100)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("sql", "processed"),
    [
        ("select current_time", f"select '{NOW}'"),
        ("select CURRENT_TIME", f"select '{NOW}'"),
        ("where t < datetime(current_time,'-1 year')", f"where t < datetime('{NOW}','-1 year')"),
        ("select strftime('%y-%m',t)", "select strftime('%Y-%m',t)"),
        ("select strftime( '%j', t )", "select strftime( '%J', t )"),
        ("v between temperature_lower and temperature_upper", "v between 35.5 and 38.1"),
        ("v > sao2_lower and v < mean_bp_upper", "v > 95.0 and v < 110.0"),
        ("a < = b and c > = d and e ! = f", "a <= b and c >= d and e != f"),
        # What stands in a string, or is a column of that name, is not touched.
        ("like '%yeast%'", "like '%yeast%'"),
        ("= 'current_time'", "= 'current_time'"),
        ("= 'it''s current_time'", "= 'it''s current_time'"),
        ("= 'temperature_lower'", "= 'temperature_lower'"),
        ("= 'a < = b'", "= 'a < = b'"),
        ("select t.current_time, t.sao2_upper", "select t.current_time, t.sao2_upper"),
        ("-- current_time\nselect 1", "-- current_time\nselect 1"),
        ("select unknown_lower", "select unknown_lower"),
    ],
)
def test_postprocessing(sql: str, processed: str) -> None:
    assert postprocess(sql) == processed
    assert postprocess(processed) == processed
    assert "".join(token.text for token in tokens(sql)) == sql


@pytest.mark.parametrize(
    "sql",
    [
        "select current_time",
        "select current_date",
        "select Current_Timestamp",
        "select date('now')",
        "select strftime('%Y', 'now', '-1 day')",
        'select datetime("now")',
        "select datetime(' NOW ')",
        "select datetime()",
        "select julianday ( )",
        "select strftime('%Y')",
        "select unixepoch('subsec')",
    ],
)
def test_no_query_reads_the_clock_of_the_machine(database: Database, sql: str) -> None:
    assert clock_read(sql)
    with pytest.raises(TaskError, match=r"reads the machine's clock"):
        database.rows(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select datetime('2105-01-01', '-1 day')",
        "select 'what is current_time now'",
        "select strftime('%Y', began) from visits where id = 1",
    ],
)
def test_queries_that_only_speak_of_time_run(database: Database, sql: str) -> None:
    assert clock_read(sql) is None
    assert len(database.rows(sql)) == 1


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("insert into visits values (5, 'x', 'x', 1)", "is no SELECT"),
        ("pragma table_info(visits)", "is no SELECT"),
        ("attach 'other.db' as other", "is no SELECT"),
        ("", "is no SELECT"),
        ("with x as (select 1) delete from visits", "does not run: not authorized"),
        ("select * from pragma_table_info('visits')", "does not run: not authorized"),
        ("select name from sqlite_master", "prohibited"),
        ("select random()", "not authorized to use function"),
        ("select load_extension('x')", "does not run"),
        ("select 1; select 2", "one statement at a time"),
        ("select nothing from visits", "does not run"),
        ("select x'00ff'", "binary data"),
        ("select 9e999", "infinite"),
        ("with r(n) as (select 1 union all select n + 1 from r) select n from r", "more than 100 rows"),
    ],
)
def test_only_a_select_runs(database: Database, sql: str, complaint: str) -> None:
    with pytest.raises(TaskError, match=complaint) as raised:
        database.rows(sql)
    assert "\n" not in str(raised.value)


def test_a_query_has_limited_time(path: Path) -> None:
    database = Database(path, seconds=0.2)
    with pytest.raises(TaskError, match=r"ran for more than 0\.2 s"):
        database.rows("with r(n) as (select 1 union all select n + 1 from r) select count(*) from r")
    assert database.rows("select count(*) from visits") == [[4]]
    database.close()


def test_the_file_is_only_read(database: Database, path: Path) -> None:
    before = path.read_bytes()
    assert database.sha256 == hashlib.sha256(before).hexdigest()
    assert database.rows("select id, cost from visits where ward = 'west'") == [[3, 20.0], [4, None]]
    assert database.columns("select id, cost as price from visits;") == ["id", "price"]
    assert database.empty().rows("select count(*), max(cost) from visits") == [[0, None]]
    assert path.read_bytes() == before
    assert sorted(file.name for file in path.parent.iterdir()) == ["hospital.db"]


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such file"):
        Database(tmp_path / "hospital.db")
    (tmp_path / "hospital.db").write_text("nothing like it " * 100)
    with pytest.raises(TaskError, match="is no SQLite database"):
        Database(tmp_path / "hospital.db")


def test_sample_databases_are_the_same_bytes(path: Path, tmp_path: Path) -> None:
    write_database(tmp_path / "again.db", SCHEMA, {"visits": ROWS})
    assert (tmp_path / "again.db").read_bytes() == path.read_bytes()
    content = path.read_bytes()
    assert content[92:96] == content[24:28]
    assert int.from_bytes(content[96:100], "big") == 3_040_001
    opened = sqlite3.connect(path)
    assert opened.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    opened.close()


@pytest.mark.parametrize(
    ("sql", "is_ambiguous"),
    [
        ("select ward from visits order by cost desc limit 1", True),
        ("select ward from visits order by cost desc, id limit 1", False),
        ("select cost from visits order by cost desc limit 1", False),
        ("select ward from visits order by cost desc limit 2", False),
        ("select id from visits order by cost desc limit 2", False),
        ("select id from visits order by ward limit 3", True),
        ("select id from visits limit 2", True),
        ("select ward from visits where ward = 'east' limit 1", False),
        ("select id from visits limit 10", False),
        ("select * from visits order by cost desc limit 1", True),
        ("select began from visits where id = (select id from visits order by cost desc limit 1)", True),
        ("select began from visits where id in (select id from visits order by began desc limit 2)", False),
        ("select max(cost) from (select cost, id from visits order by cost desc limit 1)", False),
        ("select (select v.id from visits v where v.ward = w.ward order by v.ward limit 1) from visits w", True),
        ("with x as (select * from visits) select id from x order by began limit 1;", False),
        ("select id, dense_rank() over (order by cost desc) from visits", False),
        ("select count(*) from visits", False),
    ],
)
def test_ties_where_a_limit_cuts(database: Database, sql: str, is_ambiguous: bool) -> None:
    assert checks.is_ambiguous(database, sql, database.rows(sql)) is is_ambiguous


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("select count(*) from visits", None),
        ("select count(*) from visits where id > 9", checks.VACUOUS),
        ("select count(*) > 0 from visits where id > 9", checks.VACUOUS),
        ("select id from visits where id > 9", checks.VACUOUS),
        ("select sum(cost) from visits where id = 4", checks.VACUOUS),
        ("select cost, cost from visits where id = 4", checks.NULL),
        ("select cost from visits where id = 4", checks.VACUOUS),
        ("select id from visits order by ward limit 1", checks.TIED),
    ],
)
def test_what_is_no_gold(database: Database, sql: str, complaint: str | None) -> None:
    assert checks.complaint(database, database.empty(), sql, database.rows(sql)) == complaint


@pytest.mark.parametrize(
    ("rows", "question", "is_printed"),
    [
        ([[12]], "Of the 12 visits, how many were long?", True),
        ([[12]], "Of the 112 visits, how many were long?", False),
        ([[12]], "Is a value of 12.5 high?", False),
        ([["East"]], "Which ward is east of it?", True),
        ([["East"], [7]], "Which ward is east of it?", False),
    ],
)
def test_a_question_that_prints_its_gold(rows: Any, question: str, is_printed: bool) -> None:
    assert checks.is_printed(rows, question) is is_printed


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(gold, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_a_gold_is_computed_once(database: Database, path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["select count(*) from visits", "select id from visits order by ward limit 1"]
    with GoldCache(database) as golds:
        first = [golds.get(sql) for sql in asked]
    assert first == [([[4]], None), ([[1]], checks.TIED)]
    assert (home / "gold").stat().st_mode & 0o077 == 0

    def never(sql: str) -> Any:
        raise AssertionError(sql)

    again = Database(path)
    monkeypatch.setattr(again, "rows", never)
    with GoldCache(again) as golds:
        assert [golds.get(sql) for sql in asked] == first
    write_database(path, SCHEMA, {"visits": ROWS[:2]})
    other = Database(path)
    with GoldCache(other) as golds:
        assert golds.get(asked[0]).rows == [[2]]


def test_a_query_that_fails_is_not_kept(database: Database, home: Path) -> None:
    with GoldCache(database) as golds:
        with pytest.raises(TaskError):
            golds.get("select nothing from visits")
        assert golds.get("select max(id) from visits").rows == [[4]]


def _fill(path: Path, home: Path) -> None:
    gold.cache_dir = lambda: home  # type: ignore[assignment]
    with GoldCache(Database(path)) as golds:
        for number in range(40):
            golds.get(f"select {number} + count(*) from visits")


def test_processes_share_the_cache(path: Path, home: Path, database: Database) -> None:
    workers = [multiprocessing.get_context("fork").Process(target=_fill, args=(path, home)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    kept = sqlite3.connect(home / "gold" / "gold.sqlite")
    assert kept.execute("select count(*) from gold").fetchone() == (40,)
    kept.close()
    with GoldCache(database) as golds:
        assert golds.get("select 39 + count(*) from visits").rows == [[43]]


def test_a_broken_cache_is_one_line(database: Database, home: Path) -> None:
    (home / "gold").mkdir(parents=True)
    (home / "gold" / "gold.sqlite").write_text("no database, but long enough to be looked at " * 40)
    with pytest.raises(ConfigError, match=r"cannot keep gold in .*gold\.sqlite"), GoldCache(database):
        pass


@pytest.mark.parametrize(
    ("sql", "is_yes_no"),
    [
        ("select count(*) > 0 from visits where id = 1", True),
        ("select (select max(cost) from visits) < (select min(cost) from visits)", True),
        ("select exists (select 1 from visits)", True),
        ("select count(*) from visits where id > 1", False),
        ("select id, cost > 1 from visits", False),
        ("select max(id) from visits", False),
    ],
)
def test_questions_of_truth(sql: str, is_yes_no: bool) -> None:
    assert scoring.is_yes_no(sql) is is_yes_no


@pytest.mark.parametrize(
    ("answer", "rows", "verdict"),
    [
        (4, [[4]], "correct"),
        ([["b", 2], ["a", 1]], [["a", 1], ["b", 2]], "correct"),
        ([["a", 1]], [["a", 1], ["b", 2]], "wrong_row_count"),
        ([[n] for n in range(40)], [["a"], ["b"]], "too_large"),
        (5, [[4]], "wrong"),
        (None, [[4]], "no_answer"),
        ("3.14", [[3.14159]], "correct"),
        ("3.1", [[3.14159]], "wrong"),
    ],
)
def test_verdicts(answer: Any, rows: Any, verdict: str) -> None:
    assert scoring.verdict(Submission(answer, True), rows) == verdict
    assert scoring.verdict(Submission(answer, True, ran=False), rows) == "did_not_run"
    assert scoring.verdict(Submission(), rows) == "no_answer"


def test_truth_may_be_said_in_words() -> None:
    assert scoring.compared("yes", [[1]], yes_no=True) == "correct"
    assert scoring.compared(False, [[0]], yes_no=True) == "correct"
    assert scoring.compared("yes", [[1]]) == "wrong"


@pytest.mark.parametrize(
    ("stored", "printed", "paid"),
    [
        ("12", "about 3120 rows", 1.0),
        ("12", "13", 0.0),
        ("12.0", "12", 1.0),
        ("1", "True", 1.0),
        ("True", "True", 1.0),
        ("false", "False", 1.0),
        ("None", "0", 1.0),
        ("a, b", "b then a", 1.0),
        ("a, b", "a alone", 0.0),
    ],
)
def test_the_published_rule(stored: str, printed: str, paid: float) -> None:
    assert scoring.paper_reward(Submission(stdout=printed), stored) == paid
    assert scoring.paper_reward(Submission(stderr=printed, ran=False), stored) == paid


def test_rows_as_they_are_stated() -> None:
    assert scoring.plain([[7]]) == 7
    assert json.dumps(scoring.plain([[7, 8]])) == "[[7, 8]]"

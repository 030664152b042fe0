"""mimic_iii and eicu: gold is what the query gives at the fixed instant, and what can't be trusted is left out."""

import csv
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgym_ray.actions import ActionKind
from medgym_ray.errors import TaskError
from medgym_ray.tables import cache
from medgym_ray.tables.cache import open_index
from medgym_ray.tables.requests import answer
from medgym_ray.tasks.base import LoadReport, Score, Split, Submission, Task
from medgym_ray.tasks.ehrsql import EICU, MimicIII, family
from medgym_ray.tasks.ehrsql.family import EHRSQL
from medgym_ray.tasks.ehrsql.topics import TOPICS, topic_of
from medgym_ray.tasks.samples import SEED
from medgym_ray.tasks.samples.ehrsql import build, eicu, mimic_iii
from medgym_ray.tasks.sql import execution, gold
from medgym_ray.tasks.sql.checks import is_printed
from medgym_ray.tasks.sql.clock import NOW, clock_read, postprocess

SAMPLE = Path(__file__).parents[2] / "data"
FAMILIES: tuple[EHRSQL, ...] = (MimicIII(), EICU())
BANKS = {"mimic_iii": mimic_iii.BANK, "eicu": eicu.BANK}
SPLITS: tuple[Split, ...] = get_args(Split)

pytestmark = pytest.mark.usefixtures("_cache")


@pytest.fixture(scope="module")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        for module in (gold, cache):
            patch.setattr(module, "cache_dir", lambda: home)
        yield


def load(of: EHRSQL, split: Split = "test", root: Path = SAMPLE) -> tuple[list[Task], LoadReport]:
    report = LoadReport()
    return list(of.load(root, split, report)), report


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
def test_the_sample_loads_fully(of: EHRSQL, split: Split) -> None:
    tasks, report = load(of, split)
    assert report == LoadReport()
    assert {task.category for task in tasks} == set(of.categories)
    assert len({task.task_id for task in tasks}) == len(tasks)
    assert len(tasks) == len(BANKS[of.name].templates) * (1 if split == "test" else 2)


def test_the_templates_are_many_and_share_nine_categories() -> None:
    assert sum(len(bank.templates) for bank in BANKS.values()) >= 160
    for bank in BANKS.values():
        assert {template.topic for template in bank.templates} == set(TOPICS)
        assert len({template.question for template in bank.templates}) == len(bank.templates)
    assert len(TOPICS) == 9


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
def test_splits_share_no_question(of: EHRSQL) -> None:
    questions = [task.inputs["question"] for split in SPLITS for task in load(of, split)[0]]
    assert len(set(questions)) == len(questions)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
def test_no_constant_pays_and_no_prompt_prints_its_gold(of: EHRSQL, split: Split) -> None:
    tasks, _ = load(of, split)
    golds = Counter(json.dumps(task.gold["rows"]) for task in tasks)
    assert max(golds.values()) <= 0.07 * len(tasks)
    for task in tasks:
        rows = task.gold["rows"]
        assert rows
        assert None not in rows[0]
        assert task.gold["yes_no"] or not is_printed(rows, of.prompt(task))
        assert task.gold["sql"] not in json.dumps(dict(task.inputs)) + of.prompt(task)


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
def test_stored_answers_of_the_sample_are_the_gold(of: EHRSQL) -> None:
    for task in load(of)[0]:
        rounded = [[round(v, 6) if isinstance(v, float) else v for v in row] for row in task.gold["rows"]]
        stated = sorted(", ".join(map(str, row)) for row in rounded)
        assert task.gold["stored"] == ", ".join(stated)


def test_rebuild_is_byte_identical(tmp_path: Path) -> None:
    build(tmp_path, SEED)
    for of in FAMILIES:
        built = sorted((tmp_path / of.name).iterdir())
        assert [path.name for path in built] == [path.name for path in sorted((SAMPLE / of.name).iterdir())]
        for path in built:
            assert path.read_bytes() == (SAMPLE / of.name / path.name).read_bytes(), path.name


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
def test_tables_are_in_the_database_and_stay_small(of: EHRSQL) -> None:
    size = sum(path.stat().st_size for path in (SAMPLE / of.name).iterdir())
    assert size < (6 if of.name == "mimic_iii" else 3) * 1024 * 1024
    mounted = of.tables(SAMPLE)
    assert len(mounted) == len(of.table_names) + 1
    assert not [path for path in mounted.values() if path.suffix not in {".csv", ".db"}]
    database = sqlite3.connect(f"file:{mounted[f'/data/{of.name}/{of.name}.db']}?mode=ro", uri=True)
    assert {name for (name,) in database.execute("select name from sqlite_master")} == set(of.table_names)
    for table in of.table_names:
        lines = mounted[f"/data/{of.name}/{table}.csv"].read_text(encoding="utf-8").splitlines()
        assert database.execute(f"select count(*) from {table}").fetchone() == (len(lines) - 1,)
    database.close()


def test_the_hospital_is_as_it_is_said_to_be() -> None:
    database = sqlite3.connect(SAMPLE / "mimic_iii" / "mimic_iii.db")

    def one(sql: str) -> Any:
        return database.execute(sql).fetchone()[0]

    assert one("select count(*) from patients") == 200
    assert one("select count(*) from admissions where dischtime is null") == 20
    assert one("select min(admittime) from admissions") >= "2100"
    assert one("select max(charttime) from labevents") <= NOW
    for table, item in (("labevents", "itemid"), ("chartevents", "itemid"), ("diagnoses_icd", "icd9_code")):
        again = f"select count(*) from {table} group by subject_id, {item}, charttime having count(*) > 1"
        assert database.execute(again).fetchall() == []
    kinds = {kind for (kind,) in database.execute("select distinct event_type from cost")}
    assert kinds == {"diagnoses_icd", "procedures_icd", "labevents", "prescriptions"}
    for kind in kinds:
        assert one(f"select count(*) from {kind}") == one(f"select count(*) from cost where event_type = '{kind}'")
    database.close()


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
def test_categories_follow_from_the_query_alone(of: EHRSQL) -> None:
    for task in load(of)[0]:
        assert topic_of(task.gold["sql"]) == task.category


@pytest.mark.parametrize(
    ("sql", "topic"),
    [
        ("select count(distinct patients.subject_id) from patients where patients.gender = 'f'", "demographics"),
        ("select 1", "demographics"),
        ("select max(transfers.intime) from transfers", "hospital_stay"),
        ("SELECT COUNT(*) FROM admissions WHERE hadm_id IN (SELECT hadm_id FROM Prescriptions)", "medication"),
        ("select t1.drug from (select prescriptions.drug from prescriptions, diagnoses_icd) as t1", "medication"),
        ("select sum(cost.cost) from cost where cost.event_type = 'labevents'", "cost"),
        ("select d_items.label from d_items where d_items.label = 'cost of a lab'", "vitals_and_fluids"),
        ("select count(*) from patient where patient.wardid = 3", "hospital_stay"),
        ("select microlab.organism from microlab", "microbiology"),
        ("select t3.drug from (select t1.drug from (select diagnoses_icd.hadm_id from diagnoses_icd))", "medication"),
    ],
)
def test_topics(sql: str, topic: str) -> None:
    assert topic_of(sql) == topic


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
def test_no_query_reaches_sqlite_with_a_clock_of_its_own(of: EHRSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    run = execution.Queries._run

    def watched(self: execution.Queries, sql: str) -> Any:
        sent.append(sql)
        return run(self, sql)

    monkeypatch.setattr(execution.Queries, "_run", watched)
    monkeypatch.setattr(gold.GoldCache, "_key", "none of it is known")
    tasks, _ = load(of)
    assert len(sent) > 2 * len(tasks)
    assert any(NOW in sql for sql in sent)
    assert not [sql for sql in sent if clock_read(sql) or "current_time" in sql.lower()]


def test_a_bare_current_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family, "postprocess", lambda sql: sql)
    tasks, report = load(MimicIII())
    records = (SAMPLE / "mimic_iii" / "valid_tasks.jsonl").read_text(encoding="utf-8").splitlines()
    by_clock = {f"mimic_iii/{record['id']}" for record in map(json.loads, records) if "current_time" in record["query"]}
    assert len(by_clock) > 15
    assert not by_clock & {task.task_id for task in tasks}
    assert {task_id for task_id, why in report.dropped.items() if "clock" in why} == by_clock


@given(st.sampled_from(("select", "a.current_times", "'%yield'", "strftime('%y-%m', x)", "'last'", "%J", "“é”", "\n")))
def test_postprocessing_twice_is_postprocessing_once(part: str) -> None:
    sql = f"{part} current_time heart_rate_lower strftime('%j',{part}) < strftime('%j',current_time)"
    once = postprocess(sql)
    assert postprocess(once) == once


@given(
    st.lists(
        st.sampled_from(
            ("current_time", "CURRENT_TIME", " ", "x", "'", "''", '"', "datetime(", ",", "'now'", ")", "--")
        ),
        max_size=12,
    )
)
def test_a_query_is_run_by_the_fixed_clock_or_not_at_all(parts: list[str]) -> None:
    sql = postprocess("select " + " ".join(parts))
    database = sqlite3.connect(":memory:")
    queries = execution.Queries(database, seconds=1, most_rows=10)
    try:
        rows = queries.rows(sql)
    except TaskError:
        return
    finally:
        database.close()
    assert not re.search(r"20[23]\d-\d\d-\d\d", json.dumps(rows))


def table(name: str) -> list[dict[str, str]]:
    with (SAMPLE / "mimic_iii" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def last_finished(patient: str) -> str:
    ended = [row for row in table("ADMISSIONS") if row["SUBJECT_ID"] == patient and row["DISCHTIME"]]
    return max(ended, key=lambda row: row["ADMITTIME"])["HADM_ID"]


def hours(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 3600


def current_days(patient: str) -> float:
    (row,) = (row for row in table("ADMISSIONS") if row["SUBJECT_ID"] == patient and not row["DISCHTIME"])
    return hours(row["ADMITTIME"], NOW) / 24


def longest_unit_stay(patient: str) -> float:
    stays = [row for row in table("ICUSTAYS") if row["SUBJECT_ID"] == patient and row["OUTTIME"]]
    return max(hours(row["INTIME"], row["OUTTIME"]) for row in stays)


def cost_of_last_visit(patient: str) -> float:
    visit = last_finished(patient)
    return sum(float(row["COST"]) for row in table("COST") if row["HADM_ID"] == visit)


def mean_of_last_visit(lab: str, patient: str) -> float:
    visit = last_finished(patient)
    (item,) = (row["ITEMID"] for row in table("D_LABITEMS") if row["LABEL"] == lab)
    events = [row for row in table("LABEVENTS") if row["HADM_ID"] == visit and row["ITEMID"] == item]
    return mean(float(row["VALUENUM"]) for row in events)


def admitted_with_insurance_since(insurance: str, month: str, year: str) -> int:
    return len(
        {
            row["SUBJECT_ID"]
            for row in table("ADMISSIONS")
            if row["INSURANCE"] == insurance and row["ADMITTIME"][:7] >= f"{year}-{month}"
        }
    )


def most_prescribed(places: str, phrase: str) -> list[list[str]]:
    within = {"this year": "2105-", "last year": "2104-", "this month": "2105-12", "last month": "2105-11"}[phrase]
    counts = Counter(row["DRUG"] for row in table("PRESCRIPTIONS") if row["STARTDATE"].startswith(within))
    kept = sorted(set(counts.values()), reverse=True)[: int(places)]
    return [[drug] for drug, count in counts.items() if count in kept]


ROUTES: dict[str, Callable[..., Any]] = {
    r"How many days has patient (\d+) been in hospital by now\?": current_days,
    r"How many hours did the longest finished intensive care stay of patient (\d+) take\?": longest_unit_stay,
    r"What did patient (\d+) cost in total on the last hospital visit that is over\?": cost_of_last_visit,
    r"What was the mean (.+) of patient (\d+) on the last hospital visit that is over\?": mean_of_last_visit,
    r"How many patients with (.+) insurance were admitted since (\d\d)/(\d{4})\?": admitted_with_insurance_since,
    r"Which drugs hold the first (\d) places by the number of prescriptions begun (.+)\?": most_prescribed,
}


async def test_golds_agree_with_a_second_route() -> None:
    """The same questions answered from the CSV files, without a database."""
    taken: set[str] = set()
    of = MimicIII()
    for task in [task for split in SPLITS for task in load(of, split)[0]]:
        for asked, route in ROUTES.items():
            found = re.fullmatch(asked, task.inputs["question"])
            if found:
                try:
                    stated = route(*found.groups())
                except (KeyError, ValueError):
                    continue  # a vital sign, or a time that this route does not know
                outcome = await of.score(task, Submission(stated, True), None)  # type: ignore[arg-type]
                assert outcome.success, (task.inputs["question"], stated, task.gold["rows"])
                taken.add(asked)
    assert taken == set(ROUTES)


def record(**changes: Any) -> dict[str, Any]:
    """A record in the original's layout, which knows no categories; its stored answer is wrong on purpose."""
    fields = {
        "db_id": "mimic_iii",
        "question": "count the men who were admitted in the last twelve months.",
        "template": "count the number of male patients admitted since 1 year ago.",
        "query": "select count( distinct admissions.subject_id ) from admissions where admissions.subject_id in "
        "( select patients.subject_id from patients where patients.gender = 'm' ) "
        "and datetime(admissions.admittime) >= datetime(current_time,'-1 year')",
        "value": {"gender": "m"},
        "q_tag": "count the number of {gender} patients admitted.",
        "t_tag": ["rel-year-since", "", "", "", ""],
        "o_tag": ["", "", "", "", "", "", "", "", ""],
        "tag": "count the number of {gender} patients admitted [time_filter_global1:rel-year-since].",
        "department": "['registration']",
        "importance": "low",
        "para_type": "human",
        "is_impossible": False,
        "split": "valid",
        "id": "a1",
        "answer": ["0"],
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not ...}


def written(root: Path, *records: Any) -> Path:
    """A folder of the original's layout with the sample's database."""
    folder = root / "mimic_iii"
    folder.mkdir(exist_ok=True)
    (folder / "mimic_iii.db").write_bytes((SAMPLE / "mimic_iii" / "mimic_iii.db").read_bytes())
    lines = [line if isinstance(line, str) else json.dumps(line) for line in records]
    (folder / "valid_tasks.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def test_records_of_the_originals_layout_load(tmp_path: Path) -> None:
    (task,), report = load(MimicIII(), root=written(tmp_path, record()))
    assert report == LoadReport()
    assert (task.task_id, task.category) == ("mimic_iii/a1", "demographics")
    database = sqlite3.connect(SAMPLE / "mimic_iii" / "mimic_iii.db")
    expected = database.execute(
        "select count(distinct a.subject_id) from admissions a join patients p on p.subject_id = a.subject_id "
        "where p.gender = 'm' and a.admittime >= '2104-12-31 23:59:00'"
    ).fetchone()
    assert task.gold["rows"] == [list(expected)]
    assert task.gold["stored"] == "0"
    database.close()


LAST_WEIGHT = "select labevents.valuenum from labevents order by labevents.hadm_id limit 1"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"is_impossible": True, "query": "null", "answer": []}, "impossible"),
        ({"query": "select a from nowhere"}, "the SQL does not run: no such table"),
        ({"query": "select count(*) from patients where patients.gender = 'x'"}, "vacuous"),
        ({"query": "select patients.dod from patients where patients.subject_id = 1"}, "vacuous"),
        ({"query": "select max(patients.dod) from patients where patients.subject_id = 1"}, "vacuous"),
        ({"query": LAST_WEIGHT}, "ambiguous"),
        ({"query": "delete from patients"}, "the SQL is no SELECT"),
        ({"query": "select datetime('now')"}, "the SQL reads the machine's clock"),
        ({"query": "select max(patients.row_id) from patients", "question": "is 200 the last row?"}, "given away"),
    ],
)
def test_what_is_no_gold_is_left_out(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    tasks, report = load(MimicIII(), root=written(tmp_path, record(), record(id="b2", **changes)))
    assert [task.task_id for task in tasks] == ["mimic_iii/a1"]
    assert list(report.dropped) == ["mimic_iii/b2"]
    assert report.dropped["mimic_iii/b2"].startswith(why)
    assert not report.broken


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{not json", "not JSON"),
        ("[1]", "a JSON list, not an object"),
        (record(id=...), "field id is missing"),
        (record(id="a b"), "the id 'a b' is no identifier"),
        (record(), "its id was used before"),
        (record(id="b", question=" "), "the question is empty"),
        (record(id="b", question=3), "field question is a int"),
        (record(id="b", query=...), "field query is missing or no string"),
        (record(id="b", is_impossible="no"), "field is_impossible is a str"),
        (record(id="b", answer="0"), "field answer is a str"),
        (record(id="b", db_id="eicu"), "it belongs to the database eicu"),
        (record(id="b", t_tag="none"), "field t_tag is a str"),
        (record(id="b", category="astrology"), "unknown category 'astrology'"),
    ],
)
def test_broken_records_are_named(tmp_path: Path, line: Any, why: str) -> None:
    tasks, report = load(MimicIII(), root=written(tmp_path, record(), line))
    assert len(tasks) == 1
    (named,) = report.broken
    assert named.startswith(f"{tmp_path / 'mimic_iii' / 'valid_tasks.jsonl'}:2: {why}")


def test_queries_of_a_later_edition_win(tmp_path: Path) -> None:
    root = written(tmp_path, record(), record(id="b2"))
    newer = "select count(*) from patients where patients.gender = 'f'"
    edition = root / "mimic_iii" / "valid.json"
    edition.write_text(json.dumps([{"id": "a1", "query": newer}, {"id": "c3", "query": None}]), encoding="utf-8")
    first, second = load(MimicIII(), root=root)[0]
    assert first.gold["sql"] == newer
    assert NOW in second.gold["sql"]
    edition.write_text('{"id": 1}', encoding="utf-8")
    with pytest.raises(TaskError, match=r"valid\.json: no JSON list of records"):
        load(MimicIII(), root=root)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"mimic_iii\.db: no such file"):
        load(MimicIII(), root=tmp_path)
    root = written(tmp_path, record())
    with pytest.raises(TaskError, match=r"train_tasks\.jsonl"):
        load(MimicIII(), "train", root)


def test_tables_are_found_however_they_are_spelled(tmp_path: Path) -> None:
    folder = tmp_path / "mimic_iii"
    folder.mkdir()
    for name in ("admissions.csv", "Patients.CSV", "mimic_iii.db", "valid_tasks.jsonl", "train.json", "notes.csv"):
        (folder / name).touch()
    assert MimicIII().tables(tmp_path) == {
        "/data/mimic_iii/ADMISSIONS.csv": folder / "admissions.csv",
        "/data/mimic_iii/PATIENTS.csv": folder / "Patients.CSV",
        "/data/mimic_iii/mimic_iii.db": folder / "mimic_iii.db",
    }
    assert EICU().tables(tmp_path) == {}


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
def test_prompts_state_the_instant_and_the_normal_ranges(of: EHRSQL) -> None:
    tasks, _ = load(of)
    ranged = [task for task in tasks if "normal range" in task.inputs["question"]]
    assert len(ranged) >= 3
    for task in tasks:
        prompt = of.prompt(task)
        assert prompt.startswith(task.inputs["question"])
        assert f"now {NOW}" in prompt
        assert f"/data/{of.name}/{of.name}.db" in prompt
        assert ("bounds included" in prompt) is (task in ranged)
    assert re.search(r"(heart rate|respiration|temperature|sao2|bp) from [\d.]+ to [\d.]+", of.prompt(ranged[0]))
    assert of.prepare(tasks[0]).files == {}


@pytest.mark.parametrize("of", FAMILIES, ids=lambda of: of.name)
def test_the_oracle_looks_up_what_is_there(of: EHRSQL) -> None:
    index = open_index(of.tables(SAMPLE))
    kinds: Counter[ActionKind] = Counter()
    for task in load(of)[0]:
        actions = of.oracle(task)
        kinds.update(action.kind for action in actions)
        assert actions[-1].kind is ActionKind.SUBMIT
        assert all(action.thought and action.kind in of.actions for action in actions)
        for action in actions:
            if action.kind is ActionKind.REQUEST_INFO:
                reply = answer(index, action.arguments, 65_536)
                assert reply.ok, (action, reply)
    assert set(kinds) == {ActionKind.REQUEST_INFO, ActionKind.CODE_EXECUTION, ActionKind.SUBMIT}
    index.close()


async def test_scores_tell_what_is_wrong() -> None:
    of = MimicIII()
    tasks, _ = load(of)
    task = next(task for task in tasks if len(task.gold["rows"]) > 3)
    rows = task.gold["rows"]

    async def score(answer: Any, **fields: Any) -> Score:
        return await of.score(task, Submission(answer, True, **fields), None)  # type: ignore[arg-type]

    assert await score(rows[::-1]) == Score(1.0, True, "correct", 0.0)
    assert (await score([row[0].upper() for row in rows])).success
    assert (await score(rows[:-1])).reason == "wrong_row_count"
    assert (await score([*rows[:-1], ["x"]])).reason == "wrong"
    assert (await score(rows * 40)).reason == "too_large"
    assert (await score([])).reason == "no_answer"
    assert (await score(rows, ran=False)).reason == "did_not_run"
    assert (await of.score(task, Submission(), None)).reason == "no_answer"  # type: ignore[arg-type]
    assert (await score(None, stdout=str(rows), stderr="")).reward_paper == 1.0

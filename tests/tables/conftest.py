"""A small hospital as CSV files and a database, indexed into a cache of the test's own."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from medgym_ray.tables import cache
from medgym_ray.tables.cache import open_index
from medgym_ray.tables.index import TableIndex
from medgym_ray.tables.requests import Reply, answer

ADMISSIONS = """row_id,hadm_id,admittime,admission_type,diagnosis,weight
1,1001,2105-01-02 10:00:00,EMERGENCY,PNEUMONIA,70.5
2,1002,2105-03-01 11:30:00,EMERGENCY,pneumonia,NA
3,1003,,ELECTIVE,"CHF, acute",81
4,1004,2105-12-31 23:59:00,NEWBORN,,3.2
"""
DIAGNOSES = """icd9_code,long_title
0389,Unspecified septicemia
486,"Pneumonia, organism unspecified"
4280,"Congestive heart failure, unspecified"
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cache, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path / "cache"


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    return _build(tmp_path / "hospital")


def _build(folder: Path) -> Path:
    folder.mkdir()
    (folder / "ADMISSIONS.csv").write_text(ADMISSIONS)
    (folder / "D_ICD_DIAGNOSES.csv").write_text(DIAGNOSES)
    (folder / "test_tasks.jsonl").write_text('{"answer": "canary-of-the-gold"}\n')
    with sqlite3.connect(folder / "hospital.db") as database:
        database.execute("CREATE TABLE lab (subject_id TEXT, age INTEGER, value REAL, flag TEXT, raw BLOB, note TEXT)")
        database.executemany(
            "INSERT INTO lab VALUES (?, ?, ?, ?, x'ff', ?)",
            [
                ("007", 61, 1.5, "abnormal", "The patient was in septic shock. " * 20),
                ("008", 62, 2.0, None, "No fever and no shock, sent home. " * 20),
            ],
        )
        database.execute('CREATE TABLE "odd "" name" (a)')
    database.close()
    return folder


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TableIndex]:
    folder = tmp_path_factory.mktemp("index")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "cache_dir", lambda: folder / "cache")
        opened = open_index({"/data/hospital": _build(folder / "hospital")})
    yield opened
    opened.close()


Ask = Callable[..., Reply]


@pytest.fixture
def ask(index: TableIndex) -> Ask:
    """Asks as an agent does."""

    def asking(data_path: str, info_type: str, keyterm: object = None, most_bytes: int = 65_536) -> Reply:
        arguments = {"data_path": data_path, "info_type": info_type}
        return answer(index, arguments | ({} if keyterm is None else {"keyterm": keyterm}), most_bytes)

    return asking

"""An index is built once and then opened; what cannot be trusted is built again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.tables.cache import open_index
from medgym_ray.tables.index import TableIndex


def _garble(folder: Path) -> None:
    """Other content of the same size and time: whoever reads the tables again gets it wrong."""
    for path in folder.iterdir():
        stat = path.stat()
        path.write_bytes(b"\xff" * stat.st_size)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def _values(index: TableIndex) -> list[str]:
    return [hit.value for hit in index.search("pneumonia", [c for t in index.tables for c in t.columns]).hits]


def test_the_second_time_no_table_is_read(hospital: Path) -> None:
    first = open_index({"/data/hospital": hospital})
    _garble(hospital)
    second = open_index({"/data/hospital": hospital})
    assert second.key == first.key
    assert second.tables == first.tables
    assert _values(second) == _values(first) != []


def test_a_changed_table_or_another_place_makes_another_index(hospital: Path) -> None:
    first = open_index({"/data/hospital": hospital})
    assert open_index({"/data/other": hospital}).key != first.key
    (hospital / "ADMISSIONS.csv").write_text("diagnosis\nasthma\n")
    changed = open_index({"/data/hospital": hospital})
    assert changed.key != first.key
    assert _values(changed) == ["Pneumonia, organism unspecified"]


@pytest.mark.parametrize("damage", ["bit", "half", "empty", "no index", "no digest"])
def test_a_damaged_index_is_built_again(hospital: Path, own_cache: Path, damage: str) -> None:
    good = _values(open_index({"/data/hospital": hospital}))
    (folder,) = (path for path in (own_cache / "tables").iterdir() if path.is_dir())
    file = folder / "index.sqlite"
    content = file.read_bytes()
    match damage:
        case "bit":
            file.write_bytes(content.replace(b"organism", b"organisn"))
        case "half":
            file.write_bytes(content[: len(content) // 2])
        case "empty":
            file.write_bytes(b"")
        case "no index":
            file.unlink()
        case "no digest":
            (folder / "sha256").unlink()
    assert _values(open_index({"/data/hospital": hospital})) == good


def test_nothing_half_built_stays(hospital: Path, own_cache: Path) -> None:
    (hospital / "Z.csv").write_text("a,b\n1\n")
    with pytest.raises(TaskError):
        open_index({"/data/hospital": hospital})
    assert [path for path in (own_cache / "tables").iterdir() if path.is_dir()] == []


def test_what_a_killed_builder_left_is_removed(hospital: Path, own_cache: Path) -> None:
    key = open_index({"/data/hospital": hospital}).key
    home = own_cache / "tables"
    shutil.rmtree(home / key)
    (home / f"{key}.abc" / "built").mkdir(parents=True)
    open_index({"/data/hospital": hospital}).close()
    assert {path.name for path in home.iterdir() if path.is_dir()} == {key}


def test_the_index_is_this_users_alone(hospital: Path, own_cache: Path) -> None:
    open_index({"/data/hospital": hospital})
    assert (own_cache / "tables").stat().st_mode & 0o077 == 0


def test_a_cache_that_cannot_be_written_is_named(hospital: Path, own_cache: Path) -> None:
    own_cache.write_text("a file")
    with pytest.raises(ConfigError, match="XDG_CACHE_HOME"):
        open_index({"/data/hospital": hospital})


BUILD = """
import logging, sys
from pathlib import Path
from medgym_ray.tables.cache import open_index
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
print("open", flush=True)
sys.stdin.readline()
index = open_index({"/data/hospital": Path(sys.argv[1])})
print("rows", sum(table.rows for table in index.tables))
"""


def test_of_processes_that_ask_at_once_one_builds(hospital: Path, tmp_path: Path) -> None:
    (hospital / "BIG.csv").write_text("a,b\n" + "".join(f"{n},value {n}\n" for n in range(50_000)))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", BUILD, str(hospital)],
            env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "shared")},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    for process in processes:  # all are at the line before
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=120)[0] for process in processes]
    assert all("rows 50009" in text for text in said)
    assert sum("indexing" in text for text in said) == 1

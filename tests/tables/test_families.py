"""Which tables a run's families bring, and that each is kept to its own."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from medgym_ray.actions import ActionKind
from medgym_ray.errors import ConfigError, TaskError
from medgym_ray.tables.families import FamilyTables
from tests.families import ToyFamily


class Hospital(ToyFamily):
    """Names single tables: gold lies beside them."""

    actions = frozenset({ActionKind.REQUEST_INFO})

    def __init__(self, name: str = "hospital", *, at: str = "/data/hospital") -> None:
        self.name, self._at = name, at

    def tables(self, root: Path) -> Mapping[str, Path]:
        return {f"{self._at}/{name}": root / "hospital" / name for name in ("ADMISSIONS.csv", "hospital.db")}


class Notes(ToyFamily):
    """Mounts what is no table, and asks for none."""

    name, actions = "notes", frozenset({ActionKind.CODE_EXECUTION})

    def tables(self, root: Path) -> Mapping[str, Path]:
        return {"/data/notes": root / "notes"}


class Plain(ToyFamily):
    """Inherits the default: no tables."""

    name, actions = "plain", frozenset({ActionKind.REQUEST_INFO})


def test_families_bring_mounts_and_an_index_each(hospital: Path) -> None:
    (hospital.parent / "notes").mkdir()
    families = [Hospital(), Notes(), Plain()]
    tables = FamilyTables(hospital.parent, families)
    assert sorted(tables.mounts) == ["/data/hospital/ADMISSIONS.csv", "/data/hospital/hospital.db", "/data/notes"]
    index, *others = map(tables.index, families)
    assert index is not None
    assert {table.path for table in index.tables} == {"/data/hospital/ADMISSIONS.csv", "/data/hospital/hospital.db"}
    assert others == [None, None]
    tables.close()


def test_tables_that_are_not_on_this_node_are_an_error_of_ours(hospital: Path) -> None:
    tables = FamilyTables(hospital.parent, [])
    with pytest.raises(TaskError, match="hospital: its tables are not on this node"):
        tables.index(Hospital())
    assert tables.index(Plain()) is None


def test_missing_tables_and_clashing_places_are_the_users_to_mend(hospital: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"family hospital: .*ADMISSIONS.csv: no such file"):
        FamilyTables(tmp_path / "nowhere", [Hospital()])

    class Clash(Hospital):
        def tables(self, root: Path) -> Mapping[str, Path]:
            return {"/data/hospital/hospital.db": root / "other.db"}

    with pytest.raises(ConfigError, match=r"family clash: /data/hospital/hospital.db"):
        FamilyTables(hospital.parent, [Hospital(), Clash("clash")])
    FamilyTables(hospital.parent, [Hospital(), Hospital("twin")]).close()

"""What a run holds, counted before anything is written or sent: the gate and the card go by it."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from medgym_ray.errors import ConfigError
from medgym_ray.store.stored import StoredRun

_BY_FAMILY = ("licence", "scorer_version", "category")
_OF_ALL = ("model", "policy_version", "code_version", "schema_version", "agent_format", "protocol", "judge_model")
_COLUMNS = ("family", "split", "restricted", *_BY_FAMILY, *_OF_ALL)
_BATCH = 8192
_NAME = re.compile(r"\w{1,64}(-\w{1,64})*", re.ASCII)
"""Of a family or split: it becomes a folder, a file and a configuration of `datasets`."""


@dataclass(slots=True)
class Survey:
    """Rows and names of a run."""

    rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By family and split."""
    restricted: Counter[str] = field(default_factory=Counter)
    """By family."""
    of_family: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """Family → column → the values it has."""
    of_all: dict[str, set[str]] = field(default_factory=dict)
    """Column → the values it has."""

    @property
    def families(self) -> list[str]:
        """Sorted."""
        return sorted({family for family, _ in self.rows})

    def splits(self, family: str | None = None) -> list[str]:
        """Those of a family or of all: train first."""
        found = {split for name, split in self.rows if family in (None, name)}
        return sorted(found, key=lambda split: (split != "train", split))

    def count(self, family: str | None = None, split: str | None = None) -> int:
        """Rows in all, of a family, of a split."""
        return sum(n for (f, s), n in self.rows.items() if family in (None, f) and split in (None, s))


def survey(run: StoredRun) -> Survey:
    """Reads the names of all rows. Raises StorageError; ConfigError where a name cannot be one of a file."""
    found = Survey()
    for batch in run.trajectories(_COLUMNS, _BATCH):
        for row in _distinct(batch, ("family", "split", "restricted")):
            family, split = (_checked(row[name], name) for name in ("family", "split"))
            found.rows[family, split] += row["count"]
            if row["restricted"] is not False:
                found.restricted[family] += row["count"]
        for name in _BY_FAMILY:
            for row in _distinct(batch, ("family", name)):
                found.of_family.setdefault(row["family"], {}).setdefault(name, set()).add(str(row[name]))
        for name in _OF_ALL:
            values = pc.unique(batch.column(name)).to_pylist()
            found.of_all.setdefault(name, set()).update(str(value) for value in values if value is not None)
    return found


def _distinct(batch: pa.RecordBatch, names: Iterable[str]) -> list[dict[str, Any]]:
    names = list(names)
    table = pa.Table.from_batches([batch]).select(names).append_column("count", pa.array([1] * batch.num_rows))
    rows: list[dict[str, Any]] = (
        table.group_by(names).aggregate([("count", "sum")]).rename_columns([*names, "count"]).to_pylist()
    )
    return rows


def _checked(name: object, column: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"run: a row has a {column} that cannot be the name of a file; it cannot be published")
    return name

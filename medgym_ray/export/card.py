"""What is said of an export: the dataset card, by which `datasets` finds the files, and the settings it was made with.

Nothing in either depends on when or where the export was made: the same run and settings give the same bytes.
"""

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

import medgym_ray
from medgym_ray.export.files import DATA
from medgym_ray.export.filters import Selection
from medgym_ray.export.settings import ExportConfig
from medgym_ray.export.source import Source
from medgym_ray.export.split import Side
from medgym_ray.export.views.base import View
from medgym_ray.identity import identity_key
from medgym_ray.store.atomic import write_text
from medgym_ray.store.layout import CARD

SETTINGS = "export.yaml"

_CARD = """---
configs:
- config_name: {view}
  default: true
  data_files:
{files}
license: other
tags:
- agent
- medical
- trajectories
---
# `{view}`: {rows} examples of medical agents at work

{about}

{restricted}

| family | {sides} | tasks | licence | scorer |
|---|{dashes}---|---|---|
{families}

Made by medgym_ray {version} of {kept} of {all} trajectories by {models}. A task is on one side only ({validation:g} \
of the tasks for validation, by the hash of their id and the seed {seed}).{test}

| left out by | trajectories |
|---|---|
{taken}

| run | trajectories | shards |
|---|---|---|
{runs}
"""

_OPEN = "No row is restricted."
_RESTRICTED = (
    "**{rows} rows are of restricted families ({families}): they hold data of patients and may neither be "
    "made public nor be given to a third party.**"
)


@dataclass(slots=True)
class Tally:
    """What was written."""

    rows: Counter[tuple[str, Side]] = field(default_factory=Counter)
    """By family and side."""
    restricted: Counter[str] = field(default_factory=Counter)
    """By family."""
    licences: dict[str, set[str]] = field(default_factory=dict)
    tasks: dict[str, set[str]] = field(default_factory=dict)

    def add(self, side: Side, batch: pa.RecordBatch) -> None:
        """Counts examples."""
        columns = (batch.column(name).to_pylist() for name in ("family", "task_id", "licence", "restricted"))
        for family, task, licence, restricted in zip(*columns, strict=True):
            self.rows[family, side] += 1
            self.restricted[family] += restricted
            self.licences.setdefault(family, set()).add(licence)
            self.tasks.setdefault(family, set()).add(task)

    def side(self, side: Side) -> int:
        """Examples on one side."""
        return sum(count for (_, each), count in self.rows.items() if each is side)

    @property
    def task_count(self) -> int:
        """Tasks in all."""
        return sum(len(tasks) for tasks in self.tasks.values())


@dataclass(frozen=True, slots=True)
class Account:
    """All that is known of an export once its rows are written."""

    config: ExportConfig
    view: View
    source: Source
    selection: Selection
    tally: Tally

    def of_test_tasks(self) -> int:
        """Trajectories of the benchmark's own test split."""
        return int(pc.sum(pc.equal(self.selection.kept["split"], "test")).as_py() or 0)


def write_description(folder: Path, account: Account) -> None:
    """Writes the card and `export.yaml`. Raises StorageError."""
    write_text(folder / SETTINGS, yaml.safe_dump(_settings(account), allow_unicode=True, sort_keys=False))
    write_text(folder / CARD, _card(account))


def _settings(account: Account) -> dict[str, Any]:
    config = asdict(account.config)
    sides = [side for side in Side if account.tally.side(side)]
    return {
        "view": account.view.name,
        **{key: config[key] for key in ("filter", "split", "pairs")},
        "medgym_ray": medgym_ray.__version__,
        "source": _runs(account.source),
        "taken": dict(account.selection.taken),
        "examples": {side.value: account.tally.side(side) for side in sides},
        "restricted": bool(account.tally.restricted.total()),
    }


def _runs(source: Source) -> list[dict[str, Any]]:
    return [
        {
            "run_key": identity_key(run.identity),
            "medgym_ray": str(run.versions.get("medgym_ray")),
            "trajectories": sum(entry.rows for root, entry in source.shards if root is run.root),
            "shards_sha256": hashlib.sha256(
                json.dumps([entry.sha256 for root, entry in source.shards if root is run.root]).encode()
            ).hexdigest(),
        }
        for run in source.runs
    ]


def _card(account: Account) -> str:
    tally, kept = account.tally, account.selection.kept
    sides = [side for side in Side if tally.side(side)]
    restricted = [family for family in sorted(tally.tasks) if tally.restricted[family]]
    test = account.of_test_tasks()
    return _CARD.format(
        view=account.view.name,
        files="\n".join(f"  - split: {side}\n    path: {DATA}/{side}-*.parquet" for side in sides),
        rows=tally.rows.total(),
        about=account.view.about,
        restricted=_RESTRICTED.format(rows=tally.restricted.total(), families=", ".join(restricted))
        if restricted
        else _OPEN,
        sides=" | ".join(sides),
        dashes="---|" * len(sides),
        families="\n".join(_family(tally, sides, kept, family) for family in sorted(tally.tasks)),
        version=medgym_ray.__version__,
        kept=kept.num_rows,
        all=account.source.rows,
        models=", ".join(f"`{model}`" for model in sorted(pc.unique(kept["model"]).to_pylist())),
        validation=account.config.split.validation,
        seed=account.config.split.seed,
        test=f" {test} of the trajectories are of tasks of the benchmark's own test split." if test else "",
        taken="\n".join(f"| {name} | {count} |" for name, count in account.selection.taken.items()),
        runs="\n".join(
            f"| `{each['run_key'][:12]}` | {each['trajectories']} | `{each['shards_sha256'][:12]}` |"
            for each in _runs(account.source)
        ),
    )


def _family(tally: Tally, sides: list[Side], kept: pa.Table, family: str) -> str:
    of_family = kept.filter(pc.equal(kept["family"], family))
    scorers = ", ".join(sorted(pc.unique(of_family["scorer_version"]).to_pylist()))
    counts = " | ".join(str(tally.rows[family, side]) for side in sides)
    licences = ", ".join(sorted(tally.licences[family]))
    return f"| {family} | {counts} | {len(tally.tasks[family])} | {licences} | {scorers} |"

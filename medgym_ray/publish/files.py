"""The directory that is uploaded.

```
README.md                               the card (publish.card)
manifest.json                           what was published, from what, under which agreement; each file's hash
data/FAMILY/SPLIT-00000.parquet …       trajectories
views/VIEW/SPLIT-00000.parquet …        training views
```
The same run and settings give the same bytes, so that a second upload finds what is there already.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medgym_ray.errors import StorageError
from medgym_ray.export.files import DATA, ShardFiles
from medgym_ray.publish.survey import Survey
from medgym_ray.publish.views import PublishedView
from medgym_ray.store.atomic import write_text
from medgym_ray.store.shards import ROW_GROUP_BYTES
from medgym_ray.store.stored import StoredRun
from medgym_ray.trajectory import TRAJECTORY_SCHEMA

VIEWS = "views"
MANIFEST = "manifest.json"
_BATCH = 64
"""Trajectories in memory beside those that wait for their row group."""
_WAITING_BYTES = 256 << 20
"""Of row groups that are not full yet, in all files together."""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One Parquet file."""

    path: str
    rows: int
    bytes: int
    sha256: str


def write_rows(run: StoredRun, found: Survey, folder: Path) -> None:
    """All trajectories, by family and split. Raises StorageError."""
    group_bytes = min(ROW_GROUP_BYTES, _WAITING_BYTES // max(1, len(found.rows)))
    with contextlib.ExitStack() as stack:
        open_files: dict[tuple[str, str], ShardFiles] = {}
        for family, split in sorted(found.rows):
            place = folder / DATA / family
            place.mkdir(parents=True, exist_ok=True)
            files = ShardFiles(place, split, TRAJECTORY_SCHEMA, group_bytes)
            open_files[family, split] = stack.enter_context(files)
        for batch in run.trajectories(batch_rows=_BATCH):
            for (family, split), part in _parts(batch):
                if (family, split) not in open_files:
                    raise StorageError(f"{run.name}: it grew while it was read; publish it when it is finished")
                open_files[family, split].write(part)


def _parts(batch: pa.RecordBatch) -> Iterator[tuple[tuple[str, str], pa.RecordBatch]]:
    names = list(zip(batch.column("family").to_pylist(), batch.column("split").to_pylist(), strict=True))
    for name in dict.fromkeys(names):
        yield name, batch if set(names) == {name} else batch.filter(pa.array([each == name for each in names]))


def copy_views(views: Sequence[PublishedView], folder: Path) -> None:
    """Their files as they are. Raises OSError."""
    for view in views:
        place = folder / VIEWS / view.name
        place.mkdir(parents=True)
        for file in view.files:
            shutil.copyfile(file.path, place / file.path.name)


def published_files(folder: Path) -> list[PublishedFile]:
    """What was written, sorted. Raises OSError."""
    return [_described(path, folder) for path in sorted(folder.rglob("*.parquet"))]


def _described(path: Path, folder: Path) -> PublishedFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    rows = pq.read_metadata(path).num_rows
    return PublishedFile(path.relative_to(folder).as_posix(), rows, path.stat().st_size, digest)


def write_manifest(folder: Path, files: Sequence[PublishedFile], settings: Mapping[str, Any]) -> None:
    """Raises StorageError."""
    content = {**settings, "files": [asdict(file) for file in files]}
    write_text(folder / MANIFEST, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def read_rows(folder: Path, columns: Sequence[str] | None = None) -> Iterator[tuple[Path, pa.RecordBatch]]:
    """The trajectories that were written, batch by batch."""
    for path in sorted((folder / DATA).rglob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH, columns=columns):
                yield path, batch


def restricted_rows(batch: pa.RecordBatch) -> int:
    """How many of some rows are restricted."""
    return int(pc.sum(pc.fill_null(batch.column("restricted"), True), min_count=0).as_py())

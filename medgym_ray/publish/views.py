"""Training views that are published beside the run they were made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from medgym_ray.errors import ConfigError
from medgym_ray.export.card import SETTINGS
from medgym_ray.export.files import DATA
from medgym_ray.export.split import Side
from medgym_ray.export.views.registry import VIEWS


@dataclass(frozen=True, slots=True)
class ViewFile:
    """One of its files."""

    path: Path
    side: Side
    rows: int


@dataclass(slots=True)
class PublishedView:
    """An export's directory."""

    name: str
    about: str
    files: list[ViewFile] = field(default_factory=list)
    restricted: set[str] = field(default_factory=set)
    """Families."""

    def rows(self, side: Side) -> int:
        """Examples on one side."""
        return sum(file.rows for file in self.files if file.side is side)

    @property
    def sides(self) -> list[Side]:
        """Those that have any."""
        return [side for side in Side if self.rows(side)]


def read_views(folders: Sequence[str]) -> list[PublishedView]:
    """Raises ConfigError where a directory is no export, or two are of one view."""
    views = [_read(folder) for folder in folders]
    names = [view.name for view in views]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"views: two of them are {twice}; give one of each view")
    return views


def _read(folder: str) -> PublishedView:
    root = Path(folder).expanduser()
    try:
        name = yaml.safe_load((root / SETTINGS).read_text(encoding="utf-8"))["view"]
        view = PublishedView(name, VIEWS[name].about)
        for side in Side:
            for path in sorted((root / DATA).glob(f"{side}-*.parquet")):
                with pq.ParquetFile(path) as file:
                    view.files.append(ViewFile(path, side, file.metadata.num_rows))
                    for batch in file.iter_batches(columns=["family", "restricted"], batch_size=8192):
                        hidden = batch.filter(pc.fill_null(batch.column("restricted"), True))
                        view.restricted.update(str(family) for family in pc.unique(hidden.column("family")).to_pylist())
    except (OSError, KeyError, TypeError, UnicodeDecodeError, yaml.YAMLError, pa.ArrowException) as error:
        raise ConfigError(f"views: {folder} is not what medgym_ray.export makes, or is damaged") from error
    if not view.files:
        raise ConfigError(f"views: {folder} has no examples")
    return view

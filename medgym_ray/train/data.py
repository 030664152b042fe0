"""An export as a recipe wants it: the right view, nothing empty, tokenised, and no sequence longer than the model."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets

from medgym_ray.errors import ConfigError
from medgym_ray.train.weights import files_digest

TRAIN, VALIDATION = "train", "validation"
_SPLITS = (TRAIN, VALIDATION)
Row = Mapping[str, Any]
Fit = Callable[[dict[str, Any]], dict[str, Any] | None]
"""A tokenised row as long as it may be, the same where it was, None where nothing is left of it."""
Views = Mapping[str, frozenset[str]]
"""Names of views, and the columns that each is known by."""


@dataclass(frozen=True, slots=True)
class Export:
    """Memory-mapped splits of one view."""

    view: str
    splits: Mapping[str, datasets.Dataset]
    restricted: bool
    """Whether rows are of patients, so that weights may be no more public than they."""

    def provenance(self, counts: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
        """What weights tell of their data."""
        return {"view": self.view, "restricted": self.restricted, "splits": {k: dict(v) for k, v in counts.items()}}


@dataclass(slots=True)
class Prepared:
    """What is trained on and measured by, and what became of the rest."""

    train: datasets.Dataset
    validation: datasets.Dataset | None
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """Per split: rows, and of these `cut` and `dropped`."""


def data_digest(name: str) -> str:
    """Of an export's Parquet files. Raises ConfigError where there are none."""
    root = Path(name).expanduser()
    files = sorted(root.rglob("*.parquet")) if root.is_dir() else []
    if not files:
        raise ConfigError(f"data={name}: no Parquet files are there; give a directory of medgym_ray.export")
    return files_digest(root, files)


def load_export(name: str, recipe: str, views: Views, cache: Path) -> Export:
    """The splits of a directory; copies that the loader makes lie in `cache`.

    Raises ConfigError where it cannot be read, holds another view than one of `views`, or nothing to train on.
    """
    try:
        loaded = datasets.load_dataset(str(Path(name).expanduser().absolute()), cache_dir=str(cache))
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise ConfigError(f"data={name}: cannot be read ({' '.join(str(error).split())[:200]})") from error
    splits = {split: loaded[split] for split in _SPLITS if split in loaded and len(loaded[split])}
    if TRAIN not in splits:
        raise ConfigError(f"data={name}: its split '{TRAIN}' is empty; export more trajectories")
    columns = set(splits[TRAIN].column_names)
    view = next((view for view, wanted in views.items() if wanted <= columns), None)
    if view is None:
        wanted = " or ".join(f"{view} ({', '.join(sorted(wanted))})" for view, wanted in views.items())
        raise ConfigError(
            f"data={name}: recipe={recipe} takes the view {wanted}; this one has {', '.join(sorted(columns))}"
        )
    restricted = "restricted" in columns and any(any(split["restricted"]) for split in splits.values())
    return Export(view, splits, restricted)


def prepare(export: Export, tokenise: Callable[[Row], dict[str, Any]], fit: Fit) -> Prepared:
    """Tokenises every row and fits it to the model; `fit` gives None where it cannot be.

    Raises ConfigError where a row cannot be tokenised, or nothing is left to train on.
    """
    done: dict[str, datasets.Dataset] = {}
    counts: dict[str, dict[str, int]] = {}
    for split, rows in export.splits.items():
        tokenised = rows.map(
            _Fitted(tokenise, fit),
            remove_columns=rows.column_names,
            desc=f"tokenising {split}",
            new_fingerprint=f"{split}-tokens",  # the cache is one training's
        )
        outcomes = Counter(tokenised["outcome"])
        counts[split] = {"rows": len(rows), "cut": outcomes["cut"], "dropped": outcomes["dropped"]}
        kept = tokenised.filter(lambda outcome: outcome != "dropped", input_columns="outcome")
        if len(kept):
            done[split] = kept.remove_columns("outcome")
    if TRAIN not in done:
        raise ConfigError(
            f"all {counts[TRAIN]['rows']} sequences are longer than length.max_tokens, or carry no loss within it; "
            "raise it, or say length.longer=cut"
        )
    return Prepared(done[TRAIN], done.get(VALIDATION), counts)


@dataclass(frozen=True, slots=True)
class _Fitted:
    tokenise: Callable[[Row], dict[str, Any]]
    fit: Fit

    def __call__(self, row: Row) -> dict[str, Any]:
        whole = self.tokenise(row)
        fitted = self.fit(whole)
        if fitted is None:
            return whole | {"outcome": "dropped"}
        return fitted | {"outcome": "kept" if fitted is whole else "cut"}

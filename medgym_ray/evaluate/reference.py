"""Success rates that others have published, to stand beside ours: they are of another scorer, and say so."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from medgym_ray.errors import ConfigError
from medgym_ray.evaluate.estimates import SUCCESS, Estimate

LABEL = "as published, other scorer"
PUBLISHED = "published"
"""In place of how an interval was made."""
_COLUMNS = ("family", "model", "value", "source")


def read_reference(name: str) -> list[Estimate]:
    """A CSV file with a header: family (or `all`), model, value (a share in [0, 1]), source.

    Raises ConfigError that names the file and the line.
    """
    found: dict[tuple[str, str, str], Estimate] = {}
    try:
        with Path(name).expanduser().open(encoding="utf-8-sig", newline="") as file:
            for where, row in _rows(name, csv.DictReader(file, strict=True)):
                figure = _figure(where, row)
                key = (figure.run, str(figure.source), figure.family)
                if key in found:
                    raise ConfigError(f"{where}: a second value of {figure.run} for {figure.family}; keep one")
                found[key] = figure
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"reference={name}: {getattr(error, 'strerror', None) or error}") from error
    if not found:
        raise ConfigError(f"reference={name}: no figures in it; its columns are {','.join(_COLUMNS)}")
    return list(found.values())


def _rows(name: str, reader: "csv.DictReader[str]") -> Iterator[tuple[str, Mapping[str, str | None]]]:
    header = reader.fieldnames or []
    if sorted(header) != sorted(_COLUMNS):
        raise ConfigError(f"reference={name}: its first line is '{','.join(header)}'; give {','.join(_COLUMNS)}")
    for row in reader:
        yield f"{name}:{reader.line_num}", row


def _figure(where: str, row: Mapping[str, str | None]) -> Estimate:
    texts = {column: (row.get(column) or "").strip() for column in _COLUMNS}
    empty = [column for column, text in texts.items() if not text]
    if empty or len(row) != len(_COLUMNS):
        raise ConfigError(f"{where}: {f'no {empty[0]}' if empty else 'too many values'}; give {','.join(_COLUMNS)}")
    try:
        value = float(texts["value"])
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise ConfigError(f"{where}: value={texts['value']}: give a share from 0 to 1 (0.597 for 59.7 %)")
    return Estimate(
        run=texts["model"],
        family=texts["family"],
        metric=SUCCESS,
        value=value,
        interval=PUBLISHED,
        n_tasks=0,
        n_rollouts=0,
        source=texts["source"],
    )

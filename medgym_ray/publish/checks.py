"""May it be published: before anything is written, and once more of what was written, before anything is sent."""

from collections.abc import Collection
from pathlib import Path

import pyarrow.parquet as pq

from medgym_ray import privacy
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.export.files import DATA
from medgym_ray.publish.files import read_rows, restricted_rows
from medgym_ray.publish.redaction import leaking
from medgym_ray.publish.settings import PublishConfig
from medgym_ray.publish.survey import Survey
from medgym_ray.publish.views import PublishedView
from medgym_ray.store.layout import logs
from medgym_ray.store.roots import directory
from medgym_ray.store.stored import StoredRun
from medgym_ray.trajectory import TRAJECTORY_SCHEMA

_HOW = "redact=true leaves out what was written of patients"


def refuse_unfinished(run: StoredRun) -> None:
    """Raises ConfigError for a run with rows that no shard holds yet, or with none at all."""
    if logs(directory(run.root)):
        raise ConfigError(f"{run.name}: rows lie in the log of an unfinished run; its own command brings them in")
    if not run.rows():
        raise ConfigError(f"{run.name}: no trajectories are there; give a run that has some")


def refuse_restricted(config: PublishConfig, restricted: Collection[str], endpoint: str) -> None:
    """The data-use gate: raises ConfigError where families with patients would go where they may not."""
    privacy.check_override(config.privacy)
    if config.redact or not restricted or config.repo is None:
        return
    if not config.private:
        raise ConfigError(
            f"private=false: rows of {', '.join(sorted(restricted))} are restricted and may not be made public; {_HOW}"
        )
    try:
        privacy.check([privacy.Destination("repo", endpoint)], restricted, config.privacy)
    except ConfigError as error:
        raise ConfigError(f"{error}; {_HOW}") from error


def refuse_views(views: Collection[PublishedView], redact: bool) -> None:
    """Raises ConfigError for a view whose restricted rows would have to be redacted: a trainer reads their text."""
    for view in views:
        if redact and view.restricted:
            families = ", ".join(sorted(view.restricted))
            raise ConfigError(
                f"views: {view.name} has restricted rows ({families}), of which redact=true would leave nothing to "
                "train on; export it without filter.restricted=true"
            )


def verify(folder: Path, found: Survey, redact: bool) -> None:
    """Reads what was written once more. Raises StorageError where it is not what was to be published."""
    rows = restricted = 0
    for path in (folder / DATA).rglob("*.parquet"):
        if not pq.read_schema(path).equals(TRAJECTORY_SCHEMA):
            raise StorageError(f"{path.name}: its columns are not those of a trajectory; nothing was published")
    for path, batch in read_rows(folder, None if redact else ["restricted"]):
        rows += batch.num_rows
        restricted += restricted_rows(batch)
        if redact and (columns := leaking(batch)):
            raise StorageError(
                f"{path.name}: {', '.join(columns)} of restricted rows are not redacted; nothing was sent"
            )
    if (rows, restricted) != (found.count(), found.restricted.total()):
        raise StorageError("the run changed while it was read; nothing was published: give the command again")

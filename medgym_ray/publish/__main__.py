"""Publishes a stored run: `python -m medgym_ray.publish run=DIR repo=USER/NAME [private=true] [redact=true] …`.

Exit code 0: it is there; 1: the Hub or the disk failed, and the same command goes on; 2: a command that cannot be used,
or data that may not go there.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from medgym_ray import cli
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.publish.checks import refuse_restricted, refuse_unfinished, refuse_views, verify
from medgym_ray.publish.redaction import redacted
from medgym_ray.publish.settings import PublishConfig, check
from medgym_ray.publish.survey import survey
from medgym_ray.publish.views import read_views
from medgym_ray.store.atomic import whole_directory
from medgym_ray.store.stored import new_directory, open_run

_INSTALL = "publishing needs packages: pip install 'medgym-ray[publish]'"


def run(config: PublishConfig) -> int:
    """Publishes; returns the exit code. Raises ConfigError, StorageError, HubError."""
    check(config)
    try:
        from medgym_ray.publish.card import Publication, figures_of, write_card
        from medgym_ray.publish.upload import Hub, endpoint
    except ImportError as error:
        raise ConfigError(f"{_INSTALL} ({error.name} is missing)") from error
    from medgym_ray.audit.report import read
    from medgym_ray.publish.files import copy_views, published_files, write_manifest, write_rows

    stored = open_run(config.run)
    stored = redacted(stored) if config.redact else stored
    refuse_unfinished(stored)
    entries = stored.entries()
    audit = read(Path(config.audit).expanduser()) if config.audit is not None else []
    views = read_views(config.views)
    refuse_views(views, config.redact)
    found = survey(stored)
    restricted = {family for family, rows in found.restricted.items() if rows}
    refuse_restricted(config, restricted.union(*(view.restricted for view in views)), endpoint())
    hub = Hub(config.repo, config.private) if config.repo is not None else None
    if hub is not None:
        hub.check()
    figures = figures_of(stored)
    with _place(config) as folder:
        write_rows(stored, found, folder)
        if stored.entries() != entries:
            raise StorageError(f"{stored.name}: it grew while it was read; publish it when it is finished")
        verify(folder, found, config.redact)
        copy_views(views, folder)
        publication = Publication(config, stored, found, figures, views, audit, published_files(folder))
        write_manifest(folder, publication.files, publication.settings())
        write_card(folder, publication)
        if hub is not None:
            hub.upload(folder, f"{found.count()} trajectories, by medgym_ray")
    where = hub.url if hub is not None else f"{config.output.dir} (nothing was uploaded; read its README.md)"
    size = sum(file.bytes for file in publication.files)
    counts = f"{found.count()} trajectories, {len(publication.files)} files, {size / 2**20:.1f} MiB"
    state = "redacted" if config.redact and restricted else f"{found.restricted.total()} rows restricted"
    print(f"{where}: {counts}; {state}")  # noqa: T201 - the result of the command
    return 0


@contextlib.contextmanager
def _place(config: PublishConfig) -> Iterator[Path]:
    """The directory to look at, or one that goes with the command."""
    if config.output.dir is not None:
        with whole_directory(new_directory(config.output.dir)) as draft:
            yield draft
        return
    folder = Path(tempfile.mkdtemp(prefix="medgym-publish-"))
    try:
        yield folder
    except StorageError as error:
        raise StorageError(f"{error} (TMPDIR={folder.parent} holds what is uploaded)") from error
    except OSError as error:
        raise StorageError(
            f"{folder}: {error.strerror or error} (TMPDIR names where what is uploaded is put)"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """The command."""
    cli.main("publish", PublishConfig, run)


if __name__ == "__main__":
    main()

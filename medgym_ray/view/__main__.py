"""Shows a stored run: `python -m medgym_ray.view run=DIR [output=FILE.html] [--serve] [restricted=false]`.

Exit code 0: the page is written, or the server was ended; 1: the run cannot be read; 2: a command that cannot be used.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from medgym_ray import cli
from medgym_ray.config import MISSING
from medgym_ray.errors import ConfigError
from medgym_ray.store.layout import logs
from medgym_ray.store.roots import directory
from medgym_ray.store.stored import open_run
from medgym_ray.view.catalogue import read_catalogue
from medgym_ray.view.index import make_index
from medgym_ray.view.served import Library, serve
from medgym_ray.view.static import check_target, write_page
from medgym_ray.view.summary import summarise
from medgym_ray.view.vocabulary import open_vocabulary


@dataclass
class ViewConfig:
    """Which run, and where it is shown."""

    run: str = MISSING
    page: str | None = None
    """Typed as `output`, which is a group of other commands; unset: NAME_OF_THE_RUN.html in the working directory"""
    inside: int = 200
    """A run of no more trajectories is one file; a larger one has their texts in files beside the page."""
    restricted: bool = True
    """false: the texts and answers of rows with patients' data are left out"""
    tokenizer: str = "auto"
    """A directory; auto: the run's, where it is on this machine; none: tokens are shown as ids"""
    serve: bool = False
    port: int = 0
    """With serve; 0: any that is free"""


def run(config: ViewConfig) -> int:
    """Writes or serves a page; returns the exit code. Raises ConfigError where it could not start, StorageError."""
    told = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    stored = open_run(config.run)
    if config.inside < 0:
        raise ConfigError(f"inside={config.inside}: give 0 or more")
    if config.serve and config.page is not None:
        raise ConfigError("output and serve: a page is either written or served; leave one out")
    name = config.page or f"{stored.name.rstrip('/').rpartition('/')[2] or 'run'}.html"
    if "://" in name:
        raise ConfigError(f"output={name}: a page is written to this machine; give a path")
    page = Path(name).expanduser().absolute()
    if not config.serve:
        check_target(page, name)
    if logs(directory(stored.root)):
        told.print(f"{stored.root}: rows in the log of an unfinished run are left out; its own command brings them in")
    vocabulary, problem = open_vocabulary(stored, config.tokenizer)
    if problem:
        told.print(f"tokens are shown as ids: {problem}", markup=False)
    catalogue = read_catalogue(stored)
    data: dict[str, Any] = {
        "summary": summarise(stored, catalogue),
        "index": make_index(catalogue, restricted=config.restricted),
        "restricted_left_out": not config.restricted,
    }
    rows, patients = catalogue.num_rows, int(data["summary"]["totals"]["restricted"])
    del catalogue
    if patients and config.restricted:
        told.print(f"{patients} of {rows} trajectories hold patients' data: keep the page where the data may be")
    if config.serve:
        told.print("served to this machine alone; Ctrl-C ends it")
        library = Library(stored, vocabulary, rows=rows, restricted=config.restricted)
        serve(data, library, config.port, lambda address: print(address, flush=True))  # noqa: T201 - the result
        return 0
    folder = write_page(page, stored, data, vocabulary, restricted=config.restricted, inside=config.inside)
    beside = f" (with {folder.name}/ beside it)" if folder else ""
    print(f"{page}: {rows} trajectories{beside}; open it in a browser")  # noqa: T201 - the result of the command
    return 0


def main() -> None:
    """The command."""
    cli.main("view", ViewConfig, run, switches=("serve",), aliases={"output": "page"})


if __name__ == "__main__":
    main()

"""A run's directory: made or found again, locked, mended and known, before anything runs."""

import contextlib
import dataclasses
import importlib.metadata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console

import medgym_ray
from medgym_ray.chronicle import Chronicle
from medgym_ray.config import GenerateConfig
from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.identity import identity
from medgym_ray.store.directory import Held
from medgym_ray.store.recovery import Tally, prepare_directory, recover, successes, tally
from medgym_ray.store.roots import Root, root_at
from medgym_ray.store.run import check_identity, write_card, write_run_file
from medgym_ray.store.writer import lock
from medgym_ray.tasks.registry import TaskSet


@dataclass(frozen=True, slots=True)
class OpenRun:
    """What is to be done, where it goes and what of it is there."""

    config: GenerateConfig
    key: str
    """The run key: what its trajectories' identities are derived from."""
    tasks: TaskSet
    root: Root
    known: Mapping[str, bool]
    """The trajectories that are durable, and whether each is a success."""
    console: Console
    chronicle: Chronicle

    @property
    def run_id(self) -> str:
        """The key's beginning, as rows and logs carry it."""
        return self.key[:12]

    def write_card(self, counted: Tally) -> None:
        """The card of what is there now."""
        _write_card(self.config, self.key, self.root, counted)


@contextlib.contextmanager
def opened(config: GenerateConfig, key: str, tasks: TaskSet, console: Console) -> Iterator[OpenRun]:
    """The run's directory, ours until the end. Raises ConfigError: nothing has run yet, so it is for the user."""
    root = root_at(config.output.dir or f"runs/{config.model.name}-{key[:8]}")
    known, held = _open(root, config, key, console)
    with contextlib.closing(held), Chronicle(root, key[:12]) as chronicle:
        yield OpenRun(config, key, tasks, root, known, console, chronicle)


def versions() -> dict[str, str]:
    """Of what makes trajectories on any machine."""
    return {"medgym_ray": medgym_ray.__version__, "ray": importlib.metadata.version("ray")}


def _open(root: Root, config: GenerateConfig, key: str, console: Console) -> tuple[dict[str, bool], Held]:
    try:
        prepare_directory(root)
        held = lock(root, "driver", wait_s=0)
        earlier = check_identity(root, identity(config), resume=config.resume)
        lock(root, "0").close()  # the writer of a run that was killed may still be ending
        rescued = recover(root)
        if not earlier:
            _write_card(config, key, root, tally(root))
            write_run_file(root, identity(config), dataclasses.asdict(config), versions())
        known = successes(root)
    except StorageError as error:
        raise ConfigError(str(error)) from error
    if known or rescued:
        more = f" ({rescued} rows brought in from the log of an interrupted run)" if rescued else ""
        console.print(f"resuming {root}: {len(known)} trajectories are there{more}", markup=False)
    return known, held


def _write_card(config: GenerateConfig, key: str, root: Root, counted: Tally) -> None:
    write_card(root, counted, model=config.model.name, run_key=key, version=medgym_ray.__version__)

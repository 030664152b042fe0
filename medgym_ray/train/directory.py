"""A training's directory: whose it is, where it stopped, and what is put there whole or not at all.

train.yaml       settings and provenance, from the beginning; at the end what was measured
metrics.jsonl    a line per logged step; loss.svg
checkpoints/     to go on from; gone at the end, as is cache/, the tokenised data
model/           the weights, or adapter/: there once everything is done
"""

import contextlib
import fcntl
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.atomic import write_text

TRAIN_FILE = "train.yaml"
_STATE = "trainer_state.json"
"""The last file of a checkpoint to be written."""
_RESULTS = ("model", "adapter")
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class TrainingDirectory:
    """Held by one process. To be closed."""

    root: Path
    identity: Mapping[str, Any]
    fresh: bool
    """Nothing of an earlier command is there."""
    lock: IO[str]

    @property
    def checkpoints(self) -> Path:
        """The trainer's."""
        return self.root / "checkpoints"

    @property
    def cache(self) -> Path:
        """Data as the trainer wants it, which may be patients': it stays here."""
        return self.root / "cache"

    @property
    def metrics(self) -> Path:
        """JSON lines."""
        return self.root / "metrics.jsonl"

    @property
    def curve(self) -> Path:
        """The drawing."""
        return self.root / "loss.svg"

    def result(self) -> Path | None:
        """The weights, where the training is over."""
        return next((self.root / name for name in _RESULTS if (self.root / name).is_dir()), None)

    def last_checkpoint(self) -> Path | None:
        """The newest that is whole. One that was being written when the training was killed is removed."""
        found = sorted(self.checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
        for checkpoint in reversed(found):
            try:
                json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                shutil.rmtree(checkpoint, ignore_errors=True)
            else:
                return checkpoint
        return None

    def begin(self, provenance: Mapping[str, Any]) -> None:
        """Says whose directory it is. Raises StorageError."""
        self._write(self.root, provenance)

    def finish(self, name: str, save: Callable[[Path], None], provenance: Mapping[str, Any]) -> Path:
        """Has the weights put into a draft, which then takes its place. Raises StorageError."""
        draft, target = self.root / f".{name}.tmp", self.root / name
        try:
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            save(draft)
            self._write(draft, provenance)
            self._write(self.root, provenance)
            draft.rename(target)
        except OSError as error:
            raise StorageError(f"{draft}: {error.strerror or error}") from error
        self.tidy()
        return target

    def tidy(self) -> None:
        """What a finished training needs no more."""
        for folder in (self.checkpoints, self.cache):
            shutil.rmtree(folder, ignore_errors=True)

    def abandon(self) -> None:
        """Leaves nothing behind of a command that could not begin."""
        if self.fresh:
            shutil.rmtree(self.root, ignore_errors=True)

    def close(self) -> None:
        """Another process may have it."""
        self.lock.close()

    def _write(self, folder: Path, provenance: Mapping[str, Any]) -> None:
        content = {"identity": dict(self.identity), **provenance}
        write_text(folder / TRAIN_FILE, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def open_directory(name: str, identity: Mapping[str, Any]) -> TrainingDirectory:
    """A new one, or that of the same training. Raises ConfigError where something else is there, or it is in use."""
    if not name.strip():
        raise ConfigError("output.dir is empty; give output.dir=DIR")
    root = Path(name).expanduser().absolute()
    found = root / TRAIN_FILE
    if root.exists() and not root.is_dir():
        raise ConfigError(f"output.dir={name} is a file; choose another")
    if found.is_file():
        _check_same(found, identity)
    elif root.is_dir() and any(path.name != _LOCK for path in root.iterdir()):
        raise ConfigError(f"output.dir={name} is there already and holds no training; choose another")
    fresh = not found.is_file()
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = (root / _LOCK).open("w")
    except OSError as error:
        raise ConfigError(f"output.dir={name}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise ConfigError(f"output.dir={name}: another process is training there") from error
    return TrainingDirectory(root, identity, fresh, lock)


def _check_same(file: Path, identity: Mapping[str, Any]) -> None:
    try:
        earlier = dict(yaml.safe_load(file.read_text(encoding="utf-8"))["identity"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{file}: cannot be read; choose another output.dir") from error
    differing = [key for key in sorted({*earlier, *identity}) if earlier.get(key) != identity.get(key)]
    if differing:
        shown = ", ".join(f"{key}={identity.get(key)} (there: {earlier.get(key)})" for key in differing[:6])
        raise ConfigError(f"{file.parent} holds a training with other settings: {shown}; choose another output.dir")


@contextlib.contextmanager
def nothing_left(directory: TrainingDirectory) -> Any:
    """A command that cannot be used leaves no directory."""
    try:
        yield
    except ConfigError:
        directory.abandon()
        raise
    finally:
        directory.close()

"""The files of a run's directory and their names; nothing else in the project spells them."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from medgym_ray.trajectory import FAILURE_SCHEMA, TRAJECTORY_SCHEMA

MANIFEST = "manifest.jsonl"
RUN_FILE = "run.yaml"
CARD = "README.md"
DROPPED = "dropped.jsonl"
ADAPTIVE = "adaptive.json"
LOG_DIR = ".wal"
EVENTS = "events"
LOG = "log"


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of record: its folder and its schema."""

    name: str
    schema: pa.Schema


TRAJECTORIES = Table("trajectories", TRAJECTORY_SCHEMA)
FAILURES = Table("failures", FAILURE_SCHEMA)
TABLES = {table.name: table for table in (TRAJECTORIES, FAILURES)}


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One write-ahead log and the shard that it becomes."""

    table: str
    writer: str
    number: int

    @property
    def shard(self) -> str:
        """Path of the Parquet shard relative to the run's directory."""
        return f"{self.table}/part-{self.writer}-{self.number:05d}.parquet"

    @property
    def log(self) -> str:
        """Path of the log relative to the run's directory."""
        return f"{LOG_DIR}/{self.table}-{self.writer}-{self.number:05d}.arrows"


_LOG_NAME = re.compile(r"(?P<table>[a-z]+)-(?P<writer>\w+)-(?P<number>\d+)\.arrows")
_SHARD_NAME = re.compile(r"part-(?P<writer>\w+)-(?P<number>\d+)\.parquet")


class Listing(Protocol):
    """A run's directory that is not a path of this machine."""

    def names(self, folder: str) -> list[str]:
        """What lies in a folder."""


def names_in(root: Path | Listing, folder: str) -> list[str]:
    """What lies in a folder of a run's directory; nothing where there is no such folder."""
    return [path.name for path in (root / folder).glob("*")] if isinstance(root, Path) else root.names(folder)


def logs(root: Path | Listing) -> list[Part]:
    """The logs that lie in a run's directory, oldest first."""
    names = [_LOG_NAME.fullmatch(name) for name in names_in(root, LOG_DIR)]
    return sorted(Part(m["table"], m["writer"], int(m["number"])) for m in names if m and m["table"] in TABLES)


def shards(root: Path | Listing, table: Table) -> list[Part]:
    """The shards that lie in a table's folder, listed in the manifest or not."""
    names = [_SHARD_NAME.fullmatch(name) for name in names_in(root, table.name)]
    return sorted(Part(table.name, m["writer"], int(m["number"])) for m in names if m)


def line_file(name: str) -> str:
    """Where the lines called `name` are on a disk."""
    return f"{name}.jsonl"


def line_object(name: str, started: datetime) -> str:
    """Where those of one command are in a bucket."""
    return f"{name}-{started:%Y%m%dT%H%M%S.%fZ}.jsonl"


def is_line_file(found: str, name: str) -> bool:
    """Whether a file or object holds lines called `name`."""
    return found.endswith(".jsonl") and found.removesuffix(".jsonl").partition("-")[0] == name


def temporary(path: Path) -> Path:
    """Where a file is written before it is renamed: a leading dot hides it from every reader."""
    return path.with_name(f".{path.name}.tmp")

"""Conversations on disk, to be had in any order: what pairs need of a run that is larger than memory."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from medgym_ray.errors import StorageError
from medgym_ray.export.source import Source

Messages = list[dict[str, str]]


class Bodies:
    """The messages of some trajectories, by place."""

    def __init__(self, file: BinaryIO, at: Mapping[int, tuple[int, int]]) -> None:
        """`at`: where in the file a trajectory's line begins, and its length in bytes."""
        self._file, self._at = file, at

    def __getitem__(self, place: int) -> Messages:
        """Of the trajectory at a place."""
        start, length = self._at[place]
        self._file.seek(start)
        return [{"role": role, "content": content} for role, content in json.loads(self._file.read(length))]


@contextlib.contextmanager
def read_bodies(source: Source, places: pa.Array, scratch: Path) -> Iterator[Bodies]:
    """Of the trajectories at `places`, which ascend without repeats; the file in `scratch` is removed in the end.

    Raises StorageError.
    """
    path = scratch / "bodies.jsonl"
    with contextlib.ExitStack() as stack:
        stack.callback(path.unlink, missing_ok=True)
        try:
            file = stack.enter_context(path.open("w+b"))
            at = _copy(source, places, file)
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error
        yield Bodies(file, at)


def _copy(source: Source, places: pa.Array, file: BinaryIO) -> dict[int, tuple[int, int]]:
    at, start = {}, 0
    for plan, batch in source.pick(pa.table({"place": places}), ["messages"]):
        for place, messages in zip(plan["place"].to_pylist(), batch.column(0).to_pylist(), strict=True):
            line = json.dumps([[each["role"], each["content"]] for each in messages]).encode()
            file.write(line)
            at[place] = start, len(line)
            start += len(line)
    return at

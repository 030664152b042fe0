"""A page on disk. A small run is one file; a large one has its trajectories beside it, loaded as they are opened.

They are scripts that hand over their data, because a page that was opened from a disk can load nothing else.
"""

import contextlib
import hashlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.layout import temporary
from medgym_ray.store.stored import StoredRun
from medgym_ray.view.assembly import MARK, Bodies, assemble, pack
from medgym_ray.view.bodies import make_bodies, to_json
from medgym_ray.view.vocabulary import Vocabulary

_CHUNK_BYTES = 1 << 20
"""Of JSON, before compression: what is loaded when a trajectory is opened."""
_BATCH = 64
_HEAD = 4096


def bodies_folder(page: Path) -> Path:
    """Where the trajectories of a large run lie."""
    return page.with_name(f"{page.name}.bodies")


def check_target(page: Path, asked: str) -> None:
    """Raises ConfigError where something is at the place of a page, or of its files, that no earlier page left."""
    ours = False
    try:
        if page.is_file():
            with page.open("rb") as file:
                ours = MARK.encode() in file.read(_HEAD)
    except OSError as error:
        raise ConfigError(f"output={asked}: {error.strerror}") from error
    if page.exists() and not ours:
        raise ConfigError(f"output={asked} is there already and is no page of ours; choose another name")
    if bodies_folder(page).exists() and not ours:
        raise ConfigError(f"{bodies_folder(page)} is there already; choose another output")


def write_page(
    page: Path, stored: StoredRun, data: dict[str, Any], vocabulary: Vocabulary, *, restricted: bool, inside: int
) -> Path | None:
    """Writes a run's page, whole or not at all; trajectories are inside it where they are no more than `inside`.

    `data` are summary and index. Returns the folder of the trajectories, where there is one. Raises StorageError.
    """
    rows = int(data["index"]["rows"])
    chunks = _chunks(stored, rows, vocabulary, restricted=restricted)
    folder, draft = bodies_folder(page), temporary(page)
    draft_folder = temporary(folder)
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(draft_folder, ignore_errors=True)
        if rows <= inside:
            packed = [(first, pack(chunk)) for first, chunk in chunks]
            data["chunks"] = [first for first, _ in packed]
            _write(draft, assemble(data, Bodies.INSIDE, [text for _, text in packed]))
        else:
            draft_folder.mkdir()
            data["stamp"] = _stamp(stored, restricted=restricted)
            data["folder"] = folder.name
            data["chunks"] = _lay_beside(draft_folder, data["stamp"], chunks)
            _write(draft, assemble(data, Bodies.BESIDE))
        shutil.rmtree(folder, ignore_errors=True)
        if rows > inside:
            draft_folder.rename(folder)
        draft.replace(page)
    except OSError as error:
        raise error if isinstance(error, StorageError) else StorageError(f"{page}: {error.strerror}") from error
    finally:
        shutil.rmtree(draft_folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            draft.unlink()
    return folder if rows > inside else None


def _chunks(stored: StoredRun, rows: int, vocabulary: Vocabulary, *, restricted: bool) -> Iterator[tuple[int, bytes]]:
    """JSON of groups of bodies, each with the number of its first row. A run that grows meanwhile shows what it had."""
    batches = stored.trajectories(batch_rows=_BATCH)
    bodies = (body for batch in batches for body in make_bodies(batch, vocabulary, restricted=restricted))
    group: list[bytes] = []
    texts: dict[int, str] = {}
    first = size = 0
    for row, body in enumerate(itertools.islice(bodies, rows)):
        if body is not None:
            texts |= body.pop("texts")
        group.append(to_json(body))
        size += len(group[-1])
        if size >= _CHUNK_BYTES:
            yield first, _chunk(group, texts)
            first, size, group, texts = row + 1, 0, [], {}
    if group:
        yield first, _chunk(group, texts)


def _chunk(bodies: list[bytes], texts: dict[int, str]) -> bytes:
    return b'{"bodies":[%b],"texts":%b}' % (b",".join(bodies), to_json(texts))


def _lay_beside(folder: Path, stamp: str, chunks: Iterator[tuple[int, bytes]]) -> list[int]:
    firsts = []
    for number, (first, chunk) in enumerate(chunks):
        path = folder / f"{number:05d}.js"
        path.write_text(f'medgymChunk("{stamp}",{number},"{pack(chunk)}")\n', encoding="ascii")
        firsts.append(first)
    return firsts


def _stamp(stored: StoredRun, *, restricted: bool) -> str:
    """Tells the files of this page from those of another: a page that lost its own must not show another's."""
    shards = ",".join(f"{entry.shard}:{entry.sha256}" for entry in stored.entries())
    return hashlib.sha256(f"{shards},{restricted}".encode()).hexdigest()[:16]


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())

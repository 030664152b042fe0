"""A run's directory in an S3 bucket, through pyarrow. Objects cannot be appended to, so each append is an object.

    .wal/<table>-<writer>-<number>.arrows/<n>.arrow   a log: one small Arrow stream per acknowledged group
    .wal/<lock>.lock/<claim>                          who is at work (see lease.py)
    <table>/part-<writer>-<number>.parquet            a shard
    manifest/<table>-<writer>-<number>.json           a line of the manifest

No key of a log or a shard is ever written twice with different content, so an upload that was given up and lands late
changes nothing. A shard is uploaded, listed, and only then are its log's objects removed.
"""

import contextlib
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import fs as pafs

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.layout import LOG_DIR, Part
from medgym_ray.store.lease import Lease, Seen, take

_SCHEME = "s3://"
_AMAZON = "https://s3.amazonaws.com"
_COMMITS = "manifest"
_COPY_BYTES = 16 * 1024 * 1024
_CONNECT_S, _REQUEST_S = 10.0, 60.0
_AT_ONCE = 16
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

_T = TypeVar("_T")
_R = TypeVar("_R")


class ObjectDirectory:
    """A prefix of a bucket. The endpoint, the region and the keys are those of the standard AWS_… variables."""

    group_s = 1.0
    repeats = True

    def __init__(self, url: str, key: str = "output.dir") -> None:
        """Connects to nothing yet; `key` is what the user typed the address for.

        Raises ConfigError where the address cannot be meant.
        """
        bucket, _, prefix = url.removeprefix(_SCHEME).strip("/").partition("/")
        if "@" in bucket:
            raise ConfigError(f"{key}=s3://…@…: keys do not belong in an address; set AWS_ACCESS_KEY_ID and so on")
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
            raise ConfigError(f"{key}={url}: {bucket!r} cannot be a bucket; give s3://BUCKET/PREFIX")
        if not prefix or any(part in ("", ".", "..") for part in prefix.split("/")):
            raise ConfigError(f"{key}={url}: give s3://BUCKET/PREFIX, with a prefix of the run's own")
        self._bucket, self._prefix = bucket, prefix
        self._leases: list[Lease] = []
        self._void: set[str] = set()
        self._connecting = threading.Lock()
        self._connected: pafs.S3FileSystem | None = None

    def __str__(self) -> str:
        return f"{_SCHEME}{self._bucket}/{self._prefix}"

    @property
    def _fs(self) -> "pafs.S3FileSystem":
        with self._connecting:
            if self._connected is None:
                self._connected = _connect(self._bucket)
            return self._connected

    def _key(self, name: str) -> str:
        return f"{self._bucket}/{self._prefix}/{name}"

    def prepare(self) -> None:
        """Looks for the bucket and puts an object."""
        with self._told(f"output.dir={self}"):
            found = self._fs.get_file_info(self._bucket).type
        if found == pafs.FileType.NotFound:
            raise StorageError(f"output.dir={self}: there is no bucket {self._bucket!r}; make it or name another")
        probe = f"{LOG_DIR}/.probe"
        with self._told(f"output.dir={self}"):
            self._upload(probe, [b"-"])
        self.remove(probe)

    def lock(self, name: str, wait_s: float) -> Lease:
        """A lease. It may take half a minute to see that a process on another machine is dead."""
        lease = take(self, f"{LOG_DIR}/{name}.lock", wait_s, self._leases.remove)
        if lease is None:
            raise StorageError(f"{self}: another run is writing there; choose another output.dir")
        self._leases.append(lease)
        return lease

    def _check_leases(self) -> None:
        if any(lease.lost for lease in self._leases):
            raise StorageError(f"{self}: out of reach for too long, another run may be writing there; start again")

    def read(self, name: str) -> bytes | None:
        """The object's content."""
        try:
            with self._told(name), self._fs.open_input_file(self._key(name)) as file:
                content: bytes = file.read()
                return content
        except _NotThereError:
            return None

    def write(self, name: str, text: str) -> None:
        """An upload is all or nothing."""
        self._check_leases()
        self.put(name, text.encode())

    def put(self, name: str, data: bytes) -> None:
        """Uploads an object."""
        with self._told(name):
            self._upload(name, [data])

    def _upload(self, name: str, pieces: Iterable[bytes]) -> None:
        with self._fs.open_output_stream(self._key(name)) as sink:
            for piece in pieces:
                sink.write(piece)

    def remove(self, name: str) -> None:
        """Removes an object, if it is there."""
        with contextlib.suppress(_NotThereError), self._told(name):
            self._fs.delete_file(self._key(name))

    def listing(self, folder: str) -> list[Seen]:
        """The objects of a folder, and the folders in it (written never), by name."""
        with self._told(folder):
            found = self._fs.get_file_info(pafs.FileSelector(self._key(folder), allow_not_found=True))
        seen = [Seen(f"{folder}/{info.base_name}", (info.mtime_ns or 0) / 1e9) for info in found]
        return sorted(seen, key=lambda one: one.name)

    def names(self, folder: str) -> list[str]:
        """What lies in a folder."""
        return [seen.name.rpartition("/")[2] for seen in self.listing(folder)]

    def open_shard(self, name: str) -> Any:
        """A file that is read where it lies."""
        with self._told(name):
            return self._fs.open_input_file(self._key(name))

    @contextlib.contextmanager
    def draft(self, name: str) -> Iterator[Path]:
        """In this machine's folder for temporary files."""
        with tempfile.TemporaryDirectory(prefix="medgym-") as folder:
            yield Path(folder) / Path(name).name

    def place(self, draft: Path, name: str) -> None:
        """Uploads in pieces, and looks whether it is whole."""
        self._check_leases()
        size = draft.stat().st_size
        with self._told(name), draft.open("rb") as file:
            self._upload(name, iter(lambda: file.read(_COPY_BYTES), b""))
            if self._fs.get_file_info(self._key(name)).size != size:
                raise StorageError(f"{self}/{name}: did not arrive whole")

    def discard(self, name: str) -> None:
        """Nothing: drafts lie elsewhere."""

    def commit(self, shard: str, line: bytes) -> None:
        """One object per shard: nothing is rewritten while others read."""
        self._check_leases()
        self.put(f"{_COMMITS}/{shard.removesuffix('.parquet').replace('/part-', '-')}.json", line)

    def committed(self) -> list[tuple[str, bytes]]:
        """The lines, by name."""
        names = [seen.name for seen in self.listing(_COMMITS) if seen.name.endswith(".json")]
        contents = _at_once(self.read, names)
        return [(f"{self}/{n}", content) for n, content in zip(names, contents, strict=True) if content is not None]

    def mend(self) -> None:
        """Nothing: a commit is there or it is not."""

    def create_log(self, part: Part, schema: pa.Schema) -> "ObjectLog":
        """A folder of objects."""
        return ObjectLog(self, part, schema)

    def append(self, name: str, data: bytes) -> None:
        """Uploads a log's next object. One whose upload failed may be there all the same: it is no part of the log."""
        try:
            self._check_leases()
            self.put(name, data)
            self._check_leases()
        except StorageError:
            self._void.add(name)
            raise

    def read_log(self, part: Part) -> Iterator[pa.RecordBatch]:
        """The batches, in the order in which they came."""
        names = [seen.name for seen in self.listing(part.log) if seen.name not in self._void]
        for start in range(0, len(names), _AT_ONCE):
            for content in _at_once(self.read, names[start : start + _AT_ONCE]):
                if content is not None:
                    yield from pa.ipc.open_stream(content)

    def remove_log(self, part: Part) -> None:
        """Removes its objects, many at once."""
        with contextlib.suppress(_NotThereError), self._told(part.log):
            self._fs.delete_dir(self._key(part.log))

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except FileNotFoundError as error:
            raise _NotThereError(f"{self}/{name}: not there") from error
        except (OSError, pa.ArrowException) as error:
            where = name if name.startswith("output.dir=") else f"{self}/{name}"
            raise StorageError(f"{where}: {_explained(str(error), self._bucket)}") from error


class ObjectLog:
    """A write-ahead log of many small objects."""

    def __init__(self, directory: ObjectDirectory, part: Part, schema: pa.Schema) -> None:
        """Uploads nothing yet."""
        self._directory, self._part, self._schema = directory, part, schema.serialize().to_pybytes()
        self._next = 0
        self.bytes = 0

    def append(self, batches: Sequence[bytes]) -> None:
        """Uploads one object that holds these batches."""
        name = f"{self._part.log}/{self._next:08d}.arrow"
        self._next += 1  # a failed upload may land late: its key is not used again
        data = b"".join([self._schema, *batches])
        self._directory.append(name, data)
        self.bytes += len(data)

    def close(self) -> None:
        """Nothing is open."""


class _NotThereError(StorageError):
    pass


def _at_once(work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    if not items:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(items))) as pool:
        return list(pool.map(work, items))


def settings() -> dict[str, str]:
    """Where the store is, for a process on another machine. Keys are not among them: that machine has its own."""
    return {name: os.environ[name] for name in (*_ENDPOINTS, *_REGIONS) if os.environ.get(name)}


def _first(names: Iterable[str]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


def bucket_address(text: str) -> str | None:
    """The server that holds a bucket, given what the user typed as a directory; None for one of this machine."""
    return (_first(_ENDPOINTS) or _AMAZON) if text.startswith(_SCHEME) else None


def _connect(bucket: str) -> "pafs.S3FileSystem":
    endpoint, region = _first(_ENDPOINTS), _first(_REGIONS)
    if endpoint is not None and not re.fullmatch(r"https?://[^/@\s]+/?", endpoint):
        raise StorageError("AWS_ENDPOINT_URL: not the address of a server; give http(s)://HOST:PORT, without keys")
    try:
        if endpoint is None and region is None:
            region = pafs.resolve_s3_region(bucket)
        return pafs.S3FileSystem(
            endpoint_override=endpoint.rstrip("/") if endpoint else None,
            region=region,
            connect_timeout=_CONNECT_S,
            request_timeout=_REQUEST_S,
            allow_delayed_open=True,
        )
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{_SCHEME}{bucket}: {_explained(str(error), bucket)}") from error


def _explained(message: str, bucket: str) -> str:
    """A pyarrow message as one line that says what to do, without any secret."""
    for found, says in {
        r"NETWORK_CONNECTION|REQUEST_TIMEOUT|Could not connect|resolve host": (
            f"{_first(_ENDPOINTS) or 'S3'} does not answer; is AWS_ENDPOINT_URL right and the network up?"
        ),
        r"NO_SUCH_BUCKET|[Bb]ucket '[^']*' not found|bucket does not exist": (
            f"there is no bucket {bucket!r}; make it or name another"
        ),
        r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|InvalidAccessKeyId|SIGNATURE_DOES_NOT_MATCH|INVALID_CLIENT_TOKEN"
        r"|InvalidToken|ExpiredToken|HTTP status 40[13]": (
            "access denied; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE): keys that may write there"
        ),
        r"HTTP status 507|StorageFull|QuotaExceeded": "the store is full; make room, then run the same command again",
    }.items():
        if re.search(found, message):
            return says
    line = " ".join(message.split())
    for name in _SECRETS:
        if value := os.environ.get(name):
            line = line.replace(value, "…")
    return line[:300]

"""The page served to this machine: trajectories are read from the shards as they are opened, and searched by DuckDB.

Only loopback is listened on. Other users of this machine and pages of other sites can reach that too, so every
address begins with a secret, and a Host header that is not ours (a name rebound to loopback) is refused.
"""

import asyncio
import bisect
import itertools
import secrets
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from aiohttp import web

from medgym_ray.errors import ConfigError, StorageError
from medgym_ray.store.layout import TRAJECTORIES
from medgym_ray.store.stored import StoredRun, read_row_group
from medgym_ray.view.assembly import Bodies, assemble
from medgym_ray.view.bodies import make_bodies, to_json
from medgym_ray.view.vocabulary import Vocabulary

_LOOPBACK = "127.0.0.1"
_GROUPS = 2
"""Row groups kept in memory: neighbours are opened one after the other."""
_TEXTS = pa.schema([("row", pa.int64()), ("content", pa.string())])
_SEARCH = "SELECT DISTINCT row FROM texts WHERE contains(lower(content), lower(?)) ORDER BY row"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Library:
    """The trajectories of a run as it was when this was made, by row."""

    def __init__(self, stored: StoredRun, vocabulary: Vocabulary, *, rows: int, restricted: bool) -> None:
        self._stored, self._vocabulary = stored, vocabulary
        self._rows, self._restricted = rows, restricted
        self._entries = stored.entries()
        self._ends = list(itertools.accumulate(entry.rows for entry in self._entries))
        self._groups: deque[tuple[int, pa.RecordBatch]] = deque(maxlen=_GROUPS)

    def chunk(self, row: int) -> dict[str, Any]:
        """One trajectory, in the form of a chunk. Raises IndexError where there is none, StorageError."""
        if not 0 <= row < self._rows:
            raise IndexError(f"no row {row}")
        first, group = self._group(row)
        (body,) = make_bodies(group.slice(row - first, 1), self._vocabulary, restricted=self._restricted)
        return {"bodies": [body], "texts": body.pop("texts") if body else {}}

    def search(self, text: str) -> list[int]:
        """The rows in whose conversation a text occurs, in whatever case. Raises StorageError."""
        with duckdb.connect() as connection:
            connection.register("texts", pa.RecordBatchReader.from_batches(_TEXTS, self._texts()))
            return [row for (row,) in connection.execute(_SEARCH, [text]).fetchall()]

    def _texts(self) -> Iterator[pa.RecordBatch]:
        first = 0
        for batch in self._stored.trajectories(["restricted", "messages", "turns.list.element.observation"], 1024):
            batch = batch.slice(0, max(0, self._rows - first))
            rows = pa.array(range(first, first + batch.num_rows), pa.int64())
            first += batch.num_rows
            if not self._restricted:
                kept = pc.invert(batch.column("restricted"))
                batch, rows = batch.filter(kept), rows.filter(kept)
            for column, name in (("messages", "content"), ("turns", "observation")):
                owners = pc.take(rows, pc.list_parent_indices(batch.column(column)))
                content = pc.list_flatten(batch.column(column)).field(name)
                yield pa.RecordBatch.from_arrays([owners, content], schema=_TEXTS)

    def _group(self, row: int) -> tuple[int, pa.RecordBatch]:
        """The row group that holds a row, and its first row."""
        for first, group in list(self._groups):
            if first <= row < first + group.num_rows:
                return first, group
        place = bisect.bisect_right(self._ends, row)
        entry, start = self._entries[place], self._ends[place] - self._entries[place].rows
        first, group = read_row_group(self._stored.root, entry.shard, TRAJECTORIES, row - start)
        self._groups.append((start + first, group))
        return start + first, group


def listen(port: int) -> socket.socket:
    """A socket on loopback; 0: any free port. Raises ConfigError."""
    found = socket.socket()
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((_LOOPBACK, port))
    except (OSError, OverflowError) as error:
        found.close()
        raise ConfigError(f"port={port}: cannot be had ({error}); port=0 takes any that is free") from error
    return found


def make_application(data: dict[str, Any], library: Library, port: int, secret: str) -> web.Application:
    """The server of one page."""
    page = assemble(data, Bodies.SERVED).encode()
    hosts = {f"{name}:{port}" for name in (_LOOPBACK, "localhost")}

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Host", "").lower() not in hosts:
            raise web.HTTPForbidden(text="this server answers to its own address only\n")
        try:
            response = await handler(request)
        except StorageError as error:
            response = web.Response(status=500, text=str(error))
        response.headers.update(_HEADERS)
        return response

    async def home(_: web.Request) -> web.Response:
        return web.Response(body=page, content_type="text/html", charset="utf-8")

    async def trajectory(request: web.Request) -> web.Response:
        try:
            chunk = await asyncio.to_thread(library.chunk, int(request.match_info["row"]))
        except IndexError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        return web.Response(body=to_json(chunk), content_type="application/json")

    async def search(request: web.Request) -> web.Response:
        rows = await asyncio.to_thread(library.search, request.query.get("text", ""))
        return web.Response(body=to_json({"rows": rows}), content_type="application/json")

    application = web.Application(middlewares=[guard])
    application.router.add_get(f"/{secret}/", home)
    application.router.add_get(f"/{secret}/trajectories/{{row:\\d{{1,12}}}}", trajectory)
    application.router.add_get(f"/{secret}/search", search)
    return application


def serve(data: dict[str, Any], library: Library, port: int, tell: Callable[[str], None]) -> None:
    """Serves until interrupted; `tell` is given the address. Raises ConfigError where the port cannot be had."""
    with listen(port) as open_socket:
        port = open_socket.getsockname()[1]
        secret = secrets.token_urlsafe(16)
        application = make_application(data, library, port, secret)
        tell(f"http://{_LOOPBACK}:{port}/{secret}/")
        web.run_app(application, sock=open_socket, print=None, access_log=None, shutdown_timeout=1)

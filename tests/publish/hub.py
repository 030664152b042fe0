"""A Hub on this machine: as much of its HTTP API as creating, filling and loading a data set takes.

What was asked of it stands in `asked`; `refuse`, `hold_after` and `fail_after` make it go wrong.
"""

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "t" * 34
_COMMIT = "1" * 40


@dataclass
class Repository:
    """A data set: its files, and whether others may see it."""

    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[str] = field(default_factory=list)


class Answer(Exception):
    """Ends a request."""

    def __init__(self, status: int, content: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.headers = status, headers or {}
        self.body = content if isinstance(content, bytes) else json.dumps(content).encode()


def _missing(what: str) -> Answer:
    return Answer(404, {"error": what}, {"X-Error-Code": what, "X-Error-Message": what})


class Hub:
    """The data sets, the large files by their hash, and what was asked."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.stored: list[str] = []
        """Hashes of large files, as they came."""
        self.refuse: int | None = None
        """Answers everything with this status."""
        self.fail_after: int | None = None
        """Large files after so many are refused."""
        self.hold_after: int | None = None
        """Large files after so many are never answered."""
        self.holding = threading.Event()
        self.url = ""
        self._lock = threading.Lock()

    def bytes_received(self) -> bytes:
        """All that it holds."""
        return b"".join([*self.objects.values(), *(b for r in self.repositories.values() for b in r.files.values())])

    def answer(self, method: str, target: str, headers: Any, body: bytes) -> None:
        """Raises the Answer."""
        url = urlsplit(target)
        with self._lock:
            self.asked.append(f"{method} {url.path}")
        if self.refuse is not None:
            raise Answer(self.refuse, {"error": "no"})
        large = re.fullmatch(r"/objects/(\w+)", url.path)
        if large is None and headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Answer(401, {"error": "Invalid credentials"})
        for pattern, reply in _ROUTES:
            if (found := re.fullmatch(pattern, url.path)) is not None:
                reply(self, method, [unquote(each or "") for each in found.groups()], url.query, headers, body)
        raise _missing("EntryNotFound")

    def repository(self, name: str) -> Repository:
        """Raises the Answer where there is none."""
        if name not in self.repositories:
            raise _missing("RepoNotFound")
        return self.repositories[name]


def _create(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    asked = json.loads(body)
    name = f"{asked.get('organization') or 'me'}/{asked['name']}"
    there = name in hub.repositories
    if not there:
        private = asked.get("private")
        private = asked.get("visibility") == "private" if private is None else private
        hub.repositories[name] = Repository(bool(private))
    raise Answer(409 if there else 200, {"url": f"{hub.url}/datasets/{name}", "name": name})


def _validate(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    raise Answer(200, {"errors": [], "warnings": []})


def _mode(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    def described(path: str) -> dict[str, Any]:
        mode = "lfs" if path.endswith(".parquet") else "regular"
        return {"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": None}

    raise Answer(200, {"files": [described(f["path"]) for f in json.loads(body)["files"]], "commitOid": _COMMIT})


def _batch(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    def described(each: dict[str, Any]) -> dict[str, Any]:
        upload = {"actions": {"upload": {"href": f"{hub.url}/objects/{each['oid']}"}}}
        return {**each, **({} if each["oid"] in hub.objects else upload)}

    listed = [described(each) for each in json.loads(body)["objects"]]
    kind = {"Content-Type": "application/vnd.git-lfs+json"}
    raise Answer(200, {"transfer": "basic", "objects": listed}, kind)


def _object(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    assert hashlib.sha256(body).hexdigest() == parts[0]
    with hub._lock:
        count = len(hub.stored)
        if hub.hold_after is not None and count >= hub.hold_after:
            hub.holding.set()
            hold = True
        else:
            hold = False
            if hub.fail_after is not None and count >= hub.fail_after:
                raise Answer(400, {"error": "the disk of the Hub is full"})
            hub.objects[parts[0]] = body
            hub.stored.append(parts[0])
    if hold:
        threading.Event().wait(60)
    raise Answer(200, {})


def _commit(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    repository = hub.repository(parts[0])
    for line in map(json.loads, body.splitlines()):
        value = line["value"]
        match line["key"]:
            case "header":
                repository.commits.append(value["summary"])
            case "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            case "lfsFile":
                repository.files[value["path"]] = hub.objects[value["oid"]]
            case "deletedFile":
                del repository.files[value["path"]]
    url = f"{hub.url}/datasets/{parts[0]}/commit/{_COMMIT}"
    raise Answer(200, {"success": True, "commitOid": _COMMIT, "commitUrl": url, "hookOutput": ""})


def _info(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    repository = hub.repository(parts[0])
    content = {"_id": "x", "id": parts[0], "sha": _COMMIT, "private": repository.private, "gated": False}
    siblings = [{"rfilename": path} for path in repository.files]
    raise Answer(200, {**content, "disabled": False, "tags": [], "downloads": 0, "likes": 0, "siblings": siblings})


def _file(path: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "size": 0, "oid": "d"}


def _paths(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    files = hub.repository(parts[0]).files
    asked = json.loads(body)["paths"] if body.startswith(b"{") else parse_qs(body.decode()).get("paths", [])
    found = [_file(path, files[path]) for path in asked if path in files]
    found += [_folder(path) for path in asked if any(each.startswith(f"{path}/") for each in files)]
    raise Answer(200, found)


def _tree(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    files = hub.repository(parts[0]).files
    prefix = f"{parts[1]}/" if parts[1] else ""
    inside = {path: content for path, content in files.items() if path.startswith(prefix)}
    if prefix and not inside:
        raise _missing("EntryNotFound")
    deep = "recursive=true" in query.lower()
    found: dict[str, Any] = {}
    for path, content in inside.items():
        folders = path.removeprefix(prefix).split("/")[:-1]
        for depth in range(1, len(folders) + 1 if deep else min(2, len(folders) + 1)):
            folder = prefix + "/".join(folders[:depth])
            found[folder] = _folder(folder)
        if deep or not folders:
            found[path] = _file(path, content)
    raise Answer(200, list(found.values()))


def _resolve(hub: Hub, method: str, parts: list[str], query: str, headers: Any, body: bytes) -> None:
    files = hub.repository(parts[0]).files
    if parts[1] not in files:
        raise _missing("EntryNotFound")
    content = files[parts[1]]
    said = {"X-Repo-Commit": _COMMIT, "ETag": f'"{hashlib.sha1(content).hexdigest()}"', "Accept-Ranges": "bytes"}
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range") or "")
    if wanted is None or method == "HEAD":
        raise Answer(200, content, said)
    first, last = int(wanted[1]), min(int(wanted[2] or len(content) - 1), len(content) - 1)
    span = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
    raise Answer(206, content[first : last + 1], said | span)


_Reply = Callable[[Hub, str, list[str], str, Any, bytes], None]
_NAME = r"([^/]+/[^/]+)"
_ROUTES: list[tuple[str, _Reply]] = [
    (r"/api/repos/create", _create),
    (r"/api/validate-yaml", _validate),
    (rf"/api/datasets/{_NAME}/preupload/[^/]+", _mode),
    (rf"/datasets/{_NAME}\.git/info/lfs/objects/batch", _batch),
    (r"/objects/(\w+)", _object),
    (rf"/api/datasets/{_NAME}/commit/[^/]+", _commit),
    (rf"/api/datasets/{_NAME}/paths-info/[^/]+", _paths),
    (rf"/api/datasets/{_NAME}/tree/[^/]+/?(.*)", _tree),
    (rf"/datasets/{_NAME}/resolve/[^/]+/(.+)", _resolve),
    (rf"/api/datasets/{_NAME}(?:/revision/[^/]+)?", _info),
]


@contextlib.contextmanager
def serving() -> Iterator[Hub]:
    """A Hub that answers at `url` while the block lasts."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def _received(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _serve(self) -> None:
            body = self._received()
            try:
                hub.answer(self.command, self.path, self.headers, body)
            except Answer as answer:
                with contextlib.suppress(OSError):
                    self._send(answer)

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()

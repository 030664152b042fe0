"""An episode's service, reached from inside at http://localhost:8080."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from medgym_ray.sandboxes.base import Cell, CellStatus, Limits
from medgym_ray.services import Response

QUICK = Limits(cpu_s=10, wall_s=20, memory_mb=512)
FETCH = """
import json, urllib.request
def call(path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request("http://localhost:8080" + path, data=data, method=method)
    with urllib.request.urlopen(request) as response:
        return response.status, response.read().decode()
"""


class Echo:
    """Answers with what it was asked, and keeps what was posted."""

    def __init__(self, size: int = 0) -> None:
        self.asked: list[tuple[str, str, int]] = []
        self.kept: list[dict[str, Any]] = []
        self._size = size

    async def handle(self, method: str, target: str, body: bytes) -> Response:
        self.asked.append((method, target, len(body)))
        if method == "POST":
            self.kept.append(json.loads(body))
            return Response(201, b"kept")
        return Response(200, target.encode() + b" " * self._size, "text/plain")

    def log(self) -> Sequence[Mapping[str, Any]]:
        return self.kept


async def test_requests_reach_the_service_and_answers_come_back(sandbox):
    service = Echo()
    code = f"{FETCH}answer = [call('/fhir/Patient?name=x%20y'), call('/fhir/Observation', {{'a': 1}})]"
    result = await sandbox.run(Cell(code, limits=QUICK, service=service))
    assert (result.status, result.stderr) == (CellStatus.OK, "")
    assert result.answer == [[200, "/fhir/Patient?name=x%20y"], [201, "kept"]]
    assert service.log() == [{"a": 1}]


async def test_a_shell_reaches_it_as_well(sandbox):
    service = Echo()
    request = r"GET /s HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    code = f"exec 3<>/dev/tcp/127.0.0.1/8080; printf '{request}' >&3; cat <&3"
    result = await sandbox.run(Cell(code, "shell", limits=QUICK, service=service))
    assert result.stdout.endswith("/s")
    assert service.asked == [("GET", "/s", 0)]


async def test_large_answers_and_many_connections(sandbox):
    service = Echo(size=3_000_000)
    code = f"""{FETCH}
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as threads:
    answer = [len(text) for _, text in threads.map(call, [f"/{{n}}" for n in range(8)])]
"""
    result = await sandbox.run(Cell(code, limits=QUICK, service=service))
    assert result.answer == [3_000_002] * 8


async def test_without_a_service_nobody_listens(sandbox):
    await sandbox.run(Cell(f"{FETCH}call('/')", limits=QUICK, service=Echo()))
    result = await sandbox.run(Cell(f"{FETCH}call('/')", limits=QUICK))
    assert result.status is CellStatus.ERROR
    assert "URLError" in result.stderr


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\xa5",
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\n\r\n" + b"x" * 2_000_000,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000,
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["tls", "no request", "large body", "large head", "broken chunk"],
)
async def test_what_is_no_request_is_refused_and_the_next_is_served(sandbox, sent):
    service = Echo()
    code = f"""{FETCH}
import socket
with socket.create_connection(("localhost", 8080)) as connection:
    try: connection.sendall({sent[:80]!r} + {sent[80:81]!r} * {max(len(sent) - 80, 0)})
    except OSError: pass
    try: connection.shutdown(socket.SHUT_WR)
    except OSError: pass
    try: said = connection.recv(100)
    except OSError: said = b""
answer = [said.startswith(b"HTTP/1.1 4") or not said, call("/next")[1]]
"""
    result = await sandbox.run(Cell(code, limits=QUICK, service=service))
    assert (result.status, result.answer) == (CellStatus.OK, [True, "/next"]), result.stderr
    assert ("GET", "/next", 0) in service.asked


async def test_a_cell_that_dies_in_the_midst_harms_nobody(sandbox):
    code = f"""{FETCH}
import os, socket
for n in range(20):
    socket.create_connection(("localhost", 8080)).send(b"GET /" + b"x" * 5000)
call("/a"); os._exit(3)
"""
    service = Echo()
    result = await sandbox.run(Cell(code, limits=QUICK, service=service))
    assert (result.status, result.exit_code) == (CellStatus.ERROR, 3)
    again = await sandbox.run(Cell(f"{FETCH}answer = call('/b')", limits=QUICK, service=service))
    assert again.answer == [200, "/b"]


async def test_a_service_that_takes_its_time_keeps_to_the_cell_s_limit(sandbox):
    class Slow(Echo):
        async def handle(self, method: str, target: str, body: bytes) -> Response:
            await asyncio.sleep(1.5)
            return await super().handle(method, target, body)

    result = await sandbox.run(Cell(f"{FETCH}call('/slow')", limits=Limits(wall_s=0.5, memory_mb=512), service=Slow()))
    assert result.status is CellStatus.TIMEOUT
    again = await sandbox.run(Cell(f"{FETCH}answer = call('/b')", limits=QUICK, service=Echo()))
    assert again.answer == [200, "/b"]


async def test_no_flood_takes_the_supervisor_down(sandbox):
    code = """
import socket
head = b"POST / HTTP/1.1\\r\\nhost: x\\r\\ntransfer-encoding: chunked\\r\\n\\r\\n"
block = head + b"10000\\r\\n" + b"x" * 65536 + b"\\r\\n"
sent = 0
try:
    while True:
        connection = socket.create_connection(("localhost", 8080), timeout=2)
        for n in range(8):
            sent += connection.send(block)
except OSError: pass
answer = sent > 1_000_000
"""
    result = await sandbox.run(Cell(code, limits=Limits(cpu_s=10, wall_s=15, memory_mb=512), service=Echo()))
    assert result.status in (CellStatus.OK, CellStatus.TIMEOUT, CellStatus.ERROR)
    again = await sandbox.run(Cell(f"{FETCH}answer = call('/b')", limits=QUICK, service=Echo()))
    assert again.answer == [200, "/b"]

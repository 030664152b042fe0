"""A namespace sandbox is kept for the next episode, which finds nothing of the last: neither of its network nor of
its memory."""

import pytest_asyncio

from medgym_ray.sandboxes.base import Cell, CellStatus, Limits
from medgym_ray.sandboxes.namespace import NamespaceFactory

_NETWORK = "import os\nanswer = [os.readlink('/proc/self/ns/net'), open('/proc/net/dev').read()]"
_SPEAKS = """
import socket
with socket.create_server(("127.0.0.1", 8099)) as server:
    with socket.create_connection(("127.0.0.1", 8099)) as client:
        other, _ = server.accept()
        client.send(b"x")
        assert other.recv(1) == b"x"
        other.close()
"""


@pytest_asyncio.fixture(loop_scope="session")
async def sandbox():
    factory = NamespaceFactory(preimport=())
    await factory.start()
    yield await factory.create()
    await factory.close()


async def _answer(sandbox, code):
    result = await sandbox.run(Cell(code))
    assert result.status == "ok", result.stderr
    return result.answer


async def test_its_namespaces_serve_the_next_episode(sandbox):
    first = await _answer(sandbox, _NETWORK)
    await _answer(
        sandbox, "import os\nos.makedirs('a/b')\nos.chmod('/work', 0)\nos.fork() or __import__('time').sleep(9)"
    )
    await sandbox.reset()
    await sandbox.put({"notes.txt": b"1"})
    assert await _answer(sandbox, _NETWORK) == first
    assert await _answer(sandbox, "import os\nanswer = [os.listdir(), os.listdir('/tmp'), os.getpid() < 9]") == [
        ["notes.txt"],
        [],
        True,
    ]


async def test_a_network_that_was_used_does_not(sandbox):
    _, unused = await _answer(sandbox, _NETWORK)
    for _ in range(3):
        await _answer(sandbox, _SPEAKS)  # whose connection lingers: nobody could listen there for a minute
        await sandbox.reset()
        assert (await _answer(sandbox, _NETWORK))[1] == unused


async def test_memory_that_is_still_to_be_freed_is_not_the_next_one_s(sandbox):
    limits = Limits(memory_mb=150)
    for _ in range(4):
        filled = await sandbox.run(Cell("open('full', 'wb').write(bytes(100 << 20))", limits=limits))
        assert filled.status == CellStatus.OK
        await sandbox.reset()
        hog = await sandbox.run(Cell("held = bytearray(b'x' * (200 << 20))", limits=limits))
        assert hog.status == CellStatus.MEMORY_LIMIT
        await sandbox.reset()


async def test_a_keeper_that_died_is_replaced_at_the_next_cell(sandbox):
    await _answer(sandbox, "answer = 1")
    await sandbox.reset()
    sandbox._fork.kill()
    assert sandbox.alive()
    assert await _answer(sandbox, "answer = 2") == 2

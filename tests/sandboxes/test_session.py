"""The host's end: whatever a supervisor may say or leave out, it is a SandboxError and the end of the session."""

import asyncio
import json
import socket

import pytest

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes import session as module
from medgym_ray.sandboxes.base import Cell, Limits
from medgym_ray.sandboxes.session import Session
from medgym_ray.sandboxes.supervisor import wire

GOOD = {"status": "ok", "exit_code": 0, "stdout": "hi", "stderr": ""}
SHORT = Cell("1", limits=Limits(wall_s=0.1))


@pytest.fixture(autouse=True)
def little_grace(monkeypatch):
    monkeypatch.setattr(module, "GRACE_S", 0.2)


async def connect():
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    return Session(reader, writer), *(await asyncio.open_connection(sock=theirs))


async def test_a_proper_reply():
    session, reader, writer = await connect()

    async def peer():
        length = wire.unpack_length(await reader.readexactly(4))
        request = wire.unpack(await reader.readexactly(length))
        writer.write(wire.pack({"id": request["id"], **GOOD}))

    task = asyncio.create_task(peer())
    assert (await session.run(SHORT)).stdout == "hi"
    await task
    await session.close()
    await session.close()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"\x00\x00",
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x02[]",
        b"\x00\x00\x00\x03{x}",
        b"\x00\x00\x00\x01\xff",
        wire.pack({"id": 99, **GOOD}),
        wire.pack({**GOOD}),
        wire.pack({"id": 1, **GOOD, "status": "great"}),
        wire.pack({"id": 1, **GOOD, "unknown": 1}),
        wire.pack({"id": 1, "status": "ok"}),
        len(b"[" * 100_000).to_bytes(4, "big") + b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("ends", [True, False])
async def test_anything_else_ends_the_session(reply, ends):
    session, _, writer = await connect()
    writer.write(reply)
    if ends:
        writer.close()
    with pytest.raises(SandboxError) as caught:
        await session.run(SHORT)
    assert "\n" not in str(caught.value)
    with pytest.raises(SandboxError, match="gone"):
        await session.run(SHORT)
    await session.close()
    writer.close()


async def test_a_cancelled_request_ends_the_session():
    session, _, writer = await connect()
    task = asyncio.create_task(session.run(SHORT))
    await asyncio.sleep(0.01)
    with pytest.raises(SandboxError, match="one cell at a time"):
        await session.run(SHORT)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(SandboxError, match="gone"):
        await session.run(SHORT)
    await session.close()
    writer.close()


def test_frames_are_json_with_a_length():
    frame = wire.pack({"a": "é"})
    assert wire.unpack_length(frame[:4]) == len(frame) - 4
    assert json.loads(frame[4:]) == {"a": "é"}

"""Frames of the protocol between host and supervisor: four bytes of length (big endian), then one JSON object."""

import json
import os
import struct
from typing import Any

MAX_FRAME = 64 * 1024 * 1024
_LENGTH = struct.Struct(">I")


def pack(message: dict[str, Any]) -> bytes:
    """One frame."""
    body = json.dumps(message).encode()
    return _LENGTH.pack(len(body)) + body


def unpack_length(header: bytes) -> int:
    """The length a frame's header announces; ValueError where it is out of bounds."""
    (length,) = _LENGTH.unpack(header)
    if length > MAX_FRAME:
        raise ValueError(f"a frame of {length} bytes")
    return int(length)


def unpack(body: bytes) -> dict[str, Any]:
    """The message of a frame; ValueError where it is not one JSON object."""
    message = json.loads(body)
    if not isinstance(message, dict):
        raise ValueError("a frame that holds no object")
    return message


def read_exactly(fd: int, count: int) -> bytes:
    """`count` bytes of a blocking descriptor; EOFError where it ends before."""
    parts = bytearray()
    while len(parts) < count:
        part = os.read(fd, min(count - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def write_all(fd: int, data: bytes) -> None:
    """All of `data` to a blocking descriptor."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def receive(fd: int) -> dict[str, Any]:
    """The next message. Raises EOFError or ValueError."""
    return unpack(read_exactly(fd, unpack_length(read_exactly(fd, _LENGTH.size))))


def send(fd: int, message: dict[str, Any]) -> None:
    """Sends a message."""
    write_all(fd, pack(message))

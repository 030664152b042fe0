"""What connects cells to their episode's service: a listener on localhost, whose bytes go to the host and come back.

A sandbox has no network; the protocol's own stream carries the bytes, so every kind of sandbox can have a service.
Nothing here reads what is passed on.
"""

import base64
import contextlib
import itertools
import select
import socket
from dataclasses import dataclass, field
from typing import Any

from . import wire

PORT = 8080
_CHUNK = 1 << 16
_CONNECTIONS = 32
_MOST_BYTES = 16 << 20
"""A cell that sends more is not heard any longer."""


@dataclass(slots=True)
class _Connection:
    number: int
    socket: socket.socket
    unsent: bytearray = field(default_factory=bytearray)
    passed_on: bool = False
    """Something that the host has not answered yet: until then no more is read, so that nothing piles up."""
    heard_all: bool = False
    said_all: bool = False


class Relay:
    """The connections of one cell."""

    def __init__(self, writer: int) -> None:
        self._writer = writer
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setblocking(False)
        self._listener.bind(("127.0.0.1", PORT))
        self._listener.listen(_CONNECTIONS)
        self._numbers = itertools.count(1)
        self._open: dict[int, _Connection] = {}
        self._heard = 0
        self._poll = select.poll()

    def attach(self, poll: select.poll) -> None:
        """Has its descriptors watched."""
        self._poll = poll
        poll.register(self._listener, select.POLLIN)

    def serve(self, fd: int, event: int) -> None:
        """Does what an event on one of its descriptors asks for; an earlier one may have closed it."""
        if fd == self._listener.fileno():
            self._accept()
        elif fd in self._open:
            if event & select.POLLOUT:
                self._send(fd)
            elif event & select.POLLIN:
                self._receive(fd)
            else:
                self._drop(fd)  # hung up, and nothing was asked

    def take(self, message: dict[str, Any]) -> None:
        """What the host has to say on a connection, which may be closed already."""
        for fd, connection in list(self._open.items()):
            if connection.number == message["connection"]:
                connection.passed_on = False
                connection.unsent += base64.b64decode(message["data"])
                connection.said_all = message["end"]
                self._send(fd)

    def close(self) -> None:
        """Ends all connections."""
        self._listener.close()
        for connection in self._open.values():
            connection.socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            accepted, _ = self._listener.accept()
            accepted.setblocking(False)
            if len(self._open) >= _CONNECTIONS or self._heard > _MOST_BYTES:
                accepted.close()
                return
            self._open[accepted.fileno()] = _Connection(next(self._numbers), accepted)
            self._poll.register(accepted, select.POLLIN)

    def _receive(self, fd: int) -> None:
        connection = self._open[fd]
        try:
            data = connection.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._heard += len(data)
        if self._heard > _MOST_BYTES:
            data = b""
        connection.heard_all, connection.passed_on = not data, True
        self._watch(fd)
        message = {"op": "connection", "connection": connection.number, "data": base64.b64encode(data).decode()}
        wire.send(self._writer, message)

    def _send(self, fd: int) -> None:
        connection = self._open[fd]
        try:
            del connection.unsent[: connection.socket.send(connection.unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._drop(fd)
            return
        if connection.said_all and not connection.unsent:
            self._drop(fd)
        else:
            self._watch(fd)

    def _watch(self, fd: int) -> None:
        connection = self._open[fd]
        is_free = not (connection.heard_all or connection.passed_on or connection.unsent)
        self._poll.modify(fd, (select.POLLIN if is_free else 0) | (select.POLLOUT if connection.unsent else 0))

    def _drop(self, fd: int) -> None:
        self._poll.unregister(fd)
        self._open.pop(fd).socket.close()

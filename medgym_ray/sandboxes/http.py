"""The host's end of the cells' connections: HTTP/1.1 out of the bytes that a supervisor passes on."""

import base64
import binascii
from typing import Any

import h11

from medgym_ray.services import Response, Service

_MAX_HEAD = 64 * 1024
_MAX_BODY = 1024 * 1024
_MAX_CONNECTIONS = 64
_MAX_REASON = 200


class Connections:
    """Those of one cell. Everything that arrives was written by the cell, and is answered, refused or dropped."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._open: dict[int, _Connection] = {}

    async def take(self, message: dict[str, Any]) -> dict[str, Any]:
        """Bytes of one connection (none: its end); gives back what is to be sent on it, which may be nothing. Raises
        ValueError where the message is not what a supervisor sends."""
        number, data = message.get("connection"), message.get("data")
        if not isinstance(number, int) or not isinstance(data, str):
            raise ValueError("a connection without number or data")
        try:
            received = base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise ValueError(f"a connection's data: {error}") from None
        if number not in self._open and len(self._open) >= _MAX_CONNECTIONS:
            return {"op": "connection", "connection": number, "data": "", "end": True}
        connection = self._open.setdefault(number, _Connection())
        sent, ended = await connection.receive(received, self._service)
        if ended:
            del self._open[number]
        return {"op": "connection", "connection": number, "data": base64.b64encode(sent).decode(), "end": ended}


class _Connection:
    """One connection and the requests on it, one after the other."""

    def __init__(self) -> None:
        self._protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        self._request: h11.Request | None = None
        self._body = bytearray()

    async def receive(self, data: bytes, service: Service) -> tuple[bytes, bool]:
        """What is to be sent, and whether that is the end."""
        sent = bytearray()
        try:
            self._protocol.receive_data(data)
            while True:
                event = self._protocol.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    if self._protocol.they_are_waiting_for_100_continue:
                        sent += self._protocol.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                    return bytes(sent), not data
                if isinstance(event, h11.Request):
                    self._request, self._body = event, bytearray()
                elif isinstance(event, h11.Data):
                    self._body += event.data
                    if len(self._body) > _MAX_BODY:
                        return bytes(sent + self._answer(_plain(413, "the body is too large"))), True
                elif isinstance(event, h11.EndOfMessage) and self._request is not None:
                    method, target = self._request.method.decode(), self._request.target.decode("latin-1")
                    sent += self._answer(await service.handle(method, target, bytes(self._body)))
                    if self._protocol.our_state is h11.MUST_CLOSE or self._protocol.trailing_data[0]:
                        return bytes(sent), True  # who asks before the answer is there would pile up answers
                    self._protocol.start_next_cycle()
                else:
                    return bytes(sent), True
        except h11.RemoteProtocolError as error:
            if self._protocol.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                sent += self._answer(_plain(error.error_status_hint, str(error)[:_MAX_REASON]))
            return bytes(sent), True

    def _answer(self, response: Response) -> bytes:
        headers = [("content-type", response.content_type), ("content-length", str(len(response.body)))]
        parts: list[h11.Event] = [h11.Response(status_code=response.status, headers=headers)]
        is_head = self._request is not None and self._request.method == b"HEAD"
        if response.body and not is_head:
            parts.append(h11.Data(data=response.body))
        parts.append(h11.EndOfMessage())
        return b"".join(self._protocol.send(part) or b"" for part in parts)


def _plain(status: int, text: str) -> Response:
    return Response(status, text.encode(), "text/plain")

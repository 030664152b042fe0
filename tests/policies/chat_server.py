"""A small server that speaks the OpenAI chat API, and misbehaves as it is told to."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, dict[str, Any], dict[str, str]]
"""Status, body, headers."""


def reply(text: str, **more: Any) -> Answer:
    """A completion."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}, **more}
    usage = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
    usage |= {"prompt_tokens_details": {"cached_tokens": 600}}
    body = {
        "id": "1",
        "object": "chat.completion",
        "created": 0,
        "model": "served-1",
        "choices": [choice],
        "usage": usage,
    }
    return 200, body, {}


def refusal(status: int, message: str, code: str | None = None, **headers: str) -> Answer:
    """An error."""
    return status, {"error": {"message": message, "code": code, "type": "error"}}, headers


@dataclass
class ChatServer:
    """What it was asked, and what it is to answer: `answer` gets the number of the request and its body."""

    answer: Callable[[int, dict[str, Any]], Answer] = lambda number, body: reply("hello")
    models: tuple[str, ...] = ("served",)
    key: str | None = None
    bodies: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @contextlib.contextmanager
    def running(self) -> Iterator["ChatServer"]:
        """For the time of a test."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        chat, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(
                    *(self._refused() or (200, {"object": "list", "data": [_model(m) for m in chat.models]}, {}))
                )

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with lock:
                    number = len(chat.bodies)
                    chat.bodies.append(body)
                self._send(*(self._refused() or chat.answer(number, body)))

            def _refused(self) -> Answer | None:
                shown = self.headers.get("authorization", "").removeprefix("Bearer ")
                return refusal(401, f"Incorrect API key provided: {shown}") if chat.key not in (None, shown) else None

            def _send(self, status: int, content: dict[str, Any], headers: dict[str, str]) -> None:
                data = json.dumps(content).encode()
                self.send_response(status)
                for name, value in {
                    **headers,
                    "content-type": "application/json",
                    "content-length": str(len(data)),
                }.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "nobody"}

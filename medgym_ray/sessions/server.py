"""The sessions of a gateway over HTTP.

POST /sessions             a session for the next rollout: {"session": ID, "url": …, "base_url": …, "task": {…}}
…    /sessions/ID/…        see routes.py; ID is known to nobody but whoever asked for it
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from medgym_ray.services import Response
from medgym_ray.sessions.routes import Routes
from medgym_ray.sessions.session import Session
from medgym_ray.sessions.wire import Refused, answer, refusal

_LARGEST = 64 * 1024 * 1024
"""Of a request's body, in bytes."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that somebody may use."""

    name: str
    """Not to be guessed."""
    session: Session
    routes: Routes


class Server:
    """To be used within one event loop."""

    def __init__(self, claim: Callable[[], Awaitable[Opened]]) -> None:
        """`claim` waits for a session, and raises Refused where there will be none."""
        self._claim = claim
        self._open: dict[str, Opened] = {}
        self._runner: web.AppRunner | None = None
        self.address = ""

    async def start(self, host: str, port: int) -> None:
        """Listens; port 0 takes a free one. Raises OSError."""
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post("/sessions", self._begin)
        app.router.add_route("*", "/sessions/{name}/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.address = f"http://{host}:{self._runner.addresses[0][1]}"

    async def close(self) -> None:
        """Listens no more."""
        if self._runner is not None:
            await self._runner.cleanup()

    def admit(self, opened: Opened) -> str:
        """From now on the session can be reached; where."""
        self._open[opened.name] = opened
        return f"{self.address}/sessions/{opened.name}"

    def dismiss(self, opened: Opened) -> None:
        """It is over."""
        self._open.pop(opened.name, None)

    async def _begin(self, _: web.Request) -> web.Response:
        try:
            opened = await self._claim()
        except Refused as refused:
            return _sent(refusal(refused))
        url = self.admit(opened)
        told: dict[str, Any] = {"session": opened.name, "url": url, "base_url": f"{url}/v1"}
        return _sent(answer(told | {"task": opened.session.task()}))

    async def _pass_on(self, request: web.Request) -> web.Response:
        opened = self._open.get(request.match_info["name"])
        if opened is None:
            return _sent(refusal(Refused(410, "session_over", "no such session, or it is over")))
        body = await request.read()
        return _sent(await opened.routes.respond(request.method, request.match_info["path"], body))


def _sent(response: Response) -> web.Response:
    return web.Response(status=response.status, body=response.body, content_type=response.content_type)

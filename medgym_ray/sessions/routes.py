"""What a session answers, wherever it is asked from: over HTTP, or from inside of its own sandbox.

GET  task                  what is to be done
GET  v1/models             the policy's name
POST v1/chat/completions   a reply of the policy
POST actions               {"action": NAME, "params": {…}}: carried out in the session's sandbox; submit ends it
POST leave                 the agent gives up
"""

from collections.abc import Mapping, Sequence
from typing import Any

from medgym_ray.services import Response, Service
from medgym_ray.sessions.session import Session
from medgym_ray.sessions.wire import Refused, answer, completion, read_chat, read_object, refusal


class Routes:
    """Of one session."""

    def __init__(self, session: Session, model: str, name: str) -> None:
        self._session, self._model, self._name = session, model, name
        self._replies = 0

    async def respond(self, method: str, path: str, body: bytes, *, inside: bool = False) -> Response:
        """Answers one request. Never raises for what an agent may send."""
        try:
            return await self._respond(method, path.strip("/"), body, inside)
        except Refused as refused:
            return refusal(refused)

    async def _respond(self, method: str, path: str, body: bytes, inside: bool) -> Response:
        match method, path:
            case "GET", "task":
                return answer(self._session.task())
            case "GET", "v1/models":
                model = {"id": self._model, "object": "model", "owned_by": "medgym_ray"}
                return answer({"object": "list", "data": [model]})
            case "POST", "v1/chat/completions":
                chat = read_chat(body)
                generation = await self._session.chat(chat)
                self._replies += 1
                return completion(generation, self._model, f"{self._name}-{self._replies}", stream=chat.stream)
            case "POST", "actions":
                fields = read_object(body)
                return answer(await self._session.act(fields.get("action"), fields.get("params", {}), inside=inside))
            case "POST", "leave":
                self._session.leave()
                return answer({"over": True})
        raise Refused(404, "not_found", f"no {method} {path} here; see task, v1/chat/completions, actions, leave")


class InsideService:
    """The session's answers inside of its sandbox, beside what the task itself offers there."""

    def __init__(self, routes: Routes, of_task: Service | None) -> None:
        self._routes, self._of_task = routes, of_task

    async def handle(self, method: str, target: str, body: bytes) -> Response:
        """See Service."""
        path = target.partition("?")[0].strip("/")
        ours = path in ("task", "actions", "leave") or path.startswith("v1/")
        if self._of_task is not None and not ours:
            return await self._of_task.handle(method, target, body)
        return await self._routes.respond(method, path, body, inside=True)

    def log(self) -> Sequence[Mapping[str, Any]]:
        """See Service."""
        return self._of_task.log() if self._of_task is not None else ()

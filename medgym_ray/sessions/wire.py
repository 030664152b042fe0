"""The OpenAI chat API, as far as an agent needs it: a request out of JSON, a reply and an error into JSON."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from medgym_ray.policies.base import Generation
from medgym_ray.services import Response
from medgym_ray.tasks.base import Message, Role

JSON = "application/json"
_EVENTS = "text/event-stream"
_ROLES = {role: role for role in get_args(Role)} | {"developer": "system"}


class Refused(Exception):
    """What the agent is told instead of a reply: a status of HTTP, a code of the API, and why."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True)
class Chat:
    """What an agent asks of a model. How is sampled is the run's affair, but for a bound and where to stop."""

    messages: tuple[Message, ...]
    max_tokens: int | None
    stop: tuple[str, ...]
    stream: bool


def read_chat(body: bytes) -> Chat:
    """Raises Refused for what cannot be read or is not offered."""
    fields = read_object(body)
    if fields.get("tools") or fields.get("functions"):
        raise _bad("tools are not offered: let the agent write its calls as text, which is what is recorded")
    if fields.get("n", 1) not in (1, None):
        raise _bad("n: one reply at a time")
    messages = fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _bad("messages: give a list with at least one message")
    bound = fields.get("max_completion_tokens") or fields.get("max_tokens")
    if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool) or bound < 1):
        raise _bad("max_tokens: give a number above 0")
    stop = fields.get("stop") or []
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or not all(isinstance(text, str) and text for text in stop):
        raise _bad("stop: give a text or a list of texts")
    return Chat(tuple(map(_message, messages)), bound, tuple(stop), bool(fields.get("stream")))


def read_object(body: bytes) -> dict[str, Any]:
    """Raises Refused for anything but a JSON object."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise _bad("the body is no JSON object")
    return fields


def _message(entry: Any) -> Message:
    role = entry.get("role") if isinstance(entry, dict) else None
    if not isinstance(role, str) or role not in _ROLES:
        raise _bad(f"messages: a role is one of {', '.join(_ROLES)}")
    if entry.get("tool_calls"):
        raise _bad("messages: tool_calls are not offered")
    content = entry.get("content") or ""
    if isinstance(content, list):
        if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
            raise _bad("messages: only parts of text can be passed on")
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise _bad("messages: content is text")
    return Message(_ROLES[role], content)


def _bad(message: str) -> Refused:
    return Refused(400, "invalid_request_error", message)


def completion(generation: Generation, model: str, name: str, *, stream: bool) -> Response:
    """A reply; streamed it is one piece, for a turn is recorded when it is whole."""
    if stream:
        return Response(200, b"".join(_events(generation, model, name)), _EVENTS)
    choice = {**_choice(generation.finish_reason), "message": {"role": "assistant", "content": generation.text}}
    return answer(_reply("chat.completion", model, name) | {"choices": [choice], "usage": _usage(generation)})


def _events(generation: Generation, model: str, name: str) -> Iterator[bytes]:
    head = _reply("chat.completion.chunk", model, name)
    said = {**_choice(None), "delta": {"role": "assistant", "content": generation.text}}
    for content in (
        head | {"choices": [said]},
        head | {"choices": [{**_choice(generation.finish_reason), "delta": {}}]},
        head | {"choices": [], "usage": _usage(generation)},
    ):
        yield b"data: " + json.dumps(content).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def _reply(kind: str, model: str, name: str) -> dict[str, Any]:
    return {"id": name, "object": kind, "created": int(time.time()), "model": model}


def _choice(finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "finish_reason": finish_reason, "logprobs": None}


def _usage(generation: Generation) -> dict[str, Any]:
    prompt, completed = generation.prompt_tokens or 0, generation.completion_tokens or 0
    return {"prompt_tokens": prompt, "completion_tokens": completed, "total_tokens": prompt + completed}


def answer(content: Mapping[str, Any], status: int = 200) -> Response:
    """JSON."""
    return Response(status, json.dumps(content, ensure_ascii=False).encode(), JSON)


def refusal(refused: Refused) -> Response:
    """As clients of the API read it."""
    told = {"message": refused.message, "type": "invalid_request_error", "code": refused.code}
    return answer({"error": told}, refused.status)

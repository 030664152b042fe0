"""The host's end of a supervisor: requests and replies over one stream, each under a deadline."""

import asyncio
import base64
import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes.base import Cell, CellResult, CellStatus
from medgym_ray.sandboxes.supervisor import files as inside_files
from medgym_ray.sandboxes.supervisor import wire
from medgym_ray.services import Service

if TYPE_CHECKING:
    from medgym_ray.sandboxes.http import Connections

GRACE_S = 30.0
"""How much longer than a cell's wall limit its supervisor may be silent; it kills within about a second."""
PUT_S = 60.0
_CHUNK = 8 * 1024 * 1024
_HEADER = 4


def _connections(service: Service) -> "Connections":
    from medgym_ray.sandboxes.http import Connections  # the rest needs no library at all

    return Connections(service)


def check_paths(files: Mapping[str, bytes]) -> None:
    """Raises SandboxError for a path that does not lie below the working directory."""
    for path in files:
        try:
            inside_files.parts_of(path)
        except inside_files.PathError as error:
            raise SandboxError(str(error)) from None


class Reader(Protocol):
    """Where bytes come from; docker's needs its own headers stripped."""

    async def readexactly(self, n: int) -> bytes:
        """`n` bytes; asyncio.IncompleteReadError where the stream ends before."""
        ...

    def at_eof(self) -> bool:
        """Whether the other end has hung up and nothing is left to read."""
        ...


class Session:
    """One supervisor's stream. Any failure ends the session for good: what follows could be out of step."""

    def __init__(self, reader: Reader, writer: asyncio.StreamWriter, fault: Callable[[], str] = str) -> None:
        self._reader = reader
        self._writer = writer
        self._fault = fault
        self._numbers = itertools.count(1)
        self._busy = False
        self._lost: str | None = None

    async def hello(self, timeout: float) -> dict[str, Any]:
        """The supervisor's first message. Raises SandboxError."""
        message = await self._guarded(self._receive(), timeout, "the supervisor did not start")
        if message.get("ready") is not True:
            raise self._fail(message.get("why") or "the supervisor's first message is not one")
        return message

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Writes files below the working directory. Raises SandboxError."""
        check_paths(files)
        batch: list[dict[str, Any]] = []
        size = 0
        for path, data in files.items():
            for start in range(0, max(len(data), 1), _CHUNK):
                part = data[start : start + _CHUNK]
                if batch and size + len(part) > _CHUNK:
                    await self._put_batch(batch)
                    batch, size = [], 0
                batch.append({"path": path, "data": base64.b64encode(part).decode(), "append": start > 0})
                size += len(part)
        if batch:
            await self._put_batch(batch)

    async def run(self, cell: Cell) -> CellResult:
        """Runs a cell. Raises SandboxError where the sandbox was lost."""
        request = {
            "code": cell.code.encode("utf-8", "replace").decode(),
            "language": cell.language,
            "debug": cell.debug,
            "epilogue": cell.epilogue if cell.language == "python" else None,
            "limits": dataclasses.asdict(cell.limits),
            "service": cell.service is not None,
        }
        connections = _connections(cell.service) if cell.service is not None else None
        reply = await self._ask("run", request, cell.limits.wall_s + GRACE_S, connections)
        reply.pop("id")
        try:
            return CellResult(**{**reply, "status": CellStatus(reply["status"])})
        except (TypeError, ValueError, KeyError) as error:
            raise self._fail(f"a reply that makes no sense ({error})") from None

    async def begin(self) -> None:
        """Lets a supervisor that was held, or not even made, set to work. Raises SandboxError."""
        await self._send({"id": 0, "op": "begin"})

    async def ping(self) -> None:
        """Shows an idle supervisor that its host lives; a busy one has a request to know by. Raises SandboxError."""
        if not self._busy:
            await self._send({"id": 0, "op": "ping"})

    async def dismiss(self) -> None:
        """Has the supervisor end, with all it has started. Who follows it says hello. Raises SandboxError."""
        await self._send({"id": 0, "op": "reset"})

    async def reset(self, timeout: float) -> dict[str, Any]:
        """Asks for a fresh supervisor, which introduces itself once everything is wiped. Raises SandboxError."""
        await self.dismiss()
        return await self.hello(timeout)

    def alive(self) -> bool:
        """Whether the supervisor has not hung up."""
        return self._lost is None and not self._reader.at_eof()

    async def close(self) -> None:
        """Hangs up, on which the supervisor ends. Safe to call twice."""
        self._lost = self._lost or "it is closed"
        self._writer.close()
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), 5)

    async def _put_batch(self, batch: list[dict[str, Any]]) -> None:
        reply = await self._ask("put", {"files": batch}, PUT_S)
        if reply.get("error"):
            raise SandboxError(f"could not write into the sandbox: {reply['error']}")

    async def _ask(
        self, op: str, request: dict[str, Any], timeout: float, connections: "Connections | None" = None
    ) -> dict[str, Any]:
        number = next(self._numbers)
        if self._busy:
            raise SandboxError("a sandbox runs one cell at a time")
        self._busy = True
        try:
            return await self._guarded(
                self._exchange({"id": number, "op": op, **request}, connections),
                timeout,
                f"no answer to '{op}' in {timeout:.0f} s",
            )
        finally:
            self._busy = False

    async def _exchange(self, message: dict[str, Any], connections: "Connections | None") -> dict[str, Any]:
        await self._send(message)
        reply = await self._receive()
        while connections is not None and reply.get("op") == "connection":
            # Not to be waited for: the supervisor may itself be waiting to be heard.
            self._writer.write(wire.pack(await connections.take(reply)))
            reply = await self._receive()
        if reply.get("id") != message["id"]:
            raise ValueError("a reply to another request")
        return reply

    async def _send(self, message: dict[str, Any]) -> None:
        if self._lost is not None:
            raise SandboxError(f"the sandbox is gone: {self._lost}")
        frame = wire.pack(message)
        if len(frame) > wire.MAX_FRAME:
            raise SandboxError(f"a request of {len(frame)} bytes is more than a sandbox takes")
        try:
            self._writer.write(frame)
            await self._writer.drain()
        except OSError as error:
            raise self._fail(f"the stream broke ({error})") from None

    async def _receive(self) -> dict[str, Any]:
        length = wire.unpack_length(await self._reader.readexactly(_HEADER))
        return wire.unpack(await self._reader.readexactly(length))

    async def _guarded(self, exchange: Any, timeout: float, late: str) -> dict[str, Any]:
        """Awaits an exchange; whatever interrupts it makes the stream useless."""
        try:
            async with asyncio.timeout(timeout):
                message: dict[str, Any] = await exchange
                return message
        except SandboxError:
            raise
        except TimeoutError:
            raise self._fail(late) from None
        except (asyncio.IncompleteReadError, OSError):
            raise self._fail("the supervisor ended") from None
        except (ValueError, RecursionError) as error:
            raise self._fail(f"garbled ({error})") from None
        except BaseException:
            self._lost = self._lost or "a request was cancelled"
            raise

    def _fail(self, reason: str) -> SandboxError:
        """Marks the session as over."""
        detail = self._fault().strip()
        self._lost = reason if not detail else f"{reason}: {detail}"
        return SandboxError(f"the sandbox was lost: {self._lost}")

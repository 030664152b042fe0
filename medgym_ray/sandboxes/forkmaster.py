"""The host's side of a fork master: a warm interpreter behind bubblewrap, of which sandboxes are forks."""

import asyncio
import contextlib
import logging
import socket
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes import bubblewrap
from medgym_ray.sandboxes.environment import Environment
from medgym_ray.sandboxes.supervisor import keeper
from medgym_ray.sandboxes.supervisor.settings import Settings

_logger = logging.getLogger(__name__)

_START_S = 120.0
_CREATE_S = 30.0
_CREDENTIALS = struct.Struct("3i")


class ForkMaster:
    """Started when it is first needed, and again where it has died. To be used within one event loop."""

    def __init__(self, environment: Environment, settings: Settings, mounts: Mapping[str, Path]) -> None:
        """`mounts`: read-only data, by path inside."""
        self._environment = environment
        self._settings = settings
        self._mounts = mounts
        self._scratch: bubblewrap.Scratch | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Makes sure that it is there. Raises SandboxError."""
        async with self._starting:
            if self._process is not None and self._process.poll() is None:
                return
            if self._process is not None:
                # Killed, or out of memory: whoever wants a sandbox starts another.
                _logger.warning("the fork master died; another is started%s", self.last_words())
                self._let_go()
            await self._start()

    async def fork(self) -> tuple[socket.socket, int]:
        """A new sandbox: the socket on which its supervisor speaks, and the number of its first process.

        Raises SandboxError.
        """
        await self.start()
        assert self._control is not None
        ours, theirs = socket.socketpair()
        try:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            ours.setblocking(False)
            with theirs:
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            pid = await self._introduced(ours)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            return ours, pid
        except BaseException:
            ours.close()
            raise

    async def close(self) -> None:
        """Ends it, and with it every sandbox that still lives."""
        if self._control is not None:
            self._control.close()  # on which it ends
        if self._process is not None:
            try:
                await asyncio.to_thread(self._process.wait, 5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                await asyncio.to_thread(self._process.wait)
        self._let_go()

    def _let_go(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._scratch is not None:
            self._scratch.cleanup()
        self._control = self._process = self._scratch = None

    async def _introduced(self, ours: socket.socket) -> int:
        """The number, in this process' namespace, of the new sandbox's first process."""
        await readable(ours.fileno(), _CREATE_S)
        message, ancillary, _, _ = ours.recvmsg(len(keeper.READY), socket.CMSG_SPACE(_CREDENTIALS.size))
        if message != keeper.READY:
            said = ours.recv(4096).decode("utf-8", "replace").strip() if message else ""
            last = said.splitlines()[-1] if said else "the fork master ended" + self.last_words()
            raise SandboxError(bubblewrap.explain_refusal(last))
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                pid: int = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
                return pid
        raise SandboxError("a new sandbox did not introduce itself")

    async def _start(self) -> None:
        self._scratch = bubblewrap.Scratch()
        scratch = Path(self._scratch.name)
        line = bubblewrap.command(self._environment, self._settings, scratch, self._mounts)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        with theirs, (scratch / "log").open("wb") as log:
            # Its end is that of the control socket: a death signal would follow the starting thread, not the process.
            self._process = subprocess.Popen(line, stdin=theirs.fileno(), stdout=log, stderr=log, close_fds=True)
        try:
            await readable(ours.fileno(), _START_S)
            message = ours.recv(65_536)
        except (OSError, TimeoutError):
            message = b""
        if not message.startswith(keeper.READY):
            raise SandboxError(bubblewrap.explain_refusal(self._log()))
        missing = message.removeprefix(keeper.READY).decode()
        if missing:
            _logger.warning("the sandbox's environment cannot import %s", missing)
        ours.setblocking(False)

    def _log(self) -> str:
        if self._scratch is None:
            return ""
        with contextlib.suppress(OSError):
            return (Path(self._scratch.name) / "log").read_text(encoding="utf-8", errors="replace").strip()
        return ""

    def last_words(self) -> str:
        """Of what it wrote the last line, in brackets."""
        lines = self._log().splitlines()
        return f" ({lines[-1]})" if lines else ""


async def readable(fd: int, timeout: float) -> None:
    """Waits until `fd` can be read. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await asyncio.wait_for(ready.wait(), timeout)
    finally:
        loop.remove_reader(fd)

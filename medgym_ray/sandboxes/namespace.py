"""The embedded sandbox: namespaces of the kernel, no engine and no image.

One fork master per factory lies behind bubblewrap and holds the warm interpreter; a sandbox is a fork of it with user,
process, mount, IPC and network namespaces of its own. A reset drops the sandbox and forks another.
"""

import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes import bubblewrap
from medgym_ray.sandboxes.base import PREIMPORT, Cell, CellResult, CellStatus
from medgym_ray.sandboxes.cgroups import Group, Groups
from medgym_ray.sandboxes.environment import Environment, ensure_environment
from medgym_ray.sandboxes.packages import Packages
from medgym_ray.sandboxes.session import Session
from medgym_ray.sandboxes.supervisor import master, seccomp
from medgym_ray.sandboxes.supervisor.settings import Settings
from medgym_ray.sandboxes.wheelhouse import Wheelhouse, ensure_wheelhouse

_logger = logging.getLogger(__name__)

_START_S = 120.0
_CREATE_S = 30.0
_END_S = 15.0
_CREDENTIALS = struct.Struct("3i")
_PROCESS_MARGIN = 4  # the supervisor, a spare, a helper


class NamespaceSandbox:
    """One fork of the master, replaced at a reset."""

    def __init__(self, factory: "NamespaceFactory") -> None:
        self._factory = factory
        self._fork: _Fork | None = None

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Writes files, by path relative to the working directory. Raises SandboxError."""
        await self._ready().put(files)

    async def run(self, cell: Cell) -> CellResult:
        """Runs a cell to its end. Raises SandboxError where the sandbox itself was lost."""
        return await self._ready().run(cell)

    async def reset(self) -> None:
        """Drops everything and starts anew. Raises SandboxError."""
        fork, self._fork = self._fork, None
        if fork is not None:
            fork.kill()  # and it is the factory that waits for its end
            self._factory.bury(fork)
        self._fork = await self._factory.fork()

    async def close(self) -> None:
        """Ends every process; safe to call twice."""
        self._factory.forget(self)
        await self._drop()

    def alive(self) -> bool:
        """See Sandbox."""
        return self._fork is not None and self._fork.alive()

    def _ready(self) -> "_Fork":
        if self._fork is None:
            raise SandboxError("the sandbox is gone: it is closed")
        return self._fork

    async def _drop(self) -> None:
        fork, self._fork = self._fork, None
        if fork is not None:
            await fork.end()


class _Fork:
    """The processes of one sandbox, as seen from the host."""

    def __init__(self, session: Session, pidfd: int, admission: "asyncio.Task[Group | None]") -> None:
        self._session = session
        self._pidfd = pidfd
        self._admission = admission

    async def put(self, files: Mapping[str, bytes]) -> None:
        await self._admission
        await self._session.put(files)

    async def run(self, cell: Cell) -> CellResult:
        group = await self._admission
        if group is None:
            return await self._session.run(cell)
        try:
            group.allow(cell.limits.memory_mb, cell.limits.processes + _PROCESS_MARGIN)
            before = group.oom_kills()
            result = await self._session.run(cell)
            killed = group.oom_kills() > before
        except OSError as error:
            raise SandboxError(f"the sandbox's control group is out of reach: {error}") from None
        if killed and result.status in (CellStatus.KILLED, CellStatus.ERROR):
            return dataclasses.replace(result, status=CellStatus.MEMORY_LIMIT)
        return result

    def alive(self) -> bool:
        return self._session.alive()

    def kill(self) -> None:
        """Kills the sandbox's first process, with which the kernel ends all others."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def end(self) -> None:
        """Kills everything and waits until it is gone. Raises SandboxError."""
        self.kill()
        await self._session.close()
        try:
            await _readable(self._pidfd, _END_S)
        except TimeoutError:
            raise SandboxError("a sandbox did not end") from None
        finally:
            os.close(self._pidfd)
            with contextlib.suppress(SandboxError):
                group = await self._admission
                for _ in range(20 if group is not None else 0):  # the kernel lets go of the last a little later
                    if group is None or group.remove():
                        break
                    await asyncio.sleep(0.05)


class NamespaceFactory:
    """Makes namespace sandboxes; owns the fork master. To be used within one event loop."""

    slow_start = False

    def __init__(
        self,
        *,
        python: str | None = None,
        preimport: Sequence[str] = PREIMPORT,
        work_mb: int = 256,
        scratch_mb: int = 64,
        mounts: Mapping[str, Path] | None = None,
        packages: Packages | None = None,
    ) -> None:
        """`python`: the interpreter to build the environment with; `mounts`: read-only data, by path inside;
        `packages`: what cells may install."""
        self._python = python
        self._preimport = tuple(preimport)
        self._work_mb = work_mb
        self._scratch_mb = scratch_mb
        self._mounts = dict(mounts or {})
        self._packages = packages
        self._wheelhouse: Wheelhouse | None = None
        self._environment: Environment | None = None
        self._groups: Groups | None = None
        self._scratch: bubblewrap.Scratch | None = None
        self._master: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._replacing = asyncio.Lock()
        self._sandboxes: set[NamespaceSandbox] = set()
        self._burials: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Builds the environment where it is missing and starts the fork master. Raises SandboxError."""
        if self._master is not None:
            return
        if not sys.platform.startswith("linux"):
            raise SandboxError("the namespace sandbox needs Linux: use sandbox=docker")
        if not seccomp.supported():
            raise SandboxError("the namespace sandbox has no system call filter for this processor: use sandbox=docker")
        environment = await asyncio.to_thread(ensure_environment, self._python)
        if self._packages is not None:
            self._wheelhouse = await asyncio.to_thread(
                ensure_wheelhouse, self._packages, environment.digest, environment.ask
            )
        self._environment = environment
        self._groups = Groups.find()
        await asyncio.to_thread(lambda: list(bubblewrap.sweep()))
        try:
            await self._start_master(environment)
        except BaseException:
            await self.close()
            raise

    async def create(self) -> NamespaceSandbox:
        """A sandbox that is ready for its first cell. Raises SandboxError."""
        sandbox = NamespaceSandbox(self)
        await sandbox.reset()
        self._sandboxes.add(sandbox)
        return sandbox

    async def close(self) -> None:
        """Closes every sandbox and the master."""
        for sandbox in list(self._sandboxes):
            with contextlib.suppress(SandboxError):
                await sandbox.close()
        await asyncio.gather(*self._burials, return_exceptions=True)
        if self._control is not None:
            self._control.close()  # on which the master ends
            self._control = None
        if self._master is not None:
            process, self._master = self._master, None
            try:
                await asyncio.to_thread(process.wait, 5)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait)
        if self._groups is not None:
            self._groups.close()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def provenance(self) -> dict[str, str]:
        """What ran the cells; goes into the record."""
        hard = "memory and processes: control group" if self._groups else "memory: watched, processes: rlimit"
        environment = self._environment
        return {
            "kind": "namespace",
            "environment": environment.digest if environment else "",
            "python": environment.version if environment else "",
            "guarantees": f"user, pid, mount, ipc and network namespaces; seccomp; {hard}",
            **(self._wheelhouse.provenance() if self._wheelhouse else {}),
        }

    def forget(self, sandbox: NamespaceSandbox) -> None:
        """A sandbox was closed."""
        self._sandboxes.discard(sandbox)

    async def fork(self) -> _Fork:
        """New processes for a sandbox. Raises SandboxError."""
        if self._control is None or self._environment is None:
            raise SandboxError("the namespace sandbox is not started")
        await self._replace_dead_master(self._environment)
        ours, theirs = socket.socketpair()
        pidfd = -1
        session = None
        try:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            ours.setblocking(False)
            with theirs:
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            pid = await self._introduced(ours)
            pidfd = os.pidfd_open(pid)
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
            session = Session(reader, writer)
            await session.hello(_CREATE_S)
            return _Fork(session, pidfd, asyncio.create_task(self._admit(session, pid)))
        except BaseException as error:
            if session is not None:
                await session.close()
            ours.close()
            if pidfd >= 0:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                os.close(pidfd)
            if isinstance(error, OSError | TimeoutError):
                raise SandboxError(f"a sandbox could not be made: {error or 'no answer'}{self._last_words()}") from None
            raise

    async def _replace_dead_master(self, environment: Environment) -> None:
        """A master that died (killed, out of memory) makes no more sandboxes: whoever wants one starts another."""
        async with self._replacing:
            if self._master is None or self._master.poll() is None or self._control is None:
                return
            _logger.warning("the fork master died; another is started%s", self._last_words())
            self._control.close()
            if self._scratch is not None:
                self._scratch.cleanup()
            await self._start_master(environment)

    async def _admit(self, session: Session, pid: int) -> Group | None:
        """Puts a new sandbox into a control group, then lets it begin. Moving a process takes the kernel some ten
        milliseconds, in which the sandbox can already be handed out. Raises SandboxError."""
        group = None
        try:
            if self._groups is not None:
                group = self._groups.make()
                await asyncio.to_thread(group.admit, pid)
        except OSError as error:
            if group is not None:
                group.remove()
            raise SandboxError(f"the sandbox's control group is out of reach: {error}") from None
        with contextlib.suppress(SandboxError):  # closed meanwhile, which the next request will say
            await session.begin()
        return group

    def bury(self, fork: _Fork) -> None:
        """Sees a sandbox that was killed to its end."""
        burial = asyncio.create_task(fork.end())
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

    async def _introduced(self, ours: socket.socket) -> int:
        """The number, in this process' namespace, of the new sandbox's first process."""
        await _readable(ours.fileno(), _CREATE_S)
        message, ancillary, _, _ = ours.recvmsg(len(master.READY), socket.CMSG_SPACE(_CREDENTIALS.size))
        if message != master.READY:
            said = ours.recv(4096).decode("utf-8", "replace").strip() if message else ""
            last = said.splitlines()[-1] if said else "the fork master ended" + self._last_words()
            raise SandboxError(bubblewrap.explain_refusal(last))
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
                pid: int = _CREDENTIALS.unpack(data[: _CREDENTIALS.size])[0]
                return pid
        raise SandboxError("a new sandbox did not introduce itself")

    async def _start_master(self, environment: Environment) -> None:
        self._scratch = bubblewrap.Scratch()
        scratch = Path(self._scratch.name)
        settings = Settings(
            preimport=self._preimport,
            drop_to=bubblewrap.CELL_UID if os.getuid() == 0 else None,
            scratch=("/work", "/tmp", "/dev/shm"),
            work_mb=self._work_mb,
            scratch_mb=self._scratch_mb,
            extra_environment=bubblewrap.extra_environment(environment),
            packages=self._wheelhouse is not None,
        )
        mounts = self._mounts | (self._wheelhouse.mount() if self._wheelhouse else {})
        line = bubblewrap.command(environment, settings, scratch, mounts)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        with theirs, (scratch / "log").open("wb") as log:
            # Its end is that of the control socket: a death signal would follow the starting thread, not the process.
            self._master = subprocess.Popen(line, stdin=theirs.fileno(), stdout=log, stderr=log, close_fds=True)
        try:
            await _readable(ours.fileno(), _START_S)
            message = ours.recv(65_536)
        except (OSError, TimeoutError):
            message = b""
        if not message.startswith(master.READY):
            raise SandboxError(bubblewrap.explain_refusal(self._log()))
        missing = message.removeprefix(master.READY).decode()
        if missing:
            _logger.warning("the sandbox's environment cannot import %s", missing)
        ours.setblocking(False)

    def _log(self) -> str:
        if self._scratch is None:
            return ""
        with contextlib.suppress(OSError):
            return (Path(self._scratch.name) / "log").read_text(encoding="utf-8", errors="replace").strip()
        return ""

    def _last_words(self) -> str:
        lines = self._log().splitlines()
        return f" ({lines[-1]})" if lines else ""


async def _readable(fd: int, timeout: float) -> None:
    """Waits until `fd` can be read. Raises TimeoutError."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await asyncio.wait_for(ready.wait(), timeout)
    finally:
        loop.remove_reader(fd)

"""The embedded sandbox: namespaces of the kernel, no engine and no image.

Fork masters lie behind bubblewrap and hold warm interpreters; a sandbox is a fork of one with user and network
namespaces of its own, made when a cell runs, from the coldest master that has what the cell imports. It keeps a
supervisor in process, mount and IPC namespaces, which a reset drops with all that is in them.
"""

import asyncio
import contextlib
import dataclasses
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from medgym_ray.errors import SandboxError
from medgym_ray.sandboxes import bubblewrap, warmth
from medgym_ray.sandboxes.base import PREIMPORT, Cell, CellResult, CellStatus
from medgym_ray.sandboxes.cgroups import Group, Groups
from medgym_ray.sandboxes.environment import Environment, ensure_environment
from medgym_ray.sandboxes.forkmaster import ForkMaster, readable
from medgym_ray.sandboxes.packages import Packages
from medgym_ray.sandboxes.session import Session, check_paths
from medgym_ray.sandboxes.supervisor import seccomp
from medgym_ray.sandboxes.supervisor.settings import Settings
from medgym_ray.sandboxes.wheelhouse import Wheelhouse, ensure_wheelhouse

_CREATE_S = 30.0
_END_S = 15.0
_REMAINS = 8 << 20
_PROCESS_MARGIN = 5  # the keeper, the supervisor, a spare, a helper


class NamespaceSandbox:
    """One fork at a time: made for a first cell, begun anew after a reset, exchanged where another tier is wanted."""

    def __init__(self, factory: "NamespaceFactory") -> None:
        self._factory = factory
        self._fork: _Fork | None = None
        self._files: dict[str, bytes] = {}
        self._closed = False

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Writes files, by path relative to the working directory; they wait for a fork. Raises SandboxError."""
        check_paths(files)
        self._files.update(files)
        if self._fork is not None and not self._fork.blank:
            await self._fork.put(files)

    async def run(self, cell: Cell) -> CellResult:
        """Runs a cell to its end. Raises SandboxError where the sandbox itself was lost."""
        return await (await self._forked(self._factory.tier_of(cell))).run(cell)

    async def reset(self) -> None:
        """Drops everything. Raises SandboxError."""
        self._files.clear()
        if self._fork is not None and not self._fork.blank and not await self._fork.clear():
            self._bury()

    async def close(self) -> None:
        """Ends every process; safe to call twice."""
        self._closed = True
        self._factory.forget(self)
        fork, self._fork = self._fork, None
        if fork is not None:
            await fork.end()

    def alive(self) -> bool:
        """See Sandbox. A fork with nothing in it is exchanged where it has died."""
        return not self._closed and (self._fork is None or self._fork.blank or self._fork.alive())

    async def _forked(self, tier: int) -> "_Fork":
        if self._closed:
            raise SandboxError("the sandbox is gone: it is closed")
        fork = self._fork
        if fork is not None and not fork.blank:
            if not (fork.tier < tier and fork.untouched):
                return fork
            self._bury()
        elif fork is not None and not (fork.tier == tier and await fork.begin_anew()):
            self._bury()
        if self._fork is None:
            self._fork = await self._factory.fork(tier)
        if self._files:
            await self._fork.put(self._files)
        return self._fork

    def _bury(self) -> None:
        fork, self._fork = self._fork, None
        if fork is not None:
            fork.kill()  # and it is the factory that waits for its end
            self._factory.bury(fork)


class _Fork:
    """The processes of one sandbox, as seen from the host."""

    def __init__(self, session: Session, tier: int, pidfd: int, group: Group | None) -> None:
        """`tier`: how warm it is; `pidfd`: of its keeper."""
        self.tier = tier
        self.untouched = True
        """Whether it holds what was put into it and nothing else."""
        self.blank = False
        """Whether its supervisor was dismissed, and no other asked for."""
        self._session = session
        self._pidfd = pidfd
        self._group = group
        self._used_when_new = group.used() if group is not None else 0
        self._oom_kills = 0

    async def put(self, files: Mapping[str, bytes]) -> None:
        await self._session.put(files)

    async def run(self, cell: Cell) -> CellResult:
        self.untouched = False  # until it has ended and left nothing
        result = await self._run(cell)
        self.untouched = result.untouched
        return result

    async def _run(self, cell: Cell) -> CellResult:
        group = self._group
        if group is None:
            return await self._session.run(cell)
        try:
            group.allow(cell.limits.memory_mb, cell.limits.processes + _PROCESS_MARGIN)
            result = await self._session.run(cell)
            before, self._oom_kills = self._oom_kills, group.oom_kills()
        except OSError as error:
            raise SandboxError(f"the sandbox's control group is out of reach: {error}") from None
        if self._oom_kills > before and result.status in (CellStatus.KILLED, CellStatus.ERROR):
            return dataclasses.replace(result, status=CellStatus.MEMORY_LIMIT)
        return result

    async def clear(self) -> bool:
        """Ends its supervisor with all that it has started; whether that could be said to it."""
        try:
            await self._session.dismiss()
        except SandboxError:
            return False
        self.blank = self.untouched = True
        return True

    async def begin_anew(self) -> bool:
        """Has another supervisor; False where its keeper has gone instead, or memory of what was there has not."""
        try:
            await self._session.begin()
            await self._session.hello(_CREATE_S)
            if self._group is not None and self._group.used() > self._used_when_new + _REMAINS:
                return False  # a cell's limit lies above what there is: it would rise with what is still to go
        except (SandboxError, OSError):
            return False
        self.blank = False
        return True

    def alive(self) -> bool:
        return self._session.alive()

    def kill(self) -> None:
        """Kills the sandbox's keeper, with which the kernel ends all others."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def end(self) -> None:
        """Kills everything and waits until it is gone. Raises SandboxError."""
        self.kill()
        await self._session.close()
        await _see_off(self._pidfd, self._group)


async def _see_off(pidfd: int, group: Group | None) -> None:
    """Waits until a process that was killed is gone, and clears up after it. Raises SandboxError."""
    try:
        await readable(pidfd, _END_S)
    except TimeoutError:
        raise SandboxError("a sandbox did not end") from None
    finally:
        os.close(pidfd)
        for _ in range(20 if group is not None else 0):  # the kernel lets go of the last a little later
            if group is None or group.remove():
                break
            await asyncio.sleep(0.05)


class NamespaceFactory:
    """Makes namespace sandboxes; owns the fork masters. To be used within one event loop."""

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
        self._tiers = warmth.tiers(preimport)
        self._work_mb = work_mb
        self._scratch_mb = scratch_mb
        self._mounts = dict(mounts or {})
        self._packages = packages
        self._wheelhouse: Wheelhouse | None = None
        self._environment: Environment | None = None
        self._groups: Groups | None = None
        self._masters: list[ForkMaster] = []
        """By tier."""
        self._sandboxes: set[NamespaceSandbox] = set()
        self._burials: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Builds the environment where it is missing and starts the coldest fork master. Raises SandboxError."""
        if self._masters:
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
        mounts = self._mounts | (self._wheelhouse.mount() if self._wheelhouse else {})
        self._masters = [ForkMaster(environment, self._settings(environment, tier), mounts) for tier in self._tiers]
        try:
            await self._masters[0].start()
        except BaseException:
            await self.close()
            raise

    async def create(self) -> NamespaceSandbox:
        """A sandbox that is ready for its first cell. Raises SandboxError."""
        if not self._masters:
            raise SandboxError("the namespace sandbox is not started")
        sandbox = NamespaceSandbox(self)
        self._sandboxes.add(sandbox)
        return sandbox

    async def close(self) -> None:
        """Closes every sandbox and the master."""
        for sandbox in list(self._sandboxes):
            with contextlib.suppress(SandboxError):
                await sandbox.close()
        await asyncio.gather(*self._burials, return_exceptions=True)
        masters, self._masters = self._masters, []
        await asyncio.gather(*(master.close() for master in masters))
        if self._groups is not None:
            self._groups.close()

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

    def tier_of(self, cell: Cell) -> int:
        """How warm an interpreter it needs."""
        return warmth.tier_of(cell, self._tiers)

    async def fork(self, tier: int) -> _Fork:
        """New processes for a sandbox. Raises SandboxError."""
        if not self._masters:
            raise SandboxError("the namespace sandbox is not started")
        master = self._masters[tier]
        pidfd, group = -1, None
        ours = session = None
        try:
            ours, pid = await master.fork()
            pidfd = os.pidfd_open(pid)
            if self._groups is not None:
                group = self._groups.make()
                await asyncio.to_thread(group.admit, pid)  # it takes the kernel some ten milliseconds
            reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
            session = Session(reader, writer)
            await session.begin()
            try:
                await session.hello(_CREATE_S)
            except SandboxError as error:
                raise SandboxError(bubblewrap.explain_refusal(str(error))) from None
            return _Fork(session, tier, pidfd, group)
        except BaseException as error:
            if session is not None:
                await session.close()
            if ours is not None:
                ours.close()
            if pidfd >= 0:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                self._see_to(_see_off(pidfd, group))
            if isinstance(error, OSError | TimeoutError):
                reason = f"{error or 'no answer'}{master.last_words()}"
                raise SandboxError(f"a sandbox could not be made: {reason}") from None
            raise

    def _settings(self, environment: Environment, preimport: tuple[str, ...]) -> Settings:
        return Settings(
            preimport=preimport,
            drop_to=bubblewrap.CELL_UID if os.getuid() == 0 else None,
            scratch=("/work", "/tmp", "/dev/shm"),
            work_mb=self._work_mb,
            scratch_mb=self._scratch_mb,
            extra_environment=bubblewrap.extra_environment(environment),
            packages=self._wheelhouse is not None,
        )

    def bury(self, fork: _Fork) -> None:
        """Sees a sandbox that was killed to its end."""
        self._see_to(fork.end())

    def _see_to(self, end: Coroutine[Any, Any, None]) -> None:
        burial = asyncio.create_task(end)
        self._burials.add(burial)
        burial.add_done_callback(self._burials.discard)

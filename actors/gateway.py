"""An executor whose rollouts are played by agents that are not ours."""

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from actors.executor import RunPlan, SandboxExecutor
from medgym_ray.config import GatewayConfig
from medgym_ray.errors import ConfigError, MedgymError
from medgym_ray.leases import Lease
from medgym_ray.rollout import Rollout
from medgym_ray.sandboxes.base import Sandbox
from medgym_ray.sessions.agents import described, read_folder, run_inside, run_outside
from medgym_ray.sessions.routes import InsideService, Routes
from medgym_ray.sessions.server import Opened, Server
from medgym_ray.sessions.session import Session
from medgym_ray.sessions.wire import Refused
from medgym_ray.tasks.base import Family
from medgym_ray.trajectory import Trajectory

_PATIENCE_S = 60.0
"""With a rollout for a claim that was withdrawn; then it is given back."""
_GRADING_S = 10.0
"""What an agent that runs in a sandbox leaves of its rollout's time."""


class GatewayExecutor(SandboxExecutor):
    """Opens a session per rollout: for an agent that it starts itself, or for whoever asks."""

    def __init__(self, name: str, plan: RunPlan, cores: int) -> None:
        super().__init__(name, plan, cores)
        assert isinstance(plan.config, GatewayConfig)
        self._options = plan.config.gateway
        self._server = Server(self._claimed)
        self._claims: deque[asyncio.Future[Opened]] = deque()
        self._came = asyncio.Condition()
        self._ended = False

    async def start(self, keys: Mapping[str, str] | None = None) -> None:
        """See SandboxExecutor; then listens. Raises ConfigError where it cannot."""
        await super().start(keys)
        self._files = read_folder(self._options.folder) if self._options.folder else {}
        try:
            await self._server.start(self._options.host, self._options.port)
        except OSError as error:
            where = f"gateway.host={self._options.host} gateway.port={self._options.port}"
            raise ConfigError(f"{where}: {error.strerror or error}; choose another (0: any that is free)") from error

    async def address(self) -> str:
        """Where it listens."""
        return self._server.address

    async def run(self, conductor: Any, writer: Any, replicas: Mapping[str, Any]) -> None:
        """See SandboxExecutor; whoever still waits for a session then learns that there is none."""
        try:
            await super().run(conductor, writer, replicas)
        finally:
            self._ended = True
            while self._claims:
                self._refuse(self._claims.popleft())

    def _room(self) -> int:
        room = super()._room()
        if self._options.command:
            return room
        unclaimed = sum(rollout.episode is None for rollout in self._rollouts.values())
        return min(room, len(self._claims) - unclaimed)

    def _in_advance(self) -> int:
        return super()._in_advance() if self._options.command else 0  # a lease that nobody claims would run out

    async def _claimed(self) -> Opened:
        if self._options.command:
            raise Refused(409, "no_session", "this gateway starts its agents itself")
        claim: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        if self._ended:
            self._refuse(claim)
        else:
            self._claims.append(claim)
            self._turn()
            async with self._came:
                self._came.notify()
        try:
            return await claim
        finally:
            with contextlib.suppress(ValueError):
                self._claims.remove(claim)

    def _refuse(self, claim: "asyncio.Future[Opened]") -> None:
        if not claim.done():
            claim.set_exception(Refused(410, "no_session", "every rollout of this run is done or under way"))

    async def _perform(self, lease: Lease, family: Family, sandbox: Sandbox) -> Trajectory:
        claim = None if self._options.command else await self._next_claim()
        tables = self._tables.index(family)
        identity = self._identity(lease, tables)
        agent = described(self._options.agent, self._options.command)
        identity = replace(identity, provenance={**identity.provenance, **agent})
        policy = self._policy(family, lease)
        debugger = self._debugger(policy)
        rollout = Rollout(lease.task, family, sandbox, self._grader, self._settings, identity, tables, debugger)
        session = Session(rollout, policy, self._template)
        self._rollouts[lease.trajectory_id].episode = session
        await session.prepare()
        opened = Opened(secrets.token_urlsafe(24), session, Routes(session, identity.model, lease.trajectory_id[:12]))
        if claim is not None and not claim.done():
            claim.set_result(opened)
        playing = asyncio.create_task(self._have_played(opened, rollout, sandbox))
        try:
            return await session.run()
        finally:
            self._server.dismiss(opened)
            playing.cancel()
            await asyncio.gather(playing, return_exceptions=True)

    async def _next_claim(self) -> "asyncio.Future[Opened]":
        """Of whoever has waited longest. Raises CancelledError, as a run that is stopped does, where all have gone."""
        try:
            async with asyncio.timeout(_PATIENCE_S), self._came:
                await self._came.wait_for(lambda: bool(self._claims))
                return self._claims.popleft()
        except TimeoutError:
            raise asyncio.CancelledError from None

    async def _have_played(self, opened: Opened, rollout: Rollout, sandbox: Sandbox) -> None:
        """Starts the agent, where that is up to us."""
        options, session = self._options, opened.session
        if options.command is None:
            return
        try:
            if not options.inside:
                await run_outside(options.command, self._server.admit(opened), session)
                return
            limits = replace(self._settings.limits, wall_s=max(1.0, rollout.seconds_left() - _GRADING_S))
            service = InsideService(opened.routes, rollout.service)
            await run_inside(options.command, sandbox, self._files, service, session, limits)
        except MedgymError as error:
            session.fail(error)

    async def close(self) -> None:
        """See SandboxExecutor."""
        await super().close()
        await self._server.close()
